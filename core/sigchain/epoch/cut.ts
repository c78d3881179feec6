/**
 * The revocation cut: the head of the account log that the revoker had read, hidden in the link and opened in the boxes.
 * Rules EP13-EP15.
 *
 * Contacts see only that there is a cut; own devices learn after which entry the revoked device's writing is void.
 */
import { type Bytes, equalBytes } from "../../base/bytes.ts";
import { idBytes } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";
import { err, ok, type Result } from "../../base/result.ts";
import {
  bytes,
  type DecodeError,
  decode,
  encode,
  id,
  integer,
  type ShapeOf,
  struct,
} from "../../codec/shape.ts";
import type { DoesNotOpen } from "../../crypto/aead.ts";
import { HASH_BYTES, hash } from "../../crypto/hash.ts";
import { deriveKey } from "../../crypto/kdf.ts";
import { LABEL } from "../../crypto/labels.ts";
import { seal, type SealContext, unseal } from "../../crypto/seal.ts";
import { encodeCbor } from "../../codec/cbor.ts";

const SALT_BYTES = 32;

/** What the commitment hides: the last entry that counts, and a salt so that nobody can guess it. */
export const cutOpeningShape = struct({
  logId: id("log"),
  incarnation: integer(0),
  seq: integer(0),
  chain: bytes(HASH_BYTES),
  salt: bytes(SALT_BYTES),
});
export type CutOpening = ShapeOf<typeof cutOpeningShape>;

export type CutError =
  | DoesNotOpen
  | DecodeError
  /** The opening is not what the link committed to. */
  | { readonly type: "CutDoesNotMatch" };

/** A cut at this head of the account log. */
export function createCut(random: Random, head: Omit<CutOpening, "salt">): CutOpening {
  return { ...head, salt: random.bytes(SALT_BYTES) };
}

/** What goes into the link: H(log id, incarnation, seq, chain, salt). */
export function cutCommitment(cut: CutOpening): Bytes {
  const place = encodeCbor([cut.incarnation, cut.seq]);
  return hash(LABEL.cutCommit, idBytes(cut.logId), place, cut.chain, cut.salt);
}

/** The opening, sealed for whoever has the epoch's secret. */
export function sealCut(random: Random, secret: Bytes, cut: CutOpening): Bytes {
  return seal(random, cutContext(secret, cutCommitment(cut)), encode(cutOpeningShape, cut));
}

/** Opens a sealed cut and checks it against what the link committed to (EP14). */
export function openCut(secret: Bytes, commitment: Bytes, sealed: Bytes): Result<CutOpening, CutError> {
  const opened = unseal(cutContext(secret, commitment), sealed);
  if (!opened.ok) return opened;
  const cut = decode(cutOpeningShape, opened.value);
  if (!cut.ok) return cut;
  return equalBytes(cutCommitment(cut.value), commitment) ? ok(cut.value) : err({ type: "CutDoesNotMatch" });
}

function cutContext(secret: Bytes, commitment: Bytes): SealContext {
  return { key: deriveKey(secret, LABEL.cutKey), label: LABEL.sealCut, aad: commitment };
}
