/**
 * The account log on this device: local document changes go out through it, siblings' changes come in. Rules AR2-AR10.
 *
 * - Out: change → row in `out` (durable; the edit is safe from here) → sealed into `sealed` → appended → read back → both
 *   rows go (`own-changes.ts`, `sealed-entries.ts`, `push-entries.ts`).
 * - In: verified and judged → row in `journal` with the reading position, one transaction → applied → on disk → row goes
 *   (`log-intake.ts`, `journal.ts`, `flush-documents.ts`).
 *
 * Every method runs within the engine's serial, except `push`, which waits for the network between its turns.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { DeviceId, DocumentId, EntryId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { changeHash } from "../../document/change-hash.ts";
import type { StoredOp } from "../../document/schema/bucket.ts";
import { isDamage } from "../../document/document-error.ts";
import type { DocumentRef } from "../../document/schema/document-kind.ts";
import type { Documents } from "../../document/documents.ts";
import { CHANGE_BYTES_MAX } from "../../log/account-entry.ts";
import {
  type BucketName,
  type BucketPlace,
  type DocumentName,
  generationOf,
  isBucket,
} from "../../log/document-name.ts";
import type { LogReader } from "../../log/log-reader.ts";
import type { PlacedEntry } from "../../protocol/entry.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { ClientError } from "../client-error.ts";
import { createDirectRows } from "../direct/direct-rows.ts";
import { createAwaitedChanges } from "./awaited-changes.ts";
import type { EngineContext } from "../engine-context.ts";
import type { LogChannel } from "../connection/log-channel.ts";
import { type DocumentChanges, joinByDocument } from "./document-changes.ts";
import { createDocumentHeads, type ExpectedDocument, type HeldDocument } from "./document-heads.ts";
import { createDocumentFlush } from "./flush-documents.ts";
import { createHandOn } from "./hand-on.ts";
import { createJournal, type Journal, NO_ENTRY } from "./journal.ts";
import { type Coverage, createLogIntake, type ReadPage } from "./log-intake.ts";
import { createDamagedDocuments } from "./mend-documents.ts";
import { createOwnChanges, type OwnChanges } from "./own-changes.ts";
import { createPush, foundRolledBack } from "./push-entries.ts";
import {
  type BucketRetirement,
  createBucketRetirement,
  NO_RETIREMENT,
  type Retirement,
} from "./retire-bucket.ts";
import { deleteRows, writeRows } from "./rows-step.ts";
import { createSealedEntries } from "./sealed-entries.ts";

/** A snapshot's place in the log, taken over together with rows that say what of it is still to be loaded. */
export interface Jump extends Coverage {
  /** Ids of the entries jumped over, as far as they are known. */
  readonly passed: ReadonlySet<EntryId>;
  readonly documents: readonly ExpectedDocument[];
  /** Revoked devices of which it may hold what is past their cut. Rule AR18. */
  readonly uncut: readonly DeviceId[];
  readonly writes: readonly WriteOp[];
}

