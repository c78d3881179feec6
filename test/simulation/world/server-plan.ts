/** Worlds with two servers: whose accounts are where, and what happens to one server while the other goes on. */
import { createSeededRandom, type SeededRandom } from "../../support/seeded-random.ts";
import type { Step, StoryPlan } from "./story-plan.ts";

/** The server begins to lie, to everybody and for good. */
export interface LieStep {
  readonly type: "lie";
  readonly server: number;
  readonly lie: number;
}

const SERVERS = 2;
/** One of three people lives on the server that lies, two on the other. */
const LIAR = 1;
const LIED_TO: readonly number[] = [2, 1, 1];
/** Of a hundred of these worlds without rooms, and where nothing else is lost, in so many one server lies. */
const LYING_PERCENT = 35;
/** Few kinds, because each costs a beginning. */
const KINDS: readonly (readonly number[])[] = [
  [1, 1],
  [2, 1],
  [2, 2],
  [2, 1, 1],
];
/** After so many of a hundred steps one server or the way to it fails. */
const TROUBLE_PERCENT = 20;
/** In so many of a hundred of the others one server loses all it had. */
const LOSING_PERCENT = 25;

/** The plan, or in so many of a hundred worlds the same story between people of two servers. */
export function withServers(plan: StoryPlan, percent: number): StoryPlan {
  // Numbers of its own: the other stories stay what they were.
  const random = createSeededRandom(`${plan.seed}/servers`);
  if (!random.chance(percent)) return plan;
  const size = plan.devicesByPerson.join();
  const devicesByPerson = KINDS.find((kind) => kind.join() === size) ?? [2, 2];
  const lying = withLiar(plan, random);
  if (lying !== plan) return lying;
  // What is lost everywhere at once is lost.
  const mayLose = !plan.steps.some(({ type }) => SPECIAL.has(type));
  const losesAt = mayLose && random.chance(LOSING_PERCENT) ? random.below(plan.steps.length) : -1;
  const steps: Step[] = [];
  for (const [index, step] of plan.steps.entries()) {
    steps.push(atOne(step, random));
    if (random.chance(TROUBLE_PERCENT)) steps.push(trouble(random));
    if (index === losesAt)
      steps.push({ type: "server-lost", server: random.below(SERVERS), forMs: random.below(4_000) });
  }
  return { ...plan, devicesByPerson, servers: SERVERS, steps, isWatched: true };
}

/** Of what has no second trouble of its own kind. */
const SPECIAL = new Set<Step["type"]>([
  "room",
  "server-lost",
  "set-back",
  "double",
  "evict",
  "thief",
  "forge",
  "forge-room",
]);

function withLiar(plan: StoryPlan, random: SeededRandom): StoryPlan {
  if (plan.steps.some(({ type }) => SPECIAL.has(type)) || !random.chance(LYING_PERCENT)) return plan;
  const at = random.below(plan.steps.length);
  const lie = (): Step => ({ type: "lie", server: LIAR, lie: random.below(64) });
  const steps = plan.steps.flatMap((step, index): readonly Step[] => {
    const there = atOne(step, random);
    return index === at || (index > at && random.chance(10)) ? [there, lie()] : [there];
  });
  return { ...plan, devicesByPerson: LIED_TO, servers: SERVERS, liar: LIAR, steps, isWatched: true };
}

/** What happens to a server happens to one of them. */
function atOne(step: Step, random: SeededRandom): Step {
  return step.type === "server-crash" || step.type === "server-lost" || step.type === "reclaim"
    ? { ...step, server: random.below(SERVERS) }
    : step;
}

function trouble(random: SeededRandom): Step {
  const server = random.below(SERVERS);
  const forMs = 100 + random.below(random.chance(75) ? 3_000 : 30_000);
  return random.chance(30)
    ? { type: "server-crash", server, forMs }
    : { type: "part", device: random.below(64), server, forMs };
}
