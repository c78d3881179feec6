/** Worlds with rooms: what people do in them, drawn from the seed and put among the other steps of a story. */
import { createSeededRandom, type SeededRandom } from "../../support/seeded-random.ts";
import type { Step, StoryPlan } from "./story-plan.ts";

/**
 * What a person does with a room. Which room, whom and what is up to `pick`, among what the device shows at that moment: an
 * invitation is accepted by whoever has one, and a list with steps left out is still a story.
 */
export type RoomAct =
  | "create"
  | "invite"
  | "accept"
  | "send"
  | "leave"
  | "remove"
  | "role"
  | "rename"
  | "mute"
  | "lifetime"
  | "link"
  | "join";

export interface RoomStep {
  readonly type: "room";
  readonly device: number;
  readonly act: RoomAct;
  readonly pick: number;
}

/** Of a hundred steps of other work so many are of the room. */
const ROOM_WORK_PERCENT = 65;
/** After so many of a hundred steps another one is. */
const MORE_PERCENT = 50;
const MORE_WORLDS_PERCENT = 50;
const MORE_ACTS_PERCENT = 35;
const MORE_ACTS: readonly RoomAct[] = ["mute", "mute", "lifetime", "link", "join", "join"];
/** Two of three people with a second device, or two people with two each. */
const KINDS: readonly (readonly number[])[] = [
  [2, 1, 1],
  [2, 1, 1],
  [2, 2],
];

/** Which of a hundred steps in a room does what. */
const ACTS: readonly (readonly [number, RoomAct])[] = [
  [58, "send"],
  [66, "invite"],
  [75, "accept"],
  [82, "role"],
  [89, "rename"],
  [94, "remove"],
  [97, "leave"],
  [100, "create"],
];

/** The plan, or in so many of a hundred worlds its troubles around a room. */
export function withRooms(plan: StoryPlan, percent: number): StoryPlan {
  // Numbers of its own: the other stories stay what they were.
  const random = createSeededRandom(`${plan.seed}/rooms`);
  if (!random.chance(percent)) return plan;
  const devicesByPerson = KINDS[random.below(KINDS.length)] ?? [2, 2];
  const steps: Step[] = [...beginning(devicesByPerson, random)];
  for (const step of plan.steps) {
    steps.push(isWork(step) && random.chance(ROOM_WORK_PERCENT) ? act(random) : step);
    if (random.chance(MORE_PERCENT)) steps.push(act(random));
  }
  return { ...plan, devicesByPerson, steps: [...withMore(plan.seed, steps)], isWatched: true };
}

/** In a part of these worlds people are muted, messages get a time to stay, and people come by links. */
function* withMore(seed: string, steps: readonly Step[]): Generator<Step> {
  // Numbers of its own: the other stories stay what they were.
  const random = createSeededRandom(`${seed}/rooms-more`);
  const isMore = random.chance(MORE_WORLDS_PERCENT);
  for (const step of steps) {
    yield step;
    if (!isMore || !random.chance(MORE_ACTS_PERCENT)) continue;
    const what = MORE_ACTS[random.below(MORE_ACTS.length)] ?? "mute";
    yield { type: "room", device: random.below(64), act: what, pick: random.below(64) };
  }
}

const isWork = ({ type }: Step) => type === "send" || type === "edit";

/** Somebody founds a room, asks everybody in, and they come: otherwise most of a story would be about nothing. */
function* beginning(devicesByPerson: readonly number[], random: SeededRandom): Generator<Step> {
  const room = (device: number, what: RoomAct): Step => ({
    type: "room",
    device,
    act: what,
    pick: random.below(64),
  });
  yield room(0, "create");
  yield { type: "pass", ms: 200 };
  const [own = 1, ...others] = devicesByPerson;
  for (const _ of others) yield room(random.below(own), "invite");
  yield { type: "pass", ms: 800 + random.below(2_000) };
  let device = own;
  for (const count of others) {
    yield room(device, "accept");
    device += count;
  }
  yield { type: "pass", ms: random.below(1_500) };
}

function act(random: SeededRandom): Step {
  const [device, draw, pick] = [random.below(64), random.below(100), random.below(64)];
  const [, what] = ACTS.find(([below]) => draw < below) ?? [100, "send"];
  return { type: "room", device, act: what, pick };
}
