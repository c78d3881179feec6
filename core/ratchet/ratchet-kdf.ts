/**
 * Key derivations of the Double Ratchet: `KDF_RK_HE` by HKDF-SHA-256, `KDF_CK` by HMAC-SHA-256. Rules DR1 and DR2.
 */
import type { Bytes } from "../base/bytes.ts";
import { labelPrefix } from "../crypto/hash.ts";
import { hkdfSha256 } from "../crypto/hkdf.ts";
import { hmacSha256 } from "../crypto/hmac.ts";
import { LABEL } from "../crypto/labels.ts";
import { wipe } from "../crypto/secret.ts";

export const RATCHET_KEY_BYTES = 32;

const ROOT_INFO = labelPrefix(LABEL.ratchetRoot);
const CHAIN_INFO = labelPrefix(LABEL.ratchetChain);
const MESSAGE_INFO = labelPrefix(LABEL.ratchetMessage);

export interface RootStep {
  readonly rootKey: Bytes;
  readonly chainKey: Bytes;
  /** Header key of the chain after this one. */
  readonly nextHeaderKey: Bytes;
}

/** DR1: the root key takes in one DH result, which is wiped. */
export function stepRoot(rootKey: Bytes, agreed: Bytes): RootStep {
  const okm = hkdfSha256(rootKey, agreed, ROOT_INFO, 3 * RATCHET_KEY_BYTES);
  const step = {
    rootKey: okm.slice(0, RATCHET_KEY_BYTES),
    chainKey: okm.slice(RATCHET_KEY_BYTES, 2 * RATCHET_KEY_BYTES),
    nextHeaderKey: okm.slice(2 * RATCHET_KEY_BYTES),
  };
  wipe(okm, agreed);
  return step;
}

/** DR2: key of the message at the chain's present index. */
export function messageKeyOf(chainKey: Bytes): Bytes {
  return hmacSha256(chainKey, MESSAGE_INFO);
}

/** DR2: chain key of the next index; from it the present one cannot be had. */
export function nextChainKey(chainKey: Bytes): Bytes {
  return hmacSha256(chainKey, CHAIN_INFO);
}