export interface AccountLog {
  /**
   * Loads what was on its way when the program ended, and applies what was journaled. Gives the names of documents whose changes
   * nobody may have been told of yet. Rule AR7.
   */
  start(): Promise<Result<readonly DocumentName[], ClientError>>;
  ref(name: DocumentName): DocumentRef;
  /** Edits a document; resolves once the change will reach every device, come what may. */
  readonly edit: OwnChanges["edit"];
  /** Puts ops into a bucket. Ops a sibling has archived are skipped; their rows settle at once. */
  readonly archive: OwnChanges["archive"];
  readonly archiveAll: BucketRetirement["archiveAll"];
  /** Merges a document of a backup; what it adds goes out like any change made here. */
  bring(name: DocumentName, saved: Bytes): Promise<Result<void, ClientError>>;
  readonly heldOps: BucketRetirement["heldOps"];
  readonly retire: BucketRetirement["retire"];
  /** The document of a snapshot is not to be loaded after all. */
  unexpect(name: DocumentName): void;
  /** Whether this document is still to be loaded from a snapshot. */
  isExpected(name: DocumentName): boolean;
  /** Whether a bucket of this place is, of whatever generation. */
  isPlaceExpected(place: BucketPlace): boolean;
  /** Takes over entries in order; returns the names of documents that changed. */
  receive(entries: readonly PlacedEntry[]): Promise<Result<readonly DocumentName[], ClientError>>;
  /** Takes over changes a sibling brought directly; returns the names of documents that changed. Rules DS12, DS13. */
  receiveDirect(items: readonly DocumentChanges[]): Promise<Result<readonly DocumentName[], ClientError>>;
  /** What changed and could not be taken up; it keeps its rows, also over a restart, until all of it has been. AR7 */
  readonly keepUnadopted: Journal["keepUnadopted"];
  readonly unadopted: Journal["unadopted"];
  readonly adopted: Journal["adopted"];
  /** The log was read to its end: what came directly and still is not in it is sent from here after a while. DS14 */
  relayDirect(nowMs: number): Promise<Result<void, ClientError>>;
  /** When `relayDirect` has something to do next. */
  nextRelayMs(): number | null;
  /** Every document that holds more than its first change, with its heads. - Cost: the first time a row for each. */
  held(): Promise<Result<readonly HeldDocument[], ClientError>>;
  /** Hears once of all that is held, before whoever was first to ask does. */
  onceHeld(listener: (held: readonly HeldDocument[]) => void): void;
  /** Hears of each document whose heads have moved. */
  onHeads(listener: (document: HeldDocument) => void): () => void;
  /** Sends what waits, until nothing does. */
  push(channel: LogChannel): Promise<Result<void, ClientError>>;
  /**
   * Sends what this device took over of a revoked device before it knew, and which is void by its cut; takes what a sibling has
   * built on and nobody has sent. Rule AR18.
   */
  handOn(channel: LogChannel): Promise<Result<void, ClientError>>;
  reader(): LogReader;
  /** AR8: the server names the last counter it has of this device. - Fails: `DeviceRolledBack`. */
  checkWriter(writerSeqAtServer: number): Result<void, ClientError>;
  pendingCount(): number;
  /** Whether an entry was sealed and not read back from the log. */
  hasSealed(): boolean;
  /** Keys of rows that will settle with changes that are on their way. */
  settling(): readonly string[];
  /** Brings applied documents to disk and clears the journal. */
  flush(): Promise<Result<void, ClientError>>;
  /** A stored document does not load whole; the next `mend` sees to it. */
  noteDamage(id: DocumentId): void;
  hasDamage(): boolean;
  /** Brings damaged documents back, as far as they go here, and lets the log be read again. Rule AR17. */
  mend(): Promise<Result<void, ClientError>>;
  /** Kinds of documents that were mended since this was last asked; whole once the log was read to its end. */
  takeMended(): ReadonlySet<string>;
  /** Documents with a change that could not be made durable yet: it is shown here, and is in no row and no entry. */
  readonly untold: OwnChanges["untold"];
  /** What a snapshot made now covers; null while a change could not be taken by its document. Rule SN23. */
  coverage(): Coverage | null;
  /** Goes on behind a snapshot; its documents are expected from then on. Rule SN26. */
  jump(jump: Jump): Promise<Result<void, ClientError>>;
  /** Takes over what a snapshot holds beyond this device, which has read the log further. Rule AR18. */
  takeUncut(
    taken: Pick<Jump, "point" | "uncut" | "documents" | "writes">,
  ): Promise<Result<void, ClientError>>;
  /** The log goes on as a later incarnation: nothing of this device is in it yet. Rule IN7. */
  enterIncarnation(incarnation: number): Promise<Result<void, ClientError>>;
  /**
   * Takes over what an incarnation began with, and sends what this device holds and it lacks. Rule IN8. Documents of
   * `jump` are sent when they are loaded.
   */
  rebase(jump: Jump, base: readonly HeldDocument[]): Promise<Result<void, ClientError>>;
  /** Documents of a snapshot that are still to be loaded, as after a restart. */
  expect(expected: readonly ExpectedDocument[]): void;
  /** Takes documents of a snapshot over, some at a time, and brings them to disk. Rule SN27. */
  restore(
    items: readonly { readonly name: DocumentName; readonly saved: Bytes }[],
  ): Promise<Result<readonly RestoredDocument[], ClientError>>;
}

/** A document of a snapshot that is here now; `ops` are those of a bucket of which nothing was here before. */
export interface RestoredDocument {
  readonly name: DocumentName;
  readonly heads: readonly string[];
  readonly ops: readonly StoredOp[] | null;
}

const placeKey = ({ conversationId, device, index }: BucketName): string =>
  `${conversationId}/${device}/${index}`;

