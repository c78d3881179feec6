/**
 * One running client put together: parts, their wiring, and the loop that keeps it connected.
 *
 * The only place where effects meet: timers, connections and the store are run from here and from the parts it makes.
 */
import { sleep, within } from "../base/clock.ts";
import type { AccountId, ConversationId, LogId } from "../base/ids.ts";
import { err, ok, type Result } from "../base/result.ts";
import { isDamage } from "../document/document-error.ts";
import type { Padding } from "../crypto/padding.ts";
import { isBucket } from "../log/document-name.ts";
import { createDocuments, type Documents } from "../document/documents.ts";
import { createSealingStorageAdapter } from "../document/sealing-storage-adapter.ts";
import type { NamedOp } from "../messenger/op.ts";
import { INSTANCE_BYTES } from "../protocol/client-frame.ts";
import { entryId } from "../protocol/entry.ts";
import { type ChainState, isActive } from "../sigchain/chain-state.ts";
import { accountLogId, accountRoot } from "../sigchain/epoch/epoch-secret.ts";
import { sealTxStore } from "../store/sealing-tx-store.ts";
import type { TxStore } from "../store/tx-store.ts";
import { type AccountLog, createAccountLog } from "./account-log/account-log.ts";
import { noticeView } from "./alarms/notice-view.ts";
import { createFindings, type Findings } from "./alarms/findings.ts";
import { createAwaitedChains } from "./awaited-chains.ts";
import { keepCalendar } from "./calendar/keep-calendar.ts";
import { createTimes } from "./calendar/times.ts";
import { type ChainStore, createChainStore } from "./chain-store.ts";
import type { ClientEvent, ConnectionStatus, SyncReport } from "./client.ts";
import { createClientEvents } from "./client-events.ts";
import type { ClientError } from "./client-error.ts";
import { createClientSpans } from "./client-spans.ts";
import { type ContactBook, type ContactRecord, createContactBook } from "./contact-book.ts";
import { type ContactLogs, createContactLogs } from "./contact-logs.ts";
import { type Conversations, createConversations } from "./conversations.ts";
import { createDeletedContacts } from "./deleted-contacts.ts";
import { type DeviceIdentity, deviceIdentity, type Profile } from "./device-identity.ts";
import { createDeletionState, type DeletionState } from "./deletion/deletion-state.ts";
import { createForgetting, type Forgetting, type ForgettingDeps } from "./deletion/forgetting.ts";
import { createLifetimes, type Lifetimes } from "./deletion/lifetimes.ts";
import { createDirectSync, type DirectSync } from "./direct/direct-sync.ts";
import { createDirectoryClient, type DirectoryClient } from "./directory-client.ts";
import type { EngineContext } from "./engine-context.ts";
import { createFrontiers, type Frontiers } from "./frontiers/frontiers.ts";
import { type Gateway, PING_INTERVAL_MS, REQUEST_TIMEOUT_MS } from "./gateway.ts";
import { connectHome, type HomeLink, type HomeSession } from "./home-link.ts";
import { createInbound, type Inbound } from "./inbound.ts";
import { createIntroductions, type Introductions } from "./introductions.ts";
import { createOpStore, type OpStore } from "./op-store.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { loadOwnAccount, type OwnAccount } from "./own-account.ts";
import { finishMending } from "./mend/finish-mending.ts";
import { watchRows } from "./mend/watch-rows.ts";
import { createPeerLinks } from "./peer-links.ts";
import type { Platform } from "./platform.ts";
import { tellKind } from "./own-devices.ts";
import { createSerial } from "./serial.ts";
import { createSetAside } from "./set-aside.ts";
import { SNAPSHOT_TAIL_ENTRIES } from "./snapshot/snapshot-policy.ts";
import { createSnapshots } from "./snapshot/snapshots.ts";
import { createTables, type Tables } from "./tables.ts";
import { createRoomDocuments, type RoomDocuments } from "./rooms/room-documents.ts";
import { createRoomMissed } from "./rooms/room-missed.ts";
import { createRoomOutbox, type RoomOutbox } from "./rooms/room-outbox.ts";
import { createRoomViews, type RoomViews } from "./rooms/room-views.ts";
import { createRooms, type Rooms } from "./rooms/rooms.ts";
import { createSearch, type Search } from "./search.ts";
import { createSearchSegments } from "./search-segments.ts";
import { createTicket, type Ticket } from "./ticket.ts";
import { createViews, type Views } from "./views.ts";

/** A lost connection is made anew after so long, half as much less or more by chance; each time twice as long, up to the second. */
export const RECONNECT_MIN_MS = 500;
export const RECONNECT_MAX_MS = 30_000;
/** A connection that is gone looks open for at most so long. */
const UNNOTICED_MAX_MS = PING_INTERVAL_MS + REQUEST_TIMEOUT_MS;
/** How long until what another server did not take is offered to it again; each time twice as long, up to the second. */
const RESEND_MIN_MS = 15_000;
const RESEND_MAX_MS = 960_000;
/** Connections one `sync` makes for documents that are found damaged one after the other. */
const MENDS_MAX = 8;
/** How long after connecting, and how often while connected, snapshots are looked after; half of it by chance. */
const TEND_MS = 60_000;
const SYNC_ROUNDS_MAX = 64;
const SETTLE_WAIT_MS = 20;
const CHAINS_WAIT_MS = 2_000;
const PEERS_WAIT_MS = 15_000;

