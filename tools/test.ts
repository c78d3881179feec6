/**
 * `npm test`: every check in order, one line each, and a last line with the totals.
 *
 * Usage: npm test [-- <check>… [-- <arguments for vitest>…]]
 *
 * Invariant: the exit code is 0 exactly when the last line says `0 failed`. A check that dies before it can
 * count anything counts as one failure.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ensureChromium } from "./chromium.ts";

const ROOT = join(import.meta.dirname, "..");
const BIN = {
  biome: join("node_modules", "@biomejs", "biome", "bin", "biome"),
  tsc: join("node_modules", "typescript", "bin", "tsc"),
  vitest: join("node_modules", "vitest", "vitest.mjs"),
};

/** The output is collected, so the tools cannot see by themselves whether a person reads it in colour. */
const ENV = { ...process.env, ...(process.stdout.isTTY ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" }) };

/** Lines a test prints with this prefix are shown even when everything passed. */
const NOTE_PREFIX = "note: ";

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface Outcome extends Counts {
  /** What the check printed: shown when it failed. */
  readonly output: string;
}

interface Check {
  readonly name: string;
  /** What has to be there first. Gives what to say when it cannot be. */
  prepare?(): string | null;
  run(vitestArgs: readonly string[]): Promise<Outcome>;
}

interface Finished {
  readonly code: number;
  readonly output: string;
}

const CHECKS: readonly Check[] = [
  commandCheck("types", [
    [BIN.tsc, "--noEmit", "-p", "."],
    [BIN.tsc, "--noEmit", "-p", "core"],
  ]),
  commandCheck("lint", [[BIN.biome, "check", "--error-on-warnings", "."]]),
  ...["unit", "property", "vectors", "contract", "scenario", "architecture", "interop", "simulation"].map(
    (project) => vitestCheck(project),
  ),
  { ...vitestCheck("browser", ["browser", "browser-page"]), prepare: ensureChromium },
];

/** Checks whose files take both cores by themselves, one after the other. */
const ALONE = new Set(["simulation", "browser"]);

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const split = args.indexOf("--");
  const names = split === -1 ? args : args.slice(0, split);
  const vitestArgs = split === -1 ? [] : args.slice(split + 1);
  const unknown = names.filter((name) => !CHECKS.some((check) => check.name === name));
  if (unknown.length > 0) {
    console.error(`error: no check is called ${unknown.join(", ")}`);
    console.error(`hint: ${CHECKS.map((check) => check.name).join(", ")}`);
    return 2;
  }
  const chosen = names.length === 0 ? CHECKS : CHECKS.filter((check) => names.includes(check.name));
  let passed = 0;
  let failed = 0;
  for (const check of chosen) {
    const startedAtMs = performance.now();
    const obstacle = check.prepare?.() ?? null;
    const outcome =
      obstacle === null
        ? await check.run(vitestArgs)
        : { passed: 0, failed: 1, skipped: 0, output: `error: ${obstacle}` };
    passed += outcome.passed;
    failed += outcome.failed;
    if (outcome.failed > 0) console.log(outcome.output.trimEnd());
    else for (const line of outcome.output.split("\n")) if (line.startsWith(NOTE_PREFIX)) console.log(line);
    console.log(summary(check.name, outcome, (performance.now() - startedAtMs) / 1000));
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function summary(name: string, counts: Counts, seconds: number): string {
  const mark = counts.failed > 0 ? "FAIL" : "ok  ";
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
  const said =
    counts.passed + counts.failed + counts.skipped === 0
      ? "no tests"
      : `${counts.passed} passed, ${counts.failed} failed${skipped}`;
  return `${mark} ${name.padEnd(13)} ${said} (${seconds.toFixed(1)} s)`;
}

/** A check made of commands that have no count of their own: each counts as one. */
function commandCheck(name: string, commands: readonly (readonly string[])[]): Check {
  return {
    name,
    async run() {
      let passed = 0;
      let output = "";
      for (const command of commands) {
        const finished = await runNode(command);
        if (finished.code === 0) passed += 1;
        else output += finished.output;
      }
      return { passed, failed: commands.length - passed, skipped: 0, output };
    },
  };
}

function vitestCheck(name: string, projects: readonly string[] = [name]): Check {
  return {
    name,
    async run(vitestArgs) {
      const folder = mkdtempSync(join(tmpdir(), "dovetail-test-"));
      const reportFile = join(folder, "report.json");
      try {
        const finished = await runNode([
          BIN.vitest,
          "run",
          ...projects.map((project) => `--project=${project}`),
          "--passWithNoTests",
          // A forgotten `.only` would hide every other test.
          "--allowOnly=false",
          // Stories wait for processes and sockets more than they compute; by itself vitest leaves one of two cores idle.
          ...(ALONE.has(name) ? [] : ["--maxWorkers=2"]),
          "--reporter=default",
          "--reporter=json",
          `--outputFile.json=${reportFile}`,
          ...vitestArgs,
        ]);
        const counts = readReport(reportFile);
        const isSilentFailure = finished.code !== 0 && counts.failed === 0;
        return { ...counts, failed: isSilentFailure ? 1 : counts.failed, output: finished.output };
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

/** Counts from vitest's JSON report. A file that failed before its first test counts as one failure. */
function readReport(file: string): Counts {
  let report: unknown;
  try {
    report = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const files = list(report, "testResults");
  const statuses = files.flatMap((one) => {
    const tests = list(one, "assertionResults").map((test) => field(test, "status"));
    return field(one, "status") === "failed" && !tests.includes("failed") ? [...tests, "failed"] : tests;
  });
  const passed = statuses.filter((status) => status === "passed").length;
  const failed = statuses.filter((status) => status === "failed").length;
  return { passed, failed, skipped: statuses.length - passed - failed };
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function list(value: unknown, name: string): readonly unknown[] {
  const found = field(value, name);
  return Array.isArray(found) ? found : [];
}

/** Runs a script on this same Node and collects what it prints. */
function runNode(args: readonly string[]): Promise<Finished> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"], env: ENV });
    let output = "";
    const collect = (chunk: string): void => {
      output += chunk;
    };
    child.stdout.setEncoding("utf8").on("data", collect);
    child.stderr.setEncoding("utf8").on("data", collect);
    child.on("error", (error) => resolve({ code: 1, output: `${output}${error.message}\n` }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}
