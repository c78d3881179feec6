/** Ed25519 signing keys and signatures (RFC 8032); `verify.ts` is the other half. */
import { assert } from "../base/assert.ts";
import { type Bytes, concatBytes } from "../base/bytes.ts";
import { labelPrefix } from "./hash.ts";
import type { Label } from "./labels.ts";
import { sodium } from "./sodium.ts";

export const SIGN_SEED_BYTES = 32;

/** `secretKey` is libsodium's 64 bytes: seed then public key. */
export interface SignKeyPair {
  readonly publicKey: Bytes;
  readonly secretKey: Bytes;
}

/** Key pair of a 32-byte seed. */
export function signKeyPairFromSeed(seed: Bytes): SignKeyPair {
  assert(seed.length === SIGN_SEED_BYTES, "an Ed25519 seed has 32 bytes");
  const pair = sodium.crypto_sign_seed_keypair(seed);
  return { publicKey: pair.publicKey, secretKey: pair.privateKey };
}

/** Signs `message` for the purpose `label`, 64 bytes. */
export function sign(keyPair: SignKeyPair, label: Label, message: Bytes): Bytes {
  return sodium.crypto_sign_detached(concatBytes(labelPrefix(label), message), keyPair.secretKey);
}

/** Signs `message` as it is, 64 bytes: for standards that frame what they sign themselves. */
export function rawSign(keyPair: SignKeyPair, message: Bytes): Bytes {
  return sodium.crypto_sign_detached(message, keyPair.secretKey);
}
