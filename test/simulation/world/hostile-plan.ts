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

/** Whoever sends anything is the last of three: the others know each other too. */
const DEVICES_BY_PERSON = [2, 1, 1];
const FORGING_PERCENT = 55;

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

function forge(random: SeededRandom): Step {
  // Most of what only looks like an op is refused early.
  const act = random.chance(40) ? "op" : (FORGERIES[random.below(FORGERIES.length)] ?? "op");
  return { type: "forge", act, pick: random.below(1_000_000) };
}
