/** What a device goes by when its clock, or its server's, says anything. */
import { describe, expect, test } from "vitest";
import {
  CALENDAR_GAP_MS_MAX,
  CLOCK_ABSENCE_MS_MAX,
  CLOCK_DIFFERS_MS,
  OP_CLOCK_AHEAD_MAX_MS,
} from "../../../../core/base/limits.ts";
import {
  clockDifference,
  countedStepMs,
  earliestTime,
  farthestTime,
  hearTime,
  isSameDifference,
  latestTime,
  likelyTime,
  lookAtTime,
  surestTime,
  writingTime,
} from "../../../../core/client/calendar/known-times.ts";
import { createTimes } from "../../../../core/client/calendar/times.ts";
import { createTables } from "../../../../core/client/tables.ts";
import { createMemoryTxStore } from "../../../../core/store/memory-tx-store.ts";
import { createAdjustableClock } from "../../../support/adjustable-clock.ts";
import { good } from "../../../support/client-world.ts";
import { createManualClock } from "../../../support/manual-clock.ts";

const NOW_MS = 1_800_000_000_000;
const DAY_MS = 86_400_000;
const TEN_YEARS_MS = 3_652 * DAY_MS;
const HOUR_MS = 3_600_000;

const began = lookAtTime(null, NOW_MS);
const told = hearTime(began, NOW_MS, NOW_MS);

describe("[CA7] counted time", () => {
  test("begins with the clock and grows with it", () => {
    expect(lookAtTime(began, NOW_MS + 5).steadyMs).toBe(NOW_MS + 5);
  });

  test.each([
    [CALENDAR_GAP_MS_MAX - 1, CALENDAR_GAP_MS_MAX - 1],
    [CALENDAR_GAP_MS_MAX, CALENDAR_GAP_MS_MAX],
    [CALENDAR_GAP_MS_MAX + 1, 0],
    [-1, 0],
    [TEN_YEARS_MS, 0],
    [-TEN_YEARS_MS, 0],
  ])("a jump of %i ms counts as %i", (jumpMs, countedMs) => {
    expect(lookAtTime(began, NOW_MS + jumpMs).steadyMs).toBe(NOW_MS + countedMs);
  });

  test("a long absence counts when both clocks have seen it pass, and not when one of them has", () => {
    const yearMs = 400 * DAY_MS;
    const away = lookAtTime(told, NOW_MS + yearMs);
    expect(away.steadyMs).toBe(NOW_MS);
    expect(hearTime(away, NOW_MS + yearMs, NOW_MS + yearMs).steadyMs).toBe(NOW_MS + yearMs);
    expect(hearTime(away, NOW_MS, NOW_MS + yearMs).steadyMs).toBe(NOW_MS);
    expect(hearTime(told, NOW_MS + yearMs, NOW_MS).steadyMs).toBe(NOW_MS);
  });
});

describe("[CA8] what the server says", () => {
  test("changes nothing while both say about the same", () => {
    for (const byMs of [0, OP_CLOCK_AHEAD_MAX_MS, -OP_CLOCK_AHEAD_MAX_MS]) {
      const near = hearTime(began, NOW_MS + byMs, NOW_MS);
      for (const time of [earliestTime, likelyTime]) expect(time(near, NOW_MS)).toBe(NOW_MS);
      expect(latestTime(near, NOW_MS, 0)).toBe(NOW_MS);
    }
    const far = hearTime(began, NOW_MS + OP_CLOCK_AHEAD_MAX_MS + 1, NOW_MS);
    expect(latestTime(far, NOW_MS, 0)).toBe(NOW_MS + OP_CLOCK_AHEAD_MAX_MS + 1);
  });

  test("is gone on from by this clock, as long as nobody would be away", () => {
    const ahead = hearTime(began, NOW_MS - TEN_YEARS_MS, NOW_MS);
    const later = (ms: number) => likelyTime(ahead, NOW_MS + ms) - (NOW_MS - TEN_YEARS_MS);
    expect(later(HOUR_MS)).toBe(HOUR_MS);
    expect(later(CLOCK_ABSENCE_MS_MAX)).toBe(CLOCK_ABSENCE_MS_MAX);
    expect(later(CLOCK_ABSENCE_MS_MAX + 1)).toBe(0);
  });
});

describe("[CA9] the time of what is written and of what is shown", () => {
  test("a clock that is ahead writes by the server's, and shows by its own", () => {
    const ahead = NOW_MS + TEN_YEARS_MS;
    expect(earliestTime(told, ahead)).toBe(NOW_MS);
    expect(latestTime(told, ahead, 0)).toBe(ahead);
  });

  test("a clock that is behind writes by its own, and shows by the server's", () => {
    const behind = NOW_MS - TEN_YEARS_MS;
    expect(earliestTime(told, behind)).toBe(behind);
    expect(latestTime(told, behind, 0)).toBe(NOW_MS);
  });

  test("without a word of a server its own is all there is", () => {
    expect([earliestTime(began, NOW_MS + TEN_YEARS_MS), latestTime(began, NOW_MS, 0)]).toEqual([
      NOW_MS + TEN_YEARS_MS,
      NOW_MS,
    ]);
  });
});

test("[RM36] what cannot be undone goes by the earlier of the two, however little they differ", () => {
  for (const byMs of [1, HOUR_MS, TEN_YEARS_MS]) {
    expect(surestTime(hearTime(began, NOW_MS, NOW_MS + byMs), NOW_MS + byMs)).toBe(NOW_MS);
    expect(surestTime(hearTime(began, NOW_MS, NOW_MS - byMs), NOW_MS - byMs)).toBe(NOW_MS - byMs);
  }
  expect(surestTime(began, NOW_MS)).toBe(NOW_MS);
});

