/**
 * Conversations on this device: ops from contacts, from siblings and from here meet in one set. Rules MS6, DM6, DM16, FC4, FC7.
 *
 * Whatever way an op comes, it gets a row and, unless a sibling has done so, a place in its bucket; the inbound entry is
 * acknowledged when the account log has the op. Runs within the serial.
 */
import type { AccountId, ConversationId, DeviceId, EntryId, LogId, OpId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { decode } from "../../codec/shape.ts";
import type { Documents } from "../../document/documents.ts";
import { INBOX } from "../../document/schema/inbox.ts";
import { setField } from "../../document/schema/state-field.ts";
import { tagsSchema } from "../../document/schema/tags.ts";
import { type DocumentName, isBucket } from "../../log/document-name.ts";
import {
  type Introduction,
  introductionPayloadShape,
  type NamedOp,
  OP_KIND,
  type Op,
} from "../../messenger/op.ts";
import { isProvable } from "../../messenger/room/room-proof.ts";
import { sharedDocumentOf } from "../../messenger/shared/shared-change.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import { together } from "../account-log/rows-step.ts";
import { isDamage } from "../../document/document-error.ts";
import type { ClientError } from "../client-error.ts";
import type { ContactBook, ContactPatch, ContactRecord } from "../contacts/contact-book.ts";
import type { EngineContext } from "../engine-context.ts";
import { createBucketAdoption, type OpsOf } from "./bucket-adoption.ts";
import type {
  ConversationEvents,
  Correspondent,
  Deleting,
  StoreWith,
  WriteOptions,
  WriteOwnOp,
} from "./conversation-ports.ts";
import { createDeliveryMarks } from "./delivery-marks.ts";
import { type Arrival, isDialable, type OpenedPage } from "./inbound.ts";
import { createOpArchive, type ToArchive } from "./op-archive.ts";
import { createUnsentOps } from "./unsent-ops.ts";
import type { OpStore } from "./op-store.ts";
import type { RoomMissed } from "../rooms/reading/room-missed.ts";
import type { RoomOutbox } from "../rooms/room-outbox.ts";
import type { Outbox } from "./outbox.ts";
import type { SetAside } from "./set-aside.ts";
import type { ArchiveRow } from "../tables.ts";

/** Buckets whose ops get their rows in one transaction: even with several rows for each op they fit one. */
const BUCKETS_AT_ONCE = 8;

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
      readonly opsOf?: OpsOf;
    },
  ): Promise<Result<void, ClientError>>;
  readonly write: WriteOwnOp;
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
  const { tables, store, identity, times } = context;
  const archive = createOpArchive({
    ...{ context, log, ops },
    bucketOf: deleting.bucketOf,
    onAckable: events.onAckable,
  });
  const marks = createDeliveryMarks({ context, contacts, ops, outbox, setAside, events, write });
  const { deliveredTo } = marks;
  const unsent = createUnsentOps({ context, ops, outbox, deliveredTo, write });
  const raise = (fresh: readonly NamedOp[]) => together(marks.raise(fresh), unsent.raise(fresh));
  const adoptBuckets = createBucketAdoption({
    ...{ context, documents, log, ops, roomMissed, setAside, deleting, raise },
    onAckable: events.onAckable,
  });

  async function start(): Promise<Result<void, ClientError>> {
    for (const begin of [archive.start, () => setAside.start(times.steadyMs()), marks.start, unsent.start]) {
      const begun = await begin();
      if (!begun.ok) return begun;
    }
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
    const archived: ToArchive[] = [];
    for (const { ops: arrived, source } of welcome)
      for (const op of arrived) if (fresh.delete(op.id)) archived.push({ op, source });
    const gone = deleting.redaction(addition.value.redacted);
    const step = together(page, addition.value, gone, archive.add(archived), raise(addition.value.fresh));
    const writes = [...step.writes];
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
    step.commit();
    for (const arrival of welcome)
      if (arrival.ops.some(({ op }) => op.kind !== OP_KIND.mark)) marks.due(arrival.contact, false);
    for (const contact of page.missingFrom) marks.due(contact, true);
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
    const gone = deleting.redaction(addition.value.redacted);
    const step = together(addition.value, gone, asides, archive.add(archived));
    const stored = await store.batch([...roomWrites, ...step.writes]);
    if (!stored.ok) return stored;
    step.commit();
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
    return marks.answer(fresh);
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

  function ackableSeq(logId: LogId, readSeq: number): number {
    const behind = [archive.lowestSeq(logId), setAside.lowestSeq(logId)];
    return Math.min(readSeq, ...behind.map((seq) => (seq === null ? readSeq : seq - 1)));
  }

  const adopt: Conversations["adopt"] = async (changed, options = { isHistory: false }) => {
    if (options.isHistory) return adoptAll(changed, options);
    // AR7: the log does not bring again what was read past before the disk refused what follows from it.
    log.keepUnadopted(changed);
    const adopted = await adoptAll(log.unadopted(), options);
    // A document that is damaged is mended, and told of then.
    if (adopted.ok || isDamage(adopted.error)) log.adopted();
    return adopted;
  };

  const adoptAll: Conversations["adopt"] = async (names, { isHistory, opsOf } = { isHistory: false }) => {
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
    return marks.answer(fresh);
  };

  async function write(
    contact: Correspondent,
    kind: number,
    payload: Uint8Array,
    { storeWith = store.batch, target = null, expire = null, message = null }: WriteOptions = {},
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
    const own: [NamedOp, ...NamedOp[]] = [op.value];
    if (message !== null) {
      const beside = { ...draft, kind: OP_KIND.message, target: null, expire: null, payload: message };
      const second = await ops.create(beside, times, { after: op.value });
      if (!second.ok) return second;
      own.push(second.value);
    }
    const added = await storeOwn(own, contact, storeWith);
    if (!added.ok) return added;
    // DM14: who is accepted is told of what came with the request.
    if (kind === OP_KIND.introduction && contact.accountId !== null) marks.due(contact.accountId, false);
    return ok(op.value);
  }

  async function storeOwn(
    own: readonly [NamedOp, ...NamedOp[]],
    { accountId, conversationId }: Correspondent,
    storeWith: StoreWith,
  ): Promise<Result<void, ClientError>> {
    const addition = await ops.add(own, times.latestMs());
    if (!addition.ok) return addition;
    const queued = own.map((op) => (accountId === null ? roomOutbox.put(op) : outbox.put(op, accountId)));
    const step = together(
      addition.value,
      deleting.redaction(addition.value.redacted),
      ...queued.map(({ write, commit }) => ({ writes: [write], commit })),
      raise(own),
      archive.add(own.map((op) => ({ op, source: null }))),
    );
    const written = await storeWith(step.writes);
    if (!written.ok) return written;
    step.commit();
    const deleted = await deleting.redacted(addition.value.redacted, true);
    if (accountId === null) events.onRoomOutgoing(conversationId);
    else events.onOutgoing(accountId);
    return deleted;
  }

  const restore: Conversations["restore"] = async (
    history,
    { isOwn, writes } = { isOwn: true, writes: [] },
  ) => {
    const addition = await ops.add(history, times.latestMs());
    if (!addition.ok) return addition;
    const { fresh } = addition.value;
    if (fresh.length + writes.length === 0) return ok(0);
    const gone = deleting.redaction(addition.value.redacted);
    const step = together(addition.value, gone, archive.add(fresh.map((op) => ({ op, source: null }))));
    const written = await store.batch([...writes, ...step.writes]);
    if (!written.ok) return written;
    step.commit();
    if (fresh.length === 0) return ok(0);
    const deleted = await deleting.redacted(addition.value.redacted, isOwn);
    if (!deleted.ok) return deleted;
    events.onStateChanged();
    return ok(fresh.length);
  };

  async function prepareToSync(): Promise<Result<void, ClientError>> {
    const marked = await marks.flush();
    return marked.ok ? archive.flush() : marked;
  }

  return {
    start,
    take,
    takeRoom,
    isArchived: (entry) => setAside.isArchived(entry, null),
    adopt,
    write,
    restore,
    dropArchiving: archive.drop,
    settled: archive.settled,
    ackableSeq,
    deliveredTo,
    askForMissing: marks.askForMissing,
    prepareToSync,
    isUnsent: unsent.isUnsent,
    tellUnsent: unsent.tell,
    hasWork: () => archive.hasWork() || marks.hasWork(),
    stop() {
      archive.stop();
      marks.stop();
    },
  };
}