export interface Engine {
  readonly platform: Platform;
  readonly context: EngineContext;
  readonly tables: Tables;
  readonly documents: Documents;
  readonly log: AccountLog;
  readonly contacts: ContactBook;
  readonly contactLogs: ContactLogs;
  readonly introductions: Introductions;
  readonly ticket: Ticket;
  readonly ops: OpStore;
  readonly outbox: Outbox;
  readonly roomOutbox: RoomOutbox;
  readonly rooms: Rooms;
  readonly roomViews: RoomViews;
  readonly roomDocuments: RoomDocuments;
  readonly conversations: Conversations;
  readonly views: Views;
  readonly search: Search;
  readonly chains: ChainStore;
  readonly own: OwnAccount;
  readonly direct: DirectSync;
  readonly findings: Findings;
  readonly frontiers: Frontiers;
  readonly inboundReader: Inbound["reader"];
  /** Newer links of the own chain from a directory, verified, without a connection. */
  refreshChain(directory: DirectoryClient): Promise<Result<void, ClientError>>;
  /** Another server is the home from now on. IN10 */
  relocate(origin: string): Promise<Result<void, ClientError>>;
  /** Runs `task`, and keeps no connection meanwhile but what the task asks for: it would miss what the server is still to be given. */
  unconnected<T>(task: () => Promise<T>): Promise<T>;
  /** Hears what other own devices say of themselves, while there is a connection. */
  exchangeFrontiers(): Promise<Result<void, ClientError>>;
  /** For what is sealed from now on. CR5 */
  setPadding(next: Padding): Promise<Result<void, ClientError>>;
  readonly forgetting: Forgetting;
  readonly deletions: DeletionState;
  readonly lifetimes: Lifetimes;
  /** Whether everything of the account's history is here. */
  isHistoryComplete(): boolean;
  emit(event: ClientEvent): void;
  onEvent(listener: (event: ClientEvent) => void): () => void;
  status(): ConnectionStatus;
  start(): void;
  stop(): Promise<Result<void, ClientError>>;
  sync(): Promise<Result<SyncReport, ClientError>>;
  /** The connection to the home server, made unless there is one. */
  connected(): Promise<Result<HomeLink, ClientError>>;
  /** New contacts may need logs of their own on the home server. */
  kickContacts(): void;
  kickOutgoing(contact: AccountId): void;
}

/** The profile's rows, sealed. */
export function sealedStore(platform: Platform): TxStore {
  const { store, random, storeKey } = platform;
  return watchRows(sealTxStore(store, { random, storeKey }));
}

