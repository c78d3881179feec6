/**
 * Lives a story and keeps what the disks held before every effect: `record-states.ts <folder> <every>`. A state of each
 * `every`-th effect is kept. Ends without closing anything, as a killed process does; prints what `verify` needs.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync, writeSync } from "node:fs";
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

/** A file that an effect before this one removes, in a thread of its own, may go while it is copied: then all is copied again. */
const COPIES_MAX = 20;

function keep(): void {
  const state = join(folder, `state-${effects}`);
  for (let left = COPIES_MAX; !isCopied(state); left--) {
    rmSync(state, { recursive: true, force: true });
    // The program under test would take what is thrown here for its disk's answer.
    if (left === 1) endWith(`before effect ${effects} the disks could not be copied`);
  }
  writeFileSync(join(state, "confirmed.json"), JSON.stringify(confirmed));
  kept.push(effects);
}

function isCopied(state: string): boolean {
  try {
    for (const part of PARTS) cpSync(join(live, part), join(state, part), { recursive: true });
    return true;
  } catch {
    return false;
  }
}

function endWith(reason: string): never {
  console.error(reason);
  process.exit(1);
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
