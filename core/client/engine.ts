/**
 * One running client put together: its parts and their wiring.
 *
 * The only place that knows all parts. What one of them needs of another is handed to it here, as little as it needs.
 */
import { present } from "../base/assert.ts";
import type { AccountId, ConversationId, LogId } from "../base/ids.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { Padding } from "../crypto/padding.ts";
import { createDocuments, type Documents } from "../document/documents.ts";
import { createSealingStorageAdapter } from "../document/storage/sealing-storage-adapter.ts";
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
import { createAwaitedChains } from "./contacts/awaited-chains.ts";
import { createTimes } from "./calendar/times.ts";
import { type ChainStore, createChainStore } from "./contacts/chain-store.ts";
import type { ClientEvent, ConnectionStatus, SyncReport } from "./client.ts";
import { type Connection, createConnection } from "./connection/connection.ts";
import { createSending, type Sending } from "./connection/sending.ts";
import { createSynchronise } from "./connection/synchronise.ts";
import { createTending, type Tending } from "./connection/tending.ts";
import { createClientEvents } from "./client-events.ts";
import type { ClientError } from "./client-error.ts";
import { createClientSpans } from "./client-spans.ts";
import { type ContactBook, createContactBook } from "./contacts/contact-book.ts";
import { type ContactLogs, createContactLogs } from "./contacts/contact-logs.ts";
import { type Conversations, createConversations } from "./conversations/conversations.ts";
import { createDeletedContacts } from "./contacts/deleted-contacts.ts";
import { type DeviceIdentity, deviceIdentity, type Profile } from "./devices/device-identity.ts";
import { createDeletionState, type DeletionState } from "./deletion/deletion-state.ts";
import { createForgetting, type Forgetting, type ForgettingDeps } from "./deletion/forgetting.ts";
import { createLifetimes, type Lifetimes } from "./deletion/lifetimes.ts";
import { createDirectSync, type DirectSync } from "./direct/direct-sync.ts";
import { createDirectoryClient, type DirectoryClient } from "./connection/directory-client.ts";
import type { EngineContext } from "./engine-context.ts";
import { createFrontiers, type Frontiers } from "./frontiers/frontiers.ts";
import { connectHome, type HomeLink, type HomeSession } from "./connection/home-link.ts";
import { createInbound, type Inbound } from "./conversations/inbound.ts";
import { createIntroductions, type Introductions } from "./contacts/introductions.ts";
import { createOpStore, type OpStore } from "./conversations/op-store.ts";
import { createOutbox, type Outbox } from "./conversations/outbox.ts";
import { loadOwnAccount, type OwnAccount } from "./account/own-account.ts";
import { watchRows } from "./mend/watch-rows.ts";
import { createPeerLinks } from "./connection/peer-links.ts";
import type { Platform } from "./platform.ts";
import { startParts } from "./start-parts.ts";
import { createSerial } from "./serial.ts";
import { createSetAside } from "./conversations/set-aside.ts";
import { SNAPSHOT_TAIL_ENTRIES } from "./snapshot/snapshot-policy.ts";
import { createSnapshots } from "./snapshot/snapshots.ts";
import { createTables, type Tables } from "./tables.ts";
import { createRoomDocuments, type RoomDocuments } from "./rooms/documents/room-documents.ts";
import { createRoomMissed } from "./rooms/reading/room-missed.ts";
import { createRoomOutbox, type RoomOutbox } from "./rooms/room-outbox.ts";
import { createRoomViews, type RoomViews } from "./rooms/room-views.ts";
import { createRooms, type Rooms } from "./rooms/rooms.ts";
import { createSearch, type Search } from "./search/search.ts";
import { createSearchSegments } from "./search/search-segments.ts";
import { createTicket, type Ticket } from "./connection/ticket.ts";
import { createViews, type Views } from "./conversations/views.ts";

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
  let stopping: Promise<Result<void, ClientError>> | null = null;

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
  /** AR8: nothing is read or sent from then on. */
  const raise: EngineContext["raise"] = (alarm) => {
    findings.raise(alarm);
    if (alarm.type !== "DeviceRolledBack") return;
    rolledBack = alarm;
    connection.cut();
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
      if (connection.link() !== null) void serial.run(lifetimes.sweep);
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
      const gateway = connection.gateway();
      if (gateway === null) return err({ type: "NotOnline" });
      return followed(() => own.refresh(gateway, directory(identity.origin)));
    },
    takeOwnLink: (link) => followed(() => own.take(link)),
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
      onChain(stored.value, refreshed.value);
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
      connection.publishStatus();
    },
    onOutgoing: () => sending.kickPush(),
    onDirect: () => sending.tookDirect(),
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
      connection.cut();
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
  const roomOutbox = createRoomOutbox(tables, () => connection.publishStatus(), context.spans);
  const roomMissed = createRoomMissed(tables);
  const setAside = createSetAside(store, tables);
  const conversations = createConversations({
    ...{ context, documents, log, contacts, ops, outbox, roomOutbox, roomMissed, setAside },
    deleting: {
      bucketOf: deletions.bucketOf,
      noticed: () => forgetting.noticed(),
      redaction: (targets) => forgetting.redaction(targets),
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
        sending.kickContacts();
        rooms.book.refresh();
        rooms.kickAll();
      },
      onShared: () => emit({ type: "state" }),
      onRoomOutgoing: (roomId) => rooms.kick(roomId),
      onInvitation: () => rooms.noteInvitation(),
      onOutgoing: (contact) => sending.kickOutgoing(contact),
      onAckable: (logId: LogId) => void connection.link()?.acknowledge(logId),
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
    home() {
      const gateway = connection.gateway();
      return gateway?.isOpen() === true && connection.link() !== null ? gateway : null;
    },
    displayName: introductions.displayName,
    async acceptContact(accountId) {
      const introduced = await introductions.introduce(accountId, {
        isAccept: true,
        patch: { state: "accepted" },
      });
      if (!introduced.ok) return introduced;
      sending.kickContacts();
      return ok();
    },
    onChanged: () => emit({ type: "state" }),
    onChain: (before, after) => onChain(before, after),
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
    onSent: () => connection.publishStatus(),
    isStopped: findings.isStopped,
    listen: async (contact) => connection.link()?.openLogsOf(contact) ?? err({ type: "NotOnline" }),
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

  const connection: Connection = createConnection({
    clock,
    random,
    logger: platform.logger,
    origin: () => identity.origin,
    dial: (onGateway) =>
      connectHome({
        session,
        context,
        log,
        inbound,
        conversations,
        contacts,
        contactLogs,
        setAside,
        snapshots,
        ticket: ticket.current,
        onGateway,
        // AL7
        onIncarnation: (logId: LogId) =>
          findings.resolve((alarm) => alarm.type === "LogDistrusted" && alarm.logId === logId),
        onLost: () => rooms.noteLost(),
        onProgress: (done: number, total: number) => {
          // While a snapshot is loaded its documents are what is counted: the log's end is not the history's.
          if (snapshots.isComplete() && total > 1) emit({ type: "progress", phase: "history", done, total });
        },
        onMoved: relocate,
        onChainsWanted: () => void awaitedChains.run(),
      }),
    barred: () => rolledBack,
    pendingCount: () => log.pendingCount() + outbox.waitingCount() + roomOutbox.waitingCount(),
    async onOpen(link) {
      // AR17: damage found since this connection began is seen to by the next one.
      if (log.hasDamage()) return connection.cut();
      sending.begin();
      sending.kickPush();
      awaitedChains.begin();
      await sending.relayDirect();
      void tending.begin(link);
      // RM36: only now is the time known for certain.
      void serial.run(lifetimes.sweep);
      // FC1: of who became a contact since this connection opened their logs too.
      sending.kickContacts();
      rooms.kickAll();
    },
    onClosed() {
      peers.close();
      rooms.close();
    },
    onReplaced: () => raise({ type: "DeviceDoubled" }),
    emit,
  });
  const sending: Sending = createSending({
    ...{ clock, serial, logger: platform.logger },
    ...{ connection, log, contacts, introductions, peers },
  });
  const tending: Tending = createTending({
    ...{ clock, random, logger: platform.logger, deviceKind: platform.deviceKind },
    ...{ context, connection, documents, log, own, findings, frontiers, snapshots, relocate },
  });
  const synchronise = createSynchronise({
    ...{ context, connection, sending, tending, log, contacts, introductions, conversations },
    ...{ peers, rooms, awaitedChains, snapshots, forgetting, lifetimes },
  });

  async function followed(
    refresh: () => Promise<Result<void, ClientError>>,
  ): Promise<Result<void, ClientError>> {
    const before = own.chain();
    const refreshed = await refresh();
    onChain(before, own.chain());
    return refreshed;
  }

  /** DM17: somebody was revoked, here or there, and knows the keys of logs between the two. */
  function onChain(before: ChainState | null, after: ChainState): void {
    const hasCut = after.cuts.length > (before?.cuts.length ?? 0);
    if (hasCut) sending.kickContacts();
    if (after.accountId !== identity.accountId || after.seq === before?.seq) return;
    // What was found of a device that was revoked is nobody's to see to any more.
    findings.resolve((alarm) => "device" in alarm && !isActive(after, alarm.device));
    // RM25: an own device was linked or revoked.
    rooms.kickAll();
    if (hasCut) void connection.link()?.handOn();
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

  async function relocate(to: string): Promise<Result<void, ClientError>> {
    const written = await serial.run(async () => {
      // As it is now: the device may have another X-Wing key than when the program started. CA6
      const row = await tables.profile.get();
      if (!row.ok) return row;
      const kept = present(row.value, "a running device has a profile");
      const stored = await store.batch([tables.profile.put([], { ...kept, origin: to })]);
      if (stored.ok) origin = to;
      return stored;
    });
    if (!written.ok) return written;
    session.resumeToken = null;
    connection.drop();
    return ok();
  }

  async function sync(): Promise<Result<SyncReport, ClientError>> {
    const synced = await synchronise();
    if (!synced.ok) return synced;
    const last = reported;
    reported = { received: sums.received, sent: outbox.sentMessageCount() };
    return ok({
      receivedMessages: reported.received - last.received,
      sentMessages: reported.sent - last.sent,
      waitingMessages: outbox.waitingMessageCount() + roomOutbox.waitingMessageCount(),
      alarms: findings.takeRaised(),
    });
  }

  function stop(): Promise<Result<void, ClientError>> {
    stopping ??= stopOnce();
    return stopping;
  }

  async function stopOnce(): Promise<Result<void, ClientError>> {
    connection.stop();
    sending.stop();
    tending.stop();
    peers.close();
    rooms.close();
    roomDocuments.close();
    await direct.stop();
    const attempt = connection.close();
    conversations.stop();
    forgetting.stop();
    lifetimes.stop();
    await search.stop();
    awaitedChains.stop();
    await attempt.whenQuiet();
    await serial.idle();
    const closed = await serial.run(closeParts);
    connection.closed();
    return closed;
  }

  /** Within the serial: what somebody asks for meanwhile is done before, or refused as a whole. */
  async function closeParts(): Promise<Result<void, ClientError>> {
    const flushed = await log.flush();
    const closed = await documents.close();
    await findings.idle();
    await store.close();
    return flushed.ok ? closed : flushed;
  }

  const started = await serial.run(() =>
    startParts({
      ...{
        context,
        findings,
        deletedContacts,
        times,
        snapshots,
        log,
        frontiers,
        outbox,
        roomOutbox,
        roomMissed,
      },
      ...{ deletions, lifetimes, conversations, contacts, ops, forgetting },
    }),
  );
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
    refreshChain: (from) => serial.run(() => followed(() => own.refreshChain(from))),
    relocate,
    unconnected: connection.unconnected,
    exchangeFrontiers: tending.exchangeFrontiers,
    async setPadding(next) {
      const written = await store.batch([tables.padding.put([], { padding: next })]);
      if (!written.ok || next === padding) return written;
      padding = next;
      connection.renew();
      return written;
    },
    forgetting,
    deletions,
    lifetimes,
    isHistoryComplete: snapshots.isComplete,
    emit,
    onEvent,
    status: connection.status,
    start: connection.start,
    stop,
    sync,
    connected: connection.connected,
    kickContacts: sending.kickContacts,
    kickOutgoing: sending.kickOutgoing,
  });
}