/** Puts an engine together from a stored profile. Nothing is connected yet. */
export async function createEngine(
  platform: Platform,
  store: TxStore,
  profile: Profile,
): Promise<Result<Engine, ClientError>> {
  const { clock, random, connector } = platform;
  const tables = createTables(store);
  /** An account may move; everything else about a device stays. */
  let origin = profile.origin;
  const identity: DeviceIdentity = {
    ...deviceIdentity(profile),
    get origin() {
      return origin;
    },
  };
  const chains = createChainStore(store, tables);
  const storedPadding = await tables.padding.get();
  if (!storedPadding.ok) return storedPadding;
  let padding: Padding = storedPadding.value?.padding ?? "padme";
  const loaded = await loadOwnAccount({ store, tables, chains, identity });
  if (!loaded.ok) return loaded;
  const own = loaded.value;
  const first = own.epochSecret(1);
  if (first === null) return err({ type: "EpochUnavailable", epoch: 1, rule: "NoSecret" });
  const root = accountRoot(first);
  const serial = createSerial();
  const { emit, onEvent, isHeard } = createClientEvents();
  const directories = new Map<string, DirectoryClient>();
  const session: HomeSession = { resumeToken: null };
  const sums = { received: 0 };
  /** What the last report of `sync` has told. */
  let reported = { received: 0, sent: 0 };
  let gateway: Gateway | null = null;
  let home: HomeLink | null = null;
  let connecting: Promise<Result<HomeLink, ClientError>> | null = null;
  let isWanted = false;
  /** Tasks during which no connection is kept. */
  let unconnectedTasks = 0;
  let isStopped = false;
  let isKindTold = false;
  let stopping: Promise<Result<void, ClientError>> | null = null;
  let cancelRetry: (() => void) | null = null;
  /** When a connection was last asked for while there seemed to be one. */
  let askedMs: number | null = null;
  let cancelResend: (() => void) | null = null;
  let cancelRelay: (() => void) | null = null;
  let cancelTend: (() => void) | null = null;
  let retryMs = RECONNECT_MIN_MS;
  let resendMs = RESEND_MIN_MS;
  let status: ConnectionStatus = {
    state: "offline",
    sinceMs: clock.nowMs(),
    lastError: null,
    pendingCount: 0,
  };

  const findings = createFindings({
    store,
    tables,
    clock,
    onAlarm: (alarm) => emit({ type: "alarm", alarm }),
    onResolved: () => emit({ type: "state" }),
    onChanged: () => emit({ type: "state" }),
    onNotice: (notice) => emit({ type: "notice", notice: noticeView(identity.accountId, notice) }),
    onFault: (error) => platform.logger.log("error", "alarm", { error: error.type }),
  });
  let rolledBack: Extract<ClientError, { type: "DeviceRolledBack" }> | null = null;
  /** AR8: whichever log it was found in, nothing is read or sent from then on. */
  const raise: EngineContext["raise"] = (alarm) => {
    findings.raise(alarm);
    if (alarm.type !== "DeviceRolledBack") return;
    rolledBack = alarm;
    home?.gateway.close();
  };
  const deletedContacts = createDeletedContacts({
    store,
    tables,
    clock,
    onChanged: () => emit({ type: "state" }),
  });
  const times = createTimes({
    clock,
    store,
    tables,
    onCompared(difference) {
      findings.compareClocks(difference);
      // RM36: what only waited for the server's word goes with it.
      if (home !== null) void serial.run(lifetimes.sweep);
    },
  });
  const meter = platform.meter ?? null;
  const directory = (origin: string): DirectoryClient => {
    const known =
      directories.get(origin) ?? createDirectoryClient(connector, origin, { meter, padding: () => padding });
    directories.set(origin, known);
    return known;
  };

  const context: EngineContext = {
    store,
    tables,
    clock,
    times,
    random,
    connector,
    spans: platform.spans === undefined ? null : createClientSpans(platform.spans),
    meter,
    serial,
    identity,
    instance: random.bytes(INSTANCE_BYTES),
    accountRoot: root,
    accountLogId: accountLogId(root),
    directory,
    chain: own.chain,
    padding: () => padding,
    epochSecret: own.epochSecret,
    cutSeqOf: own.cutSeqOf,
    cutOf: own.cutOf,
    refreshOwnChain: async () => {
      if (gateway === null) return err({ type: "NotOnline" });
      const before = own.chain();
      const refreshed = await own.refresh(gateway, directory(identity.origin));
      onChain(before, own.chain());
      return refreshed;
    },
    storedChain: chains.load,
    contactChain: async (accountId, origin, isFresh) => {
      const stored = await chains.load(accountId);
      if (!stored.ok) return stored;
      if (stored.value !== null && !isFresh) return ok(stored.value);
      const refreshed = await chains.refresh(accountId, directory(origin));
      if (!refreshed.ok && refreshed.error.type === "ChainDistrusted") raise(refreshed.error);
      const contact = await contacts.get(accountId);
      if (!contact.ok) return contact;
      const told = contact.value === null ? ok() : await deletedContacts.take(accountId, origin, refreshed);
      if (!told.ok) return told;
      if (!refreshed.ok) return refreshed;
      if (stored.value !== null) onChain(stored.value, refreshed.value);
      const taken = await findings.takeChain(contact.value, { before: stored.value, after: refreshed.value });
      return taken.ok ? refreshed : taken;
    },
    entryId,
    raise,
    distrustLog: (logId, fault) => {
      raise({ type: "LogDistrusted", logId, fault });
      return err({ type: "LogDistrusted", logId, fault });
    },
    onSettled: (keys) => {
      conversations.settled(keys);
      publishStatus();
    },
    onOutgoing: () => kickPush(),
  };
  const storage = createSealingStorageAdapter(platform.documentStorage, {
    random,
    storeKey: platform.storeKey,
    onFault: (fault) => platform.logger.log("error", "document-chunk", { fault: fault.type }),
  });
  const documents = createDocuments({
    storage,
    rows: store,
    clock,
    random,
    onFault: (fault) => {
      platform.logger.log("warn", "document", { fault: fault.type });
      if (fault.type !== "LoadFailed") return;
      log.noteDamage(fault.id);
      // AR17: documents are mended where a connection begins.
      home?.gateway.close();
    },
  });
  const deletions = createDeletionState(documents, () => log.ref({ type: "deletions" }));
  const log: AccountLog = createAccountLog(context, documents, {
    bucketOf: deletions.bucketOf,
    isRetired: deletions.isRetired,
    survivors: (place, stored) => forgetting.survivors(place, stored),
  });
  const contacts = createContactBook(identity.accountId, log, documents);
  const contactLogs = createContactLogs(context);
  const ticket = createTicket(context, documents, log);
  const onAdded = (fresh: readonly NamedOp[]): void => {
    search.added(fresh);
    lifetimes.added(fresh);
    views.added(fresh);
  };
  const ops = createOpStore(tables, onAdded, {
    isForgotten: deletions.isForgotten,
    perishesAtMs: (op) => lifetimes.perishesAtMs(op),
    isOver: (op) => lifetimes.isOver(op),
    isDeviceOf: async (author, device) => {
      const chain = author === identity.accountId ? ok(own.chain()) : await chains.load(author);
      // Not known is not theirs: the gap it leaves is asked for and answered again.
      return ok(chain.ok && chain.value?.devicesById.has(device) === true);
    },
  });
  const outbox = createOutbox(context);
  const roomOutbox = createRoomOutbox(tables, publishStatus, context.spans);
  const roomMissed = createRoomMissed(tables);
  const setAside = createSetAside(store, tables);
  const conversations = createConversations({
    context,
    documents,
    log,
    contacts,
    ops,
    outbox,
    roomOutbox,
    roomMissed,
    setAside,
    deleting: {
      bucketOf: deletions.bucketOf,
      noticed: () => forgetting.noticed(),
      redacted: (targets, isOwn) => forgetting.redacted(targets, isOwn),
      revisit: (place) => forgetting.revisit(place),
      later: (place) => lifetimes.later(place),
      limited: () => {
        rooms.book.refresh();
        return lifetimes.refresh();
      },
      loaded: (place) => forgetting.loaded(place),
    },
    events: {
      onMessages: (messages) => void emitMessages(messages),
      onRequest: (accountId) => void emitRequest(accountId),
      onDelivered: (conversationId: ConversationId) => emit({ type: "delivered", conversationId }),
      onStateChanged: () => {
        emit({ type: "state" });
        kickContacts();
        rooms.book.refresh();
        rooms.kickAll();
      },
      onShared: () => emit({ type: "state" }),
      onRoomOutgoing: (roomId) => rooms.kick(roomId),
      onInvitation: () => void serial.run(rooms.takeInvitations),
      onOutgoing: (contact) => kickOutgoing(contact),
      onAckable: (logId: LogId) => void home?.acknowledge(logId),
    },
  });
  async function changeRoomOutbox(
    change: ReturnType<RoomOutbox["remove"]>,
  ): Promise<Result<void, ClientError>> {
    const written = change.writes.length === 0 ? ok() : await store.batch(change.writes);
    if (written.ok) change.commit();
    return written;
  }
  const gone: Pick<ForgettingDeps, "forgetTexts" | "withdraw" | "dropArchiving" | "onGone"> = {
    async forgetTexts(ids) {
      const over = await changeRoomOutbox(roomOutbox.forgetFailed(ids));
      return over.ok ? search.forget(ids) : over;
    },
    async withdraw(ids) {
      const unsent = await changeRoomOutbox(roomOutbox.withdraw(ids));
      return unsent.ok ? outbox.withdraw(ids) : unsent;
    },
    dropArchiving: conversations.dropArchiving,
    onGone: (conversationId) => emit({ type: "deleted", conversationId }),
  };
  const forgetting: Forgetting = createForgetting({ context, log, ops, state: deletions, ...gone });
  const lifetimes: Lifetimes = createLifetimes({
    context,
    log,
    ops,
    book: () => rooms.book,
    renewSoon: forgetting.renewSoon,
    ...gone,
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
    onProgress: (done, total) => emit({ type: "progress", phase: "history", done, total }),
    tailEntries: platform.snapshotTailEntries ?? SNAPSHOT_TAIL_ENTRIES,
  });
  const introductions = createIntroductions({
    context,
    documents,
    log,
    contacts,
    contactLogs,
    conversations,
  });
  const rooms: Rooms = createRooms({
    context,
    documents,
    log,
    contacts,
    conversations,
    chains,
    outbox: roomOutbox,
    missed: roomMissed,
    lifetimes,
    ops,
    home: () => (gateway?.isOpen() === true && home !== null ? gateway : null),
    displayName: introductions.displayName,
    async acceptContact(accountId) {
      const introduced = await introductions.introduce(accountId, {
        isAccept: true,
        patch: { state: "accepted" },
      });
      if (!introduced.ok) return introduced;
      kickContacts();
      return ok();
    },
    onChanged: () => emit({ type: "state" }),
    onFault: (error) => platform.logger.log("warn", "room", { error: error.type }),
    onRoomHere: (roomId, begun) =>
      findings.resolve(
        (alarm) =>
          (alarm.type === "RoomGone" && alarm.roomId === roomId) ||
          (alarm.type === "LogDistrusted" && alarm.logId === begun),
      ),
  });
  const inbound = createInbound(context, setAside, contacts, findings.disputes);
  const awaitedChains = createAwaitedChains({
    context,
    inbound,
    setAside,
    contacts,
    contactLogs,
    take: conversations.take,
  });
  const frontiers = createFrontiers({
    context,
    log,
    // Buckets that are still to be written anew are not what the others will hold.
    isLoaded: () => snapshots.isComplete() && !forgetting.hasWork(),
    inboundReader: inbound.reader,
    onBelieved: (device) =>
      findings.resolve((alarm) => alarm.type === "FrontierDistrusted" && alarm.device === device),
    onClockRight: (device) =>
      findings.resolve((alarm) => alarm.type === "DeviceClockWrong" && alarm.device === device),
  });
  const peers = createPeerLinks(context, contacts, outbox, {
    onSent: () => publishStatus(),
    mayWriteTo: findings.mayWriteTo,
  });
  const direct = createDirectSync({
    context,
    log,
    documents,
    conversations,
    connector: platform.peerConnector ?? null,
    emit,
  });
  const views = createViews({
    context,
    documents,
    log,
    contacts,
    ops,
    outbox,
    roomOutbox,
    conversations,
    roomBook: rooms.book,
    isStopped: findings.isStopped,
    deletedContacts,
    isHidden: lifetimes.isHidden,
    perishesAtMs: lifetimes.perishesAtMs,
  });
  const roomViews = createRoomViews({ context, contacts, rooms, views });
  const roomDocuments = createRoomDocuments({
    ...{ context, ops, outbox: roomOutbox, conversations },
    prover: rooms.histories.prover,
  });
  const search: Search = createSearch({
    context,
    contacts,
    ops,
    segments: createSearchSegments(store, tables),
    views,
    openIndex: platform.openSearchIndex,
    onProgress: (done, total) => emit({ type: "progress", phase: "indexing", done, total }),
    onFault: (fault) => platform.logger.log("warn", "search", { fault }),
  });

  /** DM17: somebody was revoked, here or there, and knows the keys of logs between the two. */
  function onChain(before: ChainState, after: ChainState): void {
    if (after.cuts.length > before.cuts.length) kickContacts();
    if (after.accountId !== identity.accountId || after.seq === before.seq) return;
    // What was found of a device that was revoked is nobody's to see to any more.
    findings.resolve((alarm) => "device" in alarm && !isActive(after, alarm.device));
    // RM25: an own device was linked or revoked.
    rooms.kickAll();
    if (after.cuts.length > before.cuts.length) void home?.handOn();
  }

  async function emitMessages(messages: readonly NamedOp[]): Promise<void> {
    sums.received += messages.filter(({ op }) => op.author !== identity.accountId).length;
    for (const op of messages) {
      if (!isHeard()) return;
      const view = await views.message(op);
      if (view.ok && view.value !== null) emit({ type: "message", message: view.value });
    }
  }

  async function emitRequest(accountId: AccountId): Promise<void> {
    const record = await contacts.get(accountId);
    if (record.ok && record.value !== null) emit({ type: "request", contact: views.contact(record.value) });
  }

  function setStatus(state: ConnectionStatus["state"], lastError: ClientError | null): void {
    if (isStopped && state !== "stopped") return;
    if (state !== status.state)
      platform.logger.log("info", "connection", {
        state,
        ...(lastError === null ? {} : { error: lastError.type }),
      });
    status = {
      state,
      // An attempt to connect is no news: what began is that there is no connection.
      sinceMs:
        state === status.state || (isAway(state) && isAway(status.state)) ? status.sinceMs : clock.nowMs(),
      lastError,
      pendingCount: pendingCount(),
    };
    emit({ type: "connection", status });
  }

  function isAway(state: ConnectionStatus["state"]): boolean {
    return state === "offline" || state === "connecting";
  }

  function publishStatus(): void {
    const pending = pendingCount();
    if (pending === status.pendingCount) return;
    status = { ...status, pendingCount: pending };
    emit({ type: "connection", status });
  }

  const pendingCount = () => log.pendingCount() + outbox.waitingCount() + roomOutbox.waitingCount();

  function connected(): Promise<Result<HomeLink, ClientError>> {
    if (isStopped) return Promise.resolve(err({ type: "ClientStopped" }));
    if (rolledBack !== null) {
      setStatus("offline", rolledBack);
      return Promise.resolve(err(rolledBack));
    }
    if (home?.gateway.isOpen()) return Promise.resolve(ok(home));
    connecting ??= connectOnce().finally(() => {
      connecting = null;
    });
    return connecting;
  }

  async function connectOnce(): Promise<Result<HomeLink, ClientError>> {
    setStatus("connecting", status.lastError);
    const deps = {
      session,
      context,
      own,
      log,
      inbound,
      conversations,
      contacts,
      contactLogs,
      setAside,
      snapshots,
      ticket: ticket.current,
      onGateway: (opened: Gateway) => {
        gateway = opened;
        if (isStopped) opened.close();
      },
      // AL7
      onIncarnation: (logId: LogId) =>
        findings.resolve((alarm) => alarm.type === "LogDistrusted" && alarm.logId === logId),
      onProgress: (done: number, total: number) => {
        // While a snapshot is loaded its documents are what is counted: the log's end is not the history's.
        if (snapshots.isComplete() && total > 1) emit({ type: "progress", phase: "history", done, total });
      },
      onMoved: relocate,
      onInbound: () => void awaitedChains.run(),
    };
    const dialled = identity.origin;
    let linked = await connectHome(deps);
    if (!linked.ok && identity.origin !== dialled) linked = await connectHome(deps);
    if (!linked.ok) {
      setStatus("offline", linked.error);
      return linked;
    }
    if (isStopped) {
      linked.value.gateway.close();
      return err({ type: "ClientStopped" });
    }
    if (!linked.value.gateway.isOpen()) {
      const lost: ClientError = { type: "Refused", code: linked.value.gateway.goodbye() ?? "overloaded" };
      setStatus("offline", lost);
      return err(lost);
    }
    home = linked.value;
    retryMs = RECONNECT_MIN_MS;
    resendMs = RESEND_MIN_MS;
    setStatus("online", null);
    const opened = home.gateway;
    void opened.whenClosed.then(() => {
      if (isStopped) return;
      const isReplaced = opened.goodbye() === "replaced";
      if (isReplaced) {
        // Both go on trying: whichever writes first leaves the other behind, which finds it at its next connection (AR8).
        raise({ type: "DeviceDoubled" });
        retryMs = RECONNECT_MAX_MS;
        askedMs = null;
      }
      home = null;
      gateway = null;
      peers.close();
      rooms.close();
      const gone: ClientError = isReplaced
        ? { type: "Refused", code: "replaced" }
        : { type: "ServerUnreachable", origin: identity.origin, detail: "connection closed" };
      setStatus("offline", gone);
      void connectAgain();
    });
    kickPush();
    await relayDirect();
    void tend(linked.value);
    // RM36: only now is the time known for certain.
    void serial.run(lifetimes.sweep);
    await kickAllOutgoing();
    rooms.kickAll();
    return linked;
  }

  /** DS14: the account log has just been read to its end; while connected it is looked at again when something is due. */
  async function relayDirect(): Promise<Result<void, ClientError>> {
    const relayed = await serial.run(() => log.relayDirect(Math.max(0, clock.nowMs())));
    const dueMs = log.nextRelayMs();
    cancelRelay?.();
    cancelRelay = null;
    if (dueMs === null || isStopped) return relayed;
    cancelRelay = clock.schedule(Math.max(0, dueMs - clock.nowMs()), () => {
      const link = home;
      if (link !== null) void link.catchUp().then((read) => (read.ok ? relayDirect() : read));
    });
    return relayed;
  }

  /** At once, because history may be missing, and then again and again while this connection lasts. */
  async function tend(link: HomeLink): Promise<void> {
    await followHome();
    if (isStopped || home !== link) return;
    const tended = await link.tend();
    if (!tended.ok) platform.logger.log("warn", "snapshot", { error: tended.error.type });
    endMendedAlarms();
    if (!isStopped && home === link) await exchangeFrontiers();
    if (isStopped || home !== link) return;
    const told = await tellOwnKind();
    if (!told.ok) platform.logger.log("warn", "device-kind", { error: told.error.type });
    const kept = await keepCalendar(writer);
    if (!kept.ok) platform.logger.log("warn", "calendar", { error: kept.error.type });
    if (isStopped || home !== link) return;
    const jitter = 0.5 + (random.bytes(1)[0] ?? 0) / 512;
    cancelTend?.();
    cancelTend = clock.schedule(Math.round(TEND_MS * jitter), () => {
      cancelTend = null;
      if (home === link) void tend(link);
    });
  }

  /** AR17: the log was read again to its end, and all that it leads to is here. */
  function endMendedAlarms(): void {
    if (!snapshots.isComplete() || log.hasDamage()) return;
    const kinds = log.takeMended();
    if (kinds.size === 0) return;
    findings.resolve((alarm) => alarm.type === "DocumentDamaged" && kinds.has(alarm.documentKind));
  }

  /** Once a run: with the settings of the account here, so that what they say already is not written again. */
  async function tellOwnKind(): Promise<Result<void, ClientError>> {
    const { deviceKind } = platform;
    if (deviceKind === undefined || isKindTold) return ok();
    const told = await serial.run(() => tellKind({ documents, log, self: identity.deviceId }, deviceKind));
    isKindTold = told.ok;
    return told;
  }

  /** A server that refuses it is no reason to fail; what then is not known is not claimed. */
  async function exchangeFrontiers(): Promise<Result<void, ClientError>> {
    if (home === null) return err({ type: "NotOnline" });
    const exchanged = await frontiers.exchange(home);
    if (exchanged.ok || exchanged.error.type !== "Refused") return exchanged;
    platform.logger.log("warn", "frontier", { error: exchanged.error.code });
    return ok();
  }

  /** IN10: another device may have moved the account while this one was connected. */
  async function followHome(): Promise<Result<void, ClientError>> {
    // With the secrets of epochs that are new: what is written next is sealed under the last one.
    const refreshed = await serial.run(context.refreshOwnChain);
    // What the directory does not say now the next connection asks again.
    if (!refreshed.ok) return refreshed.error.type === "ChainDistrusted" ? refreshed : ok();
    const named = own.chain().service?.origin;
    return named === undefined || named === identity.origin ? ok() : relocate(named);
  }

  async function relocate(to: string): Promise<Result<void, ClientError>> {
    const written = await store.batch([tables.profile.put([], { ...profile, origin: to })]);
    if (!written.ok) return written;
    origin = to;
    session.resumeToken = null;
    home?.gateway.close();
    home = null;
    gateway = null;
    return ok();
  }

  /** A connection keeps the padding it began with. GW15 */
  function connectAnew(): void {
    gateway?.close();
    peers.close();
    rooms.close();
    if (isWanted) connectNow();
  }

  async function connectAgain(): Promise<void> {
    // What a connection begins with may outlast it. Until that is over, whoever asks is given the one that is gone.
    await connecting;
    if (isStopped || !isWanted || home !== null) return;
    // Whoever asked meanwhile knew before this did, as when a network changes.
    if (askedMs !== null && Math.abs(clock.nowMs() - askedMs) < UNNOTICED_MAX_MS) connectNow();
    else retryLater();
  }

  function connectNow(): void {
    cancelRetry?.();
    cancelRetry = null;
    askedMs = home?.gateway.isOpen() === true ? clock.nowMs() : null;
    void keepConnected();
  }

  function retryLater(): void {
    if (isStopped || cancelRetry !== null) return;
    const jitter = 0.5 + (random.bytes(1)[0] ?? 0) / 256;
    cancelRetry = clock.schedule(Math.round(retryMs * jitter), () => {
      cancelRetry = null;
      retryMs = Math.min(RECONNECT_MAX_MS, retryMs * 2);
      void keepConnected();
    });
  }

  async function unconnected<T>(task: () => Promise<T>): Promise<T> {
    unconnectedTasks++;
    try {
      return await task();
    } finally {
      unconnectedTasks--;
      if (isWanted) retryLater();
    }
  }

  async function keepConnected(): Promise<void> {
    if (unconnectedTasks > 0) return;
    const linked = await connected();
    if (linked.ok || isStopped) return;
    // WB24: a server of another version is updated one day, and nobody tells.
    if (linked.error.type === "IncompatibleServer") retryMs = RECONNECT_MAX_MS;
    // What this device lost no retry brings back.
    const isFinal = linked.error.type === "DeviceRevoked" || linked.error.type === "DeviceRolledBack";
    if (!isFinal && isWanted) retryLater();
  }

  function kickPush(): void {
    publishStatus();
    const link = home;
    if (link === null) return;
    void link.push().then((pushed) => {
      if (!pushed.ok) platform.logger.log("warn", "push", { error: pushed.error.type });
      publishStatus();
    });
  }

  function kickOutgoing(contact: AccountId): void {
    publishStatus();
    if (home === null) return;
    void peers.flush(contact).then((flushed) => {
      if (!flushed.ok) {
        platform.logger.log("warn", "send", { error: flushed.error.type });
        resendLater();
      }
      publishStatus();
    });
  }

  /** Another server may be away while ours is not, so nothing else would try it again. */
  function resendLater(): void {
    if (isStopped || cancelResend !== null) return;
    cancelResend = clock.schedule(resendMs, () => {
      cancelResend = null;
      resendMs = Math.min(RESEND_MAX_MS, resendMs * 2);
      if (home !== null) void kickAllOutgoing();
    });
  }

  async function kickAllOutgoing(): Promise<void> {
    const all = await serial.run(() => contacts.all());
    if (all.ok) for (const contact of all.value) kickOutgoing(contact.accountId);
  }

  function kickContacts(): void {
    const link = home;
    if (link === null) return;
    void serial
      .run(introductions.handOver)
      .then(() => link.openContactLogs())
      .then(() => kickAllOutgoing());
  }

  async function sync(): Promise<Result<SyncReport, ClientError>> {
    const wasOnline = home !== null;
    if (wasOnline) {
      const followed = await followHome();
      if (!followed.ok) return followed;
    }
    let settled = await connectAndSettle();
    // A connection that died unnoticed is no reason to fail: it is made again, once.
    if (!settled.ok && settled.error.type === "ServerUnreachable" && wasOnline)
      settled = await connectAndSettle();
    for (let round = 0; round < MENDS_MAX && !settled.ok && wasCutForMending(settled.error); round++)
      settled = await connectAndSettle();
    if (!settled.ok) return settled;
    const flushed = await serial.run(log.flush);
    if (!flushed.ok) return flushed;
    const last = reported;
    reported = { received: sums.received, sent: outbox.sentMessageCount() };
    return ok({
      receivedMessages: reported.received - last.received,
      sentMessages: reported.sent - last.sent,
      waitingMessages: outbox.waitingMessageCount() + roomOutbox.waitingMessageCount(),
      alarms: findings.takeRaised(),
    });
  }

  const wasCutForMending = (error: ClientError): boolean =>
    isDamage(error) || (log.hasDamage() && error.type === "ServerUnreachable");

  /** One contact's server must not keep the others waiting; what did not go is counted as waiting. */
  async function flushPeers(all: readonly ContactRecord[]): Promise<Result<void, ClientError>> {
    let result: Result<void, ClientError> = ok();
    const flushes = all.map(async ({ accountId }) => {
      const sent = await peers.flush(accountId);
      if (!sent.ok && (sent.error.type === "StoreUnavailable" || sent.error.type === "StoreCorrupt"))
        result = sent;
    });
    await within(clock, PEERS_WAIT_MS, Promise.all(flushes));
    return result;
  }

  async function connectAndSettle(): Promise<Result<void, ClientError>> {
    const linked = await connected();
    if (!linked.ok) return linked;
    const settled = await settle(linked.value);
    if (!settled.ok) return settled;
    const tended = await linked.value.tend();
    endMendedAlarms();
    const exchanged = await exchangeFrontiers();
    if (!exchanged.ok) return exchanged;
    // A snapshot that was not made is no reason to fail; history that is not here is.
    if (!tended.ok && !snapshots.isComplete()) return tended;
    const kept = await keepCalendar(writer);
    if (!kept.ok) platform.logger.log("warn", "calendar", { error: kept.error.type });
    return ok();
  }

  /** RM36: after a jump of this clock what the server said the time is counts no more. */
  async function hearAgain({ gateway }: HomeLink): Promise<Result<void, ClientError>> {
    if (times.isHeard()) return ok();
    const counts = await gateway.call("preKeyCounts", { type: "preKeyCounts" });
    return counts.ok ? times.told(counts.value.nowMs) : counts;
  }

  /** Rounds of sending and reading until a round moves nothing. */
  async function settle(link: HomeLink): Promise<Result<void, ClientError>> {
    for (let round = 0; round < SYNC_ROUNDS_MAX; round++) {
      const introduced = await serial.run(introductions.handOver);
      if (!introduced.ok) return introduced;
      const prepared = await serial.run(conversations.prepareToSync);
      if (!prepared.ok) return prepared;
      const heard = await hearAgain(link);
      if (!heard.ok) return heard;
      const swept = await serial.run(lifetimes.sweep);
      if (!swept.ok) return swept;
      const forgotten = await serial.run(forgetting.work);
      if (!forgotten.ok) return forgotten;
      const opened = await link.openContactLogs();
      if (!opened.ok) return opened;
      const pushed = await link.push();
      if (!pushed.ok) return pushed;
      const all = await serial.run(() => contacts.all());
      if (!all.ok) return all;
      const sent = await flushPeers(all.value);
      if (!sent.ok) return sent;
      const before = log.reader().point.seq;
      const advanced = await rooms.advanceAll();
      if (!advanced.ok) return advanced;
      const read = await link.catchUp();
      if (!read.ok) return read;
      const told = await tellOwnKind();
      if (!told.ok) return told;
      const relayed = await relayDirect();
      if (!relayed.ok) return relayed;
      // Other people's servers are given a moment, not more: what they hold comes with a later round or sync.
      await within(clock, CHAINS_WAIT_MS, awaitedChains.run());
      const isQuiet =
        log.pendingCount() === 0 &&
        !conversations.hasWork() &&
        !forgetting.hasWork() &&
        !advanced.value &&
        log.reader().point.seq === before;
      if (isQuiet) return ok();
      await sleep(clock, SETTLE_WAIT_MS);
    }
    return ok();
  }

  function stop(): Promise<Result<void, ClientError>> {
    stopping ??= stopOnce();
    return stopping;
  }

  async function stopOnce(): Promise<Result<void, ClientError>> {
    isWanted = false;
    isStopped = true;
    cancelRetry?.();
    cancelResend?.();
    cancelTend?.();
    peers.close();
    rooms.close();
    roomDocuments.close();
    cancelRelay?.();
    await direct.stop();
    const isDialling = gateway === null || !gateway.isOpen();
    home?.gateway.close();
    gateway?.close();
    conversations.stop();
    forgetting.stop();
    lifetimes.stop();
    await search.stop();
    awaitedChains.stop();
    // With its connection closed an attempt ends at once. One that is still dialling finds that it is not wanted.
    if (connecting !== null && !isDialling) await connecting;
    await serial.idle();
    const flushed = await serial.run(log.flush);
    const closed = await documents.close();
    await findings.idle();
    await store.close();
    setStatus("stopped", null);
    return flushed.ok ? closed : flushed;
  }

  const writer = { context, own, log, connected };
  const started = await serial.run(async (): Promise<Result<void, ClientError>> => {
    const found = await findings.start();
    if (!found.ok) return found;
    const deletedStarted = await deletedContacts.start();
    if (!deletedStarted.ok) return deletedStarted;
    const timesStarted = await times.start();
    if (!timesStarted.ok) return timesStarted;
    // Before the log: what a snapshot has is no change of this device.
    const snapshotsStarted = await snapshots.start();
    if (!snapshotsStarted.ok) return snapshotsStarted;
    const logStarted = await log.start();
    if (!logStarted.ok) return logStarted;
    const frontiersStarted = await frontiers.start();
    if (!frontiersStarted.ok) return frontiersStarted;
    const outboxStarted = await outbox.start();
    if (!outboxStarted.ok) return outboxStarted;
    const roomsStarted = await roomOutbox.start();
    if (!roomsStarted.ok) return roomsStarted;
    const missedStarted = await roomMissed.start();
    if (!missedStarted.ok) return missedStarted;
    // What is deleted is known before anything of it could be taken up again.
    const read = await deletions.refresh();
    if (!read.ok && !isDamage(read.error)) return read;
    const limited = await lifetimes.refresh();
    if (!limited.ok && !isDamage(limited.error)) return limited;
    const conversationsStarted = await conversations.start();
    if (!conversationsStarted.ok) return conversationsStarted;
    // AR7: the power may have gone between the change of a bucket and the rows of its ops. What a snapshot still brings is history.
    const untold = logStarted.value.filter((name) => !isBucket(name) || !log.isExpected(name));
    const adopted = await conversations.adopt(untold);
    if (!adopted.ok && !isDamage(adopted.error)) return adopted;
    const mended = await finishMending({ context, contacts, conversations, ops, outbox });
    if (!mended.ok) return mended;
    const forgettingStarted = await forgetting.start();
    return forgettingStarted.ok ? lifetimes.sweep() : forgettingStarted;
  });
  if (!started.ok) {
    // The store stays open: the profile may be mended and tried again.
    conversations.stop();
    forgetting.stop();
    lifetimes.stop();
    await serial.run(log.flush);
    await documents.close();
    return started;
  }

  return ok({
    platform,
    context,
    tables,
    documents,
    log,
    contacts,
    contactLogs,
    introductions,
    ticket,
    ops,
    outbox,
    roomOutbox,
    rooms,
    roomViews,
    roomDocuments,
    conversations,
    views,
    search,
    chains,
    own,
    direct,
    findings,
    frontiers,
    inboundReader: inbound.reader,
    refreshChain: (from) => serial.run(() => own.refreshChain(from)),
    relocate,
    unconnected,
    exchangeFrontiers,
    async setPadding(next) {
      const written = await store.batch([tables.padding.put([], { padding: next })]);
      if (!written.ok || next === padding) return written;
      padding = next;
      connectAnew();
      return written;
    },
    forgetting,
    deletions,
    lifetimes,
    isHistoryComplete: snapshots.isComplete,
    emit,
    onEvent,
    status: () => status,
    start: () => {
      isWanted = true;
      // Whoever asks has a reason to expect more of this attempt than of the one that waits.
      connectNow();
    },
    stop,
    sync,
    connected,
    kickContacts,
    kickOutgoing,
  });
}
