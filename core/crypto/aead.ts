/** XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha), for the ratchet and inside SEAL only: it does not commit to its key. */
import type { Bytes } from "../base/bytes.ts";
import { err, ok, type Result } from "../base/result.ts";
import { sodium } from "./sodium.ts";

export const AEAD_KEY_BYTES = 32;
export const AEAD_NONCE_BYTES = 24;
export const AEAD_TAG_BYTES = 16;

/** Wrong key, nonce, associated data, or changed bytes. */
export interface DoesNotOpen {
  readonly type: "DoesNotOpen";
}

/** Ciphertext followed by its 16-byte tag. */
export function aeadEncrypt(key: Bytes, nonce: Bytes, aad: Bytes, plaintext: Bytes): Bytes {
  return sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, aad, null, nonce, key);
}

/** Plaintext of `aeadEncrypt`'s output. */
export function aeadDecrypt(
  key: Bytes,
  nonce: Bytes,
  aad: Bytes,
  ciphertext: Bytes,
): Result<Bytes, DoesNotOpen> {
  return openTagged(ciphertext, () =>
    sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, ciphertext, aad, nonce, key),
  );
}

/** Runs a decryption of libsodium's, which throws where it does not open. */
export function openTagged(ciphertext: Bytes, decrypt: () => Bytes): Result<Bytes, DoesNotOpen> {
  if (ciphertext.length < AEAD_TAG_BYTES) return err({ type: "DoesNotOpen" });
  try {
    return ok(decrypt());
  } catch {
    return err({ type: "DoesNotOpen" });
  }
}
