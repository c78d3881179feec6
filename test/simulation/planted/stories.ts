/** Short stories that together do everything, so that a planted fault is found in the first one or two. */
import type { Step, StoryPlan } from "../world/story-plan.ts";
import type { StoryName } from "./faults.ts";

const say = (device: number, count = 2): Step => ({ type: "send", device, to: 0, count });
const pass = (ms: number): Step => ({ type: "pass", ms });
const tag = (device: number, pick: number): Step => ({ type: "edit", device, what: "tag", pick });

const forget = (device: number, pick: number, isForAll = false): Step => ({
  type: "delete",
  device,
  pick,
  isForAll,
});

type WorldName = Exclude<StoryName, "late" | "log">;

const STEPS_BY_STORY: Readonly<Record<WorldName, readonly Step[]>> = {
  calm: [
    say(0),
    say(2),
    pass(400),
    say(1),
    say(3),
    tag(0, 1),
    tag(1, 2),
    pass(900),
    { type: "edit", device: 2, what: "star", pick: 1 },
    say(0, 4),
    say(1, 4),
    pass(900),
    { type: "reset", device: 0 },
    pass(300),
    say(2),
    say(0),
    pass(2_500),
  ],
  power: [1, 2, 3, 4, 5, 6, 8, 10, 13, 15, 17].flatMap((write): Step[] => [
    { type: "crash", device: write % 4, write, moment: write % 2 === 0 ? "before" : "after" },
    say(write % 4),
    say((write + 2) % 4),
    tag((write + 1) % 4, write),
    pass(450),
  ]),
  ways: [
    { type: "lossy", device: 0, percent: 60, forMs: 9_000 },
    { type: "lossy", device: 2, percent: 60, forMs: 9_000 },
    say(0, 4),
    say(2, 4),
    pass(600),
    say(1, 4),
    { type: "cut", device: 1, forMs: 2_000 },
    say(1, 3),
    pass(900),
    { type: "reset", device: 0 },
    say(0, 4),
    { type: "reset", device: 2 },
    say(2, 4),
    pass(1_200),
    { type: "swizzle", order: 5 },
    say(0, 3),
    say(3, 3),
    tag(1, 3),
    pass(2_000),
    { type: "reset", device: 0 },
    pass(500),
  ],
  server: [
    say(0),
    { type: "server-crash", forMs: 700 },
    say(1),
    say(2),
    pass(900),
    say(3),
    pass(30),
    { type: "server-crash", forMs: 100 },
    tag(0, 1),
    say(1, 4),
    pass(1_500),
  ],
  devices: [
    { type: "link", device: 0, isAbandoned: true },
    pass(12_000),
    say(0),
    { type: "rotate", device: 0 },
    tag(1, 1),
    say(1),
    say(2),
    pass(60),
    tag(0, 2),
    say(0),
    tag(1, 4),
    pass(700),
    { type: "link", device: 0 },
    pass(150),
    { type: "clog", device: 4, forMs: 9_000 },
    say(2),
    pass(6_000),
    say(3),
    say(0),
    { type: "revoke", device: 1, victim: 0 },
    pass(400),
    say(1),
    say(0),
    { type: "rotate", device: 2 },
    say(2),
    pass(1_000),
  ],
  deletes: [
    say(0, 4),
    say(2, 3),
    pass(1_500),
    { type: "cut", device: 1, forMs: 9_000 },
    forget(0, 1),
    say(1, 3),
    pass(300),
    forget(2, 1, true),
    pass(900),
    forget(0, 0, true),
    { type: "crash", device: 0, write: 3, moment: "after" },
    forget(0, 2),
    say(3, 2),
    pass(2_500),
    { type: "reset", device: 0 },
    forget(3, 1),
    { type: "crash", device: 2, write: 5, moment: "before" },
    forget(2, 0, true),
    pass(12_000),
    say(1),
    forget(1, 1),
    pass(40_000),
  ],
  disks: [
    { type: "disk-full", device: 1, forMs: 900 },
    tag(1, 1),
    pass(200),
    say(0),
    say(2),
    pass(1_200),
    { type: "disk-full", device: 2, forMs: 900 },
    say(0),
    pass(900),
    { type: "slow-disk", device: 0, maxMs: 60 },
    say(0, 4),
    pass(800),
  ],
};

/** The story of that name. */
export function storyNamed(name: WorldName): StoryPlan {
  const steps = STEPS_BY_STORY[name];
  return {
    seed: `planted/${name}`,
    devicesByPerson: [2, 2],
    server: "sqlite",
    steps,
    isWatched: name !== "calm",
  };
}

/** Every story, `first` first. */
export function storiesFrom(first: StoryName): readonly StoryPlan[] {
  const names: readonly WorldName[] = ["calm", "power", "ways", "server", "devices", "disks", "deletes"];
  return names.toSorted((a, b) => Number(b === first) - Number(a === first)).map(storyNamed);
}
