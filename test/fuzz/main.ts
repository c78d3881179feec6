/** `npm run fuzz`: hands every parser inputs that were changed, and says in plain words what came of them. */
import { spawnSync } from "node:child_process";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { automergeReady, cryptoReady } from "@dovetail/core";
import { toHex } from "../../core/base/bytes.ts";
import { ROOT } from "../support/checkout.ts";
import { isCounting, startCoverage } from "./coverage.ts";
import { runGuided } from "./guided.ts";
import { type Finding, runTarget, type TargetReport } from "./run-target.ts";
import { FUZZ_TARGETS } from "./targets.ts";

const HELP = `Hands every parser valid inputs that were changed: flipped bits, pieces of others, lengths that lie, depth.

Usage: npm run fuzz -- [options]

  --cases N     cases of each target                    (10000)
  --target T    only targets whose name contains T
  --seed S      another seed, other cases               (1)
  --from N      the first case                          (0)
  --seconds N   leaves a target after so many seconds   (no end)
  --guided DIR  inputs that reach something new are kept in the folder, and others made of them
  --list        the targets, and what each promises
  --json        the summary as JSON
  --help

A finding is printed with the command that plays it again; one of a guided run lies in its folder, and is played first the next time. The exit code is 1 when there is one.
`;
/** A case that takes longer than this ends the run, because nothing else would. */
const HANG_MS = 30_000;
const CASES_AT_ONCE = 2_000;
const FINDINGS_MAX = 5;

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "10000" },
    target: { type: "string", default: "" },
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
    seconds: { type: "string", default: "Infinity" },
    guided: { type: "string" },
    list: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) process.stdout.write(HELP);
else if (values.list) for (const { name, about } of FUZZ_TARGETS) print(`${name.padEnd(16)} ${about}`);
else if (values.guided !== undefined && !isCounting()) process.exitCode = runCounted();
else process.exitCode = await run();

/** This program anew in a process that counts from its first line, and whose functions come from no cache, where they are not counted. */
function runCounted(): number {
  const args = ["--import", join(import.meta.dirname, "begin-counting.ts"), ...process.argv.slice(1)];
  const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: "1" };
  return spawnSync(process.execPath, args, { stdio: "inherit", env }).status ?? 1;
}

async function run(): Promise<number> {
  const targets = FUZZ_TARGETS.filter(({ name }) => name.includes(values.target));
  if (targets.length === 0) {
    print(`error: no target's name contains ${values.target}; see --list`);
    return 2;
  }
  await cryptoReady();
  await automergeReady();
  const watch = watchForHangs();
  const reports: TargetReport[] = [];
  for (const target of targets) {
    const onCase = (number: number): void => watch.at(target.name, number);
    const report =
      values.guided === undefined ? await runInParts(target, onCase) : await guided(target, onCase);
    reports.push(report);
    if (!values.json) summarize(report);
  }
  watch.stop();
  if (values.json) print(JSON.stringify(reports.map(toJson), null, 2));
  const findings = reports.flatMap((report) => report.findings);
  const cases = reports.reduce((sum, report) => sum + report.cases, 0);
  if (!values.json)
    print(`${reports.length} targets, ${cases.toLocaleString("en")} cases, ${findings.length} findings`);
  return findings.length === 0 ? 0 : 1;
}

/** By the coverage of what is ours. */
async function guided(
  target: (typeof FUZZ_TARGETS)[number],
  onCase: (number: number) => void,
): Promise<TargetReport> {
  const limits = { findingsMax: FINDINGS_MAX, secondsMax: Number(values.seconds) };
  const run = {
    seed: values.seed,
    from: Number(values.from),
    cases: Number(values.cases),
    ...limits,
    onCase,
  };
  const report = await runGuided(target, run, {
    folder: values.guided ?? "",
    coverage: startCoverage(isOurs),
  });
  if (!values.json)
    print(
      `${target.name.padEnd(16)} ${report.kept} inputs kept, ${report.functions} functions reached but for ${report.charactersLeft} characters`,
    );
  return report;
}

