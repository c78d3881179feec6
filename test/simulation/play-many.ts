/** Plays many seeds in several processes and adds up what was survived. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { withSharedBeginnings } from "./shared-beginnings.ts";
import type { PlayedSeed } from "./play-seeds.ts";
import type { PlanOptions } from "./world/story-plan.ts";

export interface Survived {
  readonly worlds: number;
  readonly failed: readonly PlayedSeed[];
  readonly events: number;
  readonly virtualMs: number;
  readonly cpuMs: number;
  readonly encryptions: number;
  readonly calmAfterMsMax: number;
  readonly tally: ReadonlyMap<string, number>;
  readonly hashBySeed: ReadonlyMap<string, string>;
}

/** `count` seeds from `from` on, in `jobs` processes. */
export interface Seeds extends PlanOptions {
  readonly from: number;
  readonly count: number;
  readonly jobs: number;
}

const WORKER = join(import.meta.dirname, "play-seeds.ts");

/** Plays seeds in several processes. - Fails: throws when a process ends before its seeds. */
export async function playMany(
  { from, count, jobs, ...options }: Seeds,
  onPlayed: (played: PlayedSeed, done: number) => void = () => {},
): Promise<Survived> {
  const played: PlayedSeed[] = [];
  const shares = Array.from({ length: Math.min(jobs, count) }, (_, job) => ({
    first: from + job,
    count: Math.floor((count - job - 1) / jobs) + 1,
  }));
  await withSharedBeginnings((env) =>
    Promise.all(
      shares.map((share) =>
        runWorker<PlayedSeed>(
          WORKER,
          [String(share.first), String(jobs), String(share.count), JSON.stringify(options)],
          (result) => {
            played.push(result);
            onPlayed(result, played.length);
          },
          env,
        ),
      ),
    ),
  );
  return addUp(played);
}

/** Plays the stories that failed once, in `jobs` processes. */
export async function playPast(jobs: number): Promise<readonly PlayedSeed[]> {
  const played: PlayedSeed[] = [];
  await withSharedBeginnings((env) =>
    Promise.all(
      Array.from({ length: jobs }, (_, job) =>
        runWorker<PlayedSeed>(WORKER, ["past", String(job), String(jobs)], (one) => played.push(one), env),
      ),
    ),
  );
  return played;
}

/** Runs one process to its end; it prints what it played as lines of JSON. */
export async function runWorker<T>(
  worker: string,
  args: readonly string[],
  onPlayed: (played: T) => void,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const child = spawn(process.execPath, [worker, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-4_000);
  });
  const ended = new Promise<number | null>((resolve) => void child.on("close", resolve));
  for await (const line of createInterface({ input: child.stdout })) onPlayed(JSON.parse(line));
  const code = await ended;
  if (code !== 0) throw new Error(`a process of the simulation ended with ${code}:\n${said}`);
}

function addUp(played: readonly PlayedSeed[]): Survived {
  const tally = new Map<string, number>();
  for (const one of played)
    for (const [what, number] of one.tally) tally.set(what, (tally.get(what) ?? 0) + number);
  const sum = (pick: (one: PlayedSeed) => number) => played.reduce((total, one) => total + pick(one), 0);
  return {
    worlds: played.length,
    failed: played.filter(({ faults }) => faults.length > 0),
    events: sum((one) => one.events),
    virtualMs: sum((one) => one.virtualMs),
    cpuMs: sum((one) => one.cpuMs),
    encryptions: sum((one) => one.encryptions),
    calmAfterMsMax: Math.max(0, ...played.map((one) => one.calmAfterMs)),
    tally,
    hashBySeed: new Map(played.map(({ seed, traceHash }) => [seed, traceHash])),
  };
}
