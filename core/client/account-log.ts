/**
 * The account log on this device: local document changes go out through it, siblings' changes come in. Rules AR2-AR10.
 *
 * - Out: change → row in `out` (durable; the edit is safe from here) → sealed into `sealed` → appended → read back → both
 *   rows go. The same bytes are sent until they are read back; a new epoch seals them anew.
 * - In: verified and judged → row in `journal` with the reading position, one transaction → applied → on disk → row goes.
 *
 * Every method runs within the engine's serial, except `push`, which waits for the network between its turns.
 */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { DeviceId, DocumentId, EntryId } from "../base/ids.ts";
import { SNAPSHOT_EXCEPT_MAX, STORE_BATCH_ROWS_MAX } from "../base/limits.ts";
import { ok, type Result } from "../base/result.ts";
import type { StoredOp } from "../document/bucket.ts";
import { changeHash } from "../document/change-hash.ts";
import { isDamage } from "../document/document-error.ts";
import type { DocumentRef } from "../document/document-kind.ts";
import type { Applied, Documents } from "../document/documents.ts";
import { genesisChange } from "../document/genesis.ts";
import type { DocumentRoot } from "../document/live-documents.ts";
import {
  type AccountEntryContent,
  type BatchItem,
  BATCH_BYTES_MAX,
  CHANGE_BYTES_MAX,
  CHANGES_PER_ITEM_MAX,
  ITEMS_PER_BATCH_MAX,
  openAccountEntry,
  sealAccountEntry,
} from "../log/account-entry.ts";
import { type DocumentName, documentId } from "../log/document-name.ts";
import { judgeWriter } from "../log/judge-writer.ts";
import {
  checkQuote,
  createLogReader,
  type LogReader,
  type NamedEntry,
  readEntries,
} from "../log/log-reader.ts";
import {
  type Entry,
  type LogPoint,
  type PlacedEntry,
  parseEntryHeader,
  writerTag,
} from "../protocol/entry.ts";
import type { AppendResult } from "../protocol/server-frame.ts";
import { rowKeyNumber, rowKeyParts } from "../store/row-key.ts";
import type { WriteOp } from "../store/tx-store.ts";
import type { ClientError } from "./client-error.ts";
import { writerKey } from "./device-identity.ts";
import type { EngineContext } from "./engine-context.ts";
import { createDirectRows, type DirectChanges } from "./direct/direct-rows.ts";
import type { LogChannel } from "./log-channel.ts";
import type { OutRow } from "./tables.ts";

/** Sealed entries on their way at once; more wait unsealed, so that they can share an entry. */
const SEALED_IN_FLIGHT_MAX = 16;
/** How long journaled changes may wait before their documents are flushed. */
const FLUSH_DELAY_MS = 500;
const FLUSH_JOURNAL_MAX = 2_000;

type DocumentChanges = DirectChanges;

interface SealedEntry {
  readonly writerSeq: number;
  readonly id: EntryId;
  readonly entry: Entry;
  readonly outs: readonly number[];
}

/** A change to make durable together with other rows. */
export interface EditOptions {
  /** Written in the same transaction. */
  readonly with?: readonly WriteOp[];
  /** Keys of rows to delete once the change is in the account log. */
  readonly settles?: readonly string[];
}

export interface HeldDocument {
  readonly name: DocumentName;
  readonly heads: readonly string[];
}

/** What a reader of the account log knows at a point of it. */
export interface Coverage {
  readonly point: LogPoint;
  readonly epochFloor: number;
  readonly siblings: readonly { readonly device: DeviceId; readonly last: EntryId }[];
  /** Entries up to there that this device has not applied: they did not open, or wait for others. */
  readonly except: readonly number[];
}

/** A document a snapshot has and this device is still to load. */
export interface ExpectedDocument {
  readonly name: DocumentName;
  readonly heads: readonly string[];
}

/** A snapshot's place in the log, taken over together with rows that say what of it is still to be loaded. */
export interface Jump extends Coverage {
  /** Ids of the entries jumped over, as far as they are known. */
  readonly passed: ReadonlySet<EntryId>;
  readonly documents: readonly ExpectedDocument[];
  readonly writes: readonly WriteOp[];
}

