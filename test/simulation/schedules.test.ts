/** Schedules of one account: no operation is lost, nothing deleted comes back, and a seed says what happens. */
import { expect, test } from "vitest";
import { PAST_SCHEDULES } from "./schedules/past-schedules.ts";
import { playManySchedules, playPastSchedules } from "./schedules/play-many-schedules.ts";

const SCHEDULES = 200;
const PATIENCE_MS = 600_000;

test(
  "schedules that failed once come to a good end",
  async () => {
    const { failed, played } = await playPastSchedules();
    expect(failed).toEqual([]);
    expect(played).toBe(Object.keys(PAST_SCHEDULES).length);
  },
  PATIENCE_MS,
);

test(
  "orders of writes, deletions, snapshots, crashes, absences and lies keep every promise",
  async () => {
    const report = await playManySchedules({ from: 1, count: SCHEDULES, jobs: 2 });
    expect(report.failed).toEqual([]);
    expect(report.played).toBe(SCHEDULES);
    for (const what of ["crash", "reclaim", "restore", "revoke", "link", "clear", "accounts put back"])
      expect(report.tally.get(what), what).toBeGreaterThan(0);
  },
  PATIENCE_MS,
);

test(
  "are the same again, event for event",
  async () => {
    const once = await playManySchedules({ from: 5_000, count: 10, jobs: 2 });
    const again = await playManySchedules({ from: 5_000, count: 10, jobs: 1 });
    expect(Object.fromEntries(again.hashBySeed)).toEqual(Object.fromEntries(once.hashBySeed));
    expect(new Set(once.hashBySeed.values()).size).toBe(10);
  },
  PATIENCE_MS,
);
