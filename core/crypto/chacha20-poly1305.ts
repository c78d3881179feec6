/** ChaCha20-Poly1305 (RFC 8439), for HPKE and MLS only, whose nonces never repeat: 12 bytes are too few to draw at random. */
import type { Bytes } from "../base/bytes.ts";
import type { Result } from "../base/result.ts";
import { type DoesNotOpen, openTagged } from "./aead.ts";
import { sodium } from "./sodium.ts";

export const CHACHA_KEY_BYTES = 32;
export const CHACHA_NONCE_BYTES = 12;

/** Ciphertext followed by its 16-byte tag. */
export function chachaEncrypt(key: Bytes, nonce: Bytes, aad: Bytes, plaintext: Bytes): Bytes {
  return sodium.crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, aad, null, nonce, key);
}

/** Plaintext of `chachaEncrypt`'s output. */
export function chachaDecrypt(
  key: Bytes,
  nonce: Bytes,
  aad: Bytes,
  ciphertext: Bytes,
): Result<Bytes, DoesNotOpen> {
  return openTagged(ciphertext, () =>
    sodium.crypto_aead_chacha20poly1305_ietf_decrypt(null, ciphertext, aad, nonce, key),
  );
}