export interface AccountLog {
  /** Loads what was on its way when the program ended, and applies what was journaled. */
  start(): Promise<Result<void, ClientError>>;
  ref(name: DocumentName): DocumentRef;
  /** Edits a document; resolves once the change will reach every device, come what may. */
  edit(
    name: DocumentName,
    edit: (draft: DocumentRoot) => void,
    options?: EditOptions,
  ): Promise<Result<void, ClientError>>;
  /** Puts ops into a bucket. Ops a sibling has archived are skipped; their rows settle at once. */
  archive(
    name: DocumentName,
    ops: readonly { readonly stored: StoredOp; readonly settles: string }[],
  ): Promise<Result<void, ClientError>>;
  /** Takes over entries in order; returns the names of documents that changed. */
  receive(entries: readonly PlacedEntry[]): Promise<Result<readonly DocumentName[], ClientError>>;
  /** Takes over changes a sibling brought directly; returns the names of documents that changed. Rules DS12, DS13. */
  receiveDirect(items: readonly DocumentChanges[]): Promise<Result<readonly DocumentName[], ClientError>>;
  /** The log was read to its end: what came directly and still is not in it is sent from here after a while. DS14 */
  relayDirect(nowMs: number): Promise<Result<void, ClientError>>;
  /** When `relayDirect` has something to do next. */
  nextRelayMs(): number | null;
  /** Every document that holds more than its first change, with its heads. */
  held(): readonly HeldDocument[];
  /** Hears of each document whose heads have moved. */
  onHeads(listener: (document: HeldDocument) => void): () => void;
  /** Sends what waits, until nothing does. */
  push(channel: LogChannel): Promise<Result<void, ClientError>>;
  reader(): LogReader;
  pendingCount(): number;
  /** Keys of rows that will settle with changes that are on their way. */
  settling(): readonly string[];
  /** Brings applied documents to disk and clears the journal. */
  flush(): Promise<Result<void, ClientError>>;
  /** A stored document does not load whole; the next `mend` sees to it. */
  noteDamage(id: DocumentId): void;
  hasDamage(): boolean;
  /**
   * Brings damaged documents back: what still opens of them and what waits here is kept, and the log is read again from
   * its start, through the same checks as ever. Rule AR17. Called when the log is about to be read.
   */
  mend(): Promise<Result<void, ClientError>>;
  /** What a snapshot made now covers; null while a change could not be taken by its document. Rule SN23. */
  coverage(): Coverage | null;
  /** Goes on behind a snapshot; its documents are expected from then on. Rule SN26. */
  jump(jump: Jump): Promise<Result<void, ClientError>>;
  /** Documents of a snapshot that are still to be loaded, as after a restart. */
  expect(expected: readonly ExpectedDocument[]): void;
  /** Merges a document of a snapshot and brings it to disk; `writes` go with the row that says so. Rule SN27. */
  restore(name: DocumentName, saved: Bytes, writes: readonly WriteOp[]): Promise<Result<void, ClientError>>;
}

