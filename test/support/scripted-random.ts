/** A random source that gives what a test wrote down, in order, and nothing more. */
import { fromHex } from "../../core/base/bytes.ts";
import type { Random } from "../../core/base/random.ts";

/** Each draw must have the length of the next of `draws` (hexadecimal). */
export function scriptedRandom(...draws: readonly string[]): Random {
  const left = draws.map(fromHex);
  return {
    bytes(length) {
      const next = left.shift();
      if (next?.length !== length)
        throw new Error(`the script has ${next?.length} bytes, asked for ${length}`);
      return next;
    },
  };
}
