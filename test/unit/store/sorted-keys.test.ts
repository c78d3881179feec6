/** Keys in order, as one sorted list of them has them. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createSortedKeys, RUN_KEYS_MAX } from "../../../core/store/sorted-keys.ts";
import type { ScanRange } from "../../../core/store/tx-store.ts";

/** What the definition of a range says, key by key. */
function selected(keys: ReadonlySet<string>, { prefix, after, limit, reverse = false }: ScanRange) {
  const sorted = [...keys].sort();
  const inside = (reverse ? sorted.reverse() : sorted).filter(
    (key) => key.startsWith(prefix) && (after === undefined || (reverse ? key < after : key > after)),
  );
  return inside.slice(0, limit ?? Infinity);
}

const arbitraryKey = fc.string({ unit: fc.constantFrom("a", "b", "/"), maxLength: 6 });

test("[ST6] keys come in their order, from any place, either way, whatever came in and went before", () => {
  const step = fc.record({ key: arbitraryKey, isIn: fc.boolean() });
  const range = fc.record(
    { prefix: arbitraryKey, after: arbitraryKey, limit: fc.nat(9), reverse: fc.boolean() },
    { requiredKeys: ["prefix"] },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.array(range, { minLength: 1 }), (steps, ranges) => {
      const [sorted, keys] = [createSortedKeys(), new Set<string>()];
      for (const { key, isIn } of steps) {
        if (isIn && !keys.has(key)) sorted.add(key);
        if (!isIn && keys.has(key)) sorted.remove(key);
        if (isIn) keys.add(key);
        else keys.delete(key);
      }
      for (const one of ranges) expect(sorted.select(one)).toEqual(selected(keys, one));
    }),
  );
});

test.each([RUN_KEYS_MAX - 1, RUN_KEYS_MAX, RUN_KEYS_MAX + 1, 5 * RUN_KEYS_MAX])(
  "[ST6] %d keys come in their order, however they came in",
  (count) => {
    const named = Array.from({ length: count }, (_, at) => `k/${String(at).padStart(6, "0")}`);
    const shuffled = named.map((_, at) => named[(at * 7919) % count] as string);
    for (const order of [named, named.toReversed(), shuffled]) {
      const [sorted, keys] = [createSortedKeys(), new Set(order)];
      for (const key of keys) sorted.add(key);
      const ranges: ScanRange[] = [{ prefix: "k/" }, { prefix: "k/", reverse: true }];
      for (const after of [named[0], named[RUN_KEYS_MAX / 2], named[count - 2]] as string[])
        for (const reverse of [false, true])
          ranges.push({ prefix: "k/", after, reverse }, { prefix: "", after, reverse, limit: RUN_KEYS_MAX });
      for (const one of ranges) expect(sorted.select(one)).toEqual(selected(keys, one));
      for (const key of order.slice(1)) {
        sorted.remove(key);
        keys.delete(key);
      }
      expect(sorted.select({ prefix: "" })).toEqual([...keys]);
      sorted.remove(order[0] as string);
      expect(sorted.select({ prefix: "" })).toEqual([]);
    }
  },
);
