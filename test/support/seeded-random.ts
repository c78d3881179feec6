/** Random bytes that a seed repeats, for tests only. */
import { hash } from "node:crypto";
import type { Random } from "../../core/base/random.ts";

export interface SeededRandom extends Random {
  /** Integer from 0 to `below - 1`. */
  below(below: number): number;
  /** True in `percent` of a hundred cases. */
  chance(percent: number): boolean;
}

/** SHA-256 in counter mode over `seed`: the same seed gives the same bytes on every machine. */
export function createSeededRandom(seed: string | number): SeededRandom {
  let counter = 0;
  let block: Uint8Array = new Uint8Array(0);
  const bytes = (length: number): Uint8Array => {
    const out = new Uint8Array(length);
    for (let offset = 0; offset < length; ) {
      if (block.length === 0) block = hash("sha256", `${seed}/${counter++}`, "buffer");
      const part = block.subarray(0, length - offset);
      out.set(part, offset);
      block = block.subarray(part.length);
      offset += part.length;
    }
    return out;
  };
  const below = (limit: number): number => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes(4);
    return (((a << 24) | (b << 16) | (c << 8) | d) >>> 0) % limit;
  };
  return { bytes, below, chance: (percent) => below(100) < percent };
}
