/**
 * Envelope: what travels from one device to another, in a fixed binary layout.
 *
 * ```
 * message         0x01 ‖ nonce (24) ‖ sealed header (56) ‖ body (plaintext + 16)
 * prekey message  0x02 ‖ session start (1,168) ‖ nonce ‖ sealed header ‖ body
 * ```
 *
 * Not CBOR: it is read and written for every message, every field but the last has one length, and the last takes the
 * rest, so there is one form and nothing can trail. Rules DR4 and DR5.
 */
import type { Bytes } from "../base/bytes.ts";
import { ENVELOPE_PLAINTEXT_BYTES_MAX } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { AEAD_TAG_BYTES } from "../crypto/aead.ts";
import { MESSAGE_NONCE_BYTES, SEALED_HEADER_BYTES } from "./message-header.ts";
import { SESSION_START_BYTES, SESSION_START_LAYOUT } from "./session-start.ts";

const MESSAGE_LAYOUT = `nonce:24|header:56|body:16..${16 + ENVELOPE_PLAINTEXT_BYTES_MAX}`;

/** The layout, for the pinned hash of all wire structures. */
export const ENVELOPE_LAYOUT = `(message=1|${MESSAGE_LAYOUT} | preKey=2|${SESSION_START_LAYOUT}|${MESSAGE_LAYOUT})`;

const KIND_MESSAGE = 1;
const KIND_PREKEY = 2;
const MESSAGE_BYTES_MIN = MESSAGE_NONCE_BYTES + SEALED_HEADER_BYTES + AEAD_TAG_BYTES;
const MESSAGE_BYTES_MAX = MESSAGE_BYTES_MIN + ENVELOPE_PLAINTEXT_BYTES_MAX;

/** Length of the longest envelope, a prekey message with the longest plaintext. */
export const ENVELOPE_BYTES_MAX: number = 1 + SESSION_START_BYTES + MESSAGE_BYTES_MAX;

export interface Envelope {
  /** Bytes of the session start, in a prekey message only. */
  readonly start: Bytes | null;
  readonly nonce: Bytes;
  readonly sealedHeader: Bytes;
  readonly body: Bytes;
}

export interface MalformedEnvelope {
  readonly type: "MalformedEnvelope";
  readonly why: "length" | "kind";
}

/** Joins the parts of an envelope. */
export function encodeEnvelope(envelope: Envelope): Bytes {
  const { start, nonce, sealedHeader, body } = envelope;
  const startBytes = start === null ? 0 : start.length;
  const bytes = new Uint8Array(1 + startBytes + nonce.length + sealedHeader.length + body.length);
  bytes[0] = start === null ? KIND_MESSAGE : KIND_PREKEY;
  if (start !== null) bytes.set(start, 1);
  let offset = 1 + startBytes;
  bytes.set(nonce, offset);
  offset += nonce.length;
  bytes.set(sealedHeader, offset);
  bytes.set(body, offset + sealedHeader.length);
  return bytes;
}

/** Parts of an envelope, as views of `bytes`. - Fails: `MalformedEnvelope`. - Limits: `ENVELOPE_BYTES_MAX`, read first. */
export function decodeEnvelope(bytes: Bytes): Result<Envelope, MalformedEnvelope> {
  // DR5
  if (bytes.length > ENVELOPE_BYTES_MAX) return err({ type: "MalformedEnvelope", why: "length" });
  const kind = bytes[0];
  if (kind !== KIND_MESSAGE && kind !== KIND_PREKEY) return err({ type: "MalformedEnvelope", why: "kind" });
  const nonceAt = kind === KIND_PREKEY ? 1 + SESSION_START_BYTES : 1;
  const messageBytes = bytes.length - nonceAt;
  if (messageBytes < MESSAGE_BYTES_MIN || messageBytes > MESSAGE_BYTES_MAX)
    return err({ type: "MalformedEnvelope", why: "length" });
  const headerAt = nonceAt + MESSAGE_NONCE_BYTES;
  const bodyAt = headerAt + SEALED_HEADER_BYTES;
  return ok({
    start: kind === KIND_PREKEY ? bytes.subarray(1, nonceAt) : null,
    nonce: bytes.subarray(nonceAt, headerAt),
    sealedHeader: bytes.subarray(headerAt, bodyAt),
    body: bytes.subarray(bodyAt),
  });
}
