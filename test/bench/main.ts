/**
 * `npm run bench -- SUITE… [--peers] [--json]`: runs suites one after the other, each in a process of its own.
 *
 * Figures are of this machine and this moment; quote ratios, and compare with `baseline.json` of a like machine.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";

/** Suites in the order they run; all of them without arguments. */
const SUITES = [
  "ratchet",
  "append",
  "fan-out",
  "sockets",
  "delivery",
  "rooms",
  "room-delivery",
  "room-accounts",
  "cold-link",
  "search",
  "growth",
  "browser",
] as const;

const args = process.argv.slice(2);
const named = args.filter((arg) => !arg.startsWith("--"));
const flags = args.filter((arg) => arg.startsWith("--"));
const unknown = named.filter((name) => !SUITES.some((suite) => suite === name));
if (unknown.length > 0 || flags.includes("--help")) {
  console.error(`usage: npm run bench -- [${SUITES.join("|")}]… [--peers] [--json]`);
  process.exit(unknown.length > 0 ? 2 : 0);
}
let failed = 0;
for (const suite of SUITES) {
  if (named.length > 0 && !named.includes(suite)) continue;
  const passed = flags.filter((flag) => flag !== "--peers" || suite === "ratchet" || suite === "rooms");
  const run = spawnSync(process.execPath, [join(import.meta.dirname, `${suite}.ts`), ...passed], {
    stdio: "inherit",
  });
  if (run.status !== 0) failed++;
}
process.exit(failed === 0 ? 0 : 1);
