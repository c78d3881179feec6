/**
 * The ops of one device in one conversation that have arrived, as runs of `deviceSeq`. Rule MS6.
 *
 * `next` of the first run from 0 is the delivery frontier: everything below it is here. Pure.
 */
import { integer, list, type ShapeOf, struct } from "../codec/shape.ts";

export const FEED_RUNS_MAX = 4_096;

export const feedShape = struct({
  /** Ascending, disjoint, not touching: `[start, end)`. */
  runs: list(struct({ start: integer(0), end: integer(1) }), FEED_RUNS_MAX),
});
export type Feed = ShapeOf<typeof feedShape>;

export const EMPTY_FEED: Feed = { runs: [] };

/** Adds one op. Repetition changes nothing. Past `FEED_RUNS_MAX` gaps the last run is given up; it is asked for again. */
export function addToFeed(feed: Feed, deviceSeq: number): Feed {
  return addRunToFeed(feed, deviceSeq, deviceSeq + 1);
}

/** Adds all from `from` to before `until`. */
export function addRunToFeed(feed: Feed, from: number, until: number): Feed {
  const runs = [...feed.runs];
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((runs[middle]?.end ?? 0) < from) low = middle + 1;
    else high = middle;
  }
  const run = runs[low];
  if (run !== undefined && run.start <= from && until <= run.end) return feed;
  let start = from;
  let end = until;
  let removed = 0;
  for (let next = runs[low]; next !== undefined && next.start <= end; next = runs[low + removed]) {
    start = Math.min(start, next.start);
    end = Math.max(end, next.end);
    removed++;
  }
  runs.splice(low, removed, { start, end });
  if (runs.length > FEED_RUNS_MAX) runs.pop();
  return { runs };
}

/** How many ops are here without a gap from the first. */
export function frontierOf(feed: Feed): number {
  const first = feed.runs[0];
  return first !== undefined && first.start === 0 ? first.end : 0;
}

/** One past the highest `deviceSeq` that is here. */
export function feedEnd(feed: Feed): number {
  return feed.runs.at(-1)?.end ?? 0;
}