export function createAccountLog(
  context: EngineContext,
  documents: Documents,
  retirement: Retirement = NO_RETIREMENT,
): AccountLog {
  const { tables, store, identity } = context;
  const heads = createDocumentHeads(context, documents);
  const direct = createDirectRows(tables, (name) => heads.ref(name).id);
  const onUntold = (): void => flusher.schedule();
  const own = createOwnChanges({ context, documents, heads, direct, onUntold });
  const onApplied = (): void => flusher.schedule();
  const retired = createBucketRetirement({
    context,
    documents,
    heads,
    direct,
    own,
    journal: () => journal,
    retirement,
    readSeq: () => intake.reader().point.seq,
  });
  const { carry } = retired;
  const journal: Journal = createJournal({
    context,
    documents,
    heads,
    reconcile: own.reconcile,
    carry,
    onApplied,
  });
  const flusher = createDocumentFlush({ context, documents, heads, own, journal });
  const sealed = createSealedEntries(context);
  const intake = createLogIntake(context);
  const damaged = createDamagedDocuments({ context, documents, heads, direct, intake });
  const push = createPush({
    context,
    sealed,
    sealPending: () => sealed.seal(own.waiting(), intake.reader().point),
    lastRead: () => intake.lastOf(identity.deviceId),
  });
  const takeAwaited = createAwaitedChanges({
    ...{ context, documents, heads, intake },
    async receiveDirect(items) {
      const taken = await receiveDirect(items);
      if (taken.ok) journal.keepUnadopted(taken.value);
      return taken;
    },
  });
  const handOn = createHandOn({ context, documents, heads, own, intake, carry, takeAwaited });

  async function start(): Promise<Result<readonly DocumentName[], ClientError>> {
    for (const part of [intake, sealed, own, direct, heads]) {
      const started = await part.start();
      if (!started.ok) return started;
    }
    const replayed = await journal.start([...own.waiting().values()]);
    if (!replayed.ok) return replayed;
    const reconciled = await reconcileAll(replayed.value);
    return reconciled.ok ? replayed : reconciled;
  }

  async function reconcileAll(touched: readonly DocumentName[]): Promise<Result<void, ClientError>> {
    const ids = new Set(touched.map((name) => heads.ref(name).id));
    // Those without a row yet too: what tells of their changes may be gone before they are next used.
    const names = heads.names().filter((name) => ids.has(heads.ref(name).id) || !isBucket(name));
    for (const name of names) {
      // Other buckets are many; each is looked at when it is next used, which an op without a place in the log makes sure of.
      const reconciled = await own.reconcile(name);
      if (!reconciled.ok && !isDamage(reconciled.error)) return reconciled;
    }
    return ok();
  }

  async function receive(
    entries: readonly PlacedEntry[],
  ): Promise<Result<readonly DocumentName[], ClientError>> {
    const page = await intake.read(entries, { sealed: sealed.all(), writerSeq: sealed.writerSeq() });
    if (!page.ok) return page;
    if (page.value === null) return ok([]);
    return page.value.isForeign ? foundRolledBack(context, context.accountLogId) : takePage(page.value);
  }

  async function takePage(page: ReadPage): Promise<Result<readonly DocumentName[], ClientError>> {
    const flushed = await flusher.whenMany();
    if (!flushed.ok) return flushed;
    const gone = [...page.settled, ...page.voided];
    const journaled = journal.add(page.received, page.seqs);
    const inLog = direct.settle(page.received);
    const written = await store.batch([
      ...journaled.writes,
      ...gone.map((one) => tables.sealed.remove(one.writerSeq)),
      ...page.writes,
      ...inLog.writes,
    ]);
    if (!written.ok) return written;
    for (const step of [inLog, page, journaled]) step.commit();
    sealed.remove(gone);
    // DE10: what was on its way when its bucket was erased is in the log now.
    const isOfErased = page.settled.some((one) => one.outs.some((number) => !own.waiting().has(number)));
    const unpacked = isOfErased ? await store.batch([retired.noteUnpacked()]) : ok();
    if (!unpacked.ok) return unpacked;
    const settledKeys = own.settle(page.settled.flatMap((one) => one.outs));
    const changed = await journal.apply(page.received);
    // Not in the same transaction: a row that is left over is archived again, which changes nothing and settles it.
    const deleted = await deleteRows(store, settledKeys);
    if (!deleted.ok) return deleted;
    if (page.settled.length > 0) context.onSettled(settledKeys);
    // AR8: what a void entry carried is sealed again.
    if (page.voided.length > 0) context.onOutgoing();
    return changed;
  }

  async function receiveDirect(
    items: readonly DocumentChanges[],
  ): Promise<Result<readonly DocumentName[], ClientError>> {
    const flushed = await flusher.whenMany();
    if (!flushed.ok) return flushed;
    const fresh: DocumentChanges[] = [];
    const carried: DocumentName[] = [];
    for (const { document, changes } of items) {
      const present = await carry({ document, changes });
      if (!present.ok) return present;
      if (present.value !== null) {
        carried.push(present.value);
        continue;
      }
      const unknown = await unknownChanges(document, changes);
      if (!unknown.ok) return unknown;
      if (unknown.value.length > 0) fresh.push(...joinByDocument([{ document, changes: unknown.value }]));
    }
    if (fresh.length === 0) return ok(carried);
    const kept = direct.add(fresh);
    const journaled = journal.add(fresh, NO_ENTRY);
    const written = await store.batch([...journaled.writes, ...kept.writes]);
    if (!written.ok) return written;
    for (const step of [kept, journaled]) step.commit();
    context.onDirect();
    const changed = await journal.apply(fresh);
    return changed.ok ? ok([...carried, ...changed.value]) : changed;
  }

  /** Changes that are not here, and that an account entry could carry on. */
  async function unknownChanges(
    document: DocumentName,
    changes: readonly Bytes[],
  ): Promise<Result<readonly Bytes[], ClientError>> {
    const unknown: Bytes[] = [];
    for (const change of changes) {
      const hash = changeHash(change);
      if (hash === null || change.length > CHANGE_BYTES_MAX) {
        context.raise({ type: "DocumentDamaged", documentKind: document.type });
        continue;
      }
      const known = await documents.hasHeads(heads.ref(document), [hash]);
      if (!known.ok) return known;
      if (!known.value) unknown.push(change);
    }
    return ok(unknown);
  }

  async function jump(to: Jump): Promise<Result<void, ClientError>> {
    // Own entries among those passed: what they carry is sent again, because nobody says here whether they counted.
    const dropped = sealed.all().filter((one) => to.passed.has(one.id));
    const moved = intake.moveTo(to);
    const written = await store.batch([
      ...to.writes,
      ...moved.writes,
      ...dropped.map((one) => tables.sealed.remove(one.writerSeq)),
    ]);
    if (!written.ok) return written;
    heads.expect(to.documents);
    moved.commit();
    sealed.remove(dropped);
    if (dropped.length > 0) context.onOutgoing();
    return ok();
  }

  const takeUncut: AccountLog["takeUncut"] = async ({ point, uncut, documents: expected, writes }) => {
    const overtaken = intake.tookOver(uncut, point);
    const written = await writeRows(store, [...writes, ...overtaken.writes]);
    if (!written.ok) return written;
    heads.expect(expected);
    overtaken.commit();
    return ok();
  };

  async function bring(name: DocumentName, saved: Bytes): Promise<Result<void, ClientError>> {
    const told = await own.reconcile(name);
    if (!told.ok) return told;
    const merged = await documents.merge(heads.ref(name), saved);
    if (!merged.ok) return merged;
    heads.setTracked(heads.ref(name).id, false);
    return own.reconcile(name);
  }

  async function enterIncarnation(incarnation: number): Promise<Result<void, ClientError>> {
    const journaled = await journal.enterIncarnation();
    if (!journaled.ok) return journaled;
    const unpacked = await tables.unpacked.get();
    if (!unpacked.ok) return unpacked;
    const steps = [intake.enterIncarnation(incarnation), sealed.enterIncarnation(), journaled.value];
    const written = await store.batch([
      ...steps.flatMap((step) => step.writes),
      tables.rebase.put([], { incarnation }),
      tables.snapshot.remove(),
      // DE10: what it counted was in the former one.
      ...(unpacked.value === null ? [] : [tables.unpacked.put([], { seq: 0 })]),
    ]);
    if (!written.ok) return written;
    for (const step of steps) step.commit();
    // What was sealed for the former one is sealed again.
    context.onOutgoing();
    return ok();
  }

  async function rebase(to: Jump, base: readonly HeldDocument[]): Promise<Result<void, ClientError>> {
    const baseById = new Map(base.map((one) => [heads.ref(one.name).id, one]));
    const awaited = new Set(to.documents.map(({ name }) => heads.ref(name).id));
    const places = new Map(
      base.flatMap(({ name }) => (isBucket(name) ? [[placeKey(name), generationOf(name)] as const] : [])),
    );
    // DE8: of a bucket that was written anew there only what the new one lacks goes, and into that.
    const isReplaced = (name: DocumentName) =>
      isBucket(name) && (places.get(placeKey(name)) ?? 0) > generationOf(name);
    const held = await heads.held();
    if (!held.ok) return held;
    const owed = held.value
      .filter(({ name }) => !baseById.has(heads.ref(name).id) || awaited.has(heads.ref(name).id))
      .filter(({ name }) => !isReplaced(name));
    const forgotten = heads.untell(
      owed.map(({ name }) => ({ name, heads: [] })),
      own.waiting().values(),
    );
    // Before the place is: a crash in between leaves documents that are compared again.
    const untold = await writeRows(store, forgotten.writes);
    if (!untold.ok) return untold;
    const jumped = await jump(to);
    if (!jumped.ok) return jumped;
    forgotten.commit();
    for (const { name } of owed) {
      const told = awaited.has(heads.ref(name).id) ? ok() : await own.reconcile(name);
      if (!told.ok && !isDamage(told.error)) return told;
    }
    // Last of all: until here it is done again after a crash, which sends nothing twice.
    return store.batch([tables.rebase.remove()]);
  }

  const restore: AccountLog["restore"] = async (items) => {
    const restored: RestoredDocument[] = [];
    const completed: DocumentName[] = [];
    const taken = await Promise.all(
      items.map(({ name, saved }) => documents.takeOver(heads.ref(name), saved)),
    );
    for (const [index, { name }] of items.entries()) {
      const one = taken[index];
      if (one === undefined) continue;
      if (!one.ok) return one;
      const { ops, missing } = one.value;
      // With the snapshot's heads here what is left is what it lacks; where nothing was, there is nothing.
      const reconciled = ops === null ? await own.reconcile(name) : ok();
      if (!reconciled.ok) return reconciled;
      restored.push({ name, heads: one.value.heads, ops });
      if (missing === 0) completed.push(name);
    }
    const flushed = await documents.flush(restored.map(({ name }) => heads.ref(name)));
    if (!flushed.ok) return flushed;
    const written = await store.batch(restored.map((one) => heads.row(one.name, one.heads)));
    if (!written.ok) return written;
    for (const one of restored) {
      heads.record(one.name, one.heads);
      heads.arrived(heads.ref(one.name).id);
    }
    for (const name of completed) journal.completed(heads.ref(name).id);
    return ok(restored);
  };

  return {
    start,
    ref: heads.ref,
    edit: own.edit,
    untold: own.untold,
    archive: own.archive,
    archiveAll: retired.archiveAll,
    bring,
    heldOps: retired.heldOps,
    retire: retired.retire,
    isExpected: heads.isExpected,
    isPlaceExpected: heads.isPlaceExpected,
    unexpect: (name) => heads.arrived(heads.ref(name).id),
    receive,
    receiveDirect,
    ...{ keepUnadopted: journal.keepUnadopted, unadopted: journal.unadopted, adopted: journal.adopted },
    relayDirect: own.relayDirect,
    nextRelayMs: direct.nextDueMs,
    held: heads.held,
    onceHeld: heads.onceHeld,
    onHeads: heads.onHeads,
    push,
    handOn,
    flush: flusher.flush,
    noteDamage: damaged.note,
    hasDamage: damaged.isAny,
    mend: damaged.mend,
    takeMended: damaged.takeMended,
    reader: intake.reader,
    checkWriter: (atServer) =>
      atServer > sealed.writerSeq() ? foundRolledBack(context, context.accountLogId) : ok(),
    pendingCount: () => own.waiting().size,
    hasSealed: () => sealed.all().length > 0,
    settling: () => [...own.waiting().values()].flatMap((row) => row.settles),
    coverage() {
      const unapplied = journal.unappliedSeqs();
      return unapplied === null ? null : intake.coverage(unapplied);
    },
    jump,
    takeUncut,
    enterIncarnation,
    rebase,
    expect: heads.expect,
    restore,
  };
}
