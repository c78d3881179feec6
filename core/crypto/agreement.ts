/** X25519 key agreement (RFC 7748). */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { err, ok, type Result } from "../base/result.ts";
import { sodium } from "./sodium.ts";

export const AGREEMENT_KEY_BYTES = 32;

export interface AgreementKeyPair {
  readonly publicKey: Bytes;
  readonly secretKey: Bytes;
}

/** The other side's key has low order, so the result would not depend on ours. */
export interface WeakPublicKey {
  readonly type: "WeakPublicKey";
}

/** Key pair of a 32-byte secret; clamping is part of X25519. */
export function agreementKeyPairFromSecret(secretKey: Bytes): AgreementKeyPair {
  assert(secretKey.length === AGREEMENT_KEY_BYTES, "an X25519 secret has 32 bytes");
  return { publicKey: sodium.crypto_scalarmult_base(secretKey), secretKey };
}

/** Shared secret, 32 bytes. - Fails: `WeakPublicKey` for the all-zero result (RFC 7748 section 6.1) or a wrong length. */
export function agree(secretKey: Bytes, publicKey: Bytes): Result<Bytes, WeakPublicKey> {
  try {
    return ok(sodium.crypto_scalarmult(secretKey, publicKey));
  } catch {
    return err({ type: "WeakPublicKey" });
  }
}
