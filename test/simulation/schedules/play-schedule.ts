/**
 * Plays the schedule of a seed to its end, ends all trouble, and says what is not as it was promised.
 *
 * A schedule is a world made small: one account of two or three devices, its log, snapshots and deletions, and nothing else.
 * It costs a tenth of one, so that many times as many orders of these few things can be seen.
 */
import { createHash } from "node:crypto";
import { present } from "../../../core/base/assert.ts";
import { idFromBytes, type OpId } from "../../../core/base/ids.ts";
import { encode } from "../../../core/codec/shape.ts";
import { INBOX } from "../../../core/document/schema/inbox.ts";
import { setField } from "../../../core/document/schema/state-field.ts";
import {
  isRedacted,
  messagePayloadShape,
  type NamedOp,
  OP_KIND,
  redactionPayloadShape,
} from "../../../core/messenger/op.ts";
import { createCut } from "../../../core/sigchain/epoch/cut.ts";
import { must, revokeDevices, rotate } from "../../support/chain-world.ts";
import { findUnkept, scanRemains, type Written } from "./schedule-promises.ts";
import { createLie } from "./schedule-lies.ts";
import { NEVER_SILENT_MS, type SchedulePlan, type ScheduleStep } from "./schedule-plan.ts";
import {
  CONVERSATION,
  createScheduleWorld,
  cutPower,
  isRevoked,
  keepConnected,
  linkThird,
  orOff,
  publishLink,
  putBack,
  type ScheduleDevice,
  type ScheduleWorld,
  switchOn,
  synchronise,
} from "./schedule-world.ts";
import { playDiskStep } from "./play-disk-step.ts";
import type { Parts } from "./schedule-device.ts";

export interface ScheduleResult {
  readonly seed: string;
  /** Empty when everything promised was kept. */
  readonly faults: readonly string[];
  readonly tally: ReadonlyMap<string, number>;
  readonly events: number;
  readonly traceHash: string;
}

/** A schedule that is being played. */
export interface Play {
  readonly world: ScheduleWorld;
  readonly seed: string;
  readonly written: Written[];
  readonly tally: Map<string, number>;
  mark: number | null;
}

const REST_ROUNDS_MAX = 16;
const REST_ROUND_MS = 400;
const FAULTS_MAX = 8;

/** Plays `plan`. Schedules of one process are played one after the other. */
export async function playSchedule(
  plan: SchedulePlan,
  onLine: ((line: string) => void) | null = null,
): Promise<ScheduleResult> {
  const world = await createScheduleWorld(plan.seed);
  const play: Play = { world, seed: plan.seed, written: [], tally: new Map(), mark: null };
  const { time, faults } = world;
  try {
    for (const device of world.devices) await time.run(orOff(device, switchOn(world, device)));
    await time.pass(50);
    for (const step of plan.steps) {
      onLine?.(`${time.elapsedMs().toFixed(1)} ${JSON.stringify(step)}`);
      await playStep(play, step);
      await time.pass(1);
    }
    onLine?.(`${time.elapsedMs().toFixed(1)} the trouble is over`);
    await endTrouble(world);
    await comeToRest(play);
    for (const device of world.devices)
      for (const alarm of device.alarms) {
        count(play, `alarms: ${alarm.type}${"rule" in alarm ? ` ${alarm.rule}` : ""}`);
        onLine?.(`${device.name} raised ${JSON.stringify(alarm)}`);
      }
  } catch (error) {
    faults.push(`it broke: ${error instanceof Error ? error.stack : String(error)}`);
  }
  const traceHash = await digest(play);
  world.end();
  return {
    seed: plan.seed,
    faults: faults.slice(0, FAULTS_MAX),
    tally: play.tally,
    events: time.eventCount(),
    traceHash,
  };
}

function count({ tally }: Play, what: string): void {
  tally.set(what, (tally.get(what) ?? 0) + 1);
}