/** Sources of this project that are under test, wherever it lies. */
function isOurs(url: string): boolean {
  const path = url.startsWith("file:") ? relative(ROOT, fileURLToPath(url)) : "";
  return ["core", "sync-server", "cli"].includes(path.split(sep)[0] ?? "") && !path.includes("node_modules");
}

/** In parts, so that a limit of time is kept. */
async function runInParts(
  target: (typeof FUZZ_TARGETS)[number],
  onCase: (number: number) => void,
): Promise<TargetReport> {
  const [cases, first, secondsMax] = [Number(values.cases), Number(values.from), Number(values.seconds)];
  let sum: TargetReport | null = null;
  for (let done = 0; done < cases; done += CASES_AT_ONCE) {
    const part = { from: first + done, cases: Math.min(CASES_AT_ONCE, cases - done) };
    const report = await runTarget(target, { seed: values.seed, findingsMax: FINDINGS_MAX, onCase, ...part });
    sum = sum === null ? report : added(sum, report);
    if (sum.findings.length >= FINDINGS_MAX || sum.seconds > secondsMax) break;
  }
  if (sum === null) throw new Error("--cases is at least 1");
  return sum;
}

function added(a: TargetReport, b: TargetReport): TargetReport {
  const tally = new Map(a.tally);
  for (const [verdict, count] of b.tally) tally.set(verdict, (tally.get(verdict) ?? 0) + count);
  return {
    target: a.target,
    cases: a.cases + b.cases,
    seconds: a.seconds + b.seconds,
    tally,
    slowestMs: Math.max(a.slowestMs, b.slowestMs),
    findings: [...a.findings, ...b.findings],
  };
}

function summarize(report: TargetReport): void {
  const { target, cases, seconds, slowestMs, tally, findings } = report;
  const answers = [...tally].sort(([, a], [, b]) => b - a).map(([verdict, count]) => `${verdict} ${count}`);
  print(
    `${target.padEnd(16)} ${cases.toLocaleString("en").padStart(9)} cases, ${Math.round(cases / seconds).toLocaleString("en")} a second, slowest ${slowestMs.toFixed(1)} ms; ${answers.slice(0, 6).join(", ")}`,
  );
  for (const finding of findings) {
    print(`  FOUND ${finding.why}`);
    print(`    ${described(finding)}`);
    print(
      values.guided === undefined
        ? `    npm run fuzz -- --target ${target} --seed ${finding.seed} --from ${finding.case} --cases 1`
        : `    npm run fuzz -- --target ${target} --guided ${values.guided} --cases 0`,
    );
  }
}

function described({ of, input }: Finding): string {
  const hex = toHex(input.subarray(0, 200));
  return `${input.length} bytes, of input ${of}: ${hex}${input.length > 200 ? " …" : ""}`;
}

function toJson({ tally, findings, ...report }: TargetReport) {
  return {
    ...report,
    answers: Object.fromEntries(tally),
    findings: findings.map((finding) => ({ ...finding, input: toHex(finding.input) })),
  };
}

/** A thread that sees when no case comes to its end, and says which one it was. */
function watchForHangs() {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  let current = "";
  const code = `
    const { workerData, parentPort } = require("node:worker_threads");
    const { writeSync } = require("node:fs");
    let name = "", last = -1, since = Date.now();
    parentPort.on("message", (told) => { name = told; });
    setInterval(() => {
      const now = Atomics.load(workerData.shared, 0);
      if (now !== last) { last = now; since = Date.now(); return; }
      if (Date.now() - since < workerData.hangMs) return;
      writeSync(1, "FOUND a case that does not end: " + name + ", case " + Atomics.load(workerData.shared, 1) + "\\n");
      process.kill(process.pid, "SIGKILL");
    }, 1000);`;
  const worker = new Worker(code, { eval: true, workerData: { shared, hangMs: HANG_MS } });
  worker.unref();
  return {
    at(target: string, number: number): void {
      if (target !== current) worker.postMessage(target);
      current = target;
      Atomics.add(shared, 0, 1);
      Atomics.store(shared, 1, number);
    },
    stop: () => void worker.terminate(),
  };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
