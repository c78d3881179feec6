/** Worlds in which somebody's program was changed: a contact who sends anything, drawn from the seed and put among the other steps. */
import { createSeededRandom, type SeededRandom } from "../../support/seeded-random.ts";
import type { Step, StoryPlan } from "./story-plan.ts";

/**
 * What a changed program writes to a contact: bytes that mean nothing; a changed outer layer, letter or list of ops, each sealed as it
 * has to be; ops that are well-formed and say what they may not; a first contact request in anybody's name.
 */
export const FORGERIES = ["noise", "outer", "letter", "body", "op", "request"] as const;
export type Forgery = (typeof FORGERIES)[number];

export interface HostileStep {
  readonly type: "forge";
  readonly act: Forgery;
  /** Which contact, and all else that is chosen. */
  readonly pick: number;
}

/**
 * What a member of a room whose program was changed puts into its log, each sealed as it has to be: bytes that mean nothing; entries of any
 * kind, whole or in parts; letters with anybody's words; words in anybody's name; what others wrote, again and in another order; commits
 * that its role does not allow, or that the group cannot follow; a Welcome into a group of its own; another key of the log; and key packages
 * that lie, on its server.
 */
export const ROOM_FORGERIES = [
  "noise",
  "entry",
  "letter",
  "word",
  "replay",
  "commit",
  "fork",
  "rekey",
  "package",
] as const;
export type RoomForgery = (typeof ROOM_FORGERIES)[number];

export interface RoomForgeStep {
  readonly type: "forge-room";
  readonly act: RoomForgery;
  /** All else that is chosen. */
  readonly pick: number;
}

/** Whoever sends anything is the last of three: the others know each other too. */
const DEVICES_BY_PERSON = [2, 1, 1];
const FORGING_PERCENT = 55;
const ROOM_FORGING_PERCENT = 35;

/** The plan, or in so many of a hundred worlds with a hostile contact in it. */
export function withHostile(plan: StoryPlan, percent: number): StoryPlan {
  // Numbers of its own: the other stories stay what they were.
  const random = createSeededRandom(`${plan.seed}/hostile`);
  if (!random.chance(percent)) return plan;
  const steps = plan.steps.flatMap((step): readonly Step[] =>
    random.chance(FORGING_PERCENT) ? [step, forge(random)] : [step],
  );
  return {
    ...plan,
    devicesByPerson: DEVICES_BY_PERSON,
    hostile: DEVICES_BY_PERSON.length - 1,
    steps,
    isWatched: true,
  };
}

/** The plan of a room of three, or in so many of a hundred of these with a hostile member in it. */
export function withHostileMember(plan: StoryPlan, percent: number): StoryPlan {
  // Numbers of its own: the other stories stay what they were.
  const random = createSeededRandom(`${plan.seed}/hostile-member`);
  if (plan.devicesByPerson.join() !== DEVICES_BY_PERSON.join() || !random.chance(percent)) return plan;
  const steps = plan.steps.flatMap((step): readonly Step[] =>
    random.chance(ROOM_FORGING_PERCENT) ? [step, forgeInRoom(random)] : [step],
  );
  return { ...plan, hostile: DEVICES_BY_PERSON.length - 1, steps, isWatched: true };
}

function forgeInRoom(random: SeededRandom): Step {
  // Of commits there are the most kinds.
  const act = random.chance(35)
    ? "commit"
    : (ROOM_FORGERIES[random.below(ROOM_FORGERIES.length)] ?? "commit");
  return { type: "forge-room", act, pick: random.below(1_000_000) };
}

function forge(random: SeededRandom): Step {
  // Most of what only looks like an op is refused early.
  const act = random.chance(40) ? "op" : (FORGERIES[random.below(FORGERIES.length)] ?? "op");
  return { type: "forge", act, pick: random.below(1_000_000) };
}
