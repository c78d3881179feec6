/**
 * Lives a story and keeps what the disks held before every effect: `record-states.ts <folder> <every>`. A state of each
 * `every`-th effect is kept. Ends without closing anything, as a killed process does; prints what `verify` needs.
 */
import { cpSync, mkdirSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { createCrashWorld, liveCrashStory, PARTS } from "./crash-world.ts";
import { watchEffects } from "./watch-effects.ts";

const [folder = "", everyText = "1"] = process.argv.slice(2);
const every = Number(everyText);
process.umask(0o077);
const live = join(folder, "live");
mkdirSync(live, { mode: 0o700 });
const world = await createCrashWorld(live);
const confirmed = { texts: [] as string[], tags: [] as string[], takenBack: [] as string[] };
let effects = 0;
const kept: number[] = [];

function keep(): void {
  const state = join(folder, `state-${effects}`);
  for (const part of PARTS) cpSync(join(live, part), join(state, part), { recursive: true });
  writeFileSync(join(state, "confirmed.json"), JSON.stringify(confirmed));
  kept.push(effects);
}

const endWatch = watchEffects(() => {
  effects++;
  if (effects % every === 0) keep();
});
await new Promise((resolve) => setImmediate(resolve));
await liveCrashStory(world, confirmed);
endWatch();
effects++;
keep();
const { port } = world.server;
writeSync(1, JSON.stringify({ effects, kept, port, conversationId: world.conversationId }));
process.kill(process.pid, "SIGKILL");