export function createAccountLog(context: EngineContext, documents: Documents): AccountLog {
  const { tables, store, identity } = context;
  const log = { accountId: identity.accountId, logId: context.accountLogId };
  const tag = writerTag(log.logId, writerKey(identity.seeds, log.logId).publicKey);
  let reader = createLogReader(log.logId);
  let epochFloor = 0;
  let writerSeq = 0;
  let previous: EntryId | null = null;
  let nextOut = 1;
  let nextJournal = 1;
  let outs = new Map<number, OutRow>();
  /** Rows of `out` that were read back; they stay until their document is on disk, as its journal. */
  const readBack = new Map<number, DocumentName>();
  let sealed: SealedEntry[] = [];
  const lastBySibling = new Map<DeviceId, EntryId>();
  const journal = new Map<number, DocumentName>();
  /** Documents that wait for a change another one depends on, or that could not take theirs; their journal rows stay. */
  const incomplete = new Set<DocumentId>();
  /** Changes that are journaled and that their document could not take yet. */
  const unapplied: DocumentChanges[] = [];
  /** Heads of each document as its row tells them. */
  const recordedHeads = new Map<DocumentId, readonly string[]>();
  /** Heads that documents of a snapshot have, or will have once they are loaded. */
  const expectedHeads = new Map<DocumentId, readonly string[]>();
  /** Changes that had rows when the program began: applied, and nothing to send again, whatever its heads row says. */
  const replayed = new Map<DocumentId, readonly string[]>();
  /** Entries that did not open here. */
  const refused = new Set<number>();
  /** First and last seq of the entries a journal row may have come in. */
  const seqsByJournal = new Map<number, { readonly from: number; readonly upto: number }>();
  /** Documents known to hold no change that no row tells of. */
  const tracked = new Set<DocumentId>();
  /** Documents that do not load whole. */
  const damaged = new Set<DocumentId>();
  /** Documents that have a row of heads, for what is told of a document by its id alone. */
  const nameById = new Map<DocumentId, DocumentName>();
  /** Documents with a change that could not be made durable: it is shown here, so it has to be told of. */
  const untold = new Map<DocumentId, DocumentName>();
  let cancelFlush: (() => void) | null = null;
  let isPushing = false;
  /** Something came while a push was ending. */
  let isPushAsked = false;
  let pushedTo: LogChannel | null = null;
  /** Last counter the server has accepted, as far as this connection knows. */
  let accepted = 0;

  const ref = (name: DocumentName): DocumentRef => ({
    id: documentId(context.accountRoot, name),
    kind: name.type,
  });
  const direct = createDirectRows(tables, (name) => ref(name).id);
  const headsListeners = new Set<(document: HeldDocument) => void>();

  function recordHeads(id: DocumentId, name: DocumentName, heads: readonly string[]): void {
    recordedHeads.set(id, heads);
    nameById.set(id, name);
    for (const listener of headsListeners) listener({ name, heads });
  }
  const headsRow = (name: DocumentName, heads: readonly string[]): WriteOp =>
    tables.heads.put([ref(name).id], { document: name, heads });

  async function start(): Promise<Result<void, ClientError>> {
    const readerRow = await tables.reader.get(log.logId);
    if (!readerRow.ok) return readerRow;
    if (readerRow.value !== null) {
      reader = createLogReader(log.logId, readerRow.value.point);
      epochFloor = readerRow.value.epochFloor;
    }
    const writerRow = await tables.writer.get(log.logId);
    if (!writerRow.ok) return writerRow;
    writerSeq = writerRow.value?.writerSeq ?? 0;
    previous = writerRow.value?.previous ?? null;
    const refusedRows = await tables.refused.scan();
    if (!refusedRows.ok) return refusedRows;
    for (const row of refusedRows.value) refused.add(keyNumber(row.key));
    const siblings = await tables.sibling.scan();
    if (!siblings.ok) return siblings;
    for (const row of siblings.value) lastBySibling.set(rowKeyParts(row.key)[1] as DeviceId, row.value.last);
    const outRows = await tables.out.scan();
    if (!outRows.ok) return outRows;
    outs = new Map(outRows.value.map((row) => [keyNumber(row.key), row.value]));
    nextOut = Math.max(0, ...outs.keys()) + 1;
    const sealedRows = await tables.sealed.scan();
    if (!sealedRows.ok) return sealedRows;
    sealed = sealedRows.value.map((row) => ({
      writerSeq: keyNumber(row.key),
      id: context.entryId(log.logId, row.value.entry),
      ...row.value,
    }));
    const directStarted = await direct.start();
    return directStarted.ok ? replayJournal() : directStarted;
  }

  /** What the documents may lack because the program ended before they were on disk. */
  async function replayJournal(): Promise<Result<void, ClientError>> {
    const rows = await tables.journal.scan();
    if (!rows.ok) return rows;
    for (const row of rows.value) {
      journal.set(keyNumber(row.key), row.value.document);
      seqsByJournal.set(keyNumber(row.key), row.value);
      nextJournal = Math.max(nextJournal, keyNumber(row.key) + 1);
    }
    const items = [...rows.value.map((row) => row.value), ...outs.values()];
    for (const item of byDocument(items)) {
      const { document, changes } = item;
      const { id } = ref(document);
      nameById.set(id, document);
      replayed.set(id, [...(replayed.get(id) ?? []), ...documents.changeNames(changes)]);
      const applied = await applyTolerant(document, changes);
      if (!applied.ok) {
        if (!isDamage(applied.error)) return applied;
        unapplied.push(item);
        incomplete.add(ref(document).id);
        continue;
      }
      if (applied.value.missing > 0) incomplete.add(ref(document).id);
    }
    return reconcileAll(new Set(items.map(({ document }) => ref(document).id)));
  }

  async function reconcileAll(touched: ReadonlySet<DocumentId>): Promise<Result<void, ClientError>> {
    const rows = await tables.heads.scan();
    if (!rows.ok) return rows;
    for (const { value } of rows.value) recordedHeads.set(ref(value.document).id, value.heads);
    for (const { value } of rows.value) nameById.set(ref(value.document).id, value.document);
    // Those without a row yet too: what tells of their changes may be gone before they are next used.
    const names = [...nameById].filter(([id, name]) => touched.has(id) || name.type !== "bucket");
    for (const [, name] of names) {
      // Other buckets are many; each is looked at when it is next used, which an op without a place in the log makes sure of.
      const reconciled = await reconcile(name);
      if (!reconciled.ok && !isDamage(reconciled.error)) return reconciled;
    }
    return ok();
  }

  /** AR6: what a document holds and no row tells of, because a transaction failed or the program ended, goes out too. */
  async function reconcile(name: DocumentName): Promise<Result<void, ClientError>> {
    const { id } = ref(name);
    if (tracked.has(id)) return ok();
    const recorded = recordedHeads.get(id);
    const known = [...(recorded ?? []), ...(expectedHeads.get(id) ?? []), ...(replayed.get(id) ?? [])];
    const missed = await documents.changesSince(ref(name), known);
    if (!missed.ok) return missed;
    const changes = recorded === undefined ? withoutGenesis(name, missed.value) : missed.value;
    const heads = await documents.heads(ref(name));
    if (!heads.ok) return heads;
    if (changes.length === 0) return noteHeads(name, heads.value);
    return queueOut(name, { changes, heads: heads.value }, {});
  }

  /** All a document holds has been told of, now or before the program ended. */
  async function noteHeads(name: DocumentName, heads: readonly string[]): Promise<Result<void, ClientError>> {
    const { id } = ref(name);
    const isNews =
      replayed.has(id) && [...(recordedHeads.get(id) ?? [])].sort().join() !== [...heads].sort().join();
    const written = isNews ? await store.batch([headsRow(name, heads)]) : ok();
    if (!written.ok) return written;
    if (isNews) recordedHeads.set(id, heads);
    tracked.add(id);
    return ok();
  }

  /** Every device makes it for itself. */
  function withoutGenesis(name: DocumentName, changes: readonly Bytes[]): readonly Bytes[] {
    const [genesis] = documents.changeNames([genesisChange(name.type)]);
    const [first] = documents.changeNames(changes.slice(0, 1));
    return first === genesis ? changes.slice(1) : changes;
  }

  async function queueOut(
    name: DocumentName,
    change: { readonly changes: readonly Bytes[]; readonly heads: readonly string[] },
    options: EditOptions,
  ): Promise<Result<void, ClientError>> {
    const { id } = ref(name);
    const settles = options.settles ?? [];
    // DS15: what is to be acknowledged when the log has it may be here by a direct way only; then it goes from here.
    const relayed = settles.length > 0 ? direct.take(id) : null;
    const rows = rowsOf(name, [...(relayed?.changes ?? []), ...change.changes], settles);
    const settled: WriteOp[] = rows.length === 0 ? settles.map((key) => ({ type: "delete", key })) : [];
    const writes =
      rows.length === 0
        ? settled
        : [...rows.map((row, index) => tables.out.put([nextOut + index], row)), headsRow(name, change.heads)];
    tracked.delete(id);
    const written = await store.batch([...(options.with ?? []), ...writes, ...(relayed?.writes ?? [])]);
    if (!written.ok) {
      untold.set(id, name);
      scheduleFlush();
      return written;
    }
    untold.delete(id);
    relayed?.commit();
    tracked.add(id);
    if (rows.length === 0) {
      context.onSettled(settles);
      return ok();
    }
    recordHeads(id, name, change.heads);
    for (const row of rows) outs.set(nextOut++, row);
    context.onOutgoing();
    return ok();
  }

  async function edit(name: DocumentName, change: (draft: DocumentRoot) => void, options: EditOptions = {}) {
    const reconciled = await reconcile(name);
    if (!reconciled.ok) return reconciled;
    const changed = await documents.change(ref(name), change);
    if (!changed.ok) return changed;
    return queueOut(name, changed.value, options);
  }

  const archive: AccountLog["archive"] = async (name, ops) => {
    const reconciled = await reconcile(name);
    if (!reconciled.ok) return reconciled;
    const changed = await documents.putOps(
      ref(name),
      ops.map((op) => op.stored),
    );
    if (!changed.ok) return changed;
    return queueOut(name, changed.value, { settles: ops.map((op) => op.settles) });
  };

  async function receive(
    entries: readonly PlacedEntry[],
  ): Promise<Result<readonly DocumentName[], ClientError>> {
    const read = readEntries(reader, entries);
    if (!read.ok) return context.distrustLog(log.logId, read.error);
    if (read.value.fresh.length === 0) return ok([]);
    const writes: WriteOp[] = [];
    const accepted: DocumentChanges[] = [];
    const settled: SealedEntry[] = [];
    const voided: SealedEntry[] = [];
    let floor = epochFloor;
    const lasts = new Map<DeviceId, EntryId>();
    let seenAfter = reader;
    const unopened: number[] = [];
    for (const entry of read.value.fresh) {
      const opened = await open(entry);
      if (!opened.ok) return opened;
      if (opened.value === null) unopened.push(entry.seq);
      const advanced = readEntries(seenAfter, [entry]);
      assert(advanced.ok, "an entry read before is read again");
      seenAfter = advanced.value.reader;
      const content = opened.value?.content ?? null;
      const own = sealed.find((one) => one.id === entry.id);
      const isValid =
        content !== null && judge(entry, opened.value?.epoch ?? 0, content, floor, seenAfter, lasts);
      if (content !== null) lasts.set(content.device, entry.id);
      if (content === null || !isValid) {
        if (own !== undefined) voided.push(own);
        continue;
      }
      floor = Math.max(floor, opened.value?.epoch ?? 0);
      if (own !== undefined) {
        settled.push(own);
        continue;
      }
      for (const item of content.batch) if (item.type === "changes") accepted.push(item);
    }
    const received = [...byDocument(accepted)];
    const firstJournal = nextJournal;
    const from = read.value.fresh[0]?.seq ?? 0;
    const upto = read.value.reader.point.seq;
    for (const item of received) writes.push(tables.journal.put([nextJournal++], { ...item, from, upto }));
    for (const seq of unopened) writes.push(tables.refused.put([seq], {}));
    for (const own of [...settled, ...voided]) writes.push(tables.sealed.remove(own.writerSeq));
    for (const [device, last] of lasts) writes.push(tables.sibling.put([device], { last }));
    writes.push(tables.reader.put([log.logId], { point: read.value.reader.point, epochFloor: floor }));
    const inLog = direct.settle(received);
    const written = await store.batch([...writes, ...inLog.writes]);
    if (!written.ok) return written;
    inLog.commit();
    reader = read.value.reader;
    epochFloor = floor;
    for (const [device, last] of lasts) lastBySibling.set(device, last);
    for (const seq of unopened) refused.add(seq);
    for (const [index, item] of received.entries()) {
      journal.set(firstJournal + index, item.document);
      seqsByJournal.set(firstJournal + index, { from, upto });
    }
    const settledKeys = settle(settled, voided);
    const changed = await applyAll(received);
    // Not in the same transaction: a row that is left over is archived again, which changes nothing and settles it.
    const deleted = await deleteRows(settledKeys);
    if (!deleted.ok) return deleted;
    if (settledKeys.length > 0) context.onSettled(settledKeys);
    // AR8: what a void entry carried is sealed again.
    if (voided.length > 0) context.onOutgoing();
    return changed;
  }

  async function receiveDirect(
    items: readonly DocumentChanges[],
  ): Promise<Result<readonly DocumentName[], ClientError>> {
    const fresh: DocumentChanges[] = [];
    for (const { document, changes } of items) {
      const unknown = await unknownChanges(document, changes);
      if (!unknown.ok) return unknown;
      if (unknown.value.length > 0) fresh.push(...byDocument([{ document, changes: unknown.value }]));
    }
    if (fresh.length === 0) return ok([]);
    const kept = direct.add(fresh);
    const firstJournal = nextJournal;
    // They came in no entry: nothing of the log waits for them.
    const journaled = fresh.map((item, index) =>
      tables.journal.put([firstJournal + index], { ...item, from: 1, upto: 0 }),
    );
    const written = await store.batch([...journaled, ...kept.writes]);
    if (!written.ok) return written;
    nextJournal += fresh.length;
    kept.commit();
    for (const [index, item] of fresh.entries()) journal.set(firstJournal + index, item.document);
    return applyAll(fresh);
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
      const known = await documents.hasHeads(ref(document), [hash]);
      if (!known.ok) return known;
      if (!known.value) unknown.push(change);
    }
    return ok(unknown);
  }

  async function relayDirect(nowMs: number): Promise<Result<void, ClientError>> {
    const step = direct.readToEnd(nowMs);
    const written = step.writes.length === 0 ? ok() : await store.batch(step.writes);
    if (!written.ok) return written;
    step.commit();
    for (const name of step.due) {
      const { id } = ref(name);
      const taken = direct.take(id);
      const rows = rowsOf(name, taken.changes, []);
      const moved = await store.batch([
        ...rows.map((row, index) => tables.out.put([nextOut + index], row)),
        ...taken.writes,
      ]);
      if (!moved.ok) return moved;
      taken.commit();
      for (const row of rows) outs.set(nextOut++, row);
    }
    if (step.due.length > 0) context.onOutgoing();
    return ok();
  }

  /** Moves on in memory once the rows of own entries are gone. Returns the keys of rows that have done their work. */
  function settle(settled: readonly SealedEntry[], voided: readonly SealedEntry[]): string[] {
    sealed = sealed.filter((one) => !settled.includes(one) && !voided.includes(one));
    const keys: string[] = [];
    for (const n of settled.flatMap((own) => own.outs)) {
      const row = outs.get(n);
      if (row === undefined) continue;
      outs.delete(n);
      readBack.set(n, row.document);
      keys.push(...row.settles);
    }
    return keys;
  }

  async function deleteRows(keys: readonly string[]): Promise<Result<void, ClientError>> {
    for (let from = 0; from < keys.length; from += STORE_BATCH_ROWS_MAX) {
      const part = keys.slice(from, from + STORE_BATCH_ROWS_MAX);
      const deleted = await store.batch(part.map((key): WriteOp => ({ type: "delete", key })));
      if (!deleted.ok) return deleted;
    }
    return ok();
  }

  /** Null for an entry that no retry can open; it is named in an alarm and passed over, so it blocks nothing. */
  async function open(entry: NamedEntry) {
    const keys = {
      epochSecret: context.epochSecret,
      signKey: (device: DeviceId) => context.chain().devicesById.get(device)?.signKey ?? null,
    };
    let opened = openAccountEntry(log, entry, keys);
    if (!opened.ok && (opened.error.type === "UnknownEpoch" || opened.error.type === "UnknownWriter")) {
      const refreshed = await context.refreshOwnChain();
      if (!refreshed.ok) return refreshed;
      opened = openAccountEntry(log, entry, keys);
    }
    if (opened.ok) return ok(opened.value);
    context.raise({ type: "EntryRefused", logId: log.logId, seq: entry.seq, rule: opened.error.type });
    return ok(null);
  }

  function judge(
    entry: NamedEntry,
    epoch: number,
    content: AccountEntryContent,
    floor: number,
    seen: LogReader,
    lasts: ReadonlyMap<DeviceId, EntryId>,
  ): boolean {
    const expected = lasts.get(content.device) ?? lastBySibling.get(content.device) ?? null;
    const verdict = judgeWriter({
      chain: context.chain(),
      cutSeqOf: context.cutSeqOf,
      epoch,
      epochFloor: floor,
      seq: entry.seq,
      content,
      expectedPrevious: expected,
    });
    if (!verdict.ok) {
      context.raise({ type: "EntryRefused", logId: log.logId, seq: entry.seq, rule: verdict.error.type });
      // AR5: a gap tells that something is withheld; what did come is still its writer's.
      if (verdict.error.type !== "WriterGap") return false;
    }
    const quoted = checkQuote(seen, content.seen);
    if (!quoted.ok) context.raise({ type: "LogDistrusted", logId: log.logId, fault: quoted.error });
    return true;
  }

  async function applyAll(
    items: readonly DocumentChanges[],
  ): Promise<Result<readonly DocumentName[], ClientError>> {
    const changed: DocumentName[] = [];
    const headsById = new Map<
      DocumentId,
      { readonly name: DocumentName; readonly heads: readonly string[] }
    >();
    for (const item of [...unapplied.splice(0), ...items]) {
      const { document, changes } = item;
      const { id } = ref(document);
      const reconciled = await reconcile(document);
      const applied = reconciled.ok ? await applyTolerant(document, changes) : reconciled;
      if (!applied.ok) {
        if (!isDamage(applied.error)) context.raise({ type: "DocumentDamaged", documentKind: document.type });
        unapplied.push(item);
        incomplete.add(id);
        continue;
      }
      if (applied.value.missing > 0) incomplete.add(id);
      else incomplete.delete(id);
      headsById.set(id, { name: document, heads: applied.value.heads });
      changed.push(document);
    }
    const written = await store.batch(
      [...headsById.values()].map(({ name, heads }) => headsRow(name, heads)),
    );
    if (!written.ok) return written;
    for (const [id, { name, heads }] of headsById) recordHeads(id, name, heads);
    if (journal.size + readBack.size >= FLUSH_JOURNAL_MAX) {
      const flushed = await flush();
      if (!flushed.ok) return flushed;
    } else {
      scheduleFlush();
    }
    return ok(changed);
  }

  /** AR7: changes that no document can take do not keep out those that came with them, of whichever device. */
  async function applyTolerant(
    document: DocumentName,
    changes: readonly Bytes[],
  ): Promise<Result<Applied, ClientError>> {
    const together = await documents.apply(ref(document), changes);
    if (together.ok || together.error.type !== "MalformedChanges") return together;
    context.raise({ type: "DocumentDamaged", documentKind: document.type });
    for (const change of changes) {
      const alone = await documents.apply(ref(document), [change]);
      if (!alone.ok && alone.error.type !== "MalformedChanges") return alone;
    }
    return documents.apply(ref(document), []);
  }

  function noteDamage(id: DocumentId): void {
    const name = nameById.get(id);
    // A document that was damaged before it had a row cannot be named; whoever uses it next names it.
    if (damaged.has(id) || name === undefined) return;
    damaged.add(id);
    context.raise({ type: "DocumentDamaged", documentKind: name.type });
  }

  async function mend(): Promise<Result<void, ClientError>> {
    if (damaged.size === 0) return ok();
    const writes: WriteOp[] = [tables.reader.remove(log.logId)];
    for (const id of damaged) {
      const name = nameById.get(id);
      assert(name !== undefined, "a damaged document is noted by its name");
      const repaired = await repairFromRows(name);
      if (!repaired.ok) return repaired;
      writes.push(headsRow(name, repaired.value));
      recordedHeads.set(id, repaired.value);
      // All it holds was read from the log, or has a row in `out`.
      tracked.add(id);
    }
    // AR17: from the start, as a new device reads it; what is known changes nothing.
    writes.push(...[...lastBySibling.keys()].map((device) => tables.sibling.remove(device)));
    const written = await store.batch(writes);
    if (!written.ok) return written;
    damaged.clear();
    lastBySibling.clear();
    reader = createLogReader(log.logId);
    epochFloor = 0;
    return ok();
  }

  /** Returns the heads of the document as far as it could be brought back here. */
  async function repairFromRows(name: DocumentName): Promise<Result<readonly string[], ClientError>> {
    const journaled = await tables.journal.scan();
    if (!journaled.ok) return journaled;
    const out = await tables.out.scan();
    if (!out.ok) return out;
    const changes = [...journaled.value, ...out.value]
      .filter((row) => ref(row.value.document).id === ref(name).id)
      .flatMap((row) => row.value.changes)
      .concat(direct.changesOf(ref(name).id));
    const repaired = await documents.repair(ref(name), { changes, isLossAccepted: true });
    return repaired.ok ? documents.heads(ref(name)) : repaired;
  }

  function scheduleFlush(): void {
    if (cancelFlush !== null || journal.size + readBack.size + untold.size === 0) return;
    cancelFlush = context.clock.schedule(FLUSH_DELAY_MS, () => {
      cancelFlush = null;
      void context.serial.run(flush);
    });
  }

  async function flush(): Promise<Result<void, ClientError>> {
    cancelFlush?.();
    cancelFlush = null;
    for (const name of untold.values()) {
      const told = await reconcile(name);
      if (!told.ok) return told;
    }
    const names = new Map([...journal.values(), ...readBack.values()].map((name) => [ref(name).id, name]));
    const isDone = new Set<DocumentId>();
    for (const [id, name] of names) {
      // A change that waits for another one is visible nowhere yet, so it may not be on disk.
      if (incomplete.has(id)) continue;
      const flushed = await documents.flush([ref(name)]);
      if (!flushed.ok) return flushed;
      isDone.add(id);
    }
    const journaled = [...journal].filter(([, name]) => isDone.has(ref(name).id)).map(([n]) => n);
    const sent = [...readBack].filter(([, name]) => isDone.has(ref(name).id)).map(([n]) => n);
    const deleted = await deleteRows([
      ...journaled.map((n) => tables.journal.key(n)),
      ...sent.map((n) => tables.out.key(n)),
    ]);
    if (!deleted.ok) return deleted;
    for (const n of journaled) {
      journal.delete(n);
      seqsByJournal.delete(n);
    }
    for (const n of sent) readBack.delete(n);
    return ok();
  }

  function coverage(): Coverage | null {
    if (unapplied.length > 0) return null;
    const except = new Set(refused);
    for (const [n, name] of journal) {
      const seqs = incomplete.has(ref(name).id) ? seqsByJournal.get(n) : undefined;
      for (let seq = seqs?.from ?? 1; seq <= (seqs?.upto ?? 0); seq++) except.add(seq);
      if (except.size > SNAPSHOT_EXCEPT_MAX) break;
    }
    if (except.size > SNAPSHOT_EXCEPT_MAX) return null;
    const siblings = [...lastBySibling].map(([device, last]) => ({ device, last }));
    return { point: reader.point, epochFloor, siblings, except: [...except].sort((a, b) => a - b) };
  }

  function expect(expected: readonly ExpectedDocument[]): void {
    for (const { name, heads } of expected) expectedHeads.set(ref(name).id, heads);
  }

  async function jump(to: Jump): Promise<Result<void, ClientError>> {
    // Own entries among those passed: what they carry is sent again, because nobody says here whether they counted.
    const dropped = sealed.filter((one) => to.passed.has(one.id));
    const written = await store.batch([
      ...to.writes,
      tables.reader.put([log.logId], { point: to.point, epochFloor: to.epochFloor }),
      ...to.siblings.map(({ device, last }) => tables.sibling.put([device], { last })),
      ...to.except.map((seq) => tables.refused.put([seq], {})),
      ...dropped.map((one) => tables.sealed.remove(one.writerSeq)),
    ]);
    if (!written.ok) return written;
    expect(to.documents);
    reader = createLogReader(log.logId, to.point);
    epochFloor = to.epochFloor;
    for (const { device, last } of to.siblings) lastBySibling.set(device, last);
    for (const seq of to.except) refused.add(seq);
    sealed = sealed.filter((one) => !dropped.includes(one));
    if (dropped.length > 0) context.onOutgoing();
    return ok();
  }

  async function restore(
    name: DocumentName,
    saved: Bytes,
    writes: readonly WriteOp[],
  ): Promise<Result<void, ClientError>> {
    const { id } = ref(name);
    const reconciled = await reconcile(name);
    if (!reconciled.ok) return reconciled;
    const merged = await documents.merge(ref(name), saved);
    if (!merged.ok) return merged;
    const flushed = await documents.flush([ref(name)]);
    if (!flushed.ok) return flushed;
    const written = await store.batch([...writes, headsRow(name, merged.value.heads)]);
    if (!written.ok) return written;
    recordedHeads.set(id, merged.value.heads);
    expectedHeads.delete(id);
    if (merged.value.missing === 0) incomplete.delete(id);
    return ok();
  }

  async function push(channel: LogChannel): Promise<Result<void, ClientError>> {
    isPushAsked = true;
    if (isPushing) return ok();
    isPushing = true;
    try {
      let pushed: Result<void, ClientError> = ok();
      while (isPushAsked && pushed.ok) {
        isPushAsked = false;
        pushed = await pushAll(channel);
      }
      return pushed;
    } finally {
      isPushing = false;
    }
  }

  async function pushAll(channel: LogChannel): Promise<Result<void, ClientError>> {
    if (channel !== pushedTo) {
      if (channel.writerSeq > writerSeq) return rolledBack();
      pushedTo = channel;
      accepted = channel.writerSeq;
    }
    for (;;) {
      const filled = await context.serial.run(sealPending);
      if (!filled.ok) return filled;
      const waiting = sealed.filter((one) => one.writerSeq > accepted);
      if (waiting.length === 0) return ok();
      const results = await channel.append(waiting.map((one) => one.entry));
      if (!results.ok) return results;
      const taken = await context.serial.run(() => takeReceipts(waiting, results.value));
      if (!taken.ok) return taken;
      accepted = taken.value;
    }
  }

  function rolledBack(): Result<never, ClientError> {
    context.raise({ type: "DeviceRolledBack", logId: log.logId });
    return { ok: false, error: { type: "DeviceRolledBack", logId: log.logId } };
  }

  /** Returns the last accepted counter; after a stale epoch everything from there on is sealed anew. */
  async function takeReceipts(
    waiting: readonly SealedEntry[],
    results: readonly AppendResult[],
  ): Promise<Result<number, ClientError>> {
    let last = (waiting[0]?.writerSeq ?? 1) - 1;
    for (const [index, result] of results.entries()) {
      if (result.type !== "refused") {
        last = waiting[index]?.writerSeq ?? last;
        continue;
      }
      if (result.code === "revoked-device") {
        context.raise({ type: "DeviceRevoked" });
        return { ok: false, error: { type: "DeviceRevoked" } };
      }
      if (result.code === "writer-seq" && (result.writerSeq ?? 0) > writerSeq) return rolledBack();
      if (result.code !== "stale-epoch") return { ok: false, error: { type: "Refused", code: result.code } };
      const refreshed = await context.refreshOwnChain();
      if (!refreshed.ok) return refreshed;
      // A server that calls the newest epoch stale would have the same answer for the next attempt.
      if (epochOf(waiting[index]) === context.chain().epochs.length)
        return { ok: false, error: { type: "Refused", code: result.code } };
      const resealed = await sealAnewAfter(last);
      return resealed.ok ? ok(last) : resealed;
    }
    return ok(last);
  }

  async function sealAnewAfter(last: number): Promise<Result<void, ClientError>> {
    const dropped = sealed.filter((one) => one.writerSeq > last);
    const lastKept =
      sealed.filter((one) => one.writerSeq <= last).at(-1)?.id ??
      lastBySibling.get(identity.deviceId) ??
      null;
    const writes = [
      ...dropped.map((one) => tables.sealed.remove(one.writerSeq)),
      tables.writer.put([log.logId], { writerSeq: last, previous: lastKept, receipt: null }),
    ];
    const written = await store.batch(writes);
    if (!written.ok) return written;
    sealed = sealed.filter((one) => one.writerSeq <= last);
    writerSeq = last;
    previous = lastKept;
    return ok();
  }

  async function sealPending(): Promise<Result<void, ClientError>> {
    const taken = new Set(sealed.flatMap((one) => one.outs));
    const writes: WriteOp[] = [];
    const added: SealedEntry[] = [];
    let lastId = previous;
    let counter = writerSeq;
    const waiting = [...outs].filter(([n]) => !taken.has(n));
    while (waiting.length > 0 && sealed.length + added.length < SEALED_IN_FLIGHT_MAX) {
      const group = takeGroup(waiting);
      counter++;
      const entry = sealGroup(
        group.map(([, row]) => row),
        counter,
        lastId,
      );
      if (!entry.ok) return entry;
      const id = context.entryId(log.logId, entry.value);
      const numbers = group.map(([n]) => n);
      writes.push(tables.sealed.put([counter], { entry: entry.value, outs: numbers }));
      added.push({ writerSeq: counter, id, entry: entry.value, outs: numbers });
      lastId = id;
    }
    if (added.length === 0) return ok();
    writes.push(tables.writer.put([log.logId], { writerSeq: counter, previous: lastId, receipt: null }));
    const written = await store.batch(writes);
    if (!written.ok) return written;
    sealed.push(...added);
    writerSeq = counter;
    previous = lastId;
    return ok();
  }

  function sealGroup(
    rows: readonly OutRow[],
    counter: number,
    last: EntryId | null,
  ): Result<Entry, ClientError> {
    const chain = context.chain();
    const epoch = chain.epochs.length;
    const epochSecret = context.epochSecret(epoch);
    if (epochSecret === null)
      return { ok: false, error: { type: "EpochUnavailable", epoch, rule: "NoSecret" } };
    const batch: BatchItem[] = byDocument(rows).map((item) => ({ type: "changes", ...item }));
    const content: AccountEntryContent = {
      version: 1,
      device: identity.deviceId,
      chainSeq: chain.seq,
      chainHead: chain.head,
      previous: last,
      seen: reader.point,
      batch,
    };
    const plan = {
      log,
      epoch,
      epochSecret,
      writerTag: tag,
      writerSeq: counter,
      signer: identity.keys.sign,
      content,
    };
    const entry = sealAccountEntry(context.random, plan);
    assert(entry.ok, "a group of changes fits an entry");
    assert(parseEntryHeader(entry.value.header).ok, "an own header parses");
    return ok(entry.value);
  }

  return {
    start,
    ref,
    edit,
    archive,
    receive,
    receiveDirect,
    relayDirect,
    nextRelayMs: direct.nextDueMs,
    held: () =>
      [...recordedHeads].flatMap(([id, heads]) => {
        const name = nameById.get(id);
        return name === undefined ? [] : [{ name, heads }];
      }),
    onHeads(listener) {
      headsListeners.add(listener);
      return () => headsListeners.delete(listener);
    },
    push,
    flush,
    noteDamage,
    hasDamage: () => damaged.size > 0,
    mend,
    reader: () => reader,
    pendingCount: () => outs.size,
    settling: () => [...outs.values()].flatMap((row) => row.settles),
    coverage,
    jump,
    expect,
    restore,
  };
}

