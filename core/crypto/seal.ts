/**
 * SEAL: the one authenticated encryption of everything outside the ratchet and MLS. Rule CR4.
 *
 * `n` = 24 random bytes; `okm` = BLAKE2b-512 keyed with K over canonical CBOR `[label, n, H(aad)]`;
 * output `n ‖ okm[32..64] ‖ XChaCha20-Poly1305(okm[0..32], n, pt, aad)`.
 *
 * The middle part commits to the key: no ciphertext opens under two keys. It is compared first, in constant time.
 */
import { type Bytes, concatBytes } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { err, type Result } from "../base/result.ts";
import { encodeCbor } from "../codec/cbor.ts";
import { AEAD_NONCE_BYTES, AEAD_TAG_BYTES, aeadDecrypt, aeadEncrypt, type DoesNotOpen } from "./aead.ts";
import { HASH_BYTES, hash } from "./hash.ts";
import { LABEL, type Label } from "./labels.ts";
import { sodium } from "./sodium.ts";

const COMMITMENT_BYTES = 32;

/** How much longer a sealed value is than its plaintext. */
export const SEAL_OVERHEAD_BYTES: number = AEAD_NONCE_BYTES + COMMITMENT_BYTES + AEAD_TAG_BYTES;

export interface SealContext {
  /** 32 bytes. */
  readonly key: Bytes;
  readonly label: Label;
  /** Authenticated, not encrypted. */
  readonly aad: Bytes;
}

/** Encrypts `plaintext` for one purpose. */
export function seal(random: Random, context: SealContext, plaintext: Bytes): Bytes {
  const nonce = random.bytes(AEAD_NONCE_BYTES);
  const okm = expand(context, nonce);
  const ciphertext = aeadEncrypt(okm.subarray(0, 32), nonce, context.aad, plaintext);
  const sealed = concatBytes(nonce, okm.subarray(32), ciphertext);
  sodium.memzero(okm);
  return sealed;
}

/** Decrypts `seal`'s output. - Fails: `DoesNotOpen` for any other key, label, associated data or bytes. */
export function unseal(context: SealContext, sealed: Bytes): Result<Bytes, DoesNotOpen> {
  if (sealed.length < SEAL_OVERHEAD_BYTES) return err({ type: "DoesNotOpen" });
  const nonce = sealed.subarray(0, AEAD_NONCE_BYTES);
  const commitment = sealed.subarray(AEAD_NONCE_BYTES, AEAD_NONCE_BYTES + COMMITMENT_BYTES);
  const okm = expand(context, nonce);
  const isOurs = sodium.memcmp(commitment, okm.subarray(32));
  const opened: Result<Bytes, DoesNotOpen> = isOurs
    ? aeadDecrypt(
        okm.subarray(0, 32),
        nonce,
        context.aad,
        sealed.subarray(AEAD_NONCE_BYTES + COMMITMENT_BYTES),
      )
    : err({ type: "DoesNotOpen" });
  sodium.memzero(okm);
  return opened;
}

function expand(context: SealContext, nonce: Bytes): Bytes {
  const input = formOf(context.label).slice();
  input.set(nonce, input.length - AFTER_NONCE_BYTES - AEAD_NONCE_BYTES);
  input.set(hash(LABEL.sealAad, context.aad), input.length - HASH_BYTES);
  return sodium.crypto_generichash(64, input, context.key);
}

/** The hash and the two bytes of CBOR that say how long it is. */
const AFTER_NONCE_BYTES = 2 + HASH_BYTES;
const formByLabel = new Map<Label, Bytes>();

/** `[label, n, H(aad)]` with zeros for what varies, which has its place: every row of a store is sealed over one. */
function formOf(label: Label): Bytes {
  const known = formByLabel.get(label);
  if (known !== undefined) return known;
  const form = encodeCbor([label, new Uint8Array(AEAD_NONCE_BYTES), new Uint8Array(HASH_BYTES)]);
  formByLabel.set(label, form);
  return form;
}
