/** Times of ops under clocks that are wrong by years, in either direction. */
import { describe, expect, test } from "vitest";
import { OP_CLOCK_AHEAD_MAX_MS } from "../../../core/base/limits.ts";
import {
  HLC_MAX,
  HLC_TICKS_PER_MS,
  hlcToMs,
  isAhead,
  nextHlc,
  observeHlc,
} from "../../../core/messenger/hlc.ts";

const NOW_MS = 1_800_000_000_000;
const YEARS_MS = 10 * 365 * 86_400_000;
const at = (ms: number, counter = 0) => ms * HLC_TICKS_PER_MS + counter;

describe("[MS2] a new op", () => {
  test("is not before the clock and after all that was seen", () => {
    expect(nextHlc(0, NOW_MS)).toBe(at(NOW_MS));
    expect(nextHlc(at(NOW_MS - 5), NOW_MS)).toBe(at(NOW_MS));
    expect(nextHlc(at(NOW_MS), NOW_MS)).toBe(at(NOW_MS, 1));
    expect(nextHlc(at(NOW_MS + 60_000, 7), NOW_MS)).toBe(at(NOW_MS + 60_000, 8));
  });

  test("of a clock that is back by ten years, or before 1970, is still after what was seen", () => {
    expect(nextHlc(at(NOW_MS), NOW_MS - YEARS_MS)).toBe(at(NOW_MS, 1));
    expect(nextHlc(0, -5)).toBe(1);
  });

  test("stays below the limit, and everything up to it is a safe integer", () => {
    expect(nextHlc(HLC_MAX, NOW_MS)).toBe(HLC_MAX);
    expect(nextHlc(HLC_MAX - 1, NOW_MS)).toBe(HLC_MAX);
    expect(nextHlc(0, hlcToMs(HLC_MAX) + 1)).toBe(HLC_MAX);
    expect(Number.isSafeInteger(HLC_MAX)).toBe(true);
    expect(hlcToMs(HLC_MAX)).toBe(Date.UTC(2200, 0, 1));
  });

  test("a thousand of them in one millisecond are a thousand different times", () => {
    const times = new Set<number>();
    let last = 0;
    for (let i = 0; i < 5_000; i++) {
      last = nextHlc(last, NOW_MS);
      times.add(last);
    }
    expect(times.size).toBe(5_000);
  });
});

describe("[MS2] the time of somebody else's op", () => {
  test("moves ours when it is later and not too far ahead", () => {
    expect(observeHlc(at(NOW_MS), at(NOW_MS + 10), NOW_MS)).toBe(at(NOW_MS + 10));
    expect(observeHlc(at(NOW_MS), at(NOW_MS - 10), NOW_MS)).toBe(at(NOW_MS));
  });

  test("moves nothing when it is more than 24 hours ahead", () => {
    const limit = NOW_MS + OP_CLOCK_AHEAD_MAX_MS;
    expect(observeHlc(5, at(limit - 1), NOW_MS)).toBe(at(limit - 1));
    expect(observeHlc(5, at(limit, HLC_TICKS_PER_MS - 1), NOW_MS)).toBe(at(limit, HLC_TICKS_PER_MS - 1));
    expect(observeHlc(5, at(limit + 1), NOW_MS)).toBe(5);
    expect(observeHlc(5, at(NOW_MS + YEARS_MS), NOW_MS)).toBe(5);
    expect(isAhead(at(limit), NOW_MS)).toBe(false);
    expect(isAhead(at(limit + 1), NOW_MS)).toBe(true);
    expect(isAhead(HLC_MAX, NOW_MS)).toBe(true);
  });

  test("from ten years ago is taken as it is", () => {
    expect(observeHlc(at(NOW_MS), at(NOW_MS - YEARS_MS), NOW_MS)).toBe(at(NOW_MS));
    expect(isAhead(at(NOW_MS - YEARS_MS), NOW_MS)).toBe(false);
  });
});
