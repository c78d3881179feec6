/**
 * Keys of single messages out of a ratchet (RFC 9420 sections 9.1 and 9.2).
 *
 * Of a message that was passed its key and nonce are kept and nothing else: the library keeps the secret they came from, and with it
 * all that was sent later could be opened again. It also copies what it keeps for each message it passes, so that a few hundred
 * bytes of any member's, which claim to be far ahead, took every device many seconds.
 */
import { type Bytes, concatBytes } from "../base/bytes.ts";
import { wipe } from "../crypto/secret.ts";
import type { CiphersuiteImpl } from "ts-mls";
import { deriveTreeSecret } from "ts-mls/crypto/kdf.js";
import { deriveKey, deriveNonce, type GenerationSecret } from "ts-mls/secretTree.js";
import { FORWARD_GENERATIONS_MAX, LATE_GENERATIONS_MAX } from "./group.ts";

/** What one message is sealed with, but for the sender's reuse guard. */
export interface MessageKey {
  readonly key: Bytes;
  readonly nonce: Bytes;
  /** The ratchet without it. */
  readonly next: GenerationSecret;
}

/** The key of the message of this generation. Null when it was taken, is too late, or too far ahead. - Secrets: all. */
export async function takeMessageKey(
  suite: CiphersuiteImpl,
  ratchet: GenerationSecret,
  generation: number,
): Promise<MessageKey | null> {
  const { [generation]: kept, ...others } = ratchet.unusedGenerations;
  if (generation < ratchet.generation)
    return kept === undefined ? null : cut(suite, kept, { ...ratchet, unusedGenerations: others });
  if (generation - ratchet.generation > FORWARD_GENERATIONS_MAX) return null;
  const passed: [number, Uint8Array][] = [];
  let { secret } = ratchet;
  for (let at = ratchet.generation; at < generation; at++) {
    if (at >= generation - LATE_GENERATIONS_MAX) passed.push([at, await keyAt(suite, secret, at)]);
    secret = await secretAfter(suite, secret, at, ratchet.secret);
  }
  const taken = await keyAt(suite, secret, generation);
  const unused = [...Object.entries(ratchet.unusedGenerations), ...passed].slice(-LATE_GENERATIONS_MAX);
  return cut(suite, taken, {
    secret: await secretAfter(suite, secret, generation, ratchet.secret),
    generation: generation + 1,
    unusedGenerations: Object.fromEntries(unused),
  });
}

async function keyAt(suite: CiphersuiteImpl, secret: Uint8Array, generation: number): Promise<Bytes> {
  const key = await deriveKey(secret, generation, suite);
  return concatBytes(key as Bytes, (await deriveNonce(secret, generation, suite)) as Bytes);
}

/** The next one; the one it came from is gone, unless it is the ratchet's, which stays as it is. */
async function secretAfter(
  { kdf }: CiphersuiteImpl,
  secret: Uint8Array,
  generation: number,
  ratchets: Uint8Array,
): Promise<Uint8Array> {
  const next = await deriveTreeSecret(secret, "secret", generation, kdf.size, kdf);
  if (secret !== ratchets) wipe(secret as Bytes);
  return next;
}

function cut({ hpke }: CiphersuiteImpl, taken: Uint8Array, next: GenerationSecret): MessageKey | null {
  if (taken.length !== hpke.keyLength + hpke.nonceLength) return null;
  return { key: taken.slice(0, hpke.keyLength), nonce: taken.slice(hpke.keyLength), next };
}
