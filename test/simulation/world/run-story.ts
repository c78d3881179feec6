/** Plays a story to its end, ends all trouble, and says what is not as it was promised. */
import type { Client } from "@dovetail/core";
import { populatedWorld } from "./beginning.ts";
import { checkSecrets, findUnkept, watchSecrets } from "./promises.ts";
import { findUnkeptInRooms } from "./room-promises.ts";
import type { NonceLedger } from "./nonce-ledger.ts";
import { playStep, reopen, type Stage, type Tally, watchPower } from "./play-step.ts";
import { isTold, useStolen } from "./play-device-step.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import type { Step, StoryPlan } from "./story-plan.ts";
import type { World } from "./world.ts";

export interface StoryResult {
  readonly seed: string;
  /** Empty when everything promised was kept. */
  readonly faults: readonly string[];
  readonly tally: Tally;
  readonly events: number;
  readonly virtualMs: number;
  /** How long after the trouble the world was at rest. */
  readonly calmAfterMs: number;
  readonly encryptions: number;
  readonly traceHash: string;
}

/** Everything has to be in its place so long after the last trouble. */
const CALM_MAX_MS = 10_000;
/** What nobody can open once its server has lost everything is asked for and sent again once a minute (DM15, DM18). */
const LOST_CALM_MAX_MS = 130_000;
/** Rooms have waits of a minute in what heals them (RM23, RM24, RM26), one after the other. */
const ROOMS_CALM_MAX_MS = 240_000;
/** Where nobody looks, what failed is tried again by itself, sooner or later. */
const ALONE_CALM_MAX_MS = 1_200_000;
/** What a device can have lost that others go on sending to: prekeys, sessions, or all. */
const LOSING = new Set<Step["type"]>(["server-lost", "set-back", "double", "evict"]);
/** So long after all is in its place what was put off has been done, and for so long nothing more is. */
const QUIET_AFTER_MS = 600_000;
const QUIET_MS = 1_200_000;
/** What a device sends, as a line of the trace has it. */
const SENT_LINE = /^\S+ (\w+) (?:> \S+ \d+ (\w+)|((?:GET|POST|PUT|DELETE) \S+))/;
/** What is asked for regularly, so long one after the other at least; the log of a room that lets nobody in each minute (RM30). */
const REGULAR =
  /^(?:ping|pong|readFrontiers|preKeyCounts|keyPackageCounts|openLog|read|subscribe|GET \/v1\/accounts\/\w+\/chain\b.*)$/;
const REGULAR_EVERY_MS = 5_000;
/** Of so many worlds of a hundred in which all do what they should. */
const QUIET_PERCENT = 10;
/** How long a thief waits between two attempts. */
const THIEF_MS = 700;
/** A device that was switched off has so long to start, on a disk that works. */
const START_MAX_MS = 5_000;
/** Whoever has lost a device comes back with another one in so much more, one attempt that hangs included. */
const RETURN_MAX_MS = 20_000;
const LOOK_EVERY_MS = 250;
/** The longer it takes, the more rarely is looked. */
const LOOKS_SHARE = 8;
const FAULTS_MAX = 12;

/** Plays `plan`. Worlds of one process are played one after the other. */
export async function runStory(
  plan: StoryPlan,
  ledger: NonceLedger,
  onLine: ((line: string) => void) | null = null,
): Promise<StoryResult> {
  const world = await populatedWorld(plan, onLine);
  ledger.begin();
  const stage: Stage = {
    world,
    tally: new Map(),
    faults: [],
    undo: new Set(),
    returning: new Set(),
    pending: 0,
  };
  let calmAfterMs = 0;
  try {
    for (const member of world.members()) watchPower(stage, member);
    for (const step of plan.steps) {
      onLine?.(`-- ${JSON.stringify(step)}`);
      if (step.type === "pass") await world.time.pass(step.ms);
      else playStep(stage, step);
      await world.time.pass(1);
    }
    onLine?.("-- the trouble is over");
    await endTrouble(stage);
    calmAfterMs = await comeToRest(stage);
    if (stage.faults.length === 0) await useWhatWasStolen(stage);
    if (stage.faults.length === 0) await keepQuiet(stage);
    await checkSecrets(world, stage.faults);
    if (ledger.reuses() > 0) stage.faults.push(`a key and a nonce were used twice, ${ledger.reuses()} times`);
  } catch (error) {
    stage.faults.push(`the world broke: ${error instanceof Error ? error.stack : String(error)}`);
  } finally {
    watchSecrets(world);
    world.end();
  }
  for (const [what, number] of Object.entries(world.network.counts))
    if (number > 0) stage.tally.set(`network ${what}`, number);
  return {
    seed: plan.seed,
    faults: stage.faults.slice(0, FAULTS_MAX),
    tally: stage.tally,
    events: world.time.eventCount(),
    virtualMs: world.time.elapsedMs(),
    calmAfterMs,
    encryptions: ledger.count(),
    traceHash: world.trace.digest(),
  };
}

