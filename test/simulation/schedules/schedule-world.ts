/** The account of a schedule: two devices and a third that may be linked, a server, and what was promised. */
import type { ConversationId, DeviceId } from "../../../core/base/ids.ts";
import { idFromBytes } from "../../../core/base/ids.ts";
import { present } from "../../../core/base/assert.ts";
import { ok, type Result } from "../../../core/base/result.ts";
import type { Alarm, ClientError } from "../../../core/client/client-error.ts";
import { type DeviceIdentity, writerKey } from "../../../core/client/devices/device-identity.ts";
import type { Gateway } from "../../../core/client/connection/gateway.ts";
import { openLogChannel } from "../../../core/client/connection/log-channel.ts";
import { createLogFollower, type LogFollower } from "../../../core/client/connection/log-follower.ts";
import { putBackLogs } from "../../../core/client/reseed/put-back-logs.ts";
import { activeDevices, type ChainState } from "../../../core/sigchain/chain-state.ts";
import { accountLogId, accountRoot } from "../../../core/sigchain/epoch/epoch-secret.ts";
import { createDeviceSeeds } from "../../../core/sigchain/keys/device-keys.ts";
import type { ChainStep } from "../../../sync-server/store/directory-store.ts";
import {
  addDevice,
  type ChainWorld,
  createWorld,
  must,
  secretOf,
  stateOf,
} from "../../support/chain-world.ts";
import { createSeededRandom, type SeededRandom } from "../../support/seeded-random.ts";
import { takeAmbient } from "../world/ambient.ts";
import { createVirtualDisk, type Power, type VirtualDisk } from "../world/virtual-disk.ts";
import { createVirtualTime, type VirtualTime } from "../world/virtual-time.ts";
import type { DiskCopy } from "./play-disk-step.ts";
import { type Parts, startParts } from "./schedule-device.ts";
import { createScheduleServer, type ScheduleServer } from "./schedule-server.ts";

export const CONVERSATION: ConversationId = idFromBytes("conversation", new Uint8Array(32).fill(7));
const START_MS = 1_800_000_000_000;
const RETRY_MS = 200;
const SETTLE_ROUNDS_MAX = 24;

/** A connection to the server, with the account log open on it. */
interface Link {
  readonly gateway: Gateway;
  readonly follower: LogFollower;
}

export interface ScheduleDevice {
  readonly name: string;
  readonly identity: DeviceIdentity;
  readonly disk: VirtualDisk;
  readonly alarms: Alarm[];
  /** Why it did not connect, or stopped what it was about on its connection. */
  readonly errors: ClientError[];
  readonly known: { state: ChainState };
  power: Power;
  /** Settles when its power is cut: what its disk was asked then is never answered. */
  off: PromiseWithResolvers<null>;
  parts: Parts | null;
  link: Link | null;
  /** It is to be connected. */
  isWanted: boolean;
  /** Revoked, or lost for good. */
  isGone: boolean;
  copy: DiskCopy | null;
  isSetBack: boolean;
  /** It knows that its account went on without what it has on its disk (AR8). */
  isTold: boolean;
}

export interface ScheduleWorld {
  readonly chain: ChainWorld;
  readonly root: Uint8Array;
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly server: ScheduleServer;
  readonly devices: ScheduleDevice[];
  /** Who was told something that is not so. */
  readonly liedTo: Set<ScheduleDevice>;
  /** What must not have happened, as it is found. */
  readonly faults: string[];
  end(): void;
}

/** Made once a process: keys, links and epochs are dear. */
let base: ChainWorld | null = null;

function baseChain(): ChainWorld {
  if (base !== null) return base;
  const chain = createWorld("schedules");
  addDevice(chain);
  addDevice(chain);
  base = chain;
  return chain;
}

