/** X-Wing: the hybrid KEM of X25519 and ML-KEM-768 (draft-connolly-cfrg-xwing-kem). */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { err, ok, type Result } from "../base/result.ts";
import { sodium } from "./sodium.ts";

export const XWING_PUBLIC_KEY_BYTES = 1_216;
export const XWING_SECRET_KEY_BYTES = 32;
export const XWING_CIPHERTEXT_BYTES = 1_120;
const ENCAPSULATION_SEED_BYTES = 64;

export interface KemKeyPair {
  readonly publicKey: Bytes;
  /** The 32-byte seed. */
  readonly secretKey: Bytes;
}

export interface Encapsulated {
  readonly ciphertext: Bytes;
  readonly sharedSecret: Bytes;
}

/** A public key or ciphertext of the wrong form. */
export interface BadKemInput {
  readonly type: "BadKemInput";
}

/** Key pair of a 32-byte seed. */
export function kemKeyPairFromSeed(seed: Bytes): KemKeyPair {
  assert(seed.length === XWING_SECRET_KEY_BYTES, "an X-Wing seed has 32 bytes");
  const pair = sodium.crypto_kem_xwing_seed_keypair(seed);
  return { publicKey: pair.publicKey, secretKey: pair.privateKey };
}

/** Makes a shared secret for the holder of `publicKey`. - Fails: `BadKemInput` when the key is malformed. */
export function encapsulate(random: Random, publicKey: Bytes): Result<Encapsulated, BadKemInput> {
  if (publicKey.length !== XWING_PUBLIC_KEY_BYTES) return err({ type: "BadKemInput" });
  try {
    const made = sodium.crypto_kem_xwing_enc_deterministic(publicKey, random.bytes(ENCAPSULATION_SEED_BYTES));
    return ok({ ciphertext: made.ciphertext, sharedSecret: made.sharedSecret });
  } catch {
    return err({ type: "BadKemInput" });
  }
}

/**
 * Opens a shared secret. A ciphertext for another key gives an unrelated secret, not an error (implicit rejection);
 * what is sealed under it then does not open.
 */
export function decapsulate(keyPair: KemKeyPair, ciphertext: Bytes): Result<Bytes, BadKemInput> {
  if (ciphertext.length !== XWING_CIPHERTEXT_BYTES) return err({ type: "BadKemInput" });
  try {
    return ok(sodium.crypto_kem_xwing_dec(ciphertext, keyPair.secretKey));
  } catch {
    return err({ type: "BadKemInput" });
  }
}
