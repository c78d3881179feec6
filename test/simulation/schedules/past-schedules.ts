/** Schedules that failed once, as small as they were found, each by what was wrong. */
import { pass, type ScheduleLie, type SchedulePlan, type ScheduleStep } from "./schedule-plan.ts";

/** So many edits, each with the time to arrive. */
const edits = (device: number, count: number): readonly ScheduleStep[] =>
  Array.from({ length: count }, () => [{ type: "edit", device } as const, pass(20)]).flat();

/** A device is told this while the log begins anew with a snapshot of its sibling's. */
const toldAnew = (lie: ScheduleLie): SchedulePlan => ({
  seed: "107",
  steps: [
    { type: "offline", device: 1, forMs: 280 },
    { type: "backup" },
    { type: "write", device: 0, count: 1 },
    pass(60),
    { type: "restore" },
    { type: "lie", device: 1, lie, forMs: 586 },
    { type: "put-back", device: 0 },
    pass(400),
  ],
});

export const PAST_SCHEDULES: Readonly<Record<string, SchedulePlan>> = {
  "a snapshot made while a bucket waits to be erased counts as one without it [DE10]": {
    seed: "125",
    steps: [
      { type: "write", device: 1, count: 3 },
      { type: "write", device: 0, count: 1 },
      pass(53),
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
      pass(144),
      { type: "redact", device: 2, pick: 2 },
    ],
  },
  "an own entry that was never read back stays for ever on a device that begins with a snapshot [SN25]": {
    seed: "246",
    steps: [
      { type: "lie", device: 2, lie: "hides entries", forMs: 90 },
      { type: "write", device: 0, count: 1 },
      pass(38),
      { type: "offline", device: 0, forMs: 312 },
      { type: "delete", device: 1, pick: 3 },
      { type: "sync", device: 1 },
      pass(394),
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
      pass(326),
    ],
  },
  "a log that goes on from another past than the one read here is not put back [IN2]": {
    seed: "425",
    steps: [
      { type: "write", device: 2, count: 2 },
      { type: "lie", device: 2, lie: "changes entries", forMs: 591 },
      pass(230),
      { type: "offline", device: 0, forMs: 47 },
      { type: "write", device: 1, count: 1 },
    ],
  },
  "a device enters a log that begins anew without the snapshot it begins with, because that is shown changed [IN8]":
    toldAnew("cuts snapshots"),
  "a device enters a log that begins anew without the snapshot it begins with, because that is hidden [IN8]":
    toldAnew("hides snapshots"),
  "a bucket of a snapshot that is loaded no more is waited for, and never written anew [DE8]": {
    seed: "246",
    steps: [
      { type: "edit", device: 1 },
      { type: "write", device: 1, count: 1 },
      pass(20),
      { type: "write", device: 1, count: 1 },
      pass(20),
      ...edits(1, 4),
      { type: "write", device: 1, count: 1 },
      pass(20),
      { type: "lie", device: 0, lie: "cuts snapshots", forMs: 90 },
      { type: "write", device: 1, count: 1 },
      { type: "delete", device: 2, pick: 15 },
      { type: "backup" },
      { type: "write", device: 0, count: 1 },
      pass(20),
      ...edits(0, 2),
      { type: "write", device: 0, count: 1 },
      pass(20),
      { type: "restore" },
      { type: "lie", device: 1, lie: "hides snapshots", forMs: 407 },
      { type: "put-back", device: 0 },
      pass(400),
      { type: "sync", device: 1 },
      pass(60),
      { type: "sync", device: 1 },
      { type: "delete", device: 1, pick: 1 },
      { type: "write", device: 1, count: 2 },
      { type: "write", device: 2, count: 1 },
      { type: "crash", device: 0, write: 10, moment: "before", forMs: 312 },
      { type: "delete", device: 0, pick: 14 },
      { type: "offline", device: 1, forMs: 62 },
      pass(38),
      { type: "lie", device: 1, lie: "changes entries", forMs: 41 },
      pass(394),
    ],
  },
  "the first entries of a device in a log that was begun anew are of an epoch that is over, and only the next is taken [IN5] [LG7]":
    {
      seed: "400055",
      steps: [
        { type: "backup" },
        { type: "edit", device: 1 },
        pass(60),
        { type: "restore" },
        { type: "put-back", device: 1 },
        pass(400),
        { type: "rotate" },
        { type: "write", device: 1, count: 1 },
        { type: "delete", device: 1, pick: 0 },
        { type: "write", device: 1, count: 3 },
        { type: "offline", device: 1, forMs: 82 },
      ],
    },
  "what is sealed anew quotes an own entry that was shown changed, and not the one after it [AR8]": {
    seed: "403144",
    steps: [
      { type: "lie", device: 0, lie: "changes entries", forMs: 320 },
      { type: "write", device: 0, count: 1 },
      pass(20),
      pass(20),
      pass(300),
      { type: "delete", device: 0, pick: 1 },
      pass(251),
      { type: "write", device: 2, count: 3 },
      { type: "rotate" },
    ],
  },
  "whoever connects while the simulated server is put back stays with the records of before": {
    seed: "100552",
    steps: [
      { type: "backup" },
      { type: "put-back", device: 1 },
      { type: "restore" },
      pass(411),
      { type: "write", device: 0, count: 2 },
    ],
  },
  "a bucket whose heads were on disk when the power went, and the ops in it not yet, is loaded no more [SN27]":
    {
      seed: "543535",
      steps: [
        { type: "crash", device: 2, write: 7, moment: "after", forMs: 365 },
        { type: "sync", device: 1 },
        { type: "offline", device: 0, forMs: 1_000 },
        { type: "write", device: 1, count: 1 },
        pass(100),
        ...edits(1, 3),
        { type: "edit", device: 1 },
        pass(100),
        { type: "offline", device: 1, forMs: 10 },
        pass(800),
      ],
    },
  "two lies told in one answer undo each other, and nobody has anything to name": {
    seed: "520068",
    steps: [
      { type: "offline", device: 1, forMs: 475 },
      { type: "write", device: 1, count: 1 },
      { type: "offline", device: 1, forMs: 13 },
      { type: "lie", device: 1, lie: "changes blobs", forMs: 76 },
      { type: "write", device: 0, count: 1 },
      pass(20),
      ...edits(0, 2),
      { type: "crash", device: 2, write: 8, moment: "after", forMs: 275 },
      { type: "offline", device: 1, forMs: 1_000 },
      { type: "lie", device: 1, lie: "changes blobs", forMs: 112 },
      { type: "write", device: 0, count: 1 },
      pass(500),
    ],
  },
  "a device is revoked while it starts, and what waits for its start waits for ever": {
    seed: "526812",
    steps: [
      { type: "revoke", device: 2, victim: 1 },
      { type: "crash", device: 1, write: 1, moment: "after", forMs: 196 },
      { type: "write", device: 1, count: 3 },
      { type: "write", device: 1, count: 3 },
    ],
  },
  "a snapshot of who was told another entry is named by who was told none, and nobody seems to have given cause [SN34]":
    {
      seed: "607264",
      steps: [
        { type: "crash", device: 0, write: 2, moment: "before", forMs: 141 },
        { type: "clear", device: 0 },
        { type: "write", device: 0, count: 1 },
        pass(260),
        { type: "write", device: 1, count: 1 },
        { type: "offline", device: 2, forMs: 79 },
        { type: "write", device: 0, count: 1 },
        { type: "lie", device: 0, lie: "changes entries", forMs: 497 },
        pass(319),
        { type: "redact", device: 2, pick: 12 },
        { type: "edit", device: 1 },
        ...edits(1, 2),
        { type: "edit", device: 1 },
        { type: "link" },
        pass(200),
      ],
    },
};