/** Two devices that are switched off, and a server that knows them. */
export async function createScheduleWorld(seed: string): Promise<ScheduleWorld> {
  const time = createVirtualTime(START_MS);
  const giveBack = takeAmbient(time, createSeededRandom(`${seed}/ambient`));
  const whole = baseChain();
  const chain: ChainWorld = {
    ...whole,
    random: createSeededRandom(`${seed}/chain`),
    links: whole.links.slice(0, 2),
    states: whole.states.slice(0, 2),
    secrets: new Map(whole.secrets),
    cuts: new Map(),
    keysById: new Map(whole.keysById),
    addedBoxes: new Map(whole.addedBoxes),
    boxes: new Map(whole.boxes),
  };
  const world: ScheduleWorld = {
    chain,
    root: accountRoot(secretOf(chain, 1).secret),
    time,
    random: createSeededRandom(`${seed}/world`),
    server: createScheduleServer(time, createSeededRandom(`${seed}/server`)),
    devices: [],
    liedTo: new Set(),
    faults: [],
    end() {
      for (const device of world.devices) cutPower(world, device);
      giveBack();
    },
  };
  const store = world.server.records.current();
  must(await store.register(stepOf(chain, 1, time.nowMs()), null));
  must(await store.appendLink(stepOf(chain, 2, time.nowMs())));
  const logId = accountLogId(world.root);
  const { accountId } = stateOf(chain);
  must(await store.createLog({ logId, ownerId: accountId, kind: "account", appendKey: null }));
  for (const { id } of byAge(stateOf(chain))) addScheduleDevice(world, id, seed);
  return world;
}

/** The third device is on the chain from now on. */
export async function linkThird(world: ScheduleWorld, seed: string): Promise<ScheduleDevice | null> {
  const whole = baseChain();
  const { chain } = world;
  const [link, state] = [whole.links[2], whole.states[2]];
  if (chain.links.length !== 2 || link === undefined || state === undefined) return null;
  chain.links.push(link);
  chain.states.push(state);
  must(await world.server.records.current().appendLink(stepOf(chain, 3, world.time.nowMs())));
  return addScheduleDevice(world, present(byAge(state).at(-1), "it was added").id, seed);
}

export function isRevoked({ chain }: ScheduleWorld, { identity }: ScheduleDevice): boolean {
  return stateOf(chain).devicesById.get(identity.deviceId)?.revokedSeq !== null;
}

const byAge = (state: ChainState) => [...activeDevices(state)].sort((a, b) => a.addedSeq - b.addedSeq);

function addScheduleDevice(world: ScheduleWorld, id: DeviceId, seed: string): ScheduleDevice {
  const keys = present(world.chain.keysById.get(id), "the world made it");
  const name = `d${world.devices.length + 1}`;
  const device: ScheduleDevice = {
    name,
    identity: {
      accountId: stateOf(world.chain).accountId,
      deviceId: id,
      origin: "https://dove.example",
      handle: null,
      seeds: createDeviceSeeds(createSeededRandom(id)),
      keys,
    },
    disk: createVirtualDisk(world.time, createSeededRandom(`${seed}/disk/${name}`)),
    alarms: [],
    errors: [],
    known: { state: stateOf(world.chain) },
    power: { isOn: false },
    off: Promise.withResolvers(),
    parts: null,
    link: null,
    isWanted: true,
    isGone: false,
    copy: null,
    isSetBack: false,
    isTold: false,
  };
  world.devices.push(device);
  return device;
}

/** A link as the server keeps it. */
function stepOf(chain: ChainWorld, seq: number, nowMs: number): ChainStep {
  const state = present(chain.states[seq - 1], "there is such a link");
  const before = chain.states[seq - 2] ?? null;
  const isNewEpoch = state.epochs.length > (before?.epochs.length ?? 0);
  const added = [...state.devicesById.values()].filter(({ addedSeq }) => addedSeq === seq);
  return {
    accountId: state.accountId,
    seq,
    previousHash: before?.head ?? null,
    hash: state.head,
    link: present(chain.links[seq - 1], "there is such a link"),
    epoch: state.epochs.length,
    recoveryKey: present(state.recoveries.at(-1), "there is one").signKey,
    addedDevices: added.map(({ id, signKey }) => ({ deviceId: id, signKey })),
    revokedDeviceIds: [...state.devicesById.values()].flatMap((one) =>
      one.revokedSeq === seq ? [one.id] : [],
    ),
    boxes: isNewEpoch ? present(chain.boxes.get(state.epochs.length), "an epoch has boxes") : null,
    box: null,
    nowMs,
  };
}