/** Ways are free, disks have room, clocks are right, and whoever was switched off is switched on. */
async function endTrouble(stage: Stage): Promise<void> {
  const { world } = stage;
  for (const undo of [...stage.undo]) undo();
  for (const server of world.servers) server.start();
  for (const { device } of world.members()) {
    device.skewMs = 0;
    Object.assign(device.disk, { isFull: false, latencyMaxMs: 2, onWrite: null });
  }
  world.network.heal();
  // Whoever finds a copy running switches it off.
  for (const member of world.members().filter(({ isDouble }) => isDouble)) {
    member.device.cut();
    member.standing = "gone";
  }
  const untilMs = world.time.elapsedMs() + START_MAX_MS;
  for (;;) {
    const off = world
      .members()
      .filter(({ standing, device }) => standing !== "gone" && device.client === null);
    if (off.length + stage.returning.size === 0) return;
    if (world.time.elapsedMs() >= untilMs + (off.length === 0 ? RETURN_MAX_MS : 0)) {
      for (const { device } of stage.returning) stage.faults.push(`nobody came back for ${device.name}`);
      for (const { device } of off) stage.faults.push(`${device.name} did not start again`);
      return;
    }
    for (const member of off) void reopen(stage, member);
    await world.time.pass(LOOK_EVERY_MS);
  }
}

/** People look at their devices, as they do; then everything has to be in its place. Tells how long it took. */
async function comeToRest(stage: Stage): Promise<number> {
  const { world } = stage;
  const startMs = world.time.elapsedMs();
  const syncing = new Set<string>();
  const isLost = world.plan.steps.some(({ type }) => LOSING.has(type));
  let unkept: readonly string[] = [];
  for (;;) {
    for (const member of world.members()) {
      const { client, name } = member.device;
      if (!world.plan.isWatched || client === null || member.standing === "gone" || syncing.has(name))
        continue;
      syncing.add(name);
      void (isLost ? syncOrPutBack(client) : client.sync()).finally(() => syncing.delete(name));
    }
    await world.time.pass(Math.max(LOOK_EVERY_MS, (world.time.elapsedMs() - startMs) / LOOKS_SHARE));
    unkept = await world.time.run(findUnkept(world));
    const tookMs = world.time.elapsedMs() - startMs;
    const isOnlyRooms = unkept.length === 0;
    if (isOnlyRooms) unkept = await world.time.run(findUnkeptInRooms(world));
    if (unkept.length === 0) return tookMs;
    const lastMs = isLost ? LOST_CALM_MAX_MS : CALM_MAX_MS;
    const watchedMs = isOnlyRooms ? ROOMS_CALM_MAX_MS : lastMs;
    if (tookMs >= (world.plan.isAlone ? ALONE_CALM_MAX_MS : watchedMs)) break;
  }
  stage.faults.push(...unkept);
  return world.time.elapsedMs() - startMs;
}

/** Where everything is in its place nobody has anything to say: what goes on and on is a wait that nothing ends. */
async function keepQuiet({ world, faults }: Stage): Promise<void> {
  const { plan, time, trace } = world;
  if (plan.hostile !== undefined || plan.liar !== undefined) return;
  if (!createSeededRandom(`${plan.seed}/quiet`).chance(QUIET_PERCENT)) return;
  await time.pass(QUIET_AFTER_MS);
  const devices = new Set(world.members().map(({ device }) => device.name));
  const sent = new Map<string, number>();
  trace.watch((line) => {
    const [, device = "", frame, request] = SENT_LINE.exec(line) ?? [];
    const what = frame ?? request ?? "";
    if (devices.has(device)) sent.set(`${device} ${what}`, (sent.get(`${device} ${what}`) ?? 0) + 1);
  });
  await time.pass(QUIET_MS);
  trace.watch(null);
  for (const [what, times] of sent) {
    const isRegular = REGULAR.test(what.slice(what.indexOf(" ") + 1));
    if (times > (isRegular ? QUIET_MS / REGULAR_EVERY_MS : 0))
      faults.push(`with everything in its place went on and on: ${what}, ${times} times`);
  }
}

/** With all at rest and everybody told, whoever has a revoked device tries it once more. */
async function useWhatWasStolen(stage: Stage): Promise<void> {
  const { world } = stage;
  const thieves = world
    .members()
    .filter(({ revokedAt, device }) => revokedAt !== null && device.client !== null);
  if (thieves.length === 0) return;
  for (const thief of thieves) {
    thief.isKnownStolen = true;
    for (const act of ["send", "edit", "restart", "sync"] as const) {
      useStolen(stage, thief, { act, pick: world.written.length });
      await world.time.pass(THIEF_MS);
    }
    if (!isTold(thief)) stage.faults.push(`${thief.device.name} was revoked and not told`);
  }
  await comeToRest(stage);
}

/** Whoever is told that the server has lost the account, or a room of theirs, puts it back. */
async function syncOrPutBack(client: Client): Promise<unknown> {
  const synced = await client.sync();
  if (!synced.ok) return client.putBack();
  const told = await client.alarms();
  const isGone = told.ok && told.value.some(({ alarm }) => alarm.type === "RoomGone" && alarm.isOurs);
  return isGone ? client.putBack() : synced;
}

export type { World };
