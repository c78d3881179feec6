import { automergeReady, cryptoReady } from "/tmp/wt/sim/core/mod.ts";
import { openNonceLedger } from "/tmp/wt/sim/test/simulation/world/nonce-ledger.ts";
import { planStory } from "/tmp/wt/sim/test/simulation/world/story-plan.ts";
import { runStory } from "/tmp/wt/sim/test/simulation/world/run-story.ts";
await cryptoReady(); await automergeReady();
const steps = (process.argv[3] ?? "").split("\n").filter(Boolean).map((l) => JSON.parse(l));
const r = await runStory({ ...planStory(process.argv[2]!), steps }, openNonceLedger(), console.log);
console.log(r.faults);
