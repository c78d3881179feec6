/** Runs of a device's ops, compared with a set. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decode, encode } from "../../../core/codec/shape.ts";
import {
  addToFeed,
  EMPTY_FEED,
  type Feed,
  feedEnd,
  feedShape,
  FEED_RUNS_MAX,
  frontierOf,
} from "../../../core/messenger/feed.ts";

const feedOf = (seqs: Iterable<number>): Feed => [...seqs].reduce(addToFeed, EMPTY_FEED);

function runsOf(seqs: ReadonlySet<number>): Feed["runs"] {
  const runs: { start: number; end: number }[] = [];
  for (const seq of [...seqs].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last?.end === seq) last.end = seq + 1;
    else runs.push({ start: seq, end: seq + 1 });
  }
  return runs;
}

describe("[MS6] a feed", () => {
  test("says the same as the set of what was added, in any order, with repetitions", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60), { maxLength: 120 }), (seqs) => {
        const set = new Set(seqs);
        const feed = feedOf(seqs);
        expect(feed.runs).toEqual(runsOf(set));
        let frontier = 0;
        while (set.has(frontier)) frontier++;
        expect(frontierOf(feed)).toBe(frontier);
        expect(feedEnd(feed)).toBe(set.size === 0 ? 0 : Math.max(...set) + 1);
      }),
      { numRuns: 1_000 },
    );
  });

  test("is the same feed when nothing was new", () => {
    const feed = feedOf([1, 2, 3, 7]);
    expect(addToFeed(feed, 2)).toBe(feed);
    expect(addToFeed(feed, 7)).toBe(feed);
  });

  test("has no frontier while the first op is missing", () => {
    expect(frontierOf(EMPTY_FEED)).toBe(0);
    expect(frontierOf(feedOf([1, 2, 3]))).toBe(0);
    expect(frontierOf(feedOf([1, 2, 3, 0]))).toBe(4);
  });

  test("keeps 4,096 runs; above that the last is given up, which is asked for again", () => {
    const even = (count: number) => Array.from({ length: count }, (_, i) => 2 * i);
    const full = feedOf(even(FEED_RUNS_MAX));
    expect(full.runs.length).toBe(FEED_RUNS_MAX);
    expect(decode(feedShape, encode(feedShape, full)).ok).toBe(true);
    const over = addToFeed(full, 2 * FEED_RUNS_MAX);
    expect(over).toEqual(full);
    const between = addToFeed(addToFeed(full, 2 * FEED_RUNS_MAX - 1), 2 * FEED_RUNS_MAX + 5);
    expect(between.runs.length).toBe(FEED_RUNS_MAX);
    expect(frontierOf(addToFeed(full, 1))).toBe(3);
  });
});
