/**
 * One process of a run: plays the seeds it is given, one after the other, and prints each result as a line of JSON.
 *
 * `play-seeds.ts <from> <step> <count> [options as JSON]` plays `from`, `from + step`, … The main program starts several. `play-seeds.ts past 0 2`
 * plays the first, third, … of the stories that failed once.
 */
import { automergeReady, cryptoReady } from "@dovetail/core";
import { PAST_FAILURES } from "./past-failures.ts";
import { openNonceLedger } from "./world/nonce-ledger.ts";
import { rememberSums } from "./world/remembered-sums.ts";
import { runStory, type StoryResult } from "./world/run-story.ts";
import { type PlanOptions, planStory, type StoryPlan } from "./world/story-plan.ts";

/** A result as it crosses to the main program. */
export interface PlayedSeed extends Omit<StoryResult, "tally"> {
  readonly tally: readonly (readonly [string, number])[];
  readonly cpuMs: number;
}

const [what = "", ...rest] = process.argv.slice(2);
const options: PlanOptions = what === "past" ? {} : JSON.parse(rest[2] ?? "{}");
const plans = plansFor(what, rest.slice(0, 2).map(Number));
await cryptoReady();
await automergeReady();
const ledger = openNonceLedger();
rememberSums();
let used = process.cpuUsage();
for (const plan of plans) {
  const result = await runStory(plan, ledger);
  const spent = process.cpuUsage(used);
  used = process.cpuUsage();
  const played: PlayedSeed = {
    ...result,
    tally: [...result.tally],
    cpuMs: (spent.user + spent.system) / 1_000,
  };
  process.stdout.write(`${JSON.stringify(played)}\n`);
}

function plansFor(given: string, numbers: readonly number[]): readonly StoryPlan[] {
  if (given === "past") {
    const [first = 0, every = 1] = numbers;
    return Object.values(PAST_FAILURES).filter((_, index) => index % every === first);
  }
  const [step = 1, count = 1] = numbers;
  return Array.from({ length: count }, (_, index) =>
    planStory(String(Number(given) + index * step), options),
  );
}
