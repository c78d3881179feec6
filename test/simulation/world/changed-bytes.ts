/** Bytes as somebody sends them who sends anything. */
import type { Bytes } from "../../../core/base/bytes.ts";
import { mutate } from "../../fuzz/mutate.ts";
import type { SeededRandom } from "../../support/seeded-random.ts";

/** What a changed part may weigh: most of what an entry takes. */
const CHANGED_BYTES_MAX = 100_000;

/** Bytes that were changed as CBOR: at least one, up to 100,000. */
export function changed(random: SeededRandom, bytes: Bytes): Bytes {
  const after = mutate(random, bytes, { form: "cbor", others: [bytes], words: [] });
  return after.length === 0 ? new Uint8Array(1) : after.subarray(0, CHANGED_BYTES_MAX);
}
