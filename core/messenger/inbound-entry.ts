/**
 * Entries of an inbound log (from a known contact) and of the request log (first contact). Rules DM2, DM3, FC2.
 *
 * Which device wrote and which devices can read stands inside a sealed outer layer: under the log's outer key for a
 * contact, under the account's request key (X-Wing) for a stranger.
 */
import type { Bytes } from "../base/bytes.ts";
import { idBytes, type LogId } from "../base/ids.ts";
import { ENTRY_BYTES_MAX, ENVELOPES_MAX, SERVER_ORIGIN_CHARS_MAX } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import { ok, type Result } from "../base/result.ts";
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
  type ShapeOf,
  struct,
  text,
} from "../codec/shape.ts";
import type { DoesNotOpen } from "../crypto/aead.ts";
import { deriveKey } from "../crypto/kdf.ts";
import { LABEL, type Label } from "../crypto/labels.ts";
import { type BadPadding, pad, type Padding, unpad } from "../crypto/padding.ts";
import { seal, unseal } from "../crypto/seal.ts";
import {
  type BadKemInput,
  decapsulate,
  encapsulate,
  type KemKeyPair,
  XWING_CIPHERTEXT_BYTES,
} from "../crypto/xwing.ts";
import { hashBody } from "./envelope.ts";

export const ENVELOPE_BYTES_MAX = 8_192;
/** Devices a request is sealed to, and what its ops may weigh, so that it fits the 64 KiB a request log takes. */
export const REQUEST_ENVELOPES_MAX = 16;
export const REQUEST_BODY_BYTES_MAX = 34_816;
export const REPLACED_ENTRIES_MAX = 64;

const envelopes = list(
  struct({ device: id("device"), envelope: bytes(1, ENVELOPE_BYTES_MAX) }),
  ENVELOPES_MAX,
  1,
);

/** Outer layer of a message entry. */
export const inboundOuterShape = struct({
  version: literal(1),
  device: id("device"),
  envelopes: envelopes,
  /** Entries whose ops this one carries again because no device could open them. */
  replaces: list(id("entry"), REPLACED_ENTRIES_MAX),
});
export type InboundOuter = ShapeOf<typeof inboundOuterShape>;

/** Outer layer of a contact request. */
export const requestOuterShape = struct({
  version: literal(1),
  account: id("account"),
  origin: text(SERVER_ORIGIN_CHARS_MAX),
  chainSeq: integer(0),
  chainHead: id("link"),
  device: id("device"),
  envelopes: envelopes,
});
export type RequestOuter = ShapeOf<typeof requestOuterShape>;

/** Sealed bytes of a message entry. */
export const inboundEntryShape = struct({
  outer: bytes(1, ENTRY_BYTES_MAX),
  body: bytes(1, ENTRY_BYTES_MAX),
});
/** Sealed bytes of a contact request. */
export const requestEntryShape = struct({
  kem: bytes(XWING_CIPHERTEXT_BYTES),
  outer: bytes(1, ENTRY_BYTES_MAX),
  body: bytes(1, ENTRY_BYTES_MAX),
});

export type InboundEntryError = DecodeError | DoesNotOpen | BadPadding | BadKemInput;

/** Place of an entry in its log, which its outer layer is bound to. */
export interface EntryPlace {
  readonly logId: LogId;
  readonly header: Bytes;
}

/** Sealed bytes of a message entry. */
export function sealInbound(
  random: Random,
  outerKey: Bytes,
  place: EntryPlace,
  outer: InboundOuter,
  body: Bytes,
  padding?: Padding,
): Bytes {
  const context = outerContext(LABEL.sealInboundOuter, outerKey, place, body);
  return encode(inboundEntryShape, {
    outer: seal(random, context, pad(encode(inboundOuterShape, outer), padding)),
    body,
  });
}

/** Outer layer and still sealed body of a message entry. */
export function openInbound(
  outerKey: Bytes,
  place: EntryPlace,
  sealed: Bytes,
): Result<{ readonly outer: InboundOuter; readonly body: Bytes }, InboundEntryError> {
  const parts = decode(inboundEntryShape, sealed);
  if (!parts.ok) return parts;
  const plain = openOuter(
    outerContext(LABEL.sealInboundOuter, outerKey, place, parts.value.body),
    parts.value.outer,
  );
  if (!plain.ok) return plain;
  const outer = decode(inboundOuterShape, plain.value);
  return outer.ok ? ok({ outer: outer.value, body: parts.value.body }) : outer;
}

/** Sealed bytes of a contact request to the holder of `requestKey` (the account's, from its chain). */
export function sealRequest(
  random: Random,
  requestKey: Bytes,
  place: EntryPlace,
  outer: RequestOuter,
  body: Bytes,
  padding?: Padding,
): Result<Bytes, BadKemInput> {
  const kem = encapsulate(random, requestKey);
  if (!kem.ok) return kem;
  const context = outerContext(
    LABEL.sealRequest,
    requestEntryKey(kem.value.sharedSecret, kem.value.ciphertext),
    place,
    body,
  );
  const sealedOuter = seal(random, context, pad(encode(requestOuterShape, outer), padding));
  return ok(encode(requestEntryShape, { kem: kem.value.ciphertext, outer: sealedOuter, body }));
}

/** Outer layer and still sealed body of a contact request. A request under another epoch's key does not open. */
export function openRequest(
  requestKey: KemKeyPair,
  place: EntryPlace,
  sealed: Bytes,
): Result<{ readonly outer: RequestOuter; readonly body: Bytes }, InboundEntryError> {
  const parts = decode(requestEntryShape, sealed);
  if (!parts.ok) return parts;
  const shared = decapsulate(requestKey, parts.value.kem);
  if (!shared.ok) return shared;
  const key = requestEntryKey(shared.value, parts.value.kem);
  const plain = openOuter(outerContext(LABEL.sealRequest, key, place, parts.value.body), parts.value.outer);
  if (!plain.ok) return plain;
  const outer = decode(requestOuterShape, plain.value);
  return outer.ok ? ok({ outer: outer.value, body: parts.value.body }) : outer;
}

function requestEntryKey(sharedSecret: Bytes, ciphertext: Bytes): Bytes {
  return deriveKey(sharedSecret, LABEL.requestEntry, ciphertext);
}

function outerContext(label: Label, key: Bytes, place: EntryPlace, body: Bytes) {
  return { key, label, aad: encodeCbor([label, idBytes(place.logId), place.header, hashBody(body)]) };
}

function openOuter(
  context: Parameters<typeof unseal>[0],
  sealed: Bytes,
): Result<Bytes, DoesNotOpen | BadPadding> {
  const padded = unseal(context, sealed);
  return padded.ok ? unpad(padded.value) : padded;
}
