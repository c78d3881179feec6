/**
 * Ed25519 verification (RFC 8032) over `utf8(label) ‖ 0x00 ‖ message`. Holds no secret: the server imports it.
 *
 * Ed25519 as used here promises neither unique signatures nor key commitment, so signed bytes name their signer. Rule CR3.
 */
import { type Bytes, concatBytes, equalBytes, fromHex } from "../base/bytes.ts";
import { err, ok, type Result } from "../base/result.ts";
import { labelPrefix } from "./hash.ts";
import type { Label } from "./labels.ts";
import { sodium } from "./sodium.ts";

export const SIGN_PUBLIC_KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

export interface BadSignature {
  readonly type: "BadSignature";
}

/** Checks that the holder of `publicKey` signed `message` for the purpose `label`. */
export function verifySignature(
  publicKey: Bytes,
  label: Label,
  message: Bytes,
  signature: Bytes,
): Result<void, BadSignature> {
  return rawVerify(publicKey, concatBytes(labelPrefix(label), message), signature);
}

/** Checks a signature over `message` as it is: for standards that frame what they sign themselves. */
export function rawVerify(publicKey: Bytes, message: Bytes, signature: Bytes): Result<void, BadSignature> {
  if (publicKey.length !== SIGN_PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES)
    return err({ type: "BadSignature" });
  try {
    return sodium.crypto_sign_verify_detached(signature, message, publicKey)
      ? ok()
      : err({ type: "BadSignature" });
  } catch {
    return err({ type: "BadSignature" });
  }
}

/** Says whether `publicKey` is a point of the prime-order group; keys of low order are refused when a device registers. */
export function isSignPublicKey(publicKey: Bytes): boolean {
  return publicKey.length === SIGN_PUBLIC_KEY_BYTES && sodium.crypto_core_ed25519_is_valid_point(publicKey);
}

const FIELD_PRIME_LAST_BYTE = 0x7f;
/** Every u-coordinate of low order, in its canonical form. Compared, not tried: of a large group thousands of keys are looked at. */
const LOW_ORDER: readonly Bytes[] = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map(fromHex);
const MLKEM_768_VECTOR_BYTES = 1_152;
const MLKEM_PRIME = 3_329;
const XWING_AGREEMENT_OFFSET = 1_184;
const XWING_KEY_BYTES = 1_216;

/** Says whether `publicKey` is an X25519 key in its one canonical form and not of low order (RFC 7748 section 6.1). */
export function isAgreementPublicKey(publicKey: Bytes): boolean {
  return (
    publicKey.length === 32 &&
    isBelowFieldPrime(publicKey) &&
    !LOW_ORDER.some((point) => equalBytes(point, publicKey))
  );
}

/** Says whether `publicKey` is an X-Wing key: the modulus check of FIPS 203 section 7.2, then its X25519 half. */
export function isKemPublicKey(publicKey: Bytes): boolean {
  if (publicKey.length !== XWING_KEY_BYTES) return false;
  for (let i = 0; i < MLKEM_768_VECTOR_BYTES; i += 3) {
    const middle = publicKey[i + 1] as number;
    const low = (publicKey[i] as number) | ((middle & 15) << 8);
    const high = (middle >> 4) | ((publicKey[i + 2] as number) << 4);
    if (low >= MLKEM_PRIME || high >= MLKEM_PRIME) return false;
  }
  return isAgreementPublicKey(publicKey.subarray(XWING_AGREEMENT_OFFSET));
}

/** Little-endian value below 2^255 - 19. */
function isBelowFieldPrime(bytes: Bytes): boolean {
  const last = bytes[31] as number;
  if (last !== FIELD_PRIME_LAST_BYTE) return last < FIELD_PRIME_LAST_BYTE;
  for (let i = 30; i > 0; i--) if (bytes[i] !== 0xff) return true;
  return (bytes[0] as number) < 0xed;
}
