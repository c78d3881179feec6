/** `npm run sim -- --schedules` and `--schedule`: what a person reads of them. */
import { automergeReady, cryptoReady } from "@dovetail/core";
import { rememberSums } from "../world/remembered-sums.ts";
import { findSmallestStory } from "../world/smallest-story.ts";
import { countLies, playManySchedules, type Range, type SchedulesReport } from "./play-many-schedules.ts";
import { playSchedule } from "./play-schedule.ts";
import { planSchedule } from "./schedule-plan.ts";

/** Plays many and says what came of them; gives the exit code. */
export async function runSchedules(range: Range, isJson: boolean): Promise<number> {
  let told = 0;
  const report = await playManySchedules(range, ({ played, failed }) => {
    if (!isJson)
      for (const { seed, faults } of failed.slice(told)) print(`schedule ${seed} failed: ${faults[0]}`);
    told = failed.length;
    if (process.stderr.isTTY) process.stderr.write(`\r${played} of ${range.count} schedules `);
  });
  if (isJson)
    print(JSON.stringify({ ...report, tally: Object.fromEntries(report.tally), hashBySeed: null }, null, 2));
  else summarize(report, range.diskPercent ?? 0);
  return report.failed.length === 0 ? 0 : 1;
}

function summarize(
  { played, failed, steps, events, cpuMs, tally }: SchedulesReport,
  diskPercent: number,
): void {
  print(`${played} schedules played, ${played - failed.length} kept every promise, ${failed.length} did not`);
  print(
    `${steps.toLocaleString("en")} steps, ${events.toLocaleString("en")} events, ${(cpuMs / played).toFixed(1)} ms of processor time each`,
  );
  const lies = countLies(tally);
  print(`${lies.drawn.toLocaleString("en")} lies drawn, ${lies.told.toLocaleString("en")} of them told`);
  for (const [what, number] of [...tally].sort(([a], [b]) => a.localeCompare(b)))
    print(`  ${number.toLocaleString("en").padStart(10)}  ${what}`);
  for (const { seed } of failed)
    print(`replay: npm run sim -- --schedule ${seed}${diskPercent > 0 ? ` --disks ${diskPercent}` : ""}`);
}

/** Plays one twice, and looks for the smallest that fails like it; gives the exit code. */
export async function replaySchedule(seed: string, diskPercent: number, isTraced: boolean): Promise<number> {
  await cryptoReady();
  await automergeReady();
  rememberSums();
  const plan = planSchedule(seed, diskPercent);
  const first = await playSchedule(plan, isTraced ? print : null);
  const second = await playSchedule(plan);
  print(`schedule ${seed}: ${plan.steps.length} steps, ${first.events} events; trace ${first.traceHash}`);
  if (first.traceHash !== second.traceHash) {
    print(`played again, the trace is ${second.traceHash}: something comes from outside`);
    return 1;
  }
  print("played again, the trace is the same");
  if (first.faults.length === 0) {
    print("every promise was kept");
    return 0;
  }
  print("not kept:");
  for (const fault of first.faults) print(`  ${fault}`);
  const smallest = await findSmallestStory(
    plan,
    async (shorter) => (await playSchedule(shorter)).faults.length > 0,
  );
  print(`the smallest one found that still fails has ${smallest.steps.length} steps:`);
  for (const step of smallest.steps) print(`  ${JSON.stringify(step)}`);
  for (const fault of (await playSchedule(smallest)).faults) print(`  -> ${fault}`);
  return 1;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
