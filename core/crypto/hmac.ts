/** HMAC-SHA-256 (RFC 2104, FIPS 198-1). */
import type { Bytes } from "../base/bytes.ts";
import { sodium } from "./sodium.ts";

/** 32-byte tag of `message` under a 32-byte `key`. */
export function hmacSha256(key: Bytes, message: Bytes): Bytes {
  return sodium.crypto_auth_hmacsha256(message, key);
}
