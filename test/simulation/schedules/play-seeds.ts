/**
 * One process of a run of schedules: plays the seeds it is given and prints, every now and then, what came of them as a line of JSON.
 *
 * `play-seeds.ts <from> <step> <count> <diskPercent>` plays `from`, `from + step`, … `play-seeds.ts past` plays those that failed once,
 * `play-seeds.ts lies` every lie there is.
 */
import { automergeReady, cryptoReady } from "@dovetail/core";
import { rememberSums } from "../world/remembered-sums.ts";
import { playSchedule } from "./play-schedule.ts";
import { PAST_SCHEDULES } from "./past-schedules.ts";
import { LIE_SCHEDULES, planSchedule, type SchedulePlan } from "./schedule-plan.ts";

/** What became of some schedules. */
export interface PlayedSchedules {
  readonly played: number;
  readonly events: number;
  readonly steps: number;
  readonly cpuMs: number;
  readonly failed: readonly { readonly seed: string; readonly faults: readonly string[] }[];
  readonly tally: readonly (readonly [string, number])[];
  readonly hashes: readonly (readonly [string, string])[];
}

const REPORT_EVERY = 100;

const [first = "1", ...rest] = process.argv.slice(2);
const [step = 1, count = 1, diskPercent = 0] = rest.map(Number);
await cryptoReady();
await automergeReady();
rememberSums();
if (first === "past") await report(Object.entries(PAST_SCHEDULES).map(([name, plan]) => [name, plan]));
else if (first === "lies") await report(LIE_SCHEDULES.map((plan) => [plan.seed, plan]));
else
  for (let done = 0; done < count; done += REPORT_EVERY) {
    const some = Array.from({ length: Math.min(REPORT_EVERY, count - done) }, (_, index) =>
      String(Number(first) + (done + index) * step),
    );
    await report(some.map((seed) => [seed, planSchedule(seed, diskPercent)]));
  }

async function report(plans: readonly (readonly [string, SchedulePlan])[]): Promise<void> {
  process.stdout.write(`${JSON.stringify(await playSome(plans))}\n`);
}

async function playSome(plans: readonly (readonly [string, SchedulePlan])[]): Promise<PlayedSchedules> {
  const before = process.cpuUsage();
  const tally = new Map<string, number>();
  const failed: { seed: string; faults: readonly string[] }[] = [];
  const hashes: [string, string][] = [];
  let [events, steps] = [0, 0];
  for (const [seed, plan] of plans) {
    const { faults, traceHash, ...result } = await playSchedule(plan);
    for (const [what, number] of result.tally) tally.set(what, (tally.get(what) ?? 0) + number);
    if (faults.length > 0) failed.push({ seed, faults });
    hashes.push([seed, traceHash]);
    events += result.events;
    steps += plan.steps.length;
  }
  const { user, system } = process.cpuUsage(before);
  const cpuMs = (user + system) / 1_000;
  return { played: plans.length, events, steps, cpuMs, failed, tally: [...tally], hashes };
}
