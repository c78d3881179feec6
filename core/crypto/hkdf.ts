/** HKDF-SHA-256 (RFC 5869) over libsodium's HMAC. */
import { assert } from "../base/assert.ts";
import { type Bytes, concatBytes } from "../base/bytes.ts";
import { sodium } from "./sodium.ts";

const HASH_BYTES = 32;
const OUTPUT_BYTES_MAX = 255 * HASH_BYTES;

/** Extract then expand; `salt` empty means 32 zero bytes. - Limits: 8,160 bytes of output. */
export function hkdfSha256(salt: Bytes, input: Bytes, info: Bytes, length: number): Bytes {
  const key = hkdfExtract(salt, input);
  const output = hkdfExpand(key, info, length);
  sodium.memzero(key);
  return output;
}

/** The first half alone: a 32-byte key. */
export function hkdfExtract(salt: Bytes, input: Bytes): Bytes {
  return hmacAnyKey(salt, input);
}

/** The second half alone, from a 32-byte key. - Limits: 8,160 bytes of output. */
export function hkdfExpand(key: Bytes, info: Bytes, length: number): Bytes {
  assert(length > 0 && length <= OUTPUT_BYTES_MAX, "HKDF-SHA-256 gives 1 to 8,160 bytes");
  const output = new Uint8Array(length);
  let block: Bytes = new Uint8Array(0);
  for (let offset = 0, counter = 1; offset < length; offset += HASH_BYTES, counter++) {
    block = sodium.crypto_auth_hmacsha256(concatBytes(block, info, Uint8Array.of(counter)), key);
    output.set(block.subarray(0, Math.min(HASH_BYTES, length - offset)), offset);
  }
  return output;
}

/** HMAC-SHA-256 with a key of any length, brought to libsodium's fixed 32 bytes without changing the result. */
export function hmacAnyKey(key: Bytes, message: Bytes): Bytes {
  if (key.length > 32) {
    if (key.length > 64) return sodium.crypto_auth_hmacsha256(message, sodium.crypto_hash_sha256(key));
    const state = sodium.crypto_auth_hmacsha256_init(key);
    sodium.crypto_auth_hmacsha256_update(state, message);
    return sodium.crypto_auth_hmacsha256_final(state);
  }
  const padded = new Uint8Array(32);
  padded.set(key);
  return sodium.crypto_auth_hmacsha256(message, padded);
}
