/** Devices of one account that share an account log in memory, each with a disk whose power can be cut. */
import { present } from "../../core/base/assert.ts";
import type { Bytes } from "../../core/base/bytes.ts";
import type { DeviceId } from "../../core/base/ids.ts";
import { type AccountLog, createAccountLog } from "../../core/client/account-log/account-log.ts";
import type { Alarm } from "../../core/client/client-error.ts";
import { type DeviceIdentity, writerKey } from "../../core/client/devices/device-identity.ts";
import { createTimes } from "../../core/client/calendar/times.ts";
import type { EngineContext } from "../../core/client/engine-context.ts";
import type { LogChannel } from "../../core/client/connection/log-channel.ts";
import { createSerial } from "../../core/client/serial.ts";
import { createTables } from "../../core/client/tables.ts";
import { createDocuments, type Documents } from "../../core/document/documents.ts";
import type { DocumentStorage } from "../../core/document/storage/repo-storage.ts";
import { accountEntryKey } from "../../core/log/account-entry.ts";
import type { DocumentName } from "../../core/log/document-name.ts";
import { entryId, writerTag } from "../../core/protocol/entry.ts";
import { accountLogId, accountRoot } from "../../core/sigchain/epoch/epoch-secret.ts";
import { createDeviceSeeds, type DeviceKeys } from "../../core/sigchain/keys/device-keys.ts";
import type { TxStore } from "../../core/store/tx-store.ts";
import { addDevice, type ChainWorld, createWorld, firstKeys, secretOf, stateOf } from "./chain-world.ts";
import { createCrashDevice, type CrashDevice } from "./crash-platform.ts";
import { createMemoryLog, type MemoryLog } from "./memory-log.ts";
import { createSeededRandom } from "./seeded-random.ts";

export interface AccountWorld {
  readonly chain: ChainWorld;
  readonly root: Bytes;
  readonly log: MemoryLog;
}

export function createAccountWorld(seed: string): AccountWorld {
  const chain = createWorld(seed);
  const root = accountRoot(secretOf(chain, 1).secret);
  return { chain, root, log: createMemoryLog(accountLogId(root)) };
}

/** A device and its disk; it runs after `boot`. */
export interface AccountDevice {
  readonly keys: DeviceKeys;
  readonly identity: DeviceIdentity;
  readonly disk: CrashDevice;
  readonly alarms: Alarm[];
  /** Keys of rows that were said to have done their work. */
  readonly settled: string[];
  running: Running;
}

export interface Running {
  readonly context: EngineContext;
  readonly store: TxStore;
  readonly documents: Documents;
  readonly log: AccountLog;
  channel: LogChannel;
}

/** What every write of the store goes through, for faults. */
export type StoreFault = (store: TxStore) => TxStore;

/** A running device: the account's first one, or one that was added for it. */
export async function createAccountDevice(
  world: AccountWorld,
  keys: DeviceKeys = addDevice(world.chain),
  fault?: StoreFault,
): Promise<AccountDevice> {
  const { accountId } = stateOf(world.chain);
  const identity: DeviceIdentity = {
    accountId,
    deviceId: keys.id,
    origin: "https://dove.example",
    handle: null,
    seeds: createDeviceSeeds(createSeededRandom(keys.id)),
    keys,
  };
  const device = { keys, identity, disk: createCrashDevice(), alarms: [], settled: [] };
  const started: AccountDevice = { ...device, running: await bootOf(world, device, fault) };
  return started;
}

/** The account's first device. */
export function firstDevice(world: AccountWorld, fault?: StoreFault): Promise<AccountDevice> {
  return createAccountDevice(world, firstKeys(world.chain), fault);
}

/** Starts the device again from its disk. */
export async function reboot(world: AccountWorld, device: AccountDevice, fault?: StoreFault): Promise<void> {
  device.running = await bootOf(world, device, fault);
}

async function bootOf(
  world: AccountWorld,
  device: Omit<AccountDevice, "running">,
  fault: StoreFault = (store) => store,
): Promise<Running> {
  const platform = device.disk.boot();
  const store = fault(platform.store);
  const { chain, root, log } = world;
  let known = stateOf(chain);
  const tables = createTables(store);
  const { clock } = platform;
  const cutOf = (of: DeviceId) => chain.cuts.get(known.devicesById.get(of)?.revokedSeq ?? 0) ?? null;
  const context: EngineContext = {
    store,
    tables,
    clock,
    times: createTimes({ clock, store, tables, onCompared: () => {} }),
    random: platform.random,
    connector: platform.connector,
    spans: null,
    meter: null,
    serial: createSerial(),
    identity: device.identity,
    instance: new Uint8Array(16),
    accountRoot: root,
    accountLogId: accountLogId(root),
    directory: () => {
      throw new Error("nobody asks the directory");
    },
    chain: () => known,
    epochSecret: (epoch) => (epoch > known.epochs.length ? null : (chain.secrets.get(epoch)?.secret ?? null)),
    padding: () => "padme",
    cutSeqOf: (of) => cutOf(of)?.seq ?? null,
    cutOf,
    takeOwnLink: async () => ({ ok: true, value: undefined }),
    refreshOwnChain: async () => {
      known = stateOf(chain);
      return { ok: true, value: undefined };
    },
    storedChain: async () => ({ ok: true, value: null }),
    contactChain: () => Promise.reject(new Error("nobody asks for contacts")),
    entryId,
    raise: (alarm) => void device.alarms.push(alarm),
    distrustLog: (logId, logFault) => {
      device.alarms.push({ type: "LogDistrusted", logId, fault: logFault });
      return { ok: false, error: { type: "LogDistrusted", logId, fault: logFault } };
    },
    onSettled: (keys) => void device.settled.push(...keys),
    onOutgoing: () => {},
    onDirect: () => {},
  };
  const documents = createDocuments({
    storage: platform.documentStorage as DocumentStorage,
    rows: store,
    clock: platform.clock,
    random: platform.random,
    onFault: () => {},
  });
  const accountLog = createAccountLog(context, documents);
  const started = await context.serial.run(accountLog.start);
  if (!started.ok) throw new Error(JSON.stringify(started.error));
  return { context, store, documents, log: accountLog, channel: log.connect(tagOf(device, context)) };
}

function tagOf({ identity }: Pick<AccountDevice, "identity">, { accountLogId: logId }: EngineContext) {
  return writerTag(logId, writerKey(identity.seeds, logId).publicKey);
}

/** A new connection, as after a break. */
export function reconnect(world: AccountWorld, device: AccountDevice): void {
  device.running.channel = world.log.connect(tagOf(device, device.running.context));
}

/** Sends what waits and reads to the head. */
export async function exchange({ running }: AccountDevice): Promise<void> {
  const { context, log, channel } = running;
  must(await log.push(channel));
  await readAll(running);
  must(await context.serial.run(log.flush));
}

/** Reads to the head. */
export async function readAll({ context, log, channel }: Running): Promise<void> {
  for (;;) {
    const page = must(await channel.read(log.reader().point.seq));
    if (page.entries.length === 0) return;
    must(await context.serial.run(() => log.receive(page.entries)));
  }
}

/** Heads of a document. */
export async function headsOf({ running }: AccountDevice, name: DocumentName): Promise<readonly string[]> {
  return [...must(await running.documents.heads(running.log.ref(name)))].sort();
}

/** The key of entries of the first epoch, with which a test can write what no honest device would. */
export function firstEntryKey(world: AccountWorld): Bytes {
  return accountEntryKey(secretOf(world.chain, 1).secret, accountLogId(world.root));
}

export function must<T, E>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E },
): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return present(result, "it is ok").value;
}
