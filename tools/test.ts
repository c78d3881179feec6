/**
 * `npm test`: every check, one line each, and a last line with the totals. The seconds of a check are those of its files.
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
import { ensureIp } from "./network-tools.ts";
import { ensurePebble } from "./pebble.ts";

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
  readonly seconds: number;
}

/** What some checks came to, and what they printed: shown when one failed. */
interface StageOutcome {
  readonly byCheck: ReadonlyMap<string, Outcome>;
  readonly output: string;
}

/** Checks that are run together, so that where one waits another goes on. */
interface Stage {
  readonly checks: readonly string[];
  run(chosen: readonly string[], vitestArgs: readonly string[]): Promise<StageOutcome>;
}

interface Finished {
  readonly code: number;
  readonly output: string;
}

const STAGES: readonly Stage[] = [
  commandStage({
    types: [
      [BIN.tsc, "--noEmit", "-p", "."],
      [BIN.tsc, "--noEmit", "-p", "core"],
    ],
    lint: [[BIN.biome, "check", "--error-on-warnings", "."]],
  }),
  // Stories wait for processes and sockets more than they compute; by itself vitest leaves one of two cores idle.
  vitestStage(["unit", "property", "vectors", "contract", "scenario", "architecture", "interop"], {
    args: ["--maxWorkers=2"],
    prepare(chosen) {
      if (chosen.includes("scenario")) ensurePebble();
      return null;
    },
  }),
  // Their files take both cores by themselves, one after the other.
  vitestStage(["simulation"]),
  // As the stories: where one file waits for its pages another goes on.
  vitestStage(["browser"], {
    projects: ["browser", "browser-page"],
    args: ["--maxWorkers=2"],
    prepare() {
      ensureIp();
      return ensureChromium();
    },
  }),
];

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const split = args.indexOf("--");
  const names = split === -1 ? args : args.slice(0, split);
  const vitestArgs = split === -1 ? [] : args.slice(split + 1);
  const checks = STAGES.flatMap((stage) => stage.checks);
  const unknown = names.filter((name) => !checks.includes(name));
  if (unknown.length > 0) {
    console.error(`error: no check is called ${unknown.join(", ")}`);
    console.error(`hint: ${checks.join(", ")}`);
    return 2;
  }
  let passed = 0;
  let failed = 0;
  for (const stage of STAGES) {
    const chosen = stage.checks.filter((name) => names.length === 0 || names.includes(name));
    if (chosen.length === 0) continue;
    const { byCheck, output } = await stage.run(chosen, vitestArgs);
    if ([...byCheck.values()].some((outcome) => outcome.failed > 0)) console.log(output.trimEnd());
    else for (const line of output.split("\n")) if (line.startsWith(NOTE_PREFIX)) console.log(line);
    for (const [name, outcome] of byCheck) {
      passed += outcome.passed;
      failed += outcome.failed;
      console.log(summary(name, outcome));
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function summary(name: string, counts: Outcome): string {
  const mark = counts.failed > 0 ? "FAIL" : "ok  ";
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
  const said =
    counts.passed + counts.failed + counts.skipped === 0
      ? "no tests"
      : `${counts.passed} passed, ${counts.failed} failed${skipped}`;
  return `${mark} ${name.padEnd(13)} ${said} (${counts.seconds.toFixed(1)} s)`;
}

/** Checks made of commands that have no count of their own: each counts as one. The checks run at the same time. */
function commandStage(commandsByCheck: Readonly<Record<string, readonly (readonly string[])[]>>): Stage {
  return {
    checks: Object.keys(commandsByCheck),
    async run(chosen) {
      const byCheck = new Map<string, Outcome>();
      const outputs = await Promise.all(
        chosen.map(async (name) => {
          const startedAtMs = performance.now();
          const finished: Finished[] = [];
          for (const command of commandsByCheck[name] ?? []) finished.push(await runNode(command));
          const failures = finished.filter(({ code }) => code !== 0);
          byCheck.set(name, {
            passed: finished.length - failures.length,
            failed: failures.length,
            skipped: 0,
            seconds: (performance.now() - startedAtMs) / 1_000,
          });
          return failures.map(({ output }) => output).join("");
        }),
      );
      return { byCheck, output: outputs.join("") };
    },
  };
}

interface VitestOptions {
  /** The projects of vitest, where they are not called as the checks are. Only for a stage of one check. */
  readonly projects?: readonly string[];
  readonly args?: readonly string[];
  /** What has to be there first. Gives what to say when it cannot be. */
  prepare?(chosen: readonly string[]): string | null;
}

/** Checks that are projects of vitest, in one run of it. */
function vitestStage(checks: readonly string[], options: VitestOptions = {}): Stage {
  return {
    checks,
    async run(chosen, vitestArgs) {
      const [first = ""] = chosen;
      const obstacle = options.prepare?.(chosen) ?? null;
      if (obstacle !== null)
        return { byCheck: new Map([[first, oneFailure(0)]]), output: `error: ${obstacle}` };
      const folder = mkdtempSync(join(tmpdir(), "dovetail-test-"));
      const reportFile = join(folder, "report.json");
      const startedAtMs = performance.now();
      try {
        const { code, output } = await runNode([
          BIN.vitest,
          "run",
          ...(options.projects ?? chosen).map((project) => `--project=${project}`),
          "--passWithNoTests",
          // A forgotten `.only` would hide every other test.
          "--allowOnly=false",
          ...(options.args ?? []),
          "--reporter=default",
          "--reporter=json",
          `--outputFile.json=${reportFile}`,
          ...vitestArgs,
        ]);
        const seconds = (performance.now() - startedAtMs) / 1_000;
        const files = readReport(reportFile);
        if (files === null) return { byCheck: new Map([[first, oneFailure(seconds)]]), output };
        const isAlone = chosen.length === 1;
        const byCheck = new Map(
          chosen.map((name) => {
            const own = files.filter(
              (file) => isAlone || file.path.startsWith(join(ROOT, "test", name, "/")),
            );
            const fileSeconds = own.reduce((sum, file) => sum + file.seconds, 0);
            return [name, { ...countOf(own), seconds: isAlone ? seconds : fileSeconds }];
          }),
        );
        const isSilentFailure = code !== 0 && [...byCheck.values()].every(({ failed }) => failed === 0);
        if (isSilentFailure) byCheck.set(first, { ...oneFailure(seconds), ...byCheck.get(first), failed: 1 });
        return { byCheck, output };
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

const oneFailure = (seconds: number): Outcome => ({ passed: 0, failed: 1, skipped: 0, seconds });

interface FileReport {
  readonly path: string;
  readonly seconds: number;
  readonly statuses: readonly unknown[];
}

/** The files of vitest's JSON report, or null. A file that failed before its first test has one failure. */
function readReport(reportFile: string): readonly FileReport[] | null {
  let report: unknown;
  try {
    report = JSON.parse(readFileSync(reportFile, "utf8"));
  } catch {
    return null;
  }
  return list(report, "testResults").map((one) => {
    const tests = list(one, "assertionResults").map((test) => field(test, "status"));
    const hasFailedUnseen = field(one, "status") === "failed" && !tests.includes("failed");
    return {
      path: String(field(one, "name")),
      seconds: (Number(field(one, "endTime")) - Number(field(one, "startTime"))) / 1_000,
      statuses: hasFailedUnseen ? [...tests, "failed"] : tests,
    };
  });
}

function countOf(files: readonly FileReport[]): Counts {
  const statuses = files.flatMap((file) => file.statuses);
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
