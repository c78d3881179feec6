/** What happens to a device that it does not come back from as it was, drawn from the seed and put among the other steps. */
import { createSeededRandom, type SeededRandom } from "../../support/seeded-random.ts";
import type { Step, StoryPlan } from "./story-plan.ts";

export type DeviceStep =
  /** What is on a disk now is kept, to be put back later. */
  | { readonly type: "copy"; readonly device: number }
  /** A disk is again as it was when it was last copied. */
  | { readonly type: "set-back"; readonly device: number; readonly forMs: number }
  /** A profile is copied, and the copy runs beside it. */
  | { readonly type: "double"; readonly device: number }
  /** A device loses all it has stored; its person comes back by a link or by the words. */
  | { readonly type: "evict"; readonly device: number; readonly forMs: number }
  /** Whoever has a revoked device uses it. */
  | { readonly type: "thief"; readonly device: number; readonly act: ThiefAct; readonly pick: number };

export type ThiefAct = "send" | "edit" | "sync" | "restart";

const THIEF_ACTS: readonly ThiefAct[] = ["send", "send", "edit", "sync", "restart"];
const KINDS: readonly (readonly number[])[] = [
  [2, 1],
  [2, 1],
  [2, 2],
  [1, 1],
];
/** After so many of a hundred steps a revoked device is used. */
const THIEF_PERCENT = 40;
/** After so many of a hundred steps a device that was set back or doubled is written on. */
const WRITING_PERCENT = 60;

/** The plan, or in so many of a hundred worlds one of these troubles around it. */
export function withDevices(plan: StoryPlan, percent: number): StoryPlan {
  // Numbers of its own: the other stories stay what they were.
  const random = createSeededRandom(`${plan.seed}/devices`);
  if (!random.chance(percent)) return plan;
  const kind = KINDS[random.below(KINDS.length)] ?? [2, 1];
  const devicesByPerson = plan.steps.some(({ type }) => type === "room") ? plan.devicesByPerson : kind;
  const insert = INSERTS[random.below(INSERTS.length)] ?? stolen;
  return { ...plan, devicesByPerson, steps: [...insert(plan.steps, random)], isWatched: true };
}

type Insert = (steps: readonly Step[], random: SeededRandom) => Generator<Step>;

function* setBack(steps: readonly Step[], random: SeededRandom): Generator<Step> {
  const device = random.below(64);
  const copiedAt = random.below(Math.ceil(steps.length / 2));
  const setBackAt = copiedAt + random.below(steps.length - copiedAt);
  for (const [index, step] of steps.entries()) {
    if (index === copiedAt) yield { type: "copy", device };
    yield step;
    if (index > copiedAt && random.chance(WRITING_PERCENT)) yield say(device, random);
    if (index === setBackAt) yield { type: "set-back", device, forMs: random.below(2_000) };
  }
}

function* doubled(steps: readonly Step[], random: SeededRandom): Generator<Step> {
  const at = random.below(steps.length);
  for (const [index, step] of steps.entries()) {
    yield step;
    if (index === at) yield { type: "double", device: random.below(64) };
    if (index > at && random.chance(WRITING_PERCENT)) yield say(random.below(64), random);
  }
}

function* evicted(steps: readonly Step[], random: SeededRandom): Generator<Step> {
  const at = random.below(steps.length);
  for (const [index, step] of steps.entries()) {
    yield step;
    if (index === at || random.chance(4))
      yield { type: "evict", device: random.below(64), forMs: random.below(3_000) };
  }
}

function* stolen(steps: readonly Step[], random: SeededRandom): Generator<Step> {
  const at = random.below(Math.ceil(steps.length / 2));
  const device = random.below(64);
  for (const [index, step] of steps.entries()) {
    yield step;
    if (index === at) yield { type: "revoke", device, victim: random.below(64) };
    if (index < at || !random.chance(THIEF_PERCENT)) continue;
    const act = THIEF_ACTS[random.below(THIEF_ACTS.length)] ?? "sync";
    yield { type: "thief", device: random.below(64), act, pick: random.below(64) };
  }
}

const INSERTS: readonly Insert[] = [setBack, doubled, evicted, stolen];

const say = (device: number, random: SeededRandom): Step => ({
  type: "send",
  device,
  to: random.below(8),
  count: 1 + random.below(2),
});