test("[RM34][RM35] for how long messages stay the server's word counts, however little it differs, and puts back by a day at most", () => {
  for (const byMs of [1, HOUR_MS, OP_CLOCK_AHEAD_MAX_MS]) {
    expect(writingTime(hearTime(began, NOW_MS, NOW_MS + byMs), NOW_MS + byMs)).toBe(NOW_MS);
    expect(writingTime(hearTime(began, NOW_MS, NOW_MS - byMs), NOW_MS - byMs)).toBe(NOW_MS);
    expect(farthestTime(hearTime(began, NOW_MS, NOW_MS - byMs), NOW_MS - byMs)).toBe(NOW_MS);
    expect(farthestTime(hearTime(began, NOW_MS, NOW_MS + byMs), NOW_MS + byMs)).toBe(NOW_MS + byMs);
  }
  const lying = hearTime(began, NOW_MS - TEN_YEARS_MS, NOW_MS);
  expect(writingTime(lying, NOW_MS)).toBe(NOW_MS - OP_CLOCK_AHEAD_MAX_MS);
  expect([writingTime(began, NOW_MS), farthestTime(began, NOW_MS)]).toEqual([NOW_MS, NOW_MS]);
});

describe("[CA11] a person is told", () => {
  test.each([
    [CLOCK_DIFFERS_MS - 1, null],
    [CLOCK_DIFFERS_MS, { hours: 1, isAhead: true }],
    [CLOCK_DIFFERS_MS + 1, { hours: 1, isAhead: true }],
    [-CLOCK_DIFFERS_MS, { hours: 1, isAhead: false }],
    [TEN_YEARS_MS, { hours: 87_648, isAhead: true }],
  ])("of %i ms: %o", (byMs, difference) => {
    expect(clockDifference(NOW_MS, NOW_MS + byMs)).toEqual(difference);
  });

  test("once, as long as it is about the same", () => {
    const is = { hours: 40, isAhead: true };
    expect(isSameDifference(is, { hours: 41, isAhead: true })).toBe(true);
    expect(isSameDifference(is, { hours: 42, isAhead: true })).toBe(false);
    expect(isSameDifference(is, { hours: 40, isAhead: false })).toBe(false);
  });
});

test("[CA9] a clock that was behind when the server said the time, and is set right, has not seen weeks pass", async () => {
  const store = createMemoryTxStore();
  const clock = createAdjustableClock(createManualClock());
  const realMs = clock.nowMs();
  const times = createTimes({ clock, store, tables: createTables(store), onCompared: () => {} });
  good(await times.start());
  clock.adjust(-30 * DAY_MS);
  good(await times.told(realMs));
  expect(times.latestMs()).toBe(realMs);
  clock.adjust(HOUR_MS);
  expect(times.latestMs()).toBe(realMs + HOUR_MS);
  // Set right, and an hour later: what was jumped over is not counted.
  clock.adjust(30 * DAY_MS);
  expect(times.latestMs()).toBe(realMs + HOUR_MS);
});

test.each([
  [CLOCK_DIFFERS_MS - 1, CLOCK_DIFFERS_MS - 1],
  [CLOCK_DIFFERS_MS, CLOCK_DIFFERS_MS],
  [CLOCK_DIFFERS_MS + 1, 0],
  [-1, 0],
])("[CA9] of %i ms between two looks %i count for what is shown", (passedMs, countedMs) => {
  expect(countedStepMs(NOW_MS, NOW_MS + passedMs)).toBe(countedMs);
});

test("[RM36] after a jump ahead nothing is certain until the server has said the time again", async () => {
  const store = createMemoryTxStore();
  const clock = createAdjustableClock(createManualClock());
  const times = createTimes({ clock, store, tables: createTables(store), onCompared: () => {} });
  good(await times.start());
  expect(times.isHeard()).toBe(false);
  good(await times.told(clock.nowMs()));
  // An hour between two looks is as long as a timer of ours may sleep twice.
  for (const stepMs of [HOUR_MS, HOUR_MS, -DAY_MS, HOUR_MS]) {
    clock.adjust(stepMs);
    expect(times.isHeard()).toBe(true);
  }
  clock.adjust(CLOCK_DIFFERS_MS + 1);
  expect(times.isHeard()).toBe(false);
  good(await times.told(clock.nowMs()));
  expect(times.isHeard()).toBe(true);
  clock.adjust(DAY_MS);
  times.surelyMs();
  expect(times.isHeard()).toBe(false);
});

test("[CA7] [CA8] all of it is there after a restart, under a clock that has jumped meanwhile", async () => {
  const store = createMemoryTxStore();
  const tables = createTables(store);
  const clock = createAdjustableClock(createManualClock());
  const start = async () => {
    const times = createTimes({ clock, store, tables, onCompared: () => {} });
    good(await times.start());
    return times;
  };
  const realMs = clock.nowMs();
  const first = await start();
  good(await first.told(realMs));
  clock.adjust(TEN_YEARS_MS);
  const second = await start();
  for (const ms of [second.steadyMs(), second.earliestMs(), second.likelyMs()])
    expect(Math.abs(ms - realMs)).toBeLessThan(HOUR_MS);
  expect(second.latestMs()).toBeGreaterThan(realMs + TEN_YEARS_MS - HOUR_MS);
});
