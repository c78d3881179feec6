/**
 * One process of a run: plays the seeds it is given, one after the other, and prints each result as a line of JSON.
 *
 * `play-seeds.ts <from> <step> <count> [percent with rooms]` plays `from`, `from + step`, … The main program starts several. `play-seeds.ts past`
 * plays the stories that failed once.
 */
import { automergeReady, cryptoReady } from "@dovetail/core";
import { PAST_FAILURES } from "./past-failures.ts";
import { openNonceLedger } from "./world/nonce-ledger.ts";
import { rememberSums } from "./world/remembered-sums.ts";
import { runStory, type StoryResult } from "./world/run-story.ts";
import { planStory } from "./world/story-plan.ts";

/** A result as it crosses to the main program. */
export interface PlayedSeed extends Omit<StoryResult, "tally"> {
  readonly tally: readonly (readonly [string, number])[];
  readonly cpuMs: number;
}

const [from = 1, step = 1, count = 1, roomPercent] = process.argv.slice(2).map(Number);
const options = roomPercent === undefined ? {} : { roomPercent };
const plans =
  process.argv[2] === "past"
    ? Object.values(PAST_FAILURES)
    : Array.from({ length: count }, (_, index) => planStory(String(from + index * step), options));
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
