/**
 * Changes made here, from the edit until they are in the account log and on disk. Rules AR6, DS14, DS15.
 *
 * Each has a row in `out`, from which it is sealed; the row stays until the document is on disk, as its journal.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { DocumentId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import type { StoredOp } from "../../document/schema/bucket.ts";
import type { Documents } from "../../document/documents.ts";
import type { DocumentRoot } from "../../document/live-documents.ts";
import type { DocumentRef } from "../../document/schema/document-kind.ts";
import type { DocumentName } from "../../log/document-name.ts";
import { rowKeyLastNumber } from "../../store/row-key.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { ClientError } from "../client-error.ts";
import type { DirectRows } from "../direct/direct-rows.ts";
import type { EngineContext } from "../engine-context.ts";
import type { OutRow } from "../tables.ts";
import { type MovedDocument, outRowsOf } from "./document-changes.ts";
import type { DocumentHeads } from "./document-heads.ts";

/** What goes together with a change. */
export interface EditOptions {
  /** Rows written in the same transaction: the change and they are both made, or neither is. */
  readonly with?: readonly WriteOp[];
}

export interface OwnChanges {
  start(): Promise<Result<void, ClientError>>;
  /** Sends what a document holds and no row tells of. */
  reconcile(name: DocumentName): Promise<Result<void, ClientError>>;
  edit(
    name: DocumentName,
    edit: (draft: DocumentRoot) => void,
    options?: EditOptions,
  ): Promise<Result<void, ClientError>>;
  archive(
    name: DocumentName,
    ops: readonly { readonly stored: StoredOp; readonly settles: string }[],
  ): Promise<Result<void, ClientError>>;
  relayDirect(nowMs: number): Promise<Result<void, ClientError>>;
  /** Sends changes of others from here; `writes` in the same transaction. */
  relay(
    name: DocumentName,
    changes: readonly Bytes[],
    writes?: readonly WriteOp[],
  ): Promise<Result<void, ClientError>>;
  /** Rows that are not in the log as far as this device has read it. */
  waiting(): ReadonlyMap<number, OutRow>;
  /** Rows were read back from the log. Returns the keys of rows that have done their work with it. */
  settle(numbers: readonly number[]): readonly string[];
  /** Rows that were read back and whose document may not be on disk yet. */
  readBack(): ReadonlyMap<number, DocumentName>;
  /** Rows whose documents are on disk. */
  drop(numbers: readonly number[]): void;
  /** Rows of a document, whether they were read back or not. */
  numbersOf(id: DocumentId): readonly number[];
  /** The document is erased, its rows with it. */
  forget(id: DocumentId): void;
  /** Documents with a change that could not be made durable, though it is shown here, or that is durable and not shown yet. */
  untold(): readonly DocumentName[];
}

export interface OwnChangesDeps {
  readonly context: EngineContext;
  readonly documents: Documents;
  readonly heads: DocumentHeads;
  readonly direct: DirectRows;
  /** A change could not be made durable; `reconcile` is to be called again after a while. */
  readonly onUntold: () => void;
}

