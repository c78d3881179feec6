/**
 * Changes that came in, from the moment they are durable until their documents are on disk. Rules AR7, DS12.
 *
 * Each has a row in `journal`. A change that waits for another one, or that its document could not take, keeps its row.
 */
import type { DocumentId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { isDamage } from "../../document/document-error.ts";
import type { Applied, Documents } from "../../document/documents.ts";
import type { DocumentName } from "../../log/document-name.ts";
import { rowKeyLastNumber } from "../../store/row-key.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import { type DocumentChanges, joinByDocument } from "./document-changes.ts";
import type { DocumentHeads, HeldDocument } from "./document-heads.ts";
import type { RowsStep } from "./rows-step.ts";

/** First and last seq of the entries changes came in. */
export interface SeqRange {
  readonly from: number;
  readonly upto: number;
}

/** Changes that came in no entry: nothing of the log waits for them. */
export const NO_ENTRY: SeqRange = { from: 1, upto: 0 };

export interface Journal {
  /** Takes up the rows, and with them the own changes that may not be on disk. Returns the names of their documents. */
  start(own: readonly DocumentChanges[]): Promise<Result<readonly DocumentName[], ClientError>>;
  /** Rows for changes that came in entries of `seqs`. */
  add(items: readonly DocumentChanges[], seqs: SeqRange): RowsStep;
  /** Applies what has rows; returns the names of documents that changed. */
  apply(items: readonly DocumentChanges[]): Promise<Result<readonly DocumentName[], ClientError>>;
  /** Documents whose changes could not be taken up keep their rows: it is tried again with what changes next. */
  keepUnadopted(names: readonly DocumentName[]): void;
  unadopted(): readonly DocumentName[];
  adopted(): void;
  /** Rows that are left, by number. */
  rows(): ReadonlyMap<number, DocumentName>;
  /** The entries changes came in are of a former incarnation: nothing of this one waits for them. */
  enterIncarnation(): Promise<Result<RowsStep, ClientError>>;
  /** Rows whose documents are on disk. */
  drop(numbers: readonly number[]): void;
  /** Whether a document waits for a change another one depends on, could not take its changes, or is to be taken up. */
  isIncomplete(name: DocumentName): boolean;
  /** All a document waited for is there. */
  completed(id: DocumentId): void;
  /** Rows of a document. */
  numbersOf(id: DocumentId): readonly number[];
  /** The document is erased, its rows with it. */
  forget(id: DocumentId): void;
  /** Entries that a document has not taken whole; null while a change could not be taken at all. */
  unappliedSeqs(): readonly SeqRange[] | null;
}

export interface JournalDeps {
  readonly context: EngineContext;
  readonly documents: Documents;
  readonly heads: DocumentHeads;
  readonly reconcile: (name: DocumentName) => Promise<Result<void, ClientError>>;
  /** Takes what is for a bucket that is not the present one; null for what is to be applied. Rule DE8. */
  readonly carry: (item: DocumentChanges) => Promise<Result<DocumentName | null, ClientError>>;
  /** Something was applied that is not on disk yet. */
  readonly onApplied: () => void;
}

export function createJournal(deps: JournalDeps): Journal {
  const { context, documents, heads } = deps;
  const { tables, store } = context;
  const names = new Map<number, DocumentName>();
  const seqsByRow = new Map<number, SeqRange>();
  const incomplete = new Set<DocumentId>();
  const unadopted = new Map<DocumentId, DocumentName>();
  /** Changes that have rows and that their document could not take yet. */
  const unapplied: DocumentChanges[] = [];
  let next = 1;

  async function start(
    own: readonly DocumentChanges[],
  ): Promise<Result<readonly DocumentName[], ClientError>> {
    const rows = await tables.journal.scan();
    if (!rows.ok) return rows;
    for (const { key, value } of rows.value) {
      const number = rowKeyLastNumber(key);
      names.set(number, value.document);
      seqsByRow.set(number, value);
      next = Math.max(next, number + 1);
    }
    const items = [...rows.value.map((row) => row.value), ...own];
    for (const item of joinByDocument(items)) {
      const { id } = heads.ref(item.document);
      heads.replay(item);
      const applied = await applyTolerant(item);
      if (!applied.ok && !isDamage(applied.error)) return applied;
      if (!applied.ok) unapplied.push(item);
      if (!applied.ok || applied.value.missing > 0) incomplete.add(id);
    }
    return ok(items.map(({ document }) => document));
  }

  function add(items: readonly DocumentChanges[], seqs: SeqRange): RowsStep {
    const rows = items.map((item, index) => [next + index, item] as const);
    return {
      writes: rows.map(([number, item]) => tables.journal.put([number], { ...item, ...seqs })),
      commit() {
        next += rows.length;
        for (const [number, item] of rows) {
          names.set(number, item.document);
          seqsByRow.set(number, seqs);
        }
      },
    };
  }

  async function apply(
    items: readonly DocumentChanges[],
  ): Promise<Result<readonly DocumentName[], ClientError>> {
    const changed: DocumentName[] = [];
    const movedById = new Map<DocumentId, HeldDocument>();
    for (const item of [...unapplied.splice(0), ...items]) {
      const { id } = heads.ref(item.document);
      const carried = await deps.carry(item);
      if (!carried.ok) return carried;
      if (carried.value !== null) {
        changed.push(carried.value);
        continue;
      }
      const reconciled = await deps.reconcile(item.document);
      const applied = reconciled.ok ? await applyTolerant(item) : reconciled;
      if (!applied.ok) {
        if (!isDamage(applied.error))
          context.raise({ type: "DocumentDamaged", documentKind: item.document.type });
        unapplied.push(item);
        incomplete.add(id);
        continue;
      }
      if (applied.value.missing > 0) incomplete.add(id);
      else incomplete.delete(id);
      movedById.set(id, { name: item.document, heads: applied.value.heads });
      changed.push(item.document);
    }
    const moved = [...movedById.values()];
    const written = await store.batch(moved.map((one) => heads.row(one.name, one.heads)));
    if (!written.ok) {
      keepUnadopted(changed);
      return written;
    }
    for (const one of moved) heads.move(one.name, one.heads);
    deps.onApplied();
    return ok(changed);
  }

  function keepUnadopted(changed: readonly DocumentName[]): void {
    for (const name of changed) unadopted.set(heads.ref(name).id, name);
  }

  const numbersOf = (id: DocumentId): readonly number[] =>
    [...names].filter(([, name]) => heads.ref(name).id === id).map(([number]) => number);

  /** AR7: changes that no document can take do not keep out those that came with them, of whichever device. */
  async function applyTolerant({
    document,
    changes,
  }: DocumentChanges): Promise<Result<Applied, ClientError>> {
    const ref = heads.ref(document);
    const together = await documents.apply(ref, changes);
    if (together.ok || together.error.type !== "MalformedChanges") return together;
    context.raise({ type: "DocumentDamaged", documentKind: document.type });
    for (const change of changes) {
      const alone = await documents.apply(ref, [change]);
      if (!alone.ok && alone.error.type !== "MalformedChanges") return alone;
    }
    return documents.apply(ref, []);
  }

  return {
    start,
    add,
    apply,
    async enterIncarnation() {
      const rows = await tables.journal.scan();
      if (!rows.ok) return rows;
      return ok({
        writes: rows.value.map(({ key, value }) =>
          tables.journal.put([rowKeyLastNumber(key)], { ...value, ...NO_ENTRY }),
        ),
        commit() {
          for (const number of seqsByRow.keys()) seqsByRow.set(number, NO_ENTRY);
        },
      });
    },
    keepUnadopted,
    unadopted: () => [...unadopted.values()],
    adopted() {
      if (unadopted.size === 0) return;
      unadopted.clear();
      deps.onApplied();
    },
    rows: () => names,
    drop(numbers) {
      for (const number of numbers) {
        names.delete(number);
        seqsByRow.delete(number);
      }
    },
    isIncomplete(name) {
      const { id } = heads.ref(name);
      return incomplete.has(id) || unadopted.has(id);
    },
    completed: (id) => void incomplete.delete(id),
    numbersOf,
    forget(id) {
      for (const number of numbersOf(id)) {
        names.delete(number);
        seqsByRow.delete(number);
      }
      incomplete.delete(id);
      unadopted.delete(id);
      const others = unapplied.splice(0).filter(({ document }) => heads.ref(document).id !== id);
      unapplied.push(...others);
    },
    unappliedSeqs() {
      if (unapplied.length > 0) return null;
      return [...names].flatMap(([number, name]) =>
        incomplete.has(heads.ref(name).id) ? (seqsByRow.get(number) ?? []) : [],
      );
    },
  };
}
