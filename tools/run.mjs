// Every npm script starts here: node tools/run.mjs <command> [arguments]
//
// Makes a fresh clone usable (npm ci), then runs the command's entry on the workspace's own Node 24, whichever
// Node from 18 on started this file.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { ensureInstalled, findNode, ROOT } from "./workspace.mjs";

const BIOME = join("node_modules", "@biomejs", "biome", "bin", "biome");

/** What each command runs, relative to the root; arguments given on the command line follow. */
const ENTRY_BY_COMMAND = {
  // The collector's young space would grow with a burst of sign-ins, and is never given back: docs/BENCHMARKS.md.
  start: ["--max-semi-space-size=16", "tools/start.ts"],
  demo: ["cli/demo.ts"],
  bench: ["test/bench/main.ts"],
  sim: ["test/simulation/main.ts"],
  fuzz: ["test/fuzz/main.ts"],
  crash: ["test/crash/main.ts"],
  test: ["tools/test.ts"],
  check: ["tools/test.ts", "types", "lint"],
  format: [BIOME, "check", "--write", "."],
  setup: ["tools/build-cli.ts"],
};

function fail(message, code) {
  console.error(`error: ${message}`);
  process.exit(code);
}

const [command = "", ...args] = process.argv.slice(2);
const entry = Object.hasOwn(ENTRY_BY_COMMAND, command) ? ENTRY_BY_COMMAND[command] : undefined;
if (entry === undefined) fail(`usage: node tools/run.mjs ${Object.keys(ENTRY_BY_COMMAND).join("|")}`, 2);

let node;
try {
  ensureInstalled(ROOT);
  node = findNode();
} catch (error) {
  fail(error instanceof Error ? error.message : String(error), 1);
}
const file = entry.find((part) => !part.startsWith("-"));
if (!existsSync(join(ROOT, file))) fail(`${file} is not in this checkout`, 1);

const env = { ...process.env };
// Whatever the entry starts by the name of `node` must be the same Node.
const pathName = Object.keys(env).find((name) => name.toUpperCase() === "PATH") ?? "PATH";
env[pathName] = [dirname(node), env[pathName] ?? ""].join(process.platform === "win32" ? ";" : ":");
// What Node compiled of the sources is kept for the processes that the entry starts, and for the next time.
env.NODE_COMPILE_CACHE ??= join(ROOT, "node_modules", ".cache", "compiled");

const child = spawn(node, [...entry, ...args], { cwd: ROOT, stdio: "inherit", env });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    // A terminal's Ctrl-C reaches the child by itself; a second one would cut its shutdown short.
    if (signal === "SIGINT" && process.stdin.isTTY) return;
    child.kill(signal);
  });
}
child.on("error", (error) => fail(error.message, 1));
child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 1)));
