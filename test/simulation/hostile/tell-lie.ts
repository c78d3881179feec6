/** A world with a server that lies: people write, the lie begins, people go on writing, and look at what they are told. */
import type { Alarm } from "@dovetail/core";
import { populatedWorld } from "../world/beginning.ts";
import type { NonceLedger } from "../world/nonce-ledger.ts";
import { playStep, type Stage } from "../world/play-step.ts";
import { findUnkept, isShownWrongly } from "../world/promises.ts";
import { type Member, pickServer, type World } from "../world/world.ts";
import type { ServerLie } from "./lies.ts";

export interface LieResult {
  readonly name: string;
  /** What is wrong; null when it was found as it should be. */
  readonly fault: string | null;
  /** The alarms of the device that was lied to. */
  readonly alarms: readonly Alarm[];
  /** Virtual milliseconds from the lie's beginning to its alarm. */
  readonly foundAfterMs: number | null;
}

/** An exchange, a new connection and another exchange: by then a lie has to be found. */
const PATIENCE_MS = 10_000;

/** Plays one lie. */
export async function tellLie(lie: ServerLie, ledger: NonceLedger): Promise<LieResult> {
  const world = await populatedWorld({
    seed: `lie/${lie.name}`,
    devicesByPerson: [2, 1],
    server: "sqlite",
    steps: [],
    isWatched: true,
  });
  ledger.begin();
  const stage: Stage = {
    world,
    tally: new Map(),
    faults: [],
    undo: new Set(),
    returning: new Set(),
    pending: 0,
  };
  try {
    await speak(stage);
    await world.time.pass(2_000);
    const victim = memberNamed(world, lie.to);
    let foundAtMs: number | null = null;
    victim.onAlarm = (alarm) => {
      if (foundAtMs === null && isNamed(lie, alarm)) foundAtMs = world.time.elapsedMs();
    };
    begin(world, lie);
    const beganAtMs = world.time.elapsedMs();
    if (lie.rotates) playStep(stage, { type: "rotate", device: 0 });
    await speak(stage);
    await world.time.pass(500);
    if (lie.rollsBack) goBack(stage);
    else world.network.reset(lie.to);
    await world.time.pass(1_500);
    await speak(stage);
    await look(world, victim);
    await world.time.pass(Math.max(0, beganAtMs + PATIENCE_MS - world.time.elapsedMs()));
    const foundAfterMs = foundAtMs === null ? null : foundAtMs - beganAtMs;
    return {
      name: lie.name,
      alarms: victim.alarms,
      foundAfterMs,
      fault: await judge(world, lie, foundAfterMs),
    };
  } finally {
    world.end();
  }
}

function begin(world: World, lie: ServerLie): void {
  const server = pickServer(world.servers);
  const [frames, http] = [lie.frames?.() ?? null, lie.http?.() ?? null];
  if (frames !== null) server.lie = (frame, device) => (device === lie.to ? frames(frame, device) : [frame]);
  if (http !== null)
    server.httpLie = (path, response, device) =>
      device === lie.to ? http(path, response, device) : response;
  if (lie.rollsBack) server.disk.mark();
}

function goBack({ world }: Stage): void {
  const server = pickServer(world.servers);
  server.crash();
  server.disk.rollBack();
  server.start();
}

async function speak(stage: Stage): Promise<void> {
  for (const device of [0, 1, 2, 0]) {
    playStep(stage, { type: "send", device, to: 0, count: 2 });
    playStep(stage, { type: "edit", device, what: "tag", pick: device });
    await stage.world.time.pass(300);
  }
}

async function look(world: World, victim: Member): Promise<void> {
  void victim.device.client?.sync();
  await world.time.pass(1_000);
}

async function judge(world: World, lie: ServerLie, foundAfterMs: number | null): Promise<string | null> {
  if (lie.foundAs !== null) return foundAfterMs === null ? "nobody was told of it" : shownWrongly(world);
  for (const { device } of world.members()) void device.client?.sync();
  await world.time.pass(2_000);
  return (await world.time.run(findUnkept(world)))[0] ?? null;
}

/** Whatever a server says, nobody is shown a text that nobody wrote, or one twice. */
async function shownWrongly(world: World): Promise<string | null> {
  const unkept = await world.time.run(findUnkept(world));
  return unkept.find(isShownWrongly) ?? null;
}

function isNamed({ foundAs }: ServerLie, alarm: Alarm): boolean {
  if (foundAs === null || alarm.type !== foundAs[0]) return false;
  const word = "fault" in alarm ? alarm.fault.type : "rule" in alarm ? alarm.rule : alarm.type;
  return foundAs[1].test(word);
}

function memberNamed(world: World, name: string): Member {
  const found = world.members().find(({ device }) => device.name === name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
}
