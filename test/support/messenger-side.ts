/**
 * One device's sending and receiving without a server: real rows, real ratchets, chains and prekeys handed over by the
 * test. What the server would have answered, the test says.
 */
import type { Clock } from "../../core/base/clock.ts";
import type { AccountId, DeviceId } from "../../core/base/ids.ts";
import type { Result } from "../../core/base/result.ts";
import type { Alarm } from "../../core/client/client-error.ts";
import { createDisputes } from "../../core/client/alarms/disputes.ts";
import type { ContactBook, ContactRecord } from "../../core/client/contacts/contact-book.ts";
import { deviceIdentity } from "../../core/client/devices/device-identity.ts";
import type { DirectoryClient } from "../../core/client/connection/directory-client.ts";
import { createTimes } from "../../core/client/calendar/times.ts";
import type { EngineContext } from "../../core/client/engine-context.ts";
import { createInbound, type Inbound, type InboundLog } from "../../core/client/conversations/inbound.ts";
import { createOutbox, type Outbox, type Parcel } from "../../core/client/conversations/outbox.ts";
import { requestRoute, type Route } from "../../core/client/conversations/seal-for-contact.ts";
import { createSerial } from "../../core/client/serial.ts";
import { createSetAside, type SetAside } from "../../core/client/conversations/set-aside.ts";
import { createTables } from "../../core/client/tables.ts";
import { inboundKeys } from "../../core/messenger/inbound-keys.ts";
import { directConversationId, type NamedOp, type Op } from "../../core/messenger/op.ts";
import { entryId, type PlacedEntry } from "../../core/protocol/entry.ts";
import type { PreKeyBundle } from "../../core/protocol/prekey.ts";
import { createPreKey, encodePreKeyRecord, publishPreKey } from "../../core/ratchet/prekey-record.ts";
import type { ChainState } from "../../core/sigchain/chain-state.ts";
import { accountLogId, accountRoot } from "../../core/sigchain/epoch/epoch-secret.ts";
import { createDeviceSeeds, type DeviceKeys } from "../../core/sigchain/keys/device-keys.ts";
import { createMemoryTxStore } from "../../core/store/memory-tx-store.ts";
import type { TxStore } from "../../core/store/tx-store.ts";
import { present } from "../../core/base/assert.ts";
import { type ChainWorld, createWorld, currentSecret, stateOf } from "./chain-world.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";
import { messageOp } from "./messages.ts";
import { createSeededRandom } from "./seeded-random.ts";

export const SIDE_ORIGIN = "https://dove.example";

export interface Side {
  readonly world: ChainWorld;
  readonly accountId: AccountId;
  readonly context: EngineContext;
  readonly clock: ManualClock;
  readonly store: TxStore;
  readonly outbox: Outbox;
  readonly inbound: Inbound;
  readonly setAside: SetAside;
  readonly alarms: Alarm[];
  /** Chains this side knows of others. */
  readonly chains: Map<AccountId, ChainState>;
  readonly contacts: Map<AccountId, ContactRecord["state"]>;
  /** Bundles others' devices give out; each is handed out again and again. */
  readonly bundles: Map<DeviceId, PreKeyBundle>;
}

/** The value of a result; anything else fails the test. */
export function expectValue<T, E>(result: Result<T, E>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

/** A device of a fresh account, over `store`. The same seed is the same device. */
export async function createSide(
  seed: string,
  store: TxStore = createMemoryTxStore(),
  clock: ManualClock = createManualClock(),
): Promise<Side> {
  const world = createWorld(seed);
  const state = stateOf(world);
  const tables = createTables(store);
  const identity = deviceIdentity({
    accountId: state.accountId,
    origin: SIDE_ORIGIN,
    handle: null,
    seeds: createDeviceSeeds(createSeededRandom(seed)),
  });
  const root = accountRoot(currentSecret(world).secret);
  const chains = new Map<AccountId, ChainState>();
  const bundles = new Map<DeviceId, PreKeyBundle>();
  const contacts = new Map<AccountId, ContactRecord["state"]>();
  const alarms: Alarm[] = [];
  const raise = (alarm: Alarm): void => void alarms.push(alarm);
  const bundlesOf = (devices: readonly DeviceId[]) =>
    devices.flatMap((deviceId) => {
      const bundle = bundles.get(deviceId);
      return bundle === undefined ? [] : [{ deviceId, ...bundle }];
    });
  const directory = {
    claimPreKeys: async (_account: AccountId, devices: readonly DeviceId[]) => ({
      ok: true,
      value: { bundles: bundlesOf(devices) },
    }),
  } as unknown as DirectoryClient;
  const context: EngineContext = {
    store,
    tables,
    clock: clock as Clock,
    times: createTimes({ clock, store, tables, onCompared: () => {} }),
    random: createSeededRandom(`${seed}/run`),
    connector: {
      connect: () => Promise.reject(new Error("no server")),
      request: () => Promise.reject(new Error("no server")),
    },
    spans: null,
    meter: null,
    serial: createSerial(),
    identity,
    instance: new Uint8Array(16),
    accountRoot: root,
    accountLogId: accountLogId(root),
    directory: () => directory,
    chain: () => stateOf(world),
    epochSecret: (epoch) => world.secrets.get(epoch)?.secret ?? null,
    padding: () => "padme",
    cutSeqOf: () => null,
    cutOf: () => null,
    takeOwnLink: async () => ({ ok: true, value: undefined }),
    refreshOwnChain: async () => ({ ok: true, value: undefined }),
    storedChain: async (account) => ({ ok: true, value: chains.get(account) ?? null }),
    contactChain: async (account) => ({
      ok: true,
      value: present(chains.get(account), "the test has given the chain"),
    }),
    entryId,
    raise,
    distrustLog: (logId, fault) => {
      raise({ type: "LogDistrusted", logId, fault });
      return { ok: false, error: { type: "LogDistrusted", logId, fault } };
    },
    onSettled: () => {},
    onOutgoing: () => {},
    onDirect: () => {},
  };
  const setAside = createSetAside(store, tables);
  const outbox = createOutbox(context);
  expectValue(await outbox.start());
  expectValue(await setAside.start(clock.nowMs()));
  const settled: AccountId[] = [];
  const book: Pick<ContactBook, "get"> = {
    get: async (account) => {
      const contactState = contacts.get(account);
      return {
        ok: true,
        value: contactState === undefined ? null : ({ state: contactState } as ContactRecord),
      };
    },
  };
  const disputes = createDisputes({
    tables,
    onDisputed: (contact) => raise({ type: "ChainsDisagree", accountId: contact }),
    onSettled: (contact) => void settled.push(contact),
  });
  const inbound = createInbound(context, setAside, book, disputes);
  return {
    world,
    accountId: state.accountId,
    context,
    clock,
    store,
    outbox,
    inbound,
    setAside,
    alarms,
    chains,
    contacts,
    bundles,
  };
}

/** Lets two sides know each other's chains and gives each a bundle of the other. */
export async function acquaint(a: Side, b: Side): Promise<void> {
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    one.chains.set(other.accountId, stateOf(other.world));
    one.bundles.set(other.context.identity.deviceId, await publishBundle(other));
  }
}