export function createOwnChanges(deps: OwnChangesDeps): OwnChanges {
  const { context, documents, heads, direct } = deps;
  const { tables, store } = context;
  const outs = new Map<number, OutRow>();
  const readBack = new Map<number, DocumentName>();
  const untold = new Map<DocumentId, DocumentName>();
  /** Changes that are stored and that their document has not taken yet. */
  const unmade = new Map<DocumentId, { readonly name: DocumentName; readonly changes: readonly Bytes[] }>();
  let nextOut = 1;

  async function start(): Promise<Result<void, ClientError>> {
    const rows = await tables.out.scan();
    if (!rows.ok) return rows;
    for (const { key, value } of rows.value) outs.set(rowKeyLastNumber(key), value);
    nextOut = Math.max(0, ...outs.keys()) + 1;
    return ok();
  }

  function numbersOf(id: DocumentId): readonly number[] {
    const isOf = (name: DocumentName): boolean => heads.ref(name).id === id;
    return [
      ...[...outs].filter(([, row]) => isOf(row.document)).map(([number]) => number),
      ...[...readBack].filter(([, name]) => isOf(name)).map(([number]) => number),
    ];
  }

  const puts = (rows: readonly OutRow[]): WriteOp[] =>
    rows.map((row, index) => tables.out.put([nextOut + index], row));

  function add(rows: readonly OutRow[]): void {
    for (const row of rows) outs.set(nextOut++, row);
    context.onOutgoing();
  }

  async function queue(
    name: DocumentName,
    change: MovedDocument,
    settles: readonly string[],
  ): Promise<Result<void, ClientError>> {
    const { id } = heads.ref(name);
    // DS15: what is to be acknowledged when the log has it may be here by a direct way only; then it goes from here.
    const relayed = settles.length > 0 ? direct.take(id) : null;
    const rows = outRowsOf(name, [...(relayed?.changes ?? []), ...change.changes], settles);
    const writes: readonly WriteOp[] =
      rows.length === 0
        ? settles.map((key) => ({ type: "delete", key }))
        : [...puts(rows), heads.row(name, change.heads)];
    heads.setTracked(id, false);
    const written = await store.batch([...writes, ...(relayed?.writes ?? [])]);
    if (!written.ok) {
      untold.set(id, name);
      deps.onUntold();
      return written;
    }
    untold.delete(id);
    relayed?.commit();
    heads.setTracked(id, true);
    if (rows.length === 0) {
      context.onSettled(settles);
      return ok();
    }
    heads.move(name, change.heads);
    add(rows);
    return ok();
  }

  async function reconcile(name: DocumentName): Promise<Result<void, ClientError>> {
    const made = await make(heads.ref(name));
    if (!made.ok) return made;
    const missed = await heads.untold(name);
    if (!missed.ok) return missed;
    return missed.value === null ? ok() : queue(name, missed.value, []);
  }

  async function edit(name: DocumentName, change: (draft: DocumentRoot) => void, options: EditOptions = {}) {
    const reconciled = await reconcile(name);
    if (!reconciled.ok) return reconciled;
    const rows = options.with ?? [];
    if (rows.length > 0) return editTogether(name, change, rows);
    const changed = await documents.change(heads.ref(name), change);
    return changed.ok ? queue(name, changed.value, []) : changed;
  }

  /**
   * AR6, FC6: stored before it is made. One that is made and then refused by the disk stays, and goes out without its rows: a contact
   * would be accepted whom nobody tells.
   */
  async function editTogether(
    name: DocumentName,
    change: (draft: DocumentRoot) => void,
    together: readonly WriteOp[],
  ): Promise<Result<void, ClientError>> {
    const ref = heads.ref(name);
    const drafted = await documents.draft(ref, change);
    if (!drafted.ok) return drafted;
    const rows = outRowsOf(name, drafted.value.changes, []);
    const told = rows.length === 0 ? [] : [...puts(rows), heads.row(name, drafted.value.heads)];
    const written = await store.batch([...together, ...told]);
    if (!written.ok || rows.length === 0) return written;
    // It counts from here on. One that its document does not take now is made before the next edit, or by the next start from its rows.
    unmade.set(ref.id, { name, changes: drafted.value.changes });
    await make(ref);
    heads.move(name, drafted.value.heads);
    add(rows);
    return ok();
  }

  async function make(ref: DocumentRef): Promise<Result<void, ClientError>> {
    const stored = unmade.get(ref.id);
    const made = stored === undefined ? ok() : await documents.apply(ref, stored.changes);
    if (!made.ok) return made;
    unmade.delete(ref.id);
    return ok();
  }

  const archive: OwnChanges["archive"] = async (name, ops) => {
    const reconciled = await reconcile(name);
    if (!reconciled.ok) return reconciled;
    const changed = await documents.putOps(
      heads.ref(name),
      ops.map((op) => op.stored),
    );
    const settles = ops.map((op) => op.settles);
    return changed.ok ? queue(name, changed.value, settles) : changed;
  };

  async function relayDirect(nowMs: number): Promise<Result<void, ClientError>> {
    const step = direct.readToEnd(nowMs);
    const written = step.writes.length === 0 ? ok() : await store.batch(step.writes);
    if (!written.ok) return written;
    step.commit();
    for (const name of step.due) {
      const taken = direct.take(heads.ref(name).id);
      const moved = await relay(name, taken.changes, taken.writes);
      if (!moved.ok) return moved;
      taken.commit();
    }
    return ok();
  }

  const relay: OwnChanges["relay"] = async (name, changes, writes = []) => {
    const rows = outRowsOf(name, changes, []);
    const written = await store.batch([...puts(rows), ...writes]);
    if (written.ok) add(rows);
    return written;
  };

  function settle(numbers: readonly number[]): readonly string[] {
    const keys: string[] = [];
    for (const number of numbers) {
      const row = outs.get(number);
      if (row === undefined) continue;
      outs.delete(number);
      readBack.set(number, row.document);
      keys.push(...row.settles);
    }
    return keys;
  }

  return {
    start,
    reconcile,
    edit,
    archive,
    relayDirect,
    relay,
    waiting: () => outs,
    settle,
    readBack: () => readBack,
    drop(numbers) {
      for (const number of numbers) readBack.delete(number);
    },
    numbersOf,
    forget(id) {
      for (const number of numbersOf(id)) {
        outs.delete(number);
        readBack.delete(number);
      }
      untold.delete(id);
      unmade.delete(id);
    },
    untold: () => [...untold.values(), ...[...unmade.values()].map(({ name }) => name)],
  };
}
