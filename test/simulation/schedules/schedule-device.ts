/**
 * A device of a schedule: the engine's own parts of the account log, its snapshots, deletions and conversations, wired as
 * core/client/engine.ts wires them, over a disk whose power can be cut. It has no contacts, no rooms and no sign-in.
 */
import type { ConversationId, DeviceId } from "../../../core/base/ids.ts";
import { err, ok, type Result } from "../../../core/base/result.ts";
import { type AccountLog, createAccountLog } from "../../../core/client/account-log/account-log.ts";
import { createTimes } from "../../../core/client/calendar/times.ts";
import type { Alarm, ClientError } from "../../../core/client/client-error.ts";
import { createContactBook } from "../../../core/client/contacts/contact-book.ts";
import { type Conversations, createConversations } from "../../../core/client/conversations/conversations.ts";
import { createDeletionState, type DeletionState } from "../../../core/client/deletion/deletion-state.ts";
import { createForgetting, type Forgetting } from "../../../core/client/deletion/forgetting.ts";
import type { DeviceIdentity } from "../../../core/client/devices/device-identity.ts";
import type { EngineContext } from "../../../core/client/engine-context.ts";
import { createOpStore, type OpStore } from "../../../core/client/conversations/op-store.ts";
import { createOutbox } from "../../../core/client/conversations/outbox.ts";
import { createRoomMissed } from "../../../core/client/rooms/reading/room-missed.ts";
import { createRoomOutbox, type RoomOutbox } from "../../../core/client/rooms/room-outbox.ts";
import { createSerial } from "../../../core/client/serial.ts";
import { createSetAside } from "../../../core/client/conversations/set-aside.ts";
import { createSnapshots, type Snapshots } from "../../../core/client/snapshot/snapshots.ts";
import { createTables } from "../../../core/client/tables.ts";
import { createDocuments, type Documents } from "../../../core/document/documents.ts";
import type { DocumentStorage } from "../../../core/document/storage/repo-storage.ts";
import { isBucket } from "../../../core/log/document-name.ts";
import { entryId } from "../../../core/protocol/entry.ts";
import type { ChainState } from "../../../core/sigchain/chain-state.ts";
import { accountLogId } from "../../../core/sigchain/epoch/epoch-secret.ts";
import type { TxStore } from "../../../core/store/tx-store.ts";
import { type ChainWorld, stateOf } from "../../support/chain-world.ts";
import type { SeededRandom } from "../../support/seeded-random.ts";
import type { VirtualTime } from "../world/virtual-time.ts";

/** After so many entries a device makes a snapshot. */
const TAIL_ENTRIES = 5;

/** What one process of a device has. */
export interface Parts {
  readonly context: EngineContext;
  readonly documents: Documents;
  readonly deletions: DeletionState;
  readonly log: AccountLog;
  readonly ops: OpStore;
  readonly conversations: Conversations;
  readonly forgetting: Forgetting;
  readonly snapshots: Snapshots;
}

export interface PartsDeps {
  readonly chain: ChainWorld;
  readonly root: Uint8Array;
  readonly identity: DeviceIdentity;
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly store: TxStore;
  readonly storage: DocumentStorage;
  /** The one there is. */
  readonly conversationId: ConversationId;
  isOn(): boolean;
  raise(alarm: Alarm): void;
  /** Something waits for the account log. */
  onOutgoing(): void;
  /** How far the device knows the chain; it stays over restarts. */
  readonly known: { state: ChainState };
}

/** Puts a device's parts together and starts them on what its disk holds. */
export async function startParts(deps: PartsDeps): Promise<Result<Parts, ClientError>> {
  const context = contextOf(deps, (keys) => conversations.settled(keys));
  const { tables, store, serial } = context;
  const documents = createDocuments({
    storage: deps.storage,
    rows: store,
    clock: context.clock,
    random: deps.random,
    onFault: () => {},
  });
  const deletions = createDeletionState(documents, () => log.ref({ type: "deletions" }));
  const log: AccountLog = createAccountLog(context, documents, {
    bucketOf: deletions.bucketOf,
    isRetired: deletions.isRetired,
    survivors: (place, stored) => forgetting.survivors(place, stored),
  });
  const ops = createOpStore(tables, () => {}, {
    isForgotten: deletions.isForgotten,
    perishesAtMs: () => null,
    isOver: () => false,
    isDeviceOf: async (_author, device) => ok(context.chain().devicesById.has(device)),
  });
  const roomOutbox = createRoomOutbox(tables, () => {});
  const roomMissed = createRoomMissed(tables);
  const outbox = createOutbox(context);
  const conversations: Conversations = createConversations({
    context,
    documents,
    log,
    contacts: createContactBook(context.identity.accountId, log, documents),
    ops,
    outbox,
    roomOutbox,
    roomMissed,
    setAside: createSetAside(store, tables),
    deleting: {
      bucketOf: deletions.bucketOf,
      noticed: () => forgetting.noticed(),
      redaction: (targets) => forgetting.redaction(targets),
      redacted: (targets, isOwn) => forgetting.redacted(targets, isOwn),
      revisit: (place) => forgetting.revisit(place),
      later: async () => ok(),
      limited: async () => ok(),
      loaded: (place) => forgetting.loaded(place),
    },
    events: {
      ...QUIET,
      // As if the other side had it at once.
      onRoomOutgoing: (roomId) => void serial.run(() => sendAway(context, roomOutbox, roomId)),
    },
  });
  const forgetting: Forgetting = createForgetting({
    context,
    log,
    ops,
    state: deletions,
    forgetTexts: async () => ok(),
    async withdraw(ids) {
      const change = roomOutbox.withdraw(ids);
      const written = change.writes.length === 0 ? ok() : await store.batch(change.writes);
      if (written.ok) change.commit();
      return written;
    },
    dropArchiving: conversations.dropArchiving,
    onGone: () => {},
  });
  const snapshots = createSnapshots({
    context,
    documents,
    log,
    adopt: (restored) =>
      conversations.adopt(
        restored.map(({ name }) => name),
        { isHistory: true, opsOf: (bucket) => restored.find(({ name }) => name === bucket)?.ops ?? null },
      ),
    isRetired: deletions.isRetired,
    onProgress: () => {},
    tailEntries: TAIL_ENTRIES,
  });
  const parts: Parts = { context, documents, deletions, log, ops, conversations, forgetting, snapshots };
  const started = await serial.run(async () => {
    const begun = await startAll(parts, [outbox, roomOutbox, roomMissed]);
    return begun.ok ? sendAway(context, roomOutbox, deps.conversationId) : begun;
  });
  return started.ok ? ok(parts) : started;
}

