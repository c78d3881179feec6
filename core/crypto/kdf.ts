/** Key derivation: BLAKE2b-256 keyed with the parent key over the framing of `hash`. Rule CR2. */
import type { Bytes } from "../base/bytes.ts";
import { framed, HASH_BYTES } from "./hash.ts";
import type { Label } from "./labels.ts";
import { sodium } from "./sodium.ts";

/** Derives a 32-byte key for one purpose from `key` (16 to 64 bytes). */
export function deriveKey(key: Bytes, label: Label, ...context: readonly Bytes[]): Bytes {
  return sodium.crypto_generichash(HASH_BYTES, framed(label, context), key);
}
