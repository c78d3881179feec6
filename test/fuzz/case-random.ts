/** Random numbers of one case of the fuzzer: quick to begin, so that each case can be played again by itself. */
import { hash } from "node:crypto";
import type { SeededRandom } from "../support/seeded-random.ts";

/** sfc32, a generator of 128 bits of state, begun by a hash of `seed`. */
export function createCaseRandom(seed: string): SeededRandom {
  const state = new Uint32Array(new Uint8Array(hash("sha256", seed, "buffer")).buffer, 0, 4);
  let [a = 0, b = 0, c = 0, counter = 0] = state;

  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  const below = (limit: number): number => (limit <= 1 ? 0 : next() % limit);
  return {
    below,
    chance: (percent) => below(100) < percent,
    bytes(length) {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; at += 4) {
        const word = next();
        for (let i = at; i < Math.min(at + 4, length); i++) bytes[i] = (word >>> (8 * (i - at))) & 255;
      }
      return bytes;
    },
  };
}

/** One of `items`, of which there is at least one. */
export function pick<T>(random: SeededRandom, items: readonly T[]): T {
  const item = items[random.below(items.length)];
  if (item === undefined) throw new Error("there is something to pick from");
  return item;
}
