/**
 * Hashing: BLAKE2b-256 (RFC 7693) with a label.
 *
 * `H(label, p1 … pn)` hashes `utf8(label) ‖ 0x00 ‖ u32be(len(p1)) ‖ p1 ‖ …`: no two lists of parts have the same input.
 * Rule CR1.
 */
import { type Bytes, toUtf8 } from "../base/bytes.ts";
import type { Label } from "./labels.ts";
import { sodium } from "./sodium.ts";

export const HASH_BYTES = 32;

const prefixByLabel = new Map<Label, Bytes>();

/** Labelled BLAKE2b-256 of `parts`, 32 bytes. */
export function hash(label: Label, ...parts: readonly Bytes[]): Bytes {
  return sodium.crypto_generichash(HASH_BYTES, framed(label, parts), null);
}

/** The unambiguous byte string `hash` and `deriveKey` run over. */
export function framed(label: Label, parts: readonly Bytes[]): Bytes {
  const prefix = labelPrefix(label);
  let length = prefix.length;
  for (const part of parts) length += 4 + part.length;
  const input = new Uint8Array(length);
  input.set(prefix);
  let offset = prefix.length;
  for (const part of parts) {
    input[offset] = part.length >>> 24;
    input[offset + 1] = part.length >>> 16;
    input[offset + 2] = part.length >>> 8;
    input[offset + 3] = part.length;
    input.set(part, offset + 4);
    offset += 4 + part.length;
  }
  return input;
}

/** `utf8(label) ‖ 0x00`. */
export function labelPrefix(label: Label): Bytes {
  let prefix = prefixByLabel.get(label);
  if (prefix === undefined) {
    prefix = toUtf8(`${label}\0`);
    prefixByLabel.set(label, prefix);
  }
  return prefix;
}
