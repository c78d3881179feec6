#!/usr/bin/env node
// Starts the command line: as one file where `npm run setup` made it of the present sources, or else the sources
// themselves. Plain JavaScript, so that any Node from 18 on can run it: both need Node 24, which `npm ci` installs.

import { existsSync } from "node:fs";
import module from "node:module";
import { constants } from "node:os";
import { dirname, join, parse } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isCurrent, WHOLE_PROGRAM } from "./whole-program.js";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
/** As in cli/platform/compiled-sources.ts, which comes too late for the program itself. */
const COMPILED = fileURLToPath(new URL("../../node_modules/.cache/compiled", import.meta.url));

/** Looks for the `node` package in this folder and in those above it, as module resolution would. */
function findInstalledNode(from) {
  const name = process.platform === "win32" ? "node.exe" : "node";
  for (let folder = from; ; folder = dirname(folder)) {
    const file = join(folder, "node_modules", "node", "bin", name);
    if (existsSync(file)) return file;
    if (folder === parse(folder).root) return undefined;
  }
}

/** Standard input and outputs, and the descriptors that options name: a child gets no others. */
function inheritedDescriptors(args) {
  const named = args.flatMap((arg, index) => {
    const [, inline] = /^--(?:new-)?passphrase-fd(?:=([0-9]{1,4}))?$/.exec(arg) ?? [];
    const isOption = /^--(?:new-)?passphrase-fd/.test(arg);
    return isOption ? [Number(inline ?? args[index + 1])].filter(Number.isInteger) : [];
  });
  const last = Math.min(1023, Math.max(2, ...named));
  return Array.from({ length: last + 1 }, (_, fd) =>
    fd <= 2 ? "inherit" : named.includes(fd) ? fd : "ignore",
  );
}

function fail(message, hint) {
  console.error(`error: ${message}`);
  console.error(`hint: ${hint}`);
  process.exit(1);
}

const isNewEnough = Number(process.versions.node.split(".")[0]) >= 24;
const node = isNewEnough ? process.execPath : findInstalledNode(dirname(MAIN));

if (node === undefined) {
  fail(
    `dovetail needs Node 24 and this is ${process.version}`,
    "run `npm ci` in the checkout, or install Node 24",
  );
}
if (!existsSync(MAIN)) fail("cli/main.ts is not in this checkout", "update the checkout");
const program = isCurrent() ? WHOLE_PROGRAM : MAIN;
if (isNewEnough) {
  module.enableCompileCache?.(COMPILED);
  await import(pathToFileURL(program).href);
} else {
  const { spawn } = await import("node:child_process");
  const child = spawn(node, [program, ...process.argv.slice(2)], {
    stdio: inheritedDescriptors(process.argv),
    env: { NODE_COMPILE_CACHE: COMPILED, ...process.env },
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      // A terminal's Ctrl-C reaches the child by itself.
      if (signal === "SIGINT" && process.stdin.isTTY) return;
      child.kill(signal);
    });
  }
  child.on("error", (error) => fail(error.message, "run `npm ci` in the checkout"));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 1)));
}
