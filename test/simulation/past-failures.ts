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
};
