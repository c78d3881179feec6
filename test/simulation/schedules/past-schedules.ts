/** Schedules that failed once, as small as they were found, each by what was wrong. */
import type { SchedulePlan } from "./schedule-plan.ts";

export const PAST_SCHEDULES: Readonly<Record<string, SchedulePlan>> = {
  "a snapshot made while a bucket waits to be erased counts as one without it [DE10]": {
    seed: "125",
    steps: [
      { type: "write", device: 1, count: 3 },
      { type: "write", device: 0, count: 1 },
      { type: "pass", ms: 53 },
      { type: "link" },
      { type: "sync", device: 1 },
      { type: "write", device: 0, count: 3 },
      { type: "write", device: 1, count: 3 },
      { type: "delete", device: 1, pick: 9 },
    ],
  },
  "what is to leave the server is counted by the seqs of an incarnation that is over [DE10] [IN7]": {
    seed: "11",
    steps: [
      { type: "write", device: 0, count: 2 },
      { type: "lie", device: 1, lie: "changes entries", forMs: 208 },
      { type: "pass", ms: 144 },
      { type: "redact", device: 2, pick: 2 },
    ],
  },
  "an own entry that was never read back stays for ever on a device that begins with a snapshot [SN25]": {
    seed: "246",
    steps: [
      { type: "lie", device: 2, lie: "hides entries", forMs: 90 },
      { type: "write", device: 0, count: 1 },
      { type: "pass", ms: 38 },
      { type: "offline", device: 0, forMs: 312 },
      { type: "delete", device: 1, pick: 3 },
      { type: "sync", device: 1 },
      { type: "pass", ms: 394 },
    ],
  },
  "what waited when the program started is not sent to an incarnation that lacks it [IN8]": {
    seed: "457",
    steps: [
      { type: "lie", device: 1, lie: "changes entries", forMs: 304 },
      { type: "write", device: 2, count: 1 },
      { type: "crash", device: 2, write: 12, moment: "after", forMs: 124 },
      { type: "write", device: 1, count: 2 },
      { type: "write", device: 2, count: 1 },
      { type: "pass", ms: 326 },
    ],
  },
  "a log that goes on from another past than the one read here is not put back [IN2]": {
    seed: "425",
    steps: [
      { type: "write", device: 2, count: 2 },
      { type: "lie", device: 2, lie: "changes entries", forMs: 591 },
      { type: "pass", ms: 230 },
      { type: "offline", device: 0, forMs: 47 },
      { type: "write", device: 1, count: 1 },
    ],
  },
  "whoever connects while the simulated server is put back stays with the records of before": {
    seed: "100552",
    steps: [
      { type: "backup" },
      { type: "put-back", device: 1 },
      { type: "restore" },
      { type: "pass", ms: 411 },
      { type: "write", device: 0, count: 2 },
    ],
  },
};
