/**
 * HPKE (RFC 9180) in base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305; the suite of MLS cipher
 * suite 3. One message a context, so the nonce is the base nonce.
 */
import { type Bytes, concatBytes, toUtf8 } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { err, ok, type Result } from "../base/result.ts";
import {
  AGREEMENT_KEY_BYTES,
  type AgreementKeyPair,
  agree,
  agreementKeyPairFromSecret,
} from "./agreement.ts";
import { CHACHA_KEY_BYTES, CHACHA_NONCE_BYTES, chachaDecrypt, chachaEncrypt } from "./chacha20-poly1305.ts";
import { hkdfExpand, hkdfExtract } from "./hkdf.ts";
import { wipe } from "./secret.ts";

/** The other side's key has low order, or the ciphertext does not open. */
export interface HpkeFailure {
  readonly type: "HpkeFailure";
}

export interface HpkeSealed {
  /** The encapsulated key, 32 bytes. */
  readonly enc: Bytes;
  readonly ciphertext: Bytes;
}

const NOTHING: Bytes = new Uint8Array(0);
const VERSION = toUtf8("HPKE-v1");
const KEM_ID = Uint8Array.of(0x00, 0x20);
const KEM_SUITE = concatBytes(toUtf8("KEM"), KEM_ID);
const HPKE_SUITE = concatBytes(toUtf8("HPKE"), KEM_ID, Uint8Array.of(0x00, 0x01, 0x00, 0x03));
const MODE_BASE = Uint8Array.of(0x00);
const SECRET_BYTES = 32;

/** `DeriveKeyPair` (section 7.1.3). */
export function hpkeDeriveKeyPair(input: Bytes): AgreementKeyPair {
  const prk = labeledExtract(KEM_SUITE, NOTHING, "dkp_prk", input);
  return agreementKeyPairFromSecret(labeledExpand(KEM_SUITE, prk, "sk", NOTHING, AGREEMENT_KEY_BYTES));
}

/** Seals one message to the holder of `publicKey`. - Fails: for a key of low order. */
export function hpkeSeal(
  random: Random,
  publicKey: Bytes,
  { info, aad, plaintext }: { readonly info: Bytes; readonly aad: Bytes; readonly plaintext: Bytes },
): Result<HpkeSealed, HpkeFailure> {
  const shared = encapsulate(random, publicKey);
  if (!shared.ok) return shared;
  const { key, nonce } = schedule(shared.value.secret, info);
  const ciphertext = chachaEncrypt(key, nonce, aad, plaintext);
  wipe(key);
  return ok({ enc: shared.value.enc, ciphertext });
}

/** Opens what `hpkeSeal` made for this key pair with the same `info` and `aad`. */
export function hpkeOpen(
  keyPair: AgreementKeyPair,
  { enc, ciphertext }: HpkeSealed,
  { info, aad }: { readonly info: Bytes; readonly aad: Bytes },
): Result<Bytes, HpkeFailure> {
  const secret = decapsulate(keyPair, enc);
  if (!secret.ok) return secret;
  const { key, nonce } = schedule(secret.value, info);
  const opened = chachaDecrypt(key, nonce, aad, ciphertext);
  wipe(key);
  return opened.ok ? opened : err({ type: "HpkeFailure" });
}

/** A secret that only the holder of `publicKey` can import (section 5.3). - Fails: for a key of low order. */
export function hpkeExport(
  random: Random,
  publicKey: Bytes,
  { info, context, length }: { readonly info: Bytes; readonly context: Bytes; readonly length: number },
): Result<{ readonly enc: Bytes; readonly secret: Bytes }, HpkeFailure> {
  const shared = encapsulate(random, publicKey);
  if (!shared.ok) return shared;
  const secret = exported(shared.value.secret, info, context, length);
  return ok({ enc: shared.value.enc, secret });
}

/** The other half of `hpkeExport`. */
export function hpkeImport(
  keyPair: AgreementKeyPair,
  enc: Bytes,
  { info, context, length }: { readonly info: Bytes; readonly context: Bytes; readonly length: number },
): Result<Bytes, HpkeFailure> {
  const secret = decapsulate(keyPair, enc);
  return secret.ok ? ok(exported(secret.value, info, context, length)) : secret;
}

function encapsulate(
  random: Random,
  publicKey: Bytes,
): Result<{ readonly enc: Bytes; readonly secret: Bytes }, HpkeFailure> {
  const ephemeral = agreementKeyPairFromSecret(random.bytes(AGREEMENT_KEY_BYTES));
  const secret = sharedSecret(ephemeral.secretKey, publicKey, concatBytes(ephemeral.publicKey, publicKey));
  wipe(ephemeral.secretKey);
  return secret.ok ? ok({ enc: ephemeral.publicKey, secret: secret.value }) : secret;
}

function decapsulate(keyPair: AgreementKeyPair, enc: Bytes): Result<Bytes, HpkeFailure> {
  return sharedSecret(keyPair.secretKey, enc, concatBytes(enc, keyPair.publicKey));
}

/** `ExtractAndExpand` (section 4.1). */
function sharedSecret(secretKey: Bytes, publicKey: Bytes, context: Bytes): Result<Bytes, HpkeFailure> {
  const agreed = agree(secretKey, publicKey);
  if (!agreed.ok) return err({ type: "HpkeFailure" });
  const prk = labeledExtract(KEM_SUITE, NOTHING, "eae_prk", agreed.value);
  wipe(agreed.value);
  return ok(labeledExpand(KEM_SUITE, prk, "shared_secret", context, SECRET_BYTES));
}

/** What `KeySchedule` (section 5.1) expands in base mode, and its context. */
function scheduleSecret(shared: Bytes, info: Bytes): { readonly secret: Bytes; readonly context: Bytes } {
  const context = concatBytes(
    MODE_BASE,
    labeledExtract(HPKE_SUITE, NOTHING, "psk_id_hash", NOTHING),
    labeledExtract(HPKE_SUITE, NOTHING, "info_hash", info),
  );
  const secret = labeledExtract(HPKE_SUITE, shared, "secret", NOTHING);
  wipe(shared);
  return { secret, context };
}

function schedule(shared: Bytes, info: Bytes): { readonly key: Bytes; readonly nonce: Bytes } {
  const { secret, context } = scheduleSecret(shared, info);
  const key = labeledExpand(HPKE_SUITE, secret, "key", context, CHACHA_KEY_BYTES);
  const nonce = labeledExpand(HPKE_SUITE, secret, "base_nonce", context, CHACHA_NONCE_BYTES);
  wipe(secret);
  return { key, nonce };
}

function exported(shared: Bytes, info: Bytes, exporterContext: Bytes, length: number): Bytes {
  const { secret, context } = scheduleSecret(shared, info);
  const exporter = labeledExpand(HPKE_SUITE, secret, "exp", context, SECRET_BYTES);
  const output = labeledExpand(HPKE_SUITE, exporter, "sec", exporterContext, length);
  wipe(secret, exporter);
  return output;
}

function labeledExtract(suite: Bytes, salt: Bytes, label: string, input: Bytes): Bytes {
  return hkdfExtract(salt, concatBytes(VERSION, suite, toUtf8(label), input));
}

function labeledExpand(suite: Bytes, key: Bytes, label: string, info: Bytes, length: number): Bytes {
  const sized = concatBytes(Uint8Array.of(length >> 8, length & 0xff), VERSION, suite, toUtf8(label), info);
  return hkdfExpand(key, sized, length);
}