/** Makes prekeys, stores their private halves, and gives what the server would hand out. */
export async function publishBundle(
  { context, clock }: Side,
  keys: DeviceKeys = context.identity.keys,
): Promise<PreKeyBundle> {
  const { identity, random, tables, store } = context;
  const now = { steadyMs: clock.nowMs(), likelyMs: clock.nowMs() };
  const records = [createPreKey(random, "signed", now), createPreKey(random, "oneTime", now)];
  expectValue(
    await store.batch(
      records.map((record) => tables.prekey.put([record.id], { record: encodePreKeyRecord(record) })),
    ),
  );
  const publisher = { accountId: identity.accountId, deviceId: keys.id, sign: keys.sign };
  const [signed, oneTime] = records.map((record) => publishPreKey(record, publisher));
  return { signed: present(signed, "made"), oneTime: present(oneTime, "made"), lastResort: null };
}

/** The way from one side to the inbound log the other keeps for it. */
export function routeTo(from: Side, to: Side): Route {
  return { type: "inbound", keys: inboundKeys(currentSecret(to.world).secret, from.accountId) };
}

/** The way to the other side's request log. */
export function requestTo(to: Side): Route {
  return present(requestRoute(stateOf(to.world)), "the chain names a request log");
}

/** The log on the receiving side that `route` leads to. */
export function logBehind(route: Route, from: Side): InboundLog {
  if (route.type === "request") return { type: "request", logId: route.logId };
  return {
    type: "inbound",
    logId: route.keys.logId,
    contact: from.accountId,
    origin: SIDE_ORIGIN,
    outerKey: route.keys.outerKey,
  };
}

/** An op of this side's device for the other one. */
export function opOf(
  from: Side,
  to: Side,
  deviceSeq: number,
  changes: Partial<Op> = {},
  text = `message ${deviceSeq}`,
): NamedOp {
  const { accountId, context } = from;
  const hlc = (from.clock.nowMs() + deviceSeq) * 1_024;
  return messageOp(
    {
      conversationId: directConversationId(accountId, to.accountId),
      author: accountId,
      device: context.identity.deviceId,
      deviceSeq,
      hlc,
      ...changes,
    },
    text,
  );
}

/** Puts ops into the outbox, durably. */
export async function keepOps(side: Side, contact: AccountId, ops: readonly NamedOp[]): Promise<void> {
  for (const op of ops) {
    const put = side.outbox.put(op, contact);
    expectValue(await side.store.batch([put.write]));
    put.commit();
  }
}

/** Seals what waits for the other side. */
export async function sealFor(from: Side, to: Side, route: Route = routeTo(from, to)): Promise<void> {
  const chain = stateOf(to.world);
  const bundles = expectValue(await from.outbox.claim(to.accountId, SIDE_ORIGIN, chain, route));
  expectValue(await from.outbox.seal(to.accountId, bundles, chain, route));
}

/** Parcels that are to be sent when the server counts `writerSeq` entries of this device. */
export async function pendingOf(side: Side, route: Route, writerSeq: number): Promise<readonly Parcel[]> {
  return expectValue(
    await side.outbox.pending(route.type === "inbound" ? route.keys.logId : route.logId, writerSeq),
  );
}

/** Parcels as the log holds them, from seq `first`. */
export function placed(parcels: readonly Parcel[], first = 1): PlacedEntry[] {
  return parcels.map(({ entry }, index) => ({ seq: first + index, ...entry }));
}

/** Opens entries and stores what follows, as `conversations.take` does without the ops. */
export async function receive(side: Side, log: InboundLog, entries: readonly PlacedEntry[]) {
  const page = expectValue(await side.inbound.open(log, entries));
  expectValue(await side.store.batch(page.writes));
  page.commit();
  return page;
}
