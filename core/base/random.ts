/**
 * Port: random bytes.
 *
 * libsodium's own generator draws four bytes a call (measured: 30 times slower), so its seeded and deterministic
 * forms are used everywhere with bytes from here.
 */
import { assert } from "./assert.ts";
import type { Bytes } from "./bytes.ts";

export interface Random {
  /** Fresh unpredictable bytes. */
  bytes(length: number): Bytes;
}

/** One draw of the platform's generator is cut into many small requests; a part is handed out once and then erased. */
const POOL_BYTES = 4096;

/**
 * The platform's generator (`crypto.getRandomValues`).
 *
 * - Fails: throws at creation when the platform has none; there is no fallback.
 */
export function createPlatformRandom(): Random {
  const source = globalThis.crypto;
  assert(typeof source?.getRandomValues === "function", "the platform has a cryptographic random source");
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  return {
    bytes(length) {
      if (length > POOL_BYTES / 8) {
        const large = new Uint8Array(length);
        for (let offset = 0; offset < length; offset += 65_536)
          source.getRandomValues(large.subarray(offset, Math.min(length, offset + 65_536)));
        return large;
      }
      if (used + length > POOL_BYTES) {
        source.getRandomValues(pool);
        used = 0;
      }
      const part = pool.slice(used, used + length);
      pool.fill(0, used, used + length);
      used += length;
      return part;
    },
  };
}
