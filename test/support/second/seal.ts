/** SEAL and padding of docs/protocol/crypto.md, CR4 and CR5, a second time. */
import { aeadOpen, aeadSeal, blake2b512, cbor, hash, hex, join } from "./primitives.ts";

type Bytes = Uint8Array;

export interface SealInput {
  readonly key: Bytes;
  readonly label: string;
  readonly aad: Bytes;
}

/** CR4 with the nonce given. */
export function seal(input: SealInput, nonce: Bytes, plaintext: Bytes): Bytes {
  const okm = expand(input, nonce);
  return join(nonce, okm.slice(32, 64), aeadSeal(okm.slice(0, 32), nonce, input.aad, plaintext));
}

/** Plaintext, or null. */
export function unseal(input: SealInput, sealed: Bytes): Bytes | null {
  const nonce = sealed.slice(0, 24);
  const okm = expand(input, nonce);
  if (hex(sealed.slice(24, 56)) !== hex(okm.slice(32, 64))) return null;
  return aeadOpen(okm.slice(0, 32), nonce, input.aad, sealed.slice(56));
}

function expand({ key, label, aad }: SealInput, nonce: Bytes): Bytes {
  return blake2b512(key, cbor([label, nonce, hash("dovetail/1/seal-aad", aad)]));
}

/** CR5. */
export function pad(data: Bytes): Bytes {
  const length = Math.max(256, padme(data.length + 1));
  return join(data, Uint8Array.of(0x80), new Uint8Array(length - data.length - 1));
}

/** PADMÉ by integers, bit by bit. */
export function padme(length: number): number {
  if (length < 2) return length;
  const exponent = length.toString(2).length - 1;
  const sizeBits = exponent.toString(2).length;
  const unit = 2n ** BigInt(Math.max(0, exponent - sizeBits));
  return Number(((BigInt(length) + unit - 1n) / unit) * unit);
}
