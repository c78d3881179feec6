/**
 * Opens a profile, gives it a new key, and kills itself before a numbered step: `rekey-until-killed.ts <home> <step>
 * [passphrase]`. A step is a change of the file system or a page of rows. It prints how many steps it had taken.
 *
 * Steps are counted by wrapping the functions of node:fs, so that the code under test knows nothing of it. Random bytes
 * are repeated from run to run: the new key names the new folders, and two names in one folder take a step less.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import process from "node:process";
import { createSeededRandom } from "./seeded-random.ts";

const [home = "", killBefore = "0", typed = ""] = process.argv.slice(2);
let steps = 0;
let isCounting = false;
const random = createSeededRandom("rekey until killed");
Reflect.set(globalThis.crypto, "getRandomValues", (bytes: Uint8Array) => {
  bytes.set(random.bytes(bytes.length));
  return bytes;
});

function step(): void {
  if (!isCounting) return;
  steps += 1;
  if (steps === Number(killBefore)) process.kill(process.pid, "SIGKILL");
}

const CHANGES = [
  "openSync",
  "writeSync",
  "fsyncSync",
  "ftruncateSync",
  "renameSync",
  "rmSync",
  "rmdirSync",
  "mkdirSync",
] as const;
const PROMISED_CHANGES = ["open", "rename", "mkdir", "rm", "unlink"] as const;
for (const name of CHANGES) Reflect.set(fs, name, counted(fs, name));
for (const name of PROMISED_CHANGES) Reflect.set(fs.promises, name, counted(fs.promises, name));
syncBuiltinESMExports();

function counted(owner: object, name: string): (...args: readonly unknown[]) => unknown {
  const original: unknown = Reflect.get(owner, name);
  if (typeof original !== "function") throw new Error(`${name} is a function`);
  return (...args) => {
    step();
    return Reflect.apply(original, owner, args);
  };
}

const { openTestProfile, phrase } = await import("./sealed-profile.ts");
const { rekeyProfile } = await import("../../cli/platform/rekey-profile.ts");
const passphrase = typed === "" ? null : phrase(typed);
isCounting = true;
const profile = await openTestProfile(home, passphrase);
if (!profile.ok) throw new Error(profile.error.type);
const rekeyed = await rekeyProfile(profile.value, {
  passphrase,
  onProgress: step,
  signal: new AbortController().signal,
});
if (!rekeyed.ok) throw new Error(rekeyed.error.type);
isCounting = false;
profile.value.release();
process.stdout.write(`${steps}\n`);