/** Lets one step happen. Nothing here waits for what it asks for. */
async function playStep(play: Play, step: ScheduleStep): Promise<void> {
  const { world } = play;
  const { time, server } = world;
  count(play, step.type === "lie" ? `lie: ${step.lie}` : step.type);
  if (step.type === "pass") return time.pass(step.ms);
  if (step.type === "reclaim") return reclaim(world, step.silentMs);
  if (!("device" in step)) return playOfAccount(play, step.type);
  const device = present(world.devices[step.device % world.devices.length], "there is one");
  switch (step.type) {
    case "write":
      for (let n = 0; n < step.count; n++) write(play, device);
      return;
    case "edit":
      return ask(device, ({ log, context }) =>
        context.serial.run(() =>
          log.edit({ type: "inbox" }, (draft) =>
            setField(
              draft,
              INBOX.starred,
              [CONVERSATION, idFromBytes("op", world.random.bytes(32))] as const,
              true,
            ),
          ),
        ),
      );
    case "delete":
      return ask(device, (parts) => forget(play, device, parts, step.pick));
    case "redact":
      return ask(device, (parts) => redact(play, device, parts, step.pick));
    case "clear":
      return ask(device, (parts) => clear(play, device, parts));
    case "sync":
      return ask(device, () => synchronise(device));
    case "put-back":
      return ask(device, () => putBack(world, device));
    case "copy":
    case "set-back":
    case "empty":
      if (await playDiskStep(play, device, step)) count(play, `disk: ${step.type}`);
      return;
    case "offline": {
      device.isWanted = false;
      server.cut(device.identity.deviceId);
      time.schedule(step.forMs, () => {
        device.isWanted = true;
        void keepConnected(world, device);
      });
      return;
    }
    case "crash": {
      if (!device.power.isOn) return;
      const at = device.disk.writeCount() + step.write;
      device.disk.onWrite = (number) => {
        if (number < at) return null;
        device.disk.onWrite = null;
        time.schedule(step.forMs, () => (device.power.isOn ? undefined : void switchOn(world, device)));
        return step.moment;
      };
      return;
    }
    case "revoke":
      return revoke(play, device, present(world.devices[step.victim % world.devices.length], "there is one"));
    case "lie": {
      const logId = (device.parts ?? world.devices[0]?.parts)?.context.accountLogId;
      if (logId === undefined) return;
      let isTold = false;
      const lie = await createLie(world, { ...step, device }, logId, () => {
        if (!isTold) count(play, `told: ${step.lie}`);
        isTold = true;
      });
      server.lies.add(lie);
      return;
    }
  }
}

async function playOfAccount(play: Play, type: "link" | "rotate" | "backup" | "restore"): Promise<void> {
  const { world } = play;
  if (type === "backup") play.mark = world.server.records.mark();
  else if (type === "restore") await restore(play);
  else if (type === "rotate") {
    rotate(world.chain);
    await publishLink(world);
  } else {
    const linked = await linkThird(world, play.seed);
    if (linked !== null) await world.time.run(orOff(linked, switchOn(world, linked)));
  }
}

function ask({ parts }: ScheduleDevice, work: (parts: Parts) => Promise<unknown>): void {
  if (parts !== null) void work(parts);
}

function write({ written, world }: Play, device: ScheduleDevice): void {
  const { parts } = device;
  if (parts === null) return;
  const row: Written = {
    text: `canary~${device.name}:${written.length}~`,
    by: device,
    isKept: false,
    isOnSetBack: device.isSetBack,
    id: null,
    deletions: [],
  };
  written.push(row);
  const payload = encode(messagePayloadShape, { text: row.text });
  void parts.context.serial
    .run(() =>
      parts.conversations.write({ accountId: null, conversationId: CONVERSATION }, OP_KIND.message, payload),
    )
    .then((op) => {
      if (!op.ok) return void world.faults.push(`${device.name} could not write: ${op.error.type}`);
      row.id = op.value.id;
      row.isKept = true;
    });
}

/** The messages a device shows. */
async function shownOn({ ops }: Parts): Promise<readonly NamedOp[]> {
  const all = must(await ops.all(CONVERSATION));
  return all.filter((named) => named.op.kind === OP_KIND.message && !isRedacted(named));
}

/** Notes that somebody wants these gone; the returned function says that they were told they are. */
function wantGone({ written }: Play, by: ScheduleDevice, gone: readonly NamedOp[]): () => void {
  const ids = new Set<OpId>(gone.map(({ id }) => id));
  const wanted = written.flatMap((row) => {
    if (row.id === null || !ids.has(row.id)) return [];
    const deletion = { by, isKept: false };
    row.deletions.push(deletion);
    return [deletion];
  });
  return () => {
    for (const one of wanted) one.isKept = true;
  };
}

async function forget(play: Play, device: ScheduleDevice, parts: Parts, pick: number): Promise<void> {
  await parts.context.serial.run(async () => {
    const shown = await shownOn(parts);
    const op = shown[pick % Math.max(1, shown.length)];
    if (op === undefined) return;
    const told = wantGone(play, device, [op]);
    if ((await parts.forgetting.removeOps([op])).ok) told();
  });
}

async function redact(play: Play, device: ScheduleDevice, parts: Parts, pick: number): Promise<void> {
  await parts.context.serial.run(async () => {
    const shown = await shownOn(parts);
    const message = shown[pick % Math.max(1, shown.length)];
    if (message === undefined) return;
    const told = wantGone(play, device, [message]);
    const { device: author, deviceSeq, hlc } = message.op;
    const payload = encode(redactionPayloadShape, { device: author, deviceSeq, hlc });
    const to = { accountId: null, conversationId: CONVERSATION };
    const done = await parts.conversations.write(to, OP_KIND.redaction, payload, { target: message.id });
    if (done.ok) told();
  });
}

async function clear(play: Play, device: ScheduleDevice, parts: Parts): Promise<void> {
  await parts.context.serial.run(async () => {
    if (!parts.snapshots.isComplete()) return;
    const told = wantGone(play, device, await shownOn(parts));
    if ((await parts.forgetting.clear(CONVERSATION)).ok) told();
  });
}