/** Takes rows from the front of `waiting` while they fit one entry. */
function takeGroup(waiting: [number, OutRow][]): [number, OutRow][] {
  const group: [number, OutRow][] = [];
  let size = 0;
  while (waiting.length > 0 && group.length < ITEMS_PER_BATCH_MAX) {
    const next = waiting[0];
    if (next === undefined) break;
    const rowSize = next[1].changes.reduce((sum, change) => sum + change.length + 8, 128);
    if (group.length > 0 && size + rowSize > BATCH_BYTES_MAX) break;
    size += rowSize;
    group.push(next);
    waiting.shift();
  }
  return group;
}

/** Rows for the changes of one edit, each small enough for an entry; the last one settles what the edit settles. */
function rowsOf(document: DocumentName, changes: readonly Bytes[], settles: readonly string[]): OutRow[] {
  const parts: Bytes[][] = [];
  let size = 0;
  for (const change of changes) {
    const part = parts.at(-1);
    if (part === undefined || part.length >= CHANGES_PER_ITEM_MAX || size + change.length > BATCH_BYTES_MAX) {
      parts.push([change]);
      size = change.length;
    } else {
      part.push(change);
      size += change.length;
    }
  }
  return parts.map((part, index) => ({
    document,
    changes: part,
    settles: index === parts.length - 1 ? settles : [],
  }));
}

/** Joins the changes of each document, in order, split where one item would hold too many. */
function byDocument(items: readonly DocumentChanges[]) {
  const joined: { document: DocumentName; changes: Bytes[] }[] = [];
  const openByName = new Map<string, { document: DocumentName; changes: Bytes[] }>();
  for (const { document, changes } of items) {
    const key = JSON.stringify(document);
    for (const change of changes) {
      let item = openByName.get(key);
      if (item === undefined || item.changes.length >= CHANGES_PER_ITEM_MAX) {
        item = { document, changes: [] };
        openByName.set(key, item);
        joined.push(item);
      }
      item.changes.push(change);
    }
  }
  return joined;
}

function epochOf(sealed: SealedEntry | undefined): number | null {
  const header = sealed === undefined ? null : parseEntryHeader(sealed.entry.header);
  return header?.ok ? header.value.epoch : null;
}

function keyNumber(key: string): number {
  const number = rowKeyNumber(rowKeyParts(key)[1]);
  assert(number !== null, "the row's key ends in a number");
  return number;
}
