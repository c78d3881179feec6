/** Schedules of one account: no operation is lost, nothing deleted comes back, and a seed says what happens. */
import { automergeReady, cryptoReady } from "@dovetail/core";
import { expect, test } from "vitest";
import { SCHEDULE_LIES } from "./schedules/schedule-plan.ts";
import { PAST_SCHEDULES } from "./schedules/past-schedules.ts";
import { countLies, playManySchedules, playNamedSchedules } from "./schedules/play-many-schedules.ts";
import { playSchedule } from "./schedules/play-schedule.ts";

const SCHEDULES = 200;
const DISK_SCHEDULES = 60;
const PATIENCE_MS = 600_000;

test(
  "schedules that failed once come to a good end",
  async () => {
    const { failed, played } = await playNamedSchedules("past");
    expect(failed).toEqual([]);
    expect(played).toBe(Object.keys(PAST_SCHEDULES).length);
  },
  PATIENCE_MS,
);

test(
  "every lie about history is told where a device asks, is named where it could do harm, and loses nothing",
  async () => {
    const { failed, tally } = await playNamedSchedules("lies");
    expect(failed).toEqual([]);
    for (const lie of SCHEDULE_LIES) expect(new Map(tally).get(`told: ${lie}`), lie).toBeGreaterThan(0);
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
    const lies = countLies(report.tally);
    expect(lies.drawn).toBeGreaterThan(SCHEDULES / 4);
    expect(lies.told).toBeGreaterThan(0.6 * lies.drawn);
  },
  PATIENCE_MS,
);

test(
  "a device whose disk is put back to before what its siblings have of it is told so, and its account goes on [AR8]",
  async () => {
    const { failed, played, tally } = await playManySchedules({
      from: 700_001,
      count: DISK_SCHEDULES,
      jobs: 2,
      diskPercent: 100,
    });
    expect(failed).toEqual([]);
    expect(played).toBe(DISK_SCHEDULES);
    for (const what of ["set-back", "set back, told and revoked", "emptied and revoked"])
      expect(tally.get(what), what).toBeGreaterThan(0);
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

test("that break are the same again, whoever asks for them", async () => {
  await cryptoReady();
  await automergeReady();
  const noDevice = { seed: "1", steps: [{ type: "sync", device: -1 } as const] };
  const once = await playSchedule(noDevice);
  const again = await playSchedule(noDevice);
  expect(once.faults).toEqual([expect.stringMatching(/^it broke/)]);
  expect(again.traceHash).toBe(once.traceHash);
});