/** The victim is cut off where the revoker has read to. */
function revoke(play: Play, device: ScheduleDevice, victim: ScheduleDevice): void {
  const { world } = play;
  const others = world.devices.filter((one) => !one.isGone && one !== victim);
  if (device === victim || device.isGone || victim.isGone || !others.includes(device)) return;
  ask(device, (parts) => cutOff(world, device, parts, victim));
}

async function cutOff(
  world: ScheduleWorld,
  device: ScheduleDevice,
  { log, context }: Parts,
  victim: ScheduleDevice,
): Promise<void> {
  // Who cannot reach the server, or not read the log to its end, revokes nobody.
  if ((await synchronise(device)) !== null || device.link === null) return;
  await context.serial.run(async () => {
    // Somebody else may have been faster.
    if (device.isGone || isRevoked(world, victim)) return;
    const cut = createCut(world.random, { logId: context.accountLogId, ...log.reader().point });
    victim.isGone = true;
    revokeDevices(world.chain, [victim.identity.deviceId], device.identity.keys, cut);
    await publishLink(world);
    cutPower(world, victim);
    await context.refreshOwnChain();
  });
}

async function restore({ world, mark }: Play): Promise<void> {
  if (mark === null) return;
  const { server, chain } = world;
  await server.putBackup(mark);
  for (let seq = 2; seq <= chain.states.length; seq++) await publishLink(world, seq);
}

async function reclaim({ server, time }: ScheduleWorld, silentMs: number): Promise<void> {
  for (;;) {
    const gone = must(await server.records.current().reclaim({ nowMs: time.nowMs(), graceMs: 0, silentMs }));
    if (gone.isDone) return;
  }
}

async function endTrouble(world: ScheduleWorld): Promise<void> {
  world.server.lies.clear();
  for (const device of world.devices) {
    device.disk.onWrite = null;
    device.isWanted = true;
    if (device.isGone) cutPower(world, device);
    else if (!device.power.isOn) await world.time.run(orOff(device, switchOn(world, device)));
    else void keepConnected(world, device);
  }
  await world.time.pass(REST_ROUND_MS);
}

/** Devices that are of no use any more are revoked on another one. */
async function giveUp(play: Play): Promise<void> {
  const { world } = play;
  for (const victim of world.devices) {
    if (!(victim.isGone || victim.isTold) || isRevoked(world, victim)) continue;
    const host = world.devices.find(({ isGone, link, parts }) => !isGone && link !== null && parts !== null);
    if (host === undefined || host.parts === null) continue;
    count(play, victim.isTold ? "set back, told and revoked" : "emptied and revoked");
    await world.time.run(orOff(host, cutOff(world, host, host.parts, victim)));
  }
}

/** All synchronise until everything is in its place, and then until what was deleted is gone from the server too. */
async function comeToRest(play: Play): Promise<void> {
  const { world } = play;
  let unkept: readonly string[] = [];
  for (let round = 0; round < REST_ROUNDS_MAX; round++) {
    await giveUp(play);
    const active = world.devices.filter(({ isGone, isTold }) => !isGone && !isTold);
    const errors = await world.time.run(
      Promise.all(active.map((device) => orOff(device, synchronise(device)))),
    );
    for (const [index, device] of active.entries()) {
      if (errors[index]?.type !== "LogDistrusted" && !(device.link === null && isDistrusting(device)))
        continue;
      count(play, "accounts put back");
      await world.time.run(orOff(device, putBack(world, device)));
      await world.time.pass(REST_ROUND_MS);
    }
    await reclaim(world, NEVER_SILENT_MS);
    await world.time.pass(50);
    unkept = await world.time.run(findUnkept(play));
    if (unkept.length === 0) {
      world.faults.push(...(await world.time.run(scanRemains(play))));
      return;
    }
  }
  world.faults.push(...unkept);
}

/** The server does not have what this device has read: only a person can say what then. */
function isDistrusting({ alarms }: ScheduleDevice): boolean {
  return alarms.at(-1)?.type === "LogDistrusted";
}

/** What happened, as one hash. */
async function digest({ world, written, tally }: Play): Promise<string> {
  const hash = createHash("sha256");
  const logId = world.devices.find(({ parts }) => parts !== null)?.parts?.context.accountLogId;
  const log = logId === undefined ? null : must(await world.server.records.current().findLog(logId));
  hash.update(log === null ? "" : Buffer.from(log.head.chain));
  const snapshots =
    logId === undefined ? [] : must(await world.server.records.current().readSnapshots(logId));
  for (const { id } of snapshots) hash.update(id);
  // Where something broke says who asked for it too.
  const faults = world.faults.map((fault) => fault.split("\n", 1)[0]);
  hash.update(JSON.stringify([world.time.eventCount(), world.server.frameCount(), faults, [...tally]]));
  for (const { id, isKept } of written) hash.update(`${id} ${isKept}`);
  return hash.digest("hex").slice(0, 32);
}
