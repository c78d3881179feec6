/**
 * What travels to the other side's devices: ops in a sealed body, its key in one ratchet envelope a device.
 * Rules DM3, DM4.
 *
 * Body = `SEAL(bodyKey, pad([op …]))`. Envelope plaintext = `[bodyKey, H(body), H(op ids), heads, receipt]`, so a body
 * cannot be swapped, and each message tells which chains and which log its sender sees.
 */
import { type Bytes, equalBytes } from "../base/bytes.ts";
import { idBytes, type LogId, type OpId } from "../base/ids.ts";
import { ENTRY_BYTES_MAX, OP_BYTES_MAX } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import { err, ok, type Result } from "../base/result.ts";
import { encodeCbor } from "../codec/cbor.ts";
import {
  bytes,
  type DecodeError,
  decode,
  encode,
  id,
  integer,
  list,
  literal,
  nullable,
  type ShapeOf,
  struct,
} from "../codec/shape.ts";
import type { DoesNotOpen } from "../crypto/aead.ts";
import { hash } from "../crypto/hash.ts";
import { LABEL } from "../crypto/labels.ts";
import { type BadPadding, pad, type Padding, unpad } from "../crypto/padding.ts";
import { seal, unseal } from "../crypto/seal.ts";
import { type EntryKind, logPointShape } from "../protocol/entry.ts";
import { type NamedOp, type OpError, parseOp } from "./op.ts";

/** Ops one body may carry; a device that was offline sends its backlog in few entries. */
export const OPS_PER_BODY_MAX = 32;
/**
 * What the ops of one body may weigh together, so that the entry fits `ENTRY_BYTES_MAX` in the worst case: 64 prekey
 * messages of 1,531 bytes and 64 replaced entries, padded and sealed, are 102,472 bytes, and padding of the body adds
 * up to 4,096.
 */
export const BODY_BYTES_MAX: number = ENTRY_BYTES_MAX - 110_592;

/** Plaintext of a body: canonical bytes of ops. */
export const bodyShape = list(bytes(1, OP_BYTES_MAX), OPS_PER_BODY_MAX, 1);

/** A place of a chain, without the account. */
export const letterPinShape = struct({ seq: integer(0), head: id("link") });
/** `(seq, head)` of a sigchain as somebody sees it. */
export type ChainPin = ShapeOf<typeof letterPinShape>;

/** Plaintext of one ratchet envelope. */
export const letterShape = struct({
  version: literal(1),
  bodyKey: bytes(32),
  bodyHash: bytes(32),
  opsHash: bytes(32),
  /** The sender's chain. */
  mine: letterPinShape,
  /** The receiver's chain as the sender sees it: a device the server shows to one side only is found by this. */
  yours: letterPinShape,
  /** The sender's last receipt in this log. */
  receipt: nullable(logPointShape),
});
/** Plaintext of one ratchet envelope. */
export type Letter = ShapeOf<typeof letterShape>;

export type LetterError =
  | DecodeError
  | DoesNotOpen
  | BadPadding
  | OpError
  | { readonly type: "BodyMismatch" }
  | { readonly type: "OpsMismatch" };

export interface SealedBody {
  readonly body: Bytes;
  readonly bodyKey: Bytes;
  readonly opsHash: Bytes;
}

/** Seals ops under a fresh key. The caller keeps `ops` within `OPS_PER_BODY_MAX` and `BODY_BYTES_MAX`. */
export function sealBody(random: Random, ops: readonly NamedOp[], padding?: Padding): SealedBody {
  const bodyKey = random.bytes(32);
  const plain = pad(
    encode(
      bodyShape,
      ops.map((op) => op.bytes),
    ),
    padding,
  );
  return {
    body: seal(random, bodyContext(bodyKey), plain),
    bodyKey,
    opsHash: hashOps(ops.map((op) => op.id)),
  };
}

/** Encodes what one receiving device's ratchet will encrypt. */
export function encodeLetter(letter: Letter): Bytes {
  return encode(letterShape, letter);
}

/** Opens the body a decrypted envelope is for, and checks that body and ops are the ones it names. */
export function openBody(
  letterBytes: Bytes,
  body: Bytes,
): Result<{ readonly letter: Letter; readonly ops: readonly NamedOp[] }, LetterError> {
  const letter = decode(letterShape, letterBytes);
  if (!letter.ok) return letter;
  if (!equalBytes(letter.value.bodyHash, hashBody(body))) return err({ type: "BodyMismatch" });
  const padded = unseal(bodyContext(letter.value.bodyKey), body);
  if (!padded.ok) return padded;
  const plain = unpad(padded.value);
  if (!plain.ok) return plain;
  const list = decode(bodyShape, plain.value);
  if (!list.ok) return list;
  const ops: NamedOp[] = [];
  for (const opBytes of list.value) {
    const op = parseOp(opBytes);
    if (!op.ok) return op;
    ops.push(op.value);
  }
  if (!equalBytes(letter.value.opsHash, hashOps(ops.map((op) => op.id)))) return err({ type: "OpsMismatch" });
  return ok({ letter: letter.value, ops });
}

/** `H(body)` as envelopes name it. */
export function hashBody(body: Bytes): Bytes {
  return hash(LABEL.bodyHash, body);
}

/** What binds an envelope to its log: part of the ratchet's associated data. */
export function ratchetContext(logId: LogId, kind: EntryKind): Bytes {
  return encodeCbor([idBytes(logId), kind]);
}

function hashOps(ids: readonly OpId[]): Bytes {
  return hash(LABEL.bodyOps, ...ids.map(idBytes));
}

function bodyContext(key: Bytes) {
  return { key, label: LABEL.sealBody, aad: new Uint8Array(0) };
}
