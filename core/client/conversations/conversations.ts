/**
 * Conversations on this device: ops from contacts, from siblings and from here meet in one set. Rules MS4-MS6, DM6, DM14-DM16, FC4, FC7.
 *
 * Whatever way an op comes, it gets a row and, unless a sibling has done so, a place in its bucket; the inbound entry is
 * acknowledged when the account log has the op. Runs within the serial.
 */
import type { AccountId, ConversationId, DeviceId, EntryId, LogId, OpId } from "../../base/ids.ts";
import { OP_BYTES_MAX, UNSENT_RUNS_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import { decode, encode } from "../../codec/shape.ts";
import type { StoredOp } from "../../document/schema/bucket.ts";
import type { Documents } from "../../document/documents.ts";
import { INBOX } from "../../document/schema/inbox.ts";
import { setField } from "../../document/schema/state-field.ts";
import { tagsSchema } from "../../document/schema/tags.ts";
import { CHANGE_BYTES_MAX } from "../../log/account-entry.ts";
import {
  type BucketName,
  type BucketPlace,
  type DocumentName,
  generationOf,
  isBucket,
} from "../../log/document-name.ts";
import { encodeArchivedOp, parseArchivedOp } from "../../messenger/archived-op.ts";
import {
  bucketPlaceOf,
  directConversationId,
  type Introduction,
  introductionPayloadShape,
  type Mark,
  markPayloadShape,
  isRedacted,
  type NamedOp,
  OP_KIND,
  type Op,
  parseOp,
  type Redacted,
  unsentPayloadShape,
  unsentRuns,
} from "../../messenger/op.ts";
import { addRunToFeed, EMPTY_FEED, type Feed } from "../../messenger/feed.ts";
import { isProvable } from "../../messenger/room/room-proof.ts";
import { sharedDocumentOf } from "../../messenger/shared/shared-change.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { ClientError } from "../client-error.ts";
import type { ContactBook, ContactPatch, ContactRecord } from "../contacts/contact-book.ts";
import type { EngineContext } from "../engine-context.ts";
import { type Arrival, isDialable, type OpenedPage } from "./inbound.ts";
import { ASK_AGAIN_MIN_MS, createMissingRequests } from "./missing-requests.ts";
import type { OpStore } from "./op-store.ts";
import type { RoomMissed } from "../rooms/reading/room-missed.ts";
import type { RoomOutbox } from "../rooms/room-outbox.ts";
import type { Outbox } from "./outbox.ts";
import type { SetAside } from "./set-aside.ts";
import type { ArchiveRow } from "../tables.ts";

/** Ops that come together are archived together, so that a bucket gets few changes. */
const ARCHIVE_DELAY_MS = 25;
const ARCHIVE_OPS_MAX = 256;
/** What ops archived together may weigh, so that the change they make fits an item of an account entry. */
const ARCHIVE_BYTES_MAX = CHANGE_BYTES_MAX - OP_BYTES_MAX;
/** What an op takes in a change beside its bytes: its id as text, its source, the change's own columns. */
const ARCHIVED_OVERHEAD_BYTES = 192;
/** How long after an arrival the sender is told; what comes meanwhile shares one mark. */
const MARK_DELAY_MS = 1_000;
const RESEND_OPS_MAX = 512;
const KNOWN_BUCKETS_MAX = 256;
/** Buckets whose ops get their rows in one transaction: even with several rows for each op they fit one. */
const BUCKETS_AT_ONCE = 8;

export interface ConversationEvents {
  onMessages(ops: readonly NamedOp[]): void;
  onRequest(accountId: AccountId): void;
  onDelivered(conversationId: ConversationId): void;
  onStateChanged(): void;
  /** Shared documents have changed. */
  onShared(): void;
  /** Something waits to be sent to this contact. */
  onOutgoing(contact: AccountId): void;
  onRoomOutgoing(roomId: ConversationId): void;
  /** Somebody has let this account into a room, or asks to come into one. */
  onInvitation(): void;
  /** Everything up to a seq of this log is in the account log. */
  onAckable(logId: LogId): void;
}

/** What becomes of what is deleted. */
export interface Deleting {
  /** The present bucket of a place. */
  bucketOf(place: BucketPlace): BucketName;
  /** The deletions document has changed. */
  noticed(): Promise<Result<void, ClientError>>;
  /** Authors have taken messages back; their rows are as they should be. */
  redacted(targets: readonly Redacted[], isOwn: boolean): Promise<Result<void, ClientError>>;
  /** A bucket holds something that is deleted. */
  revisit(place: BucketPlace): void;
  /** A bucket holds something whose time is over. */
  later(place: BucketPlace): Promise<Result<void, ClientError>>;
  /** The groups document has changed, and with it what goes when. */
  limited(): Promise<Result<void, ClientError>>;
  /** A bucket was read. */
  loaded(name: BucketName): void;
}

export interface ConversationsDeps {
  readonly context: EngineContext;
  readonly documents: Documents;
  readonly log: AccountLog;
  readonly contacts: ContactBook;
  readonly ops: OpStore;
  readonly outbox: Outbox;
  readonly roomOutbox: RoomOutbox;
  readonly roomMissed: Pick<RoomMissed, "found">;
  readonly setAside: SetAside;
  readonly deleting: Deleting;
  readonly events: ConversationEvents;
}

export interface Conversations {
  start(): Promise<Result<void, ClientError>>;
  /** Stores a page of entries that were opened, with all that follows from it. */
  take(page: OpenedPage): Promise<Result<void, ClientError>>;
  /** Stores ops that came in a room, in one transaction with what moves on there. */
  takeRoom(
    arrived: readonly { readonly op: NamedOp; readonly source: NonNullable<ArchiveRow["source"]> }[],
    read: readonly EntryId[],
    writes: readonly WriteOp[],
  ): Promise<Result<void, ClientError>>;
  /** Whether a sibling has archived what this entry carries. */
  isArchived(entry: EntryId): boolean;
  /**
   * Ops that siblings put into these documents. `isHistory` says that they come from a snapshot: nobody is told of each,
   * and the entries they came in are not expected any more. `opsOf` has what a bucket holds where that is known.
   */
  adopt(
    names: readonly DocumentName[],
    options?: {
      readonly isHistory: boolean;
      readonly opsOf?: (name: BucketName) => readonly StoredOp[] | null;
    },
  ): Promise<Result<void, ClientError>>;
  /** Writes an op of this device and queues it for the contact, in one transaction; `storeWith` may add to it. */
  write(
    contact: Correspondent,
    kind: number,
    payload: Uint8Array,
    options?: WriteOptions,
  ): Promise<Result<NamedOp, ClientError>>;
  /**
   * Stores ops of before, quietly, in one transaction with `writes`; gives how many were missing. Own history that is brought back
   * (EX8), or history of a room.
   */
  restore(
    history: readonly NamedOp[],
    options?: { readonly isOwn: boolean; readonly writes: readonly WriteOp[] },
  ): Promise<Result<number, ClientError>>;
  /** Ops that are deleted: what they came in need not wait for them. */
  dropArchiving(ids: readonly OpId[]): void;
  /** Rows whose ops are in the account log. */
  settled(keys: readonly string[]): void;
  /** Seq up to which a log may be acknowledged, given how far it was read. */
  ackableSeq(logId: LogId, readSeq: number): number;
  /** Delivery frontier of a device's ops at the reading account. */
  deliveredTo(conversationId: ConversationId, reader: AccountId, author: DeviceId): number;
  /** Asks a contact for whatever of theirs has not arrived: the server may have lost it. IN9 */
  askForMissing(contact: AccountId): void;
  /** Archives and marks what would otherwise wait a moment. */
  prepareToSync(): Promise<Result<void, ClientError>>;
  /** Whether an own op was not sent and never will be. Rule MS8. */
  isUnsent(op: Pick<Op, "conversationId" | "device" | "deviceSeq">): boolean;
  /** Tells a contact not to wait for what was written while they had closed the conversation. Rule MS8. */
  tellUnsent(contact: ContactRecord): Promise<Result<boolean, ClientError>>;
  /** Whether something waits to be archived or marked. */
  hasWork(): boolean;
  /** Cancels timers. */
  stop(): void;
}

/** Whom an op is for: a contact, or with no account a room. */
export interface Correspondent {
  readonly accountId: AccountId | null;
  readonly conversationId: ConversationId;
  /** How long what is written there stays; for ever without. */
  readonly lifetimeMs?: number | null;
  /** The author's proof of what is written there, where others hand it on. RM41 */
  readonly prove?: ((op: Op) => Uint8Array) | null;
}

export interface WriteOptions {
  readonly storeWith?: StoreWith;
  /** The op it is about. */
  readonly target?: OpId | null;
  /** When it goes by itself. */
  readonly expire?: number | null;
}

/** Stores rows together with something of the caller's. */
export type StoreWith = (writes: readonly WriteOp[]) => Promise<Result<void, ClientError>>;

interface ToArchive {
  readonly op: NamedOp;
  readonly source: ArchiveRow["source"];
}

export function createConversations(deps: ConversationsDeps): Conversations {
  const {
    context,
    documents,
    log,
    contacts,
    ops,
    outbox,
    roomOutbox,
    roomMissed,
    setAside,
    deleting,
    events,
  } = deps;
  const { tables, store, identity, clock, times } = context;
  const toArchive = new Map<OpId, ToArchive>();
  /** Sources of archive rows that are not settled, by row key. */
  const unsettled = new Map<string, NonNullable<ArchiveRow["source"]>>();
  const knownByBucket = new Map<string, Set<OpId>>();
  const marks = new Map<string, number>();
  /** Own ops that are never sent, by conversation and author device. */
  const unsent = new Map<string, Feed>();
  const markDue = new Map<AccountId, { wantsMissing: boolean; isForced?: boolean }>();
  const requests = createMissingRequests({
    store,
    tables,
    clock,
    setAside,
    later: (task) => void context.serial.runBehind(task),
  });
  let cancelArchive: (() => void) | null = null;
  let cancelMark: (() => void) | null = null;
  let cancelAsk: (() => void) | null = null;
  const nowMs = () => Math.max(0, clock.nowMs());
  const markKey = (conversationId: ConversationId, reader: AccountId, device: DeviceId) =>
    `${conversationId}/${reader}/${device}`;

  async function start(): Promise<Result<void, ClientError>> {
    const covered = new Set(log.settling());
    const rows = await tables.archive.scan();
    if (!rows.ok) return rows;
    for (const { key, value } of rows.value) {
      if (value.source !== null) unsettled.set(key, value.source);
      const op = parseOp(value.op);
      const isGone = op.ok ? await ops.isGone(op.value) : ok(false);
      if (!isGone.ok) return isGone;
      if (isGone.value) {
        unsettled.delete(key);
        const deleted = await store.batch([{ type: "delete", key }]);
        if (!deleted.ok) return deleted;
        continue;
      }
      if (op.ok && !covered.has(key)) toArchive.set(op.value.id, { op: op.value, source: value.source });
    }
    const asides = await setAside.start(times.steadyMs());
    if (!asides.ok) return asides;
    const asked = await requests.start();
    if (!asked.ok) return asked;
    askLater();
    const unsentRows = await tables.unsent.scan();
    if (!unsentRows.ok) return unsentRows;
    for (const { key, value } of unsentRows.value) unsent.set(key.slice("unsent/".length), value);
    const markRows = await tables.mark.scan();
    if (!markRows.ok) return markRows;
    for (const { key, value } of markRows.value) marks.set(key.slice("mark/".length), value.next);
    if (toArchive.size > 0) scheduleArchive();
    return ok();
  }

  async function take(page: OpenedPage): Promise<Result<void, ClientError>> {
    const welcome: Arrival[] = [];
    for (const arrival of page.arrivals) {
      const contact = await contacts.get(arrival.contact);
      if (!contact.ok) return contact;
      const state = contact.value?.state;
      if (state !== "declined" && state !== "blocked") welcome.push(arrival);
    }
    const addition = await ops.add(
      welcome.flatMap((arrival) => arrival.ops),
      times.latestMs(),
    );
    if (!addition.ok) return addition;
    const fresh = new Set(addition.value.fresh.map((op) => op.id));
    const archived: (ToArchive & { readonly key: string })[] = [];
    for (const { ops: arrived, source } of welcome) {
      for (const op of arrived) {
        if (!fresh.delete(op.id)) continue;
        archived.push({ op, source, key: tables.archive.key(op.id) });
      }
    }
    const markWrites = raiseMarks(addition.value.fresh);
    const writes = [
      ...page.writes,
      ...addition.value.writes,
      ...archived.map(({ op, source }) => tables.archive.put([op.id], { op: op.bytes, source })),
      ...markWrites.writes,
    ];
    const invitations = addition.value.fresh.filter(
      ({ op }) =>
        (op.kind === OP_KIND.roomInvitation || op.kind === OP_KIND.roomOut) &&
        op.author !== identity.accountId,
    );
    for (const { op, id } of invitations)
      writes.push(tables.invitation.put([id], { by: op.author, payload: op.payload }));
    const joins = addition.value.fresh.filter(
      ({ op }) => op.kind === OP_KIND.roomJoin && op.author !== identity.accountId,
    );
    for (const { op, id } of joins)
      writes.push(tables.joinask.put([id], { by: op.author, payload: op.payload }));
    const patches = await introductionPatches(welcome);
    if (!patches.ok) return patches;
    const stored =
      patches.value.size > 0
        ? await contacts.setAll(patches.value, { with: writes })
        : await store.batch(writes);
    if (!stored.ok) return stored;
    page.commit();
    addition.value.commit();
    markWrites.commit();
    for (const { op, source, key } of archived) {
      toArchive.set(op.id, { op, source });
      if (source !== null) unsettled.set(key, source);
    }
    scheduleArchive();
    for (const arrival of welcome)
      if (arrival.ops.some(({ op }) => op.kind !== OP_KIND.mark)) dueMark(arrival.contact, false);
    for (const contact of page.missingFrom) dueMark(contact, true);
    for (const logId of page.freedLogs) events.onAckable(logId);
    if (invitations.length + joins.length > 0) events.onInvitation();
    const deleted = await deleting.redacted(addition.value.redacted, false);
    return deleted.ok ? afterAdding(addition.value.fresh, patches.value) : deleted;
  }

  async function takeRoom(
    arrived: Parameters<Conversations["takeRoom"]>[0],
    read: readonly EntryId[],
    roomWrites: readonly WriteOp[],
  ): Promise<Result<void, ClientError>> {
    const added = arrived.map(({ op }) => op);
    const addition = await ops.add(added, times.latestMs());
    if (!addition.ok) return addition;
    const { fresh } = addition.value;
    const sourceById = new Map(arrived.map(({ op, source }) => [op.id, source]));
    const asides = setAside.change({ read }, times.steadyMs());
    const archived = fresh.map((op) => ({ op, source: sourceById.get(op.id) ?? null }));
    const stored = await store.batch([
      ...roomWrites,
      ...addition.value.writes,
      ...asides.writes,
      ...archived.map(({ op, source }) => tables.archive.put([op.id], { op: op.bytes, source })),
    ]);
    if (!stored.ok) return stored;
    addition.value.commit();
    asides.commit();
    for (const one of archived) toArchive.set(one.op.id, one);
    scheduleArchive();
    const deleted = await deleting.redacted(addition.value.redacted, false);
    return deleted.ok ? afterAdding(fresh, new Map()) : deleted;
  }

  /** What people and other parts are told of ops that are new here. */
  async function afterAdding(
    fresh: readonly NamedOp[],
    patches: ReadonlyMap<AccountId, ContactPatch>,
  ): Promise<Result<void, ClientError>> {
    const messages = fresh.filter(({ op }) => op.kind === OP_KIND.message);
    if (messages.length > 0) events.onMessages(messages);
    const tagged = await applyTagRules(messages);
    if (!tagged.ok) return tagged;
    for (const [accountId, patch] of patches) {
      if (patch.state === "incoming") events.onRequest(accountId);
      if (patch.state === "accepted") events.onOutgoing(accountId);
    }
    if (patches.size > 0) events.onStateChanged();
    if (fresh.some((op) => sharedDocumentOf(op) !== null)) events.onShared();
    return answerMarks(fresh);
  }

  async function introductionPatches(
    arrivals: readonly Arrival[],
  ): Promise<Result<ReadonlyMap<AccountId, ContactPatch>, ClientError>> {
    const patches = new Map<AccountId, ContactPatch>();
    for (const arrival of arrivals) {
      for (const { op } of arrival.ops) {
        if (op.kind !== OP_KIND.introduction) continue;
        const introduction = decode(introductionPayloadShape, op.payload);
        if (!introduction.ok || !isDialable(introduction.value.origin, identity.origin)) continue;
        const contact = await contacts.get(arrival.contact);
        if (!contact.ok) return contact;
        patches.set(arrival.contact, introductionPatch(contact.value, introduction.value));
      }
    }
    return ok(patches);
  }

  /** FC4: a request of somebody we have asked ourselves is an acceptance, and so is one that says so. */
  function introductionPatch(contact: ContactRecord | null, introduction: Introduction): ContactPatch {
    const theirs = { ...introduction.reply, origin: introduction.origin };
    const given = { givenName: introduction.displayName, theirs, origin: introduction.origin };
    if (contact === null) return { ...given, state: "incoming", addedAtMs: times.likelyMs() };
    if (contact.state === "known") return { ...given, state: "incoming" };
    return contact.state === "requested" ? { ...given, state: "accepted" } : given;
  }

  async function applyTagRules(messages: readonly NamedOp[]): Promise<Result<void, ClientError>> {
    const incoming = messages.filter(({ op }) => op.author !== identity.accountId);
    if (incoming.length === 0) return ok();
    const tags = await documents.read(log.ref({ type: "tags" }), tagsSchema);
    if (!tags.ok) return tags;
    const rules = [...tags.value.rulesById.values()].filter(
      (rule) => rule.isEnabled && tags.value.tagsById.has(rule.tag),
    );
    const hits = incoming.flatMap(({ op }) =>
      rules
        .filter((rule) => rule.when.account === op.author)
        .map((rule) => ({ conversation: op.conversationId, tag: rule.tag })),
    );
    if (hits.length === 0) return ok();
    return log.edit({ type: "inbox" }, (draft) => {
      for (const { conversation, tag } of hits) setField(draft, INBOX.tagged, [conversation, tag], true);
    });
  }

  /** What a mark says. In a room it says nothing: somebody who came later would be sent all that was said before. DM15 */
  function markOf({ op }: NamedOp): Mark | null {
    const isOwn = op.author === identity.accountId;
    if (op.kind !== OP_KIND.mark) return null;
    if (!isOwn && op.conversationId !== directConversationId(identity.accountId, op.author)) return null;
    const mark = decode(markPayloadShape, op.payload);
    return mark.ok ? mark.value : null;
  }

  function raiseMarks(fresh: readonly NamedOp[]): { readonly writes: readonly WriteOp[]; commit(): void } {
    const raised = new Map<string, number>();
    for (const named of fresh) {
      const { op } = named;
      for (const { device, next } of markOf(named)?.delivered ?? []) {
        // A contact tells of our devices; of others it could name without end.
        if (op.author !== identity.accountId && !context.chain().devicesById.has(device)) continue;
        const key = markKey(op.conversationId, op.author, device);
        if (next > (raised.get(key) ?? marks.get(key) ?? 0)) raised.set(key, next);
      }
    }
    const unsentNow = new Map<string, Feed>();
    for (const named of fresh) {
      if (named.op.author !== identity.accountId) continue;
      const key = `${named.op.conversationId}/${named.op.device}`;
      for (const { start, end } of unsentRuns(named))
        unsentNow.set(key, addRunToFeed(unsentNow.get(key) ?? unsent.get(key) ?? EMPTY_FEED, start, end));
    }
    const writes = [
      ...[...raised].map(([key, next]) => tables.mark.put(key.split("/"), { next })),
      ...[...unsentNow].map(([key, feed]) => tables.unsent.put(key.split("/"), feed)),
    ];
    const commit = () => {
      for (const [key, next] of raised) marks.set(key, next);
      for (const [key, feed] of unsentNow) unsent.set(key, feed);
    };
    return { writes, commit };
  }

  const isUnsent: Conversations["isUnsent"] = ({ conversationId, device, deviceSeq }) =>
    unsent
      .get(`${conversationId}/${device}`)
      ?.runs.some(({ start, end }) => start <= deviceSeq && deviceSeq < end) === true;

  /** MS8: what was written to a closed log is never sent, and the other side is told not to wait for it. */
  async function tellUnsent(contact: ContactRecord): Promise<Result<boolean, ClientError>> {
    const { accountId, conversationId, theirs, state } = contact;
    if (state !== "accepted" || theirs === null || !outbox.hasClosedBefore(accountId, theirs.turn))
      return ok(false);
    const end = await ops.endOf(conversationId, identity.deviceId);
    if (!end.ok) return end;
    // Introductions of the closed log go out after all, and so is everything live left out.
    const reopened = await outbox.reopen(accountId, theirs.turn);
    if (!reopened.ok) return reopened;
    const live = outbox.liveSeqs(conversationId);
    let gone = EMPTY_FEED;
    for (let seq = deliveredTo(conversationId, accountId, identity.deviceId); seq < end.value; seq++)
      if (!live.has(seq)) gone = addRunToFeed(gone, seq, seq + 1);
    const settled = outbox.settleClosed(accountId);
    for (let from = 0; from < gone.runs.length; from += UNSENT_RUNS_MAX) {
      const runs = gone.runs.slice(from, from + UNSENT_RUNS_MAX);
      const isLast = from + UNSENT_RUNS_MAX >= gone.runs.length;
      const told = await write(
        { accountId, conversationId },
        OP_KIND.unsent,
        encode(unsentPayloadShape, { runs }),
        { storeWith: (writes) => store.batch([...writes, ...(isLast ? settled.writes : [])]) },
      );
      if (!told.ok) return told;
    }
    settled.commit();
    return ok(true);
  }

  /** Marks of the other side settle what was sent, and may ask for what never opened there. Rule DM15. */
  async function answerMarks(fresh: readonly NamedOp[]): Promise<Result<void, ClientError>> {
    for (const named of fresh) {
      const { author, conversationId } = named.op;
      const mark = author === identity.accountId ? null : markOf(named);
      if (mark === null) continue;
      const next = deliveredTo(conversationId, author, identity.deviceId);
      const done = await outbox.delivered(conversationId, next);
      if (!done.ok) return done;
      events.onDelivered(conversationId);
      if (!mark.wantsMissing) continue;
      const resent = await requests.answerWhenDue(author, () => resend(author, conversationId, mark));
      if (!resent.ok) return resent;
    }
    return ok();
  }

  async function resend(
    contact: AccountId,
    conversationId: ConversationId,
    mark: Mark,
  ): Promise<Result<boolean, ClientError>> {
    const asked = mark.delivered.find((one) => one.device === identity.deviceId)?.next ?? 0;
    const next = Math.max(asked, deliveredTo(conversationId, contact, identity.deviceId));
    const all = await ops.all(conversationId);
    if (!all.ok) return all;
    // DE6: what the person has deleted for themselves is sent on until it has arrived.
    const kept = [
      ...new Map([...outbox.sentOps(conversationId), ...all.value].map((op) => [op.id, op])).values(),
    ];
    const missing = kept
      .filter(({ op, id }) => op.device === identity.deviceId && op.deviceSeq >= next && !isWaiting(id))
      .filter((op) => !isRedacted(op))
      .sort((a, b) => a.op.deviceSeq - b.op.deviceSeq);
    if (missing.length === 0) return ok(false);
    const again = missing.slice(0, RESEND_OPS_MAX).map((op) => outbox.put(op, contact));
    const written = await store.batch(again.map(({ write }) => write));
    if (!written.ok) return written;
    for (const one of again) one.commit();
    events.onOutgoing(contact);
    return ok(true);
  }

  function isWaiting(id: OpId): boolean {
    const state = outbox.stateOf(id);
    // CO4: what was not sent because of a block is not sent because somebody asks either.
    const isClosed = state === "failed" && outbox.reasonOf(id)?.startsWith("log-closed") === true;
    return state === "kept" || state === "sealed" || isClosed;
  }

  function scheduleArchive(): void {
    if (toArchive.size === 0) return;
    cancelArchive ??= clock.schedule(ARCHIVE_DELAY_MS, () => {
      cancelArchive = null;
      void context.serial.run(archiveNow);
    });
  }

  async function archiveNow(): Promise<Result<void, ClientError>> {
    cancelArchive?.();
    cancelArchive = null;
    const byBucket = new Map<string, { name: BucketName; ops: ToArchive[] }>();
    for (const item of [...toArchive.values()].sort((a, b) => a.op.op.deviceSeq - b.op.op.deviceSeq)) {
      const name = deleting.bucketOf(bucketPlaceOf(item.op.op));
      const key = `${name.conversationId}/${name.device}/${name.index}`;
      const group = byBucket.get(key);
      if (group === undefined) byBucket.set(key, { name, ops: [item] });
      else group.ops.push(item);
    }
    for (const { name, ops: group } of byBucket.values()) {
      for (const part of archiveParts(group)) {
        const values = part.map(({ op, source }) => ({
          stored: [op.id, encodeArchivedOp(op, source?.entry ?? null)] as const,
          settles: tables.archive.key(op.id),
        }));
        const archived = await log.archive(name, values);
        if (!archived.ok) return archived;
        for (const { op } of part) toArchive.delete(op.id);
      }
    }
    return ok();
  }

  function settled(keys: readonly string[]): void {
    const logs = new Set<LogId>();
    for (const key of keys) {
      const source = unsettled.get(key);
      if (source === undefined) continue;
      unsettled.delete(key);
      logs.add(source.logId);
    }
    for (const logId of logs) events.onAckable(logId);
  }

  function ackableSeq(logId: LogId, readSeq: number): number {
    let seq = readSeq;
    for (const source of unsettled.values()) if (source.logId === logId) seq = Math.min(seq, source.seq - 1);
    const aside = setAside.lowestSeq(logId);
    return aside === null ? seq : Math.min(seq, aside - 1);
  }

  const adopt: Conversations["adopt"] = async (names, { isHistory, opsOf } = { isHistory: false }) => {
    const fresh: NamedOp[] = [];
    // First, so that nothing deleted is shown for a moment.
    if (names.some(({ type }) => type === "deletions")) {
      const noticed = await deleting.noticed();
      if (!noticed.ok) return noticed;
    }
    if (names.some(({ type }) => type === "groups")) {
      const limited = await deleting.limited();
      if (!limited.ok) return limited;
    }
    if (names.some(({ type }) => type === "contacts")) contacts.refresh();
    const buckets = names.filter(isBucket);
    for (let from = 0; from < buckets.length; from += BUCKETS_AT_ONCE) {
      const some = buckets.slice(from, from + BUCKETS_AT_ONCE);
      const adopted = await adoptBuckets(some, isHistory, opsOf ?? (() => null));
      if (!adopted.ok) return adopted;
      fresh.push(...adopted.value);
    }
    if (isHistory || names.some((name) => !isBucket(name))) events.onStateChanged();
    const messages = fresh.filter(({ op }) => op.kind === OP_KIND.message);
    if (messages.length > 0 && !isHistory) events.onMessages(messages);
    if (fresh.some((op) => sharedDocumentOf(op) !== null)) events.onShared();
    return answerMarks(fresh);
  };

  /** In one transaction, which costs more than an op in it does. */
  async function adoptBuckets(
    names: readonly BucketName[],
    isHistory: boolean,
    opsOf: (name: BucketName) => readonly StoredOp[] | null,
  ): Promise<Result<readonly NamedOp[], ClientError>> {
    const found: { readonly name: BucketName; readonly candidates: readonly NamedOp[] }[] = [];
    const sourceById = new Map<OpId, EntryId>();
    for (const name of names) {
      const held = opsOf(name);
      const stored = held === null ? await documents.scanOps(log.ref(name)) : ok(held);
      if (!stored.ok) return stored;
      const known = knownIn(name);
      const candidates: NamedOp[] = [];
      for (const [opId, bytes] of stored.value) {
        if (known.has(opId)) continue;
        const archived = parseArchivedOp(bytes);
        if (!archived.ok || archived.value.op.id !== opId) continue;
        candidates.push(archived.value.op);
        if (archived.value.source !== null) sourceById.set(opId, archived.value.source);
      }
      found.push({ name, candidates });
    }
    const candidates = found.flatMap((one) => one.candidates);
    const addition = await ops.add(candidates, times.latestMs());
    if (!addition.ok) return addition;
    const [deletedOps, overOps] = [new Set(addition.value.deleted), new Set(addition.value.over)];
    for (const { name, candidates } of found) {
      deleting.loaded(name);
      // DE7: a sibling has put it there before it knew.
      if (candidates.some((op) => deletedOps.has(op))) deleting.revisit(name);
      const later = candidates.some((op) => overOps.has(op)) ? await deleting.later(name) : ok();
      if (!later.ok) return later;
    }
    const sourcesOf = (named: readonly NamedOp[]) => named.flatMap((op) => sourceById.get(op.id) ?? []);
    // An op that is new here comes in an entry that was not opened here: set aside, or still to be read.
    const asides = setAside.change(
      { resolved: sourcesOf(candidates), archived: isHistory ? [] : sourcesOf(addition.value.fresh) },
      times.steadyMs(),
    );
    const missed = roomMissed.found(sourcesOf(candidates), { isHistory });
    if (addition.value.writes.length === 0 && asides.writes.length === 0 && missed.writes.length === 0) {
      missed.commit();
      know(found);
      return ok([]);
    }
    const markWrites = raiseMarks(addition.value.fresh);
    const written = await store.batch([
      ...addition.value.writes,
      ...markWrites.writes,
      ...asides.writes,
      ...missed.writes,
    ]);
    if (!written.ok) return written;
    addition.value.commit();
    markWrites.commit();
    asides.commit();
    missed.commit();
    for (const logId of asides.freedLogs) events.onAckable(logId);
    know(found);
    const deleted = await deleting.redacted(addition.value.redacted, false);
    return deleted.ok ? ok(addition.value.fresh) : deleted;
  }

  function know(
    found: readonly { readonly name: BucketName; readonly candidates: readonly NamedOp[] }[],
  ): void {
    for (const { name, candidates } of found) {
      const known = knownIn(name);
      for (const { id } of candidates) known.add(id);
    }
  }

  /** Ops of a bucket that have their rows, so that a change of one op does not look at all the others. */
  function knownIn(name: BucketName): Set<OpId> {
    const key = `${name.conversationId}/${name.device}/${name.index}/${generationOf(name)}`;
    const known = knownByBucket.get(key) ?? new Set<OpId>();
    knownByBucket.delete(key);
    knownByBucket.set(key, known);
    if (knownByBucket.size > KNOWN_BUCKETS_MAX)
      for (const oldest of knownByBucket.keys()) {
        knownByBucket.delete(oldest);
        break;
      }
    return known;
  }

  async function write(
    contact: Correspondent,
    kind: number,
    payload: Uint8Array,
    { storeWith = store.batch, target = null, expire = null }: WriteOptions = {},
  ): Promise<Result<NamedOp, ClientError>> {
    const draft = {
      conversationId: contact.conversationId,
      author: identity.accountId,
      device: identity.deviceId,
      kind,
      target,
      payload,
      expire,
      ext: null,
    };
    // RM34
    const lifetimeMs = kind === OP_KIND.message ? (contact.lifetimeMs ?? null) : null;
    const prove = isProvable(draft) ? (contact.prove ?? null) : null;
    const op = await ops.create(draft, times, { lifetimeMs, prove });
    if (!op.ok) return op;
    const added = await storeOwn(op.value, contact, storeWith);
    if (!added.ok) return added;
    // DM14: who is accepted is told of what came with the request.
    if (kind === OP_KIND.introduction && contact.accountId !== null) dueMark(contact.accountId, false);
    return ok(op.value);
  }

  async function storeOwn(
    op: NamedOp,
    { accountId }: Correspondent,
    storeWith: StoreWith,
  ): Promise<Result<void, ClientError>> {
    const addition = await ops.add([op], times.latestMs());
    if (!addition.ok) return addition;
    const queued = accountId === null ? roomOutbox.put(op) : outbox.put(op, accountId);
    const markWrites = raiseMarks([op]);
    const written = await storeWith([
      ...addition.value.writes,
      tables.archive.put([op.id], { op: op.bytes, source: null }),
      queued.write,
      ...markWrites.writes,
    ]);
    if (!written.ok) return written;
    addition.value.commit();
    queued.commit();
    markWrites.commit();
    toArchive.set(op.id, { op, source: null });
    scheduleArchive();
    const deleted = await deleting.redacted(addition.value.redacted, true);
    if (accountId === null) events.onRoomOutgoing(op.op.conversationId);
    else events.onOutgoing(accountId);
    return deleted;
  }

  function dropArchiving(ids: readonly OpId[]): void {
    for (const id of ids) toArchive.delete(id);
    settled(ids.map((id) => tables.archive.key(id)));
  }

  const restore: Conversations["restore"] = async (
    history,
    { isOwn, writes } = { isOwn: true, writes: [] },
  ) => {
    const addition = await ops.add(history, times.latestMs());
    if (!addition.ok) return addition;
    const { fresh } = addition.value;
    if (fresh.length + writes.length === 0) return ok(0);
    const written = await store.batch([
      ...writes,
      ...addition.value.writes,
      ...fresh.map((op) => tables.archive.put([op.id], { op: op.bytes, source: null })),
    ]);
    if (!written.ok) return written;
    addition.value.commit();
    for (const op of fresh) toArchive.set(op.id, { op, source: null });
    if (fresh.length === 0) return ok(0);
    scheduleArchive();
    const deleted = await deleting.redacted(addition.value.redacted, isOwn);
    if (!deleted.ok) return deleted;
    events.onStateChanged();
    return ok(fresh.length);
  };

  function dueMark(contact: AccountId, wantsMissing: boolean): void {
    const due = markDue.get(contact);
    if (due === undefined) markDue.set(contact, { wantsMissing });
    else due.wantsMissing ||= wantsMissing;
    cancelMark ??= clock.schedule(MARK_DELAY_MS, () => {
      cancelMark = null;
      void context.serial.runBehind(sendMarks);
    });
  }

  /** Tells contacts what has arrived, unless a device of ours has told them as much. Rule DM14. */
  async function sendMarks(): Promise<Result<void, ClientError>> {
    for (const [accountId, due] of [...markDue]) {
      markDue.delete(accountId);
      // What was missing may have come from a sibling meanwhile.
      const wantsMissing = due.isForced === true || (due.wantsMissing && setAside.isMissing(accountId));
      const contact = await contacts.get(accountId);
      if (!contact.ok) return contact;
      if (contact.value?.state !== "accepted" || contact.value.theirs === null) continue;
      const { conversationId } = contact.value;
      const chain = await context.contactChain(accountId, contact.value.origin, false);
      if (!chain.ok) return chain;
      const frontiers = await ops.frontiers(conversationId);
      if (!frontiers.ok) return frontiers;
      const delivered = [...frontiers.value]
        .filter(([device]) => chain.value.devicesById.has(device))
        .map(([device, next]) => ({ device, next }));
      const isNews = delivered.some(
        ({ device, next }) => next > deliveredTo(conversationId, identity.accountId, device),
      );
      if (!isNews && !wantsMissing) continue;
      const asked = wantsMissing ? await requests.asked(accountId, nowMs()) : ok();
      if (!asked.ok) return asked;
      const written = await write(
        contact.value,
        OP_KIND.mark,
        encode(markPayloadShape, { delivered, readUpTo: null, wantsMissing }),
      );
      if (!written.ok) return written;
    }
    askLater();
    return ok();
  }

  /** DM18: what is still missing is asked for again, after a while. */
  function askLater(): void {
    cancelAsk?.();
    const delayMs = requests.nextDelayMs(nowMs());
    cancelAsk =
      delayMs === null
        ? null
        : clock.schedule(Math.max(ASK_AGAIN_MIN_MS, delayMs), () => {
            cancelAsk = null;
            for (const contact of requests.due(nowMs())) dueMark(contact, true);
          });
  }

  const deliveredTo = (conversationId: ConversationId, reader: AccountId, author: DeviceId): number =>
    marks.get(markKey(conversationId, reader, author)) ?? 0;

  async function prepareToSync(): Promise<Result<void, ClientError>> {
    cancelMark?.();
    cancelMark = null;
    for (const contact of requests.due(nowMs())) dueMark(contact, true);
    const marked = await sendMarks();
    return marked.ok ? archiveNow() : marked;
  }

  function stop(): void {
    cancelArchive?.();
    cancelMark?.();
    cancelAsk?.();
    requests.stop();
  }

  return {
    start,
    take,
    takeRoom,
    isArchived: setAside.isArchived,
    adopt,
    write,
    restore,
    dropArchiving,
    settled,
    ackableSeq,
    deliveredTo,
    askForMissing(contact) {
      dueMark(contact, true);
      const due = markDue.get(contact);
      if (due !== undefined) due.isForced = true;
    },
    prepareToSync,
    isUnsent,
    tellUnsent,
    hasWork: () => toArchive.size > 0 || markDue.size > 0,
    stop,
  };
}

function archiveParts(items: readonly ToArchive[]): ToArchive[][] {
  const parts: ToArchive[][] = [];
  let size = 0;
  for (const item of items) {
    const part = parts.at(-1);
    const weight = item.op.bytes.length + ARCHIVED_OVERHEAD_BYTES;
    if (part === undefined || part.length >= ARCHIVE_OPS_MAX || size + weight > ARCHIVE_BYTES_MAX) {
      parts.push([item]);
      size = weight;
    } else {
      part.push(item);
      size += weight;
    }
  }
  return parts;
}
