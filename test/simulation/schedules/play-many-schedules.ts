/** Plays many schedules in several processes and adds up what came of them. */
import { join } from "node:path";
import { runWorker } from "../play-many.ts";
import { withSharedBeginnings } from "../shared-beginnings.ts";
import type { PlayedSchedules } from "./play-seeds.ts";

const WORKER = join(import.meta.dirname, "play-seeds.ts");

const PER_PROCESS = 1_000;

/** All of a run together. */
export interface SchedulesReport {
  readonly played: number;
  readonly events: number;
  readonly steps: number;
  readonly cpuMs: number;
  readonly failed: PlayedSchedules["failed"];
  readonly tally: ReadonlyMap<string, number>;
  readonly hashBySeed: ReadonlyMap<string, string>;
}

/** How many lies were drawn, and how many of them a device was told. */
export function countLies(tally: ReadonlyMap<string, number>): {
  readonly drawn: number;
  readonly told: number;
} {
  const sum = (prefix: string) =>
    [...tally].reduce((all, [what, number]) => all + (what.startsWith(prefix) ? number : 0), 0);
  return { drawn: sum("lie: "), told: sum("told: ") };
}

/** Those that failed once, or every lie there is. */
export async function playNamedSchedules(which: "past" | "lies"): Promise<PlayedSchedules> {
  let played: PlayedSchedules | null = null;
  await withSharedBeginnings((env) =>
    runWorker<PlayedSchedules>(
      WORKER,
      [which],
      (all) => {
        played = all;
      },
      env,
    ),
  );
  if (played === null) throw new Error("a process says what it played");
  return played;
}

/** `count` seeds from `from` on, in `jobs` processes; in so many of a hundred something happens to a disk. */
export interface Range {
  readonly from: number;
  readonly count: number;
  readonly jobs: number;
  readonly diskPercent?: number;
}

/** Plays them, and says now and then what came of them so far. */
export async function playManySchedules(
  { from, count, jobs, diskPercent = 0 }: Range,
  onPlayed: (sum: SchedulesReport) => void = () => {},
): Promise<SchedulesReport> {
  const failed: PlayedSchedules["failed"][number][] = [];
  const [tally, hashBySeed] = [new Map<string, number>(), new Map<string, string>()];
  const sums = { played: 0, events: 0, steps: 0, cpuMs: 0 };
  const report = (): SchedulesReport => ({ ...sums, failed, tally, hashBySeed });
  const add = (some: PlayedSchedules): void => {
    for (const what of ["played", "events", "steps", "cpuMs"] as const) sums[what] += some[what];
    for (const [what, number] of some.tally) tally.set(what, (tally.get(what) ?? 0) + number);
    for (const [seed, hash] of some.hashes) hashBySeed.set(seed, hash);
    failed.push(...some.failed);
    onPlayed(report());
  };
  await withSharedBeginnings((env) =>
    Promise.all(Array.from({ length: Math.min(jobs, count) }, (_, job) => work(job, env))),
  );
  async function work(job: number, env: NodeJS.ProcessEnv): Promise<void> {
    const share = Math.floor((count - job - 1) / jobs) + 1;
    // What documents took is not given back while their process lives.
    for (let done = 0; done < share; done += PER_PROCESS) {
      const args = [from + job + done * jobs, jobs, Math.min(PER_PROCESS, share - done), diskPercent].map(
        String,
      );
      await runWorker<PlayedSchedules>(WORKER, args, add, env);
    }
  }
  return report();
}
