/** One process with one fault in it (or none): plays the stories until one fails, and prints what was not kept. */
import { automergeReady, cryptoReady } from "@dovetail/core";
import { openNonceLedger } from "../world/nonce-ledger.ts";
import { runStory } from "../world/run-story.ts";
import { PLANTED_FAULTS } from "./faults.ts";
import { storiesFrom } from "./stories.ts";

/** What became of a planted fault; null when no story found it. */
export interface PlantedResult {
  readonly caughtBy: string | null;
  readonly says: string | null;
}

const chosen = PLANTED_FAULTS.find(({ name }) => name === process.env.DOVETAIL_PLANTED);
await cryptoReady();
await automergeReady();
const ledger = openNonceLedger();
let result: PlantedResult = { caughtBy: null, says: null };
for (const plan of storiesFrom(chosen?.story ?? "calm")) {
  const says = await play(plan).catch((error: unknown) => `the world does not begin: ${String(error)}`);
  if (says === null) continue;
  result = { caughtBy: plan.seed, says };
  break;
}
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));

async function play(plan: Parameters<typeof runStory>[0]): Promise<string | null> {
  return (await runStory(plan, ledger)).faults[0] ?? null;
}
