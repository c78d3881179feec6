/**
 * Sees every authenticated encryption of the process and remembers key and nonce: the same two with other plaintext, or
 * other associated data, is the fault that gives a key away.
 */
import { hash } from "node:crypto";
import { sodium } from "../../../core/crypto/sodium.ts";

export interface NonceLedger {
  /** Encryptions since the last `begin`. */
  count(): number;
  /** How many of them used a key and a nonce that had been used for something else. */
  reuses(): number;
  begin(): void;
}

const BAR = Buffer.from("|");
const latin1 = ({ buffer, byteOffset, length }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, length).toString("latin1");
const bytesOf = (given: Uint8Array | string): Uint8Array =>
  typeof given === "string" ? Buffer.from(given) : given;

/** Puts the ledger between the engine and libsodium. `cryptoReady` comes first. */
export function openNonceLedger(): NonceLedger {
  const used = new Map<string, string>();
  let count = 0;
  let reuses = 0;
  type Encrypt = typeof sodium.crypto_aead_xchacha20poly1305_ietf_encrypt;
  const watched =
    (encrypt: Encrypt) =>
    (...args: Parameters<Encrypt>) => {
      const [plaintext, aad, , nonce, key] = args;
      const place = `${latin1(key)}${latin1(nonce)}`;
      const content = hash("sha1", Buffer.concat([bytesOf(aad ?? ""), BAR, bytesOf(plaintext)]), "base64");
      const before = used.get(place);
      count += 1;
      if (before !== undefined && before !== content) reuses += 1;
      used.set(place, content);
      return Reflect.apply(encrypt, sodium, args);
    };
  Object.assign(sodium, {
    crypto_aead_xchacha20poly1305_ietf_encrypt: watched(sodium.crypto_aead_xchacha20poly1305_ietf_encrypt),
    // Of rooms, and of what is sealed to one key.
    crypto_aead_chacha20poly1305_ietf_encrypt: watched(sodium.crypto_aead_chacha20poly1305_ietf_encrypt),
  });
  return {
    count: () => count,
    reuses: () => reuses,
    begin() {
      used.clear();
      count = 0;
      reuses = 0;
    },
  };
}
