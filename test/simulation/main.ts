/** `npm run sim`: plays simulated worlds and says in plain words what they survived. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { automergeReady, cryptoReady } from "@dovetail/core";
import { PLANTED_FAULTS } from "./planted/faults.ts";
import { runPlanted } from "./planted/run-planted.ts";
import { replaySchedule, runSchedules } from "./schedules/run-schedules.ts";
import { playMany, type Survived } from "./play-many.ts";
import { openNonceLedger } from "./world/nonce-ledger.ts";
import { rememberSums } from "./world/remembered-sums.ts";
import { runStory, type StoryResult } from "./world/run-story.ts";
import { findSmallestStory } from "./world/smallest-story.ts";
import { planStory, type StoryPlan } from "./world/story-plan.ts";

const HELP = `Plays whole worlds: people, their devices, a server and everything that goes wrong, from a seed.

Usage: npm run sim -- [options]

  --worlds N    how many worlds                                   (200)
  --from N      the first seed                                    (1)
  --rooms N     of a hundred worlds, how many have rooms          (4)
  --room-devices N   of a hundred worlds with rooms, in how many such a thing happens   (25)
  --room-losses N    of a hundred of the others, in how many the server loses everything   (25)
  --devices N   of a hundred worlds without rooms, in how many a device is set back, doubled, emptied or stolen   (12)
  --servers N   of a hundred worlds, how many have two servers    (8)
  --hostile N   of a hundred worlds without rooms, how many have somebody in them who sends anything   (8)
  --room-hostile N   of a hundred worlds with rooms of three, how many have a member in them who sends anything   (20)
  --jobs N      processes                                         (one a processor)
  --seed N      one world, played twice; when it fails, the smallest story that still does
  --schedules N    instead of worlds so many orders of writes, deletions, snapshots, crashes and lies on one account, from --from on
  --schedule N     one of these, played twice; when it fails, the smallest one that still does
  --disks N        of a hundred schedules, in how many the disk of a device is set back or emptied   (0)
  --planted T   plants the faults whose name contains T, one by one ("" for all); each has to be found
  --trace       with --seed or --schedule: everything that happened, line by line
  --json        the summary as JSON
  --help
`;

const { values } = parseArgs({
  options: {
    worlds: { type: "string", default: "200" },
    from: { type: "string", default: "1" },
    rooms: { type: "string" },
    devices: { type: "string" },
    "room-devices": { type: "string" },
    "room-losses": { type: "string" },
    servers: { type: "string" },
    hostile: { type: "string" },
    "room-hostile": { type: "string" },
    jobs: { type: "string", default: String(availableParallelism()) },
    seed: { type: "string" },
    schedules: { type: "string" },
    schedule: { type: "string" },
    disks: { type: "string", default: "0" },
    planted: { type: "string" },
    trace: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) process.stdout.write(HELP);
else if (values.seed !== undefined) process.exitCode = await replay(values.seed);
else if (values.schedule !== undefined)
  process.exitCode = await replaySchedule(values.schedule, Number(values.disks), values.trace);
else if (values.schedules !== undefined) {
  const range = {
    from: Number(values.from),
    count: Number(values.schedules),
    jobs: Number(values.jobs),
    diskPercent: Number(values.disks),
  };
  process.exitCode = await runSchedules(range, values.json);
} else if (values.planted !== undefined) process.exitCode = await planted(values.planted);
else process.exitCode = await many();

async function planted(part: string): Promise<number> {
  const faults = PLANTED_FAULTS.filter(({ name }) => name.includes(part));
  const results = await runPlanted(faults, Number(values.jobs), ({ name }, { caughtBy, says }) =>
    print(
      caughtBy === null
        ? `NOT FOUND  ${name}`
        : `found      ${name}\n             ${caughtBy}: ${says?.slice(0, 160)}`,
    ),
  );
  const missed = [...results.values()].filter(({ caughtBy }) => caughtBy === null).length;
  print(`${results.size} faults planted, ${results.size - missed} found`);
  return missed === 0 ? 0 : 1;
}

async function replay(seed: string): Promise<number> {
  await cryptoReady();
  await automergeReady();
  const ledger = openNonceLedger();
  rememberSums();
  const plan = planStory(seed, planOptions());
  const say = values.trace ? (line: string) => void process.stdout.write(`${line}\n`) : null;
  const first = await runStory(plan, ledger, say);
  const second = await runStory(plan, ledger);
  print(`seed ${seed}: ${people(plan)}, ${servers(plan)} on ${plan.server}, ${plan.steps.length} steps`);
  print(`${first.events} events over ${seconds(first.virtualMs)} of its time; trace ${first.traceHash}`);
  if (first.traceHash !== second.traceHash) {
    print(`played again, the trace is ${second.traceHash}: something comes from outside the world`);
    return 1;
  }
  print("played again, the trace is the same");
  if (first.faults.length === 0) {
    print(`every promise was kept, ${seconds(first.calmAfterMs)} after the trouble`);
    return 0;
  }
  await explain(plan, first, (shorter) => runStory(shorter, ledger));
  return 1;
}

function planOptions() {
  return {
    ...(values.rooms === undefined ? {} : { roomPercent: Number(values.rooms) }),
    ...(values.devices === undefined ? {} : { devicePercent: Number(values.devices) }),
    ...(values["room-devices"] === undefined ? {} : { roomDevicePercent: Number(values["room-devices"]) }),
    ...(values["room-losses"] === undefined ? {} : { roomLosingPercent: Number(values["room-losses"]) }),
    ...(values.servers === undefined ? {} : { serversPercent: Number(values.servers) }),
    ...(values.hostile === undefined ? {} : { hostilePercent: Number(values.hostile) }),
    ...(values["room-hostile"] === undefined ? {} : { roomHostilePercent: Number(values["room-hostile"]) }),
  };
}

async function explain(
  plan: StoryPlan,
  result: StoryResult,
  play: (plan: StoryPlan) => Promise<StoryResult>,
): Promise<void> {
  print("not kept:");
  for (const fault of result.faults) print(`  ${fault}`);
  const smallest = await findSmallestStory(plan, async (shorter) => (await play(shorter)).faults.length > 0);
  print(`the smallest story found that still fails has ${smallest.steps.length} steps:`);
  for (const step of smallest.steps) print(`  ${JSON.stringify(step)}`);
  for (const fault of (await play(smallest)).faults) print(`  -> ${fault}`);
}

async function many(): Promise<number> {
  const [count, from, jobs] = [Number(values.worlds), Number(values.from), Number(values.jobs)];
  const survived = await playMany({ from, count, jobs, ...planOptions() }, (played, done) => {
    if (played.faults.length > 0 && !values.json) print(`seed ${played.seed} failed: ${played.faults[0]}`);
    if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${count} worlds `);
  });
  if (values.json) print(JSON.stringify(toJson(survived), null, 2));
  else summarize(survived);
  return survived.failed.length === 0 ? 0 : 1;
}

function summarize(survived: Survived): void {
  const { worlds, failed, events, virtualMs, cpuMs, encryptions, calmAfterMsMax, tally } = survived;
  print(`${worlds} worlds played, ${worlds - failed.length} kept every promise, ${failed.length} did not`);
  print(
    `${events.toLocaleString("en")} events, ${Math.round(events / (cpuMs / 1_000)).toLocaleString("en")} a second of processor time`,
  );
  print(`${seconds(virtualMs)} of their time in ${seconds(cpuMs)} of processor time`);
  print(`${encryptions.toLocaleString("en")} encryptions, no key and nonce used for two things`);
  print(`at rest at the latest ${seconds(calmAfterMsMax)} after the trouble`);
  print("what happened in them:");
  for (const [what, number] of [...tally].sort(([a], [b]) => a.localeCompare(b)))
    print(`  ${number.toLocaleString("en").padStart(10)}  ${what}`);
  const shares = (
    ["rooms", "devices", "room-devices", "room-losses", "servers", "hostile", "room-hostile"] as const
  )
    .flatMap((name) => (values[name] === undefined ? [] : [` --${name} ${values[name]}`]))
    .join("");
  for (const { seed } of failed) print(`replay: npm run sim -- --seed ${seed}${shares}`);
}

function toJson({ failed, tally, hashBySeed: _, ...sums }: Survived) {
  return {
    ...sums,
    failed: failed.map(({ seed, faults }) => ({ seed, faults })),
    tally: Object.fromEntries(tally),
  };
}

function people({ devicesByPerson }: StoryPlan): string {
  return `${devicesByPerson.length} people with ${devicesByPerson.join(", ")} devices`;
}

function servers({ servers: count = 1 }: StoryPlan): string {
  return count === 1 ? "server" : `${count} servers`;
}

function seconds(ms: number): string {
  return ms < 120_000 ? `${(ms / 1_000).toFixed(1)} s` : `${(ms / 3_600_000).toFixed(2)} h`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