/** A link of the chain goes to the server: the newest. */
export async function publishLink(world: ScheduleWorld, seq = world.chain.states.length): Promise<boolean> {
  const { chain, server, time } = world;
  const step = stepOf(chain, seq, time.nowMs());
  return (await server.records.current().appendLink(step)).ok;
}

/** What a device had not written to its disk is gone, and it does nothing more. */
export function cutPower({ server }: Pick<ScheduleWorld, "server">, device: ScheduleDevice): void {
  device.power.isOn = false;
  device.off.resolve(null);
  device.parts = null;
  device.link = null;
  server.cut(device.identity.deviceId);
}

/** What a device does, or null where its power is cut before it is done. */
export function orOff<T>({ off }: ScheduleDevice, work: Promise<T>): Promise<T | null> {
  return Promise.race([work, off.promise]);
}

/** Starts a device on what is on its disk, and lets it connect. */
export async function switchOn(world: ScheduleWorld, device: ScheduleDevice): Promise<void> {
  if (device.isGone) return;
  cutPower(world, device);
  const power: Power = { isOn: true };
  device.power = power;
  device.off = Promise.withResolvers();
  const started = await startParts({
    chain: world.chain,
    root: world.root,
    identity: device.identity,
    known: device.known,
    time: world.time,
    random: world.random,
    store: device.disk.store(power, () => cutPower(world, device)),
    storage: device.disk.storage(power),
    conversationId: CONVERSATION,
    isOn: () => power.isOn,
    raise(alarm) {
      device.alarms.push(alarm);
      if (alarm.type === "DeviceRolledBack") stop(world, device);
    },
    onOutgoing: () => void push(device),
  });
  if (!started.ok) {
    world.faults.push(`${device.name} did not start: ${started.error.type}`);
    return;
  }
  device.parts = started.value;
  void keepConnected(world, device);
}

/** As an engine that is told so does: nothing is read or sent any more. */
function stop({ server }: ScheduleWorld, device: ScheduleDevice): void {
  device.isTold = true;
  device.link = null;
  server.cut(device.identity.deviceId);
}

async function push({ link, parts }: ScheduleDevice): Promise<void> {
  const channel = parts === null ? null : (link?.follower.channelOf(parts.context.accountLogId) ?? null);
  if (channel !== null) await parts?.log.push(channel);
}

/** Connects, and again after a while when that fails or ends. */
export async function keepConnected(world: ScheduleWorld, device: ScheduleDevice): Promise<void> {
  const { power, parts } = device;
  if (!device.isWanted || device.isTold || !power.isOn || parts === null || device.link !== null) return;
  const again = () =>
    world.time.schedule(RETRY_MS, () =>
      device.power === power ? void keepConnected(world, device) : undefined,
    );
  const connected = await connect(world, device, parts);
  if (device.power !== power) return;
  if (!connected.ok) {
    device.errors.push(connected.error);
    return void again();
  }
  void connected.value.gateway.whenClosed.then(() => {
    if (device.link === connected.value) device.link = null;
    if (device.power === power) again();
  });
}

