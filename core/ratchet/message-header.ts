/**
 * Header of a ratchet message: `ratchetPk (32) ‖ previousLength (u32) ‖ index (u32)`, big-endian, sealed under the
 * chain's header key, so that an onlooker sees neither keys nor counters. Rule DR3.
 */
import type { Bytes } from "../base/bytes.ts";
import { CHAIN_MESSAGES_MAX } from "../base/limits.ts";
import { AEAD_NONCE_BYTES, AEAD_TAG_BYTES, aeadDecrypt, aeadEncrypt } from "../crypto/aead.ts";
import { AGREEMENT_KEY_BYTES } from "../crypto/agreement.ts";

export interface MessageHeader {
  /** The sender's present ratchet key. */
  readonly ratchetPk: Bytes;
  /** How many messages the sender's chain before this one has (`PN` of the specification). */
  readonly previousLength: number;
  /** Place of this message in its chain, from 0 (`N`). */
  readonly index: number;
}

const HEADER_BYTES = AGREEMENT_KEY_BYTES + 8;
export const SEALED_HEADER_BYTES: number = HEADER_BYTES + AEAD_TAG_BYTES;
export const MESSAGE_NONCE_BYTES: number = AEAD_NONCE_BYTES;
const NO_BYTES: Bytes = new Uint8Array(0);

/** Seals a header under the random nonce the whole message shares; the body has another key. */
export function sealHeader(headerKey: Bytes, nonce: Bytes, header: MessageHeader): Bytes {
  const plain = new Uint8Array(HEADER_BYTES);
  plain.set(header.ratchetPk);
  writeU32(plain, AGREEMENT_KEY_BYTES, header.previousLength);
  writeU32(plain, AGREEMENT_KEY_BYTES + 4, header.index);
  return aeadEncrypt(headerKey, nonce, NO_BYTES, plain);
}

/** Header of a message of the chain `headerKey` belongs to; null when it is of another. */
export function openHeader(headerKey: Bytes, nonce: Bytes, sealed: Bytes): MessageHeader | null {
  const opened = aeadDecrypt(headerKey, nonce, NO_BYTES, sealed);
  if (!opened.ok || opened.value.length !== HEADER_BYTES) return null;
  const index = readU32(opened.value, AGREEMENT_KEY_BYTES + 4);
  // DR3: nobody honest comes this far, and the index after it could not be stored.
  if (index >= CHAIN_MESSAGES_MAX) return null;
  return {
    ratchetPk: opened.value.slice(0, AGREEMENT_KEY_BYTES),
    previousLength: readU32(opened.value, AGREEMENT_KEY_BYTES),
    index,
  };
}

/** Writes `value`, below 2^32, in four bytes, big-endian. */
export function writeU32(target: Bytes, offset: number, value: number): void {
  target[offset] = value >>> 24;
  target[offset + 1] = value >>> 16;
  target[offset + 2] = value >>> 8;
  target[offset + 3] = value;
}

/** Reads what `writeU32` wrote. */
export function readU32(source: Bytes, offset: number): number {
  const a = source[offset] ?? 0;
  const b = source[offset + 1] ?? 0;
  const c = source[offset + 2] ?? 0;
  const d = source[offset + 3] ?? 0;
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}
