/**
 * The one door to libsodium.
 *
 * `await cryptoReady()` once before anything else of this folder. It checks that every function we call exists,
 * because the package's type declarations list some that are undefined at run time, and a few known answers.
 */
import sodium from "libsodium-wrappers-sumo";
import { assert } from "../base/assert.ts";

const REQUIRED = [
  "memcmp",
  "memzero",
  "crypto_generichash",
  "crypto_auth_hmacsha256",
  "crypto_hash_sha256",
  "crypto_sign_seed_keypair",
  "crypto_sign_detached",
  "crypto_sign_verify_detached",
  "crypto_core_ed25519_is_valid_point",
  "crypto_scalarmult",
  "crypto_scalarmult_base",
  "crypto_kem_xwing_seed_keypair",
  "crypto_kem_xwing_enc_deterministic",
  "crypto_kem_xwing_dec",
  "crypto_aead_chacha20poly1305_ietf_encrypt",
  "crypto_aead_chacha20poly1305_ietf_decrypt",
  "crypto_aead_xchacha20poly1305_ietf_encrypt",
  "crypto_aead_xchacha20poly1305_ietf_decrypt",
  "crypto_pwhash",
] as const;

let isReady = false;

/**
 * Loads libsodium and checks it.
 *
 * - Fails: throws `InvariantError` when a function is missing or gives a wrong answer; nothing may run then.
 */
export async function cryptoReady(): Promise<void> {
  if (isReady) return;
  await sodium.ready;
  const library = sodium as unknown as Readonly<Record<string, unknown>>;
  for (const name of REQUIRED) assert(typeof library[name] === "function", `libsodium provides ${name}`);
  const empty = sodium.to_hex(sodium.crypto_generichash(32, new Uint8Array(0), null));
  assert(
    empty === "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8",
    "BLAKE2b-256 gives its published answer for no input",
  );
  isReady = true;
}

export { sodium };
