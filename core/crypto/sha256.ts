/** SHA-256 (FIPS 180-4), where a standard fixes it. */
import type { Bytes } from "../base/bytes.ts";
import { sodium } from "./sodium.ts";

/** 32-byte digest. */
export function sha256(message: Bytes): Bytes {
  return sodium.crypto_hash_sha256(message);
}
