/** Stories that failed once, by what was wrong, as they were when they had become as small as they would get. */
import type { StoryPlan } from "./world/story-plan.ts";

/** Each is played by every run of the tests. */
export const PAST_FAILURES: Readonly<Record<string, StoryPlan>> = {
  "an edit that a full disk refused was shown here and told nobody": {
    seed: "192",
    devicesByPerson: [2, 2],
    server: "memory",
    steps: [
      { type: "disk-full", device: 10, forMs: 2_353 },
      { type: "edit", device: 14, what: "tag", pick: 37 },
    ],
    isWatched: true,
  },
  "a device that was linked and never seen again held up what its siblings could read": {
    seed: "86",
    devicesByPerson: [2, 2],
    server: "sqlite",
    steps: [
      { type: "link", device: 0, isAbandoned: true },
      { type: "pass", ms: 12_000 },
      { type: "send", device: 2, to: 0, count: 2 },
    ],
    isWatched: true,
  },
  "a power cut between a sibling's change and the rows of its messages hid them": {
    seed: "23",
    devicesByPerson: [8, 2],
    server: "sqlite",
    steps: [
      { type: "crash", device: 42, write: 1, moment: "before" },
      { type: "crash", device: 21, write: 18, moment: "after" },
      { type: "pass", ms: 181 },
      { type: "pass", ms: 331 },
      { type: "send", device: 15, to: 5, count: 3 },
      { type: "pass", ms: 175 },
      { type: "send", device: 36, to: 0, count: 1 },
      { type: "send", device: 35, to: 1, count: 1 },
      { type: "send", device: 53, to: 1, count: 2 },
      { type: "pass", ms: 272 },
    ],
    isWatched: true,
  },
};
