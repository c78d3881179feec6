/**
 * MLS cipher suite 3 (RFC 9420 section 17.1: X25519, ChaCha20-Poly1305, SHA-256, Ed25519) on our own suite folder.
 *
 * The library's default imports a WebCrypto key at every call; ours works on raw bytes and is several times faster. Random
 * bytes come from our port, so that a simulated world replays.
 */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import type { Result } from "../base/result.ts";
import {
  AGREEMENT_KEY_BYTES,
  type AgreementKeyPair,
  agreementKeyPairFromSecret,
} from "../crypto/agreement.ts";
import {
  CHACHA_KEY_BYTES,
  CHACHA_NONCE_BYTES,
  chachaDecrypt,
  chachaEncrypt,
} from "../crypto/chacha20-poly1305.ts";
import { hkdfExpand, hkdfExtract, hmacAnyKey } from "../crypto/hkdf.ts";
import { hpkeDeriveKeyPair, hpkeExport, hpkeImport, hpkeOpen, hpkeSeal } from "../crypto/hpke.ts";
import { equalSecret } from "../crypto/secret.ts";
import { sha256 } from "../crypto/sha256.ts";
import { rawSign, SIGN_SEED_BYTES, signKeyPairFromSeed } from "../crypto/sign.ts";
import { rawVerify } from "../crypto/verify.ts";
import type { CiphersuiteImpl, PrivateKey, PublicKey } from "ts-mls";

/** The only cipher suite of our groups. */
export const GROUP_CIPHER_SUITE = "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519";

const HASH_BYTES = 32;
const NOTHING: Bytes = new Uint8Array(0);

/** What the library holds as an opaque HPKE key. */
interface RawPublicKey {
  readonly type: "public";
  readonly bytes: Bytes;
}
interface RawPrivateKey {
  readonly type: "private";
  readonly pair: AgreementKeyPair;
}

/** The functions of the suite. They throw where the library expects it, which its one caller turns into results. */
export function createGroupCrypto(random: Random): CiphersuiteImpl {
  return {
    name: GROUP_CIPHER_SUITE,
    rng: { randomBytes: (length) => random.bytes(length) },
    hash: {
      digest: async (data) => sha256(own(data)),
      mac: async (key, data) => hmacAnyKey(own(key), own(data)),
      verifyMac: async (key, mac, data) => equalSecret(hmacAnyKey(own(key), own(data)), own(mac)),
    },
    kdf: {
      size: HASH_BYTES,
      extract: async (salt, input) => hkdfExtract(own(salt), own(input)),
      expand: async (key, info, length) => hkdfExpand(own(key), own(info), length),
    },
    signature: {
      sign: async (seed, message) => rawSign(signKeyPairFromSeed(own(seed)), own(message)),
      verify: async (publicKey, message, signature) =>
        rawVerify(own(publicKey), own(message), own(signature)).ok,
      keygen: async () => {
        const seed = random.bytes(SIGN_SEED_BYTES);
        return { signKey: seed, publicKey: signKeyPairFromSeed(seed).publicKey };
      },
    },
    hpke: hpkeOf(random),
  };
}

function hpkeOf(random: Random): CiphersuiteImpl["hpke"] {
  const generated = (pair: AgreementKeyPair) => ({
    privateKey: privateKey(pair),
    publicKey: publicKey(pair.publicKey),
  });
  return {
    keyLength: CHACHA_KEY_BYTES,
    nonceLength: CHACHA_NONCE_BYTES,
    seal: async (key, plaintext, info, aad) => {
      const part = { info: own(info), aad: own(aad ?? NOTHING), plaintext: own(plaintext) };
      const { enc, ciphertext } = expectGood(hpkeSeal(random, bytesOf(key), part));
      return { enc, ct: ciphertext };
    },
    open: async (key, enc, ciphertext, info, aad) =>
      expectGood(
        hpkeOpen(
          pairOf(key),
          { enc: own(enc), ciphertext: own(ciphertext) },
          { info: own(info), aad: own(aad ?? NOTHING) },
        ),
      ),
    exportSecret: async (key, context, length, info) =>
      expectGood(hpkeExport(random, bytesOf(key), { info: own(info), context: own(context), length })),
    importSecret: async (key, context, enc, length, info) =>
      expectGood(hpkeImport(pairOf(key), own(enc), { info: own(info), context: own(context), length })),
    importPrivateKey: async (key) => {
      refuseLength(key, AGREEMENT_KEY_BYTES);
      return privateKey(agreementKeyPairFromSecret(own(key)));
    },
    importPublicKey: async (key) => {
      refuseLength(key, AGREEMENT_KEY_BYTES);
      return publicKey(own(key));
    },
    exportPublicKey: async (key) => bytesOf(key),
    exportPrivateKey: async (key) => pairOf(key).secretKey,
    encryptAead: async (key, nonce, aad, plaintext) =>
      chachaEncrypt(own(key), own(nonce), own(aad ?? NOTHING), own(plaintext)),
    decryptAead: async (key, nonce, aad, ciphertext) =>
      expectGood(chachaDecrypt(own(key), own(nonce), own(aad ?? NOTHING), own(ciphertext))),
    deriveKeyPair: async (input) => generated(hpkeDeriveKeyPair(own(input))),
    generateKeyPair: async () => generated(agreementKeyPairFromSecret(random.bytes(AGREEMENT_KEY_BYTES))),
  };
}

/** Why a call of the library fails; whoever calls the library turns it into a result. */
class GroupCryptoError extends Error {}

function expectGood<T, E extends { readonly type: string }>(result: Result<T, E>): T {
  if (!result.ok) throw new GroupCryptoError(result.error.type);
  return result.value;
}

function refuseLength(key: Uint8Array, length: number): void {
  if (key.length !== length) throw new GroupCryptoError("WrongKeyLength");
}

/** The library's bytes over a plain buffer; it hands out views of what it read. */
function own(bytes: Uint8Array): Bytes {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Bytes) : new Uint8Array(bytes);
}

// The library passes HPKE keys through as they are and declares them as WebCrypto's; nothing else can look inside.
function publicKey(bytes: Bytes): PublicKey {
  const key: RawPublicKey = { type: "public", bytes };
  return key as unknown as PublicKey;
}

function privateKey(pair: AgreementKeyPair): PrivateKey {
  const key: RawPrivateKey = { type: "private", pair };
  return key as unknown as PrivateKey;
}

function bytesOf(key: PublicKey): Bytes {
  const raw = key as unknown as RawPublicKey;
  assert(raw.bytes instanceof Uint8Array, "an HPKE public key is one of ours");
  return raw.bytes;
}

function pairOf(key: PrivateKey): AgreementKeyPair {
  const raw = key as unknown as RawPrivateKey;
  assert(raw.pair !== undefined, "an HPKE private key is one of ours");
  return raw.pair;
}