/** In the order of core/client/engine.ts. */
async function startAll(
  { context, deletions, log, conversations, forgetting, snapshots }: Parts,
  others: readonly { start(): Promise<Result<unknown, ClientError>> }[],
): Promise<Result<void, ClientError>> {
  for (const part of [context.times, snapshots]) {
    const started = await part.start();
    if (!started.ok) return started;
  }
  const touched = await log.start();
  if (!touched.ok) return touched;
  for (const part of others) {
    const started = await part.start();
    if (!started.ok) return started;
  }
  const read = await deletions.refresh();
  if (!read.ok) return read;
  const begun = await conversations.start();
  if (!begun.ok) return begun;
  const adopted = await conversations.adopt(
    touched.value.filter((name) => !isBucket(name) || !log.isExpected(name)),
  );
  return adopted.ok ? forgetting.start() : adopted;
}

const QUIET = {
  onMessages() {},
  onRequest() {},
  onDelivered() {},
  onStateChanged() {},
  onShared() {},
  onOutgoing() {},
  onInvitation() {},
  onAckable() {},
};

async function sendAway(
  { store }: EngineContext,
  outbox: RoomOutbox,
  roomId: ConversationId,
): Promise<Result<void, ClientError>> {
  const change = outbox.remove(outbox.keysOf(roomId));
  const written = change.writes.length === 0 ? ok() : await store.batch(change.writes);
  if (written.ok) change.commit();
  return written;
}

function contextOf(deps: PartsDeps, onSettled: EngineContext["onSettled"]): EngineContext {
  const { chain, root, identity, time, random, store, raise, isOn } = deps;
  const tables = createTables(store);
  const clock = {
    nowMs: time.nowMs,
    schedule: (delayMs: number, task: () => void) =>
      time.schedule(delayMs, () => (isOn() ? task() : undefined)),
  };
  const { known } = deps;
  const cutOf = (of: DeviceId) => chain.cuts.get(known.state.devicesById.get(of)?.revokedSeq ?? 0) ?? null;
  return {
    store,
    tables,
    clock,
    times: createTimes({ clock, store, tables, onCompared: () => {} }),
    random,
    connector: {
      connect: () => Promise.reject(new Error("nobody dials")),
      request: () => Promise.reject(new Error("nobody asks")),
    },
    spans: null,
    meter: null,
    serial: createSerial(),
    identity,
    instance: new Uint8Array(16),
    accountRoot: root,
    accountLogId: accountLogId(root),
    directory: () => {
      throw new Error("nobody asks the directory");
    },
    chain: () => known.state,
    padding: () => "padme",
    epochSecret: (epoch) =>
      epoch > known.state.epochs.length ? null : (chain.secrets.get(epoch)?.secret ?? null),
    cutSeqOf(of, incarnation) {
      const cut = cutOf(of);
      if (cut === null) return null;
      if (incarnation !== cut.incarnation) return incarnation > cut.incarnation ? 0 : Number.MAX_SAFE_INTEGER;
      return cut.seq;
    },
    cutOf,
    takeOwnLink: async () => ok(),
    refreshOwnChain: async () => {
      known.state = stateOf(chain);
      return ok();
    },
    storedChain: async () => ok(null),
    contactChain: () => Promise.reject(new Error("nobody asks for contacts")),
    entryId,
    raise,
    distrustLog(logId, fault) {
      raise({ type: "LogDistrusted", logId, fault });
      return err({ type: "LogDistrusted", logId, fault });
    },
    onSettled,
    onOutgoing: deps.onOutgoing,
    onDirect: () => {},
  };
}