async function connect(
  { server }: ScheduleWorld,
  device: ScheduleDevice,
  parts: Parts,
): Promise<Result<Link, ClientError>> {
  const { context, log, conversations, snapshots } = parts;
  const { accountId, deviceId, seeds } = device.identity;
  const logId = context.accountLogId;
  const gateway = server.connect(accountId, deviceId);
  const opening = async (): Promise<Result<Link, ClientError>> => {
    const refreshed = await context.serial.run(context.refreshOwnChain);
    if (!refreshed.ok) return refreshed;
    const mended = await context.serial.run(() => log.mend());
    if (!mended.ok) return mended;
    const writer = writerKey(seeds, logId);
    const channel = await openLogChannel(gateway, 1, { logId, right: "append", capability: null, writer });
    if (!channel.ok) return channel;
    const isKnown = log.checkWriter(channel.value.writerSeq);
    if (!isKnown.ok) return isKnown;
    const follower = createLogFollower({ context, gateway, onProgress: () => {} });
    const followed = await follower.follow(channel.value, {
      reader: async () => ok(log.reader()),
      async take(entries) {
        const changed = await log.receive(entries);
        return changed.ok ? conversations.adopt(changed.value) : changed;
      },
      enterIncarnation: (incarnation) => context.serial.run(() => log.enterIncarnation(incarnation)),
      passTrimmed: (opened) => snapshots.enter(gateway, opened),
      ackableSeq: (readSeq) => readSeq,
    });
    if (!followed.ok) return followed;
    const handed = await log.handOn(channel.value);
    return handed.ok ? ok({ gateway, follower }) : handed;
  };
  const opened = await opening();
  if (!opened.ok) {
    gateway.close();
    return opened;
  }
  device.link = opened.value;
  void push(device);
  void tend(device);
  return opened;
}

/** Loads what is behind, endorses or makes a snapshot. */
async function tend(device: ScheduleDevice): Promise<Result<void, ClientError>> {
  const tended = await tendOn(device);
  if (!tended.ok) device.errors.push(tended.error);
  return tended;
}

async function tendOn({ link, parts }: ScheduleDevice): Promise<Result<void, ClientError>> {
  const channel = parts === null ? null : (link?.follower.channelOf(parts.context.accountLogId) ?? null);
  if (link === null || parts === null || channel === null) return ok();
  const refreshed = await parts.context.serial.run(parts.context.refreshOwnChain);
  if (!refreshed.ok) return refreshed;
  const tended = await parts.snapshots.tend(link.gateway, channel, () => []);
  return tended.ok ? parts.log.handOn(channel) : tended;
}

/** As `sync` of a client does: rounds of sending and reading until one moves nothing. Gives why it ended early. */
export async function synchronise(device: ScheduleDevice): Promise<ClientError | null> {
  for (let round = 0; round < SETTLE_ROUNDS_MAX; round++) {
    const { parts, link } = device;
    if (parts === null || link === null) return null;
    const { log, conversations, forgetting, context } = parts;
    const before = log.reader().point.seq;
    for (const task of [conversations.prepareToSync, forgetting.work]) {
      const done = await context.serial.run<Result<void, ClientError>>(task);
      if (!done.ok) return done.error;
    }
    await push(device);
    const read = await link.follower.catchUpAll();
    if (!read.ok) return read.error;
    const channel = link.follower.channelOf(context.accountLogId);
    const handed = channel === null ? ok() : await log.handOn(channel);
    if (!handed.ok) return handed.error;
    const isQuiet =
      log.pendingCount() === 0 &&
      !conversations.hasWork() &&
      !forgetting.hasWork() &&
      log.reader().point.seq === before;
    if (isQuiet) break;
  }
  const { parts } = device;
  const tended = await tend(device);
  const flushed = parts === null ? ok() : await parts.context.serial.run(parts.log.flush);
  if (!tended.ok) return tended.error;
  return flushed.ok ? null : flushed.error;
}

/** A person whose server has lost something says that the account is to be put back. */
export async function putBack(world: ScheduleWorld, device: ScheduleDevice): Promise<void> {
  const { parts, identity } = device;
  if (parts === null) return;
  const { context, log } = parts;
  device.isWanted = false;
  const gateway = world.server.connect(identity.accountId, identity.deviceId);
  const owned = {
    logId: context.accountLogId,
    kind: "account",
    appendSeed: null,
    reader: log.reader(),
  } as const;
  await putBackLogs(context, gateway, [owned], () => {});
  gateway.close();
  device.link = null;
  device.isWanted = true;
  await keepConnected(world, device);
}
