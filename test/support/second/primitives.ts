/**
 * A second implementation of docs/protocol/crypto.md, written from it and sharing nothing with `core`: node:crypto for
 * X25519, Ed25519, HMAC and HKDF; noble for BLAKE2b, XChaCha20-Poly1305 and X-Wing. For tests only.
 */
import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  type KeyObject,
  sign as nodeSign,
} from "node:crypto";
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { blake2b } from "@noble/hashes/blake2.js";
import { ml_kem768_x25519 as xwing } from "@noble/post-quantum/hybrid.js";

type Bytes = Uint8Array;

/** `‖` of the documents. */
export function join(...parts: readonly Bytes[]): Bytes {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

export function u32(value: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, false);
  return bytes;
}

export function utf8(text: string): Bytes {
  return new TextEncoder().encode(text);
}

export function hex(bytes: Bytes): string {
  return Buffer.from(bytes).toString("hex");
}

export function unhex(text: string): Bytes {
  return Uint8Array.from(Buffer.from(text, "hex"));
}

/** `utf8(label) ‖ 0x00`, as signatures and HKDF infos have it. */
export function labelled(label: string): Bytes {
  return join(utf8(label), Uint8Array.of(0));
}

function framed(label: string, parts: readonly Bytes[]): Bytes {
  return join(labelled(label), ...parts.flatMap((part) => [u32(part.length), part]));
}

/** CR1. */
export function hash(label: string, ...parts: readonly Bytes[]): Bytes {
  return blake2b(framed(label, parts), { dkLen: 32 });
}

/** CR2. */
export function kdf(key: Bytes, label: string, ...parts: readonly Bytes[]): Bytes {
  return blake2b(framed(label, parts), { key, dkLen: 32 });
}

/** CR2. */
export function hkdf(salt: Bytes, input: Bytes, info: Bytes, length: number): Bytes {
  return new Uint8Array(hkdfSync("sha256", input, salt, info, length));
}

export function hmac(key: Bytes, message: Bytes): Bytes {
  return new Uint8Array(createHmac("sha256", key).update(message).digest());
}

/** BLAKE2b-512, keyed, with no framing. */
export function blake2b512(key: Bytes, input: Bytes): Bytes {
  return blake2b(input, { key, dkLen: 64 });
}

export interface KeyPair {
  readonly secret: Bytes;
  readonly public: Bytes;
}

function importPrivate(curve: "X25519" | "Ed25519", secret: Bytes): KeyObject {
  const oid = curve === "X25519" ? "6e" : "70";
  const der = join(unhex(`302e020100300506032b65${oid}04220420`), secret);
  return createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" });
}

function rawPublic(key: KeyObject): Bytes {
  const der = createPublicKey(key).export({ format: "der", type: "spki" });
  return Uint8Array.from(der.subarray(der.length - 32));
}

export function x25519Pair(secret: Bytes): KeyPair {
  return { secret, public: rawPublic(importPrivate("X25519", secret)) };
}

export function x25519(secret: Bytes, publicKey: Bytes): Bytes {
  const der = join(unhex("302a300506032b656e032100"), publicKey);
  const peer = createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" });
  return Uint8Array.from(diffieHellman({ privateKey: importPrivate("X25519", secret), publicKey: peer }));
}

export function ed25519Pair(seed: Bytes): KeyPair {
  return { secret: seed, public: rawPublic(importPrivate("Ed25519", seed)) };
}

/** CR3. */
export function sign(seed: Bytes, label: string, message: Bytes): Bytes {
  return new Uint8Array(nodeSign(null, join(labelled(label), message), importPrivate("Ed25519", seed)));
}

export function xwingPair(seed: Bytes): KeyPair {
  return { secret: seed, public: xwing.keygen(seed).publicKey };
}

/** X-Wing with its 64 random bytes given. */
export function xwingEncapsulate(
  publicKey: Bytes,
  seed: Bytes,
): { readonly ciphertext: Bytes; readonly secret: Bytes } {
  const made = xwing.encapsulate(publicKey, seed);
  return { ciphertext: made.cipherText, secret: made.sharedSecret };
}

export function xwingDecapsulate(seed: Bytes, ciphertext: Bytes): Bytes {
  return xwing.decapsulate(ciphertext, xwing.keygen(seed).secretKey);
}

export function aeadSeal(key: Bytes, nonce: Bytes, aad: Bytes, plaintext: Bytes): Bytes {
  return xchacha20poly1305(key, nonce, aad).encrypt(plaintext);
}

/** Plaintext, or null. */
export function aeadOpen(key: Bytes, nonce: Bytes, aad: Bytes, ciphertext: Bytes): Bytes | null {
  try {
    return xchacha20poly1305(key, nonce, aad).decrypt(ciphertext);
  } catch {
    return null;
  }
}

export type Item = number | string | null | Bytes | readonly Item[];

/** CR6, for the few structures this implementation makes. */
export function cbor(item: Item): Bytes {
  if (item === null) return Uint8Array.of(0xf6);
  if (typeof item === "number") return item >= 0 ? head(0, item) : head(1, -1 - item);
  if (typeof item === "string") return join(head(3, utf8(item).length), utf8(item));
  if (item instanceof Uint8Array) return join(head(2, item.length), item);
  return join(head(4, item.length), ...item.map(cbor));
}

function head(major: number, argument: number): Bytes {
  const first = major << 5;
  if (argument < 24) return Uint8Array.of(first | argument);
  if (argument < 0x100) return Uint8Array.of(first | 24, argument);
  if (argument < 0x1_0000) return Uint8Array.of(first | 25, argument >> 8, argument & 0xff);
  if (argument < 0x1_0000_0000) return join(Uint8Array.of(first | 26), u32(argument));
  return join(
    Uint8Array.of(first | 27),
    u32(Math.floor(argument / 0x1_0000_0000)),
    u32(argument % 0x1_0000_0000),
  );
}
