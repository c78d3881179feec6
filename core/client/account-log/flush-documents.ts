/**
 * Brings documents to disk after a while, and drops the rows that stood in for them: of the journal, and of own changes
 * that were read back. Rules AR6, AR7.
 */
import type { DocumentId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import type { Documents } from "../../document/documents.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import type { DocumentHeads } from "./document-heads.ts";
import type { Journal } from "./journal.ts";
import type { OwnChanges } from "./own-changes.ts";
import { deleteRows } from "./rows-step.ts";

/** How long journaled changes may wait before their documents are flushed. */
const FLUSH_DELAY_MS = 500;
const FLUSH_ROWS_MAX = 2_000;

export interface FlushDeps {
  readonly context: EngineContext;
  readonly documents: Documents;
  readonly heads: DocumentHeads;
  readonly own: OwnChanges;
  readonly journal: Journal;
}

export interface DocumentFlush {
  flush(): Promise<Result<void, ClientError>>;
  /** Flushes after a while. */
  schedule(): void;
  /**
   * Flushes now when many rows wait. Not between applying changes and telling of them: a row that is gone tells nobody after a
   * power cut.
   */
  whenMany(): Promise<Result<void, ClientError>>;
}

export function createDocumentFlush(deps: FlushDeps): DocumentFlush {
  const { context, documents, heads, own, journal } = deps;
  let cancel: (() => void) | null = null;

  function schedule(): void {
    const waiting = journal.rows().size + own.readBack().size + own.untold().length;
    if (cancel !== null || waiting === 0) return;
    cancel = context.clock.schedule(FLUSH_DELAY_MS, () => {
      cancel = null;
      void context.serial.runBehind(flush);
    });
  }

  async function whenMany(): Promise<Result<void, ClientError>> {
    return journal.rows().size + own.readBack().size >= FLUSH_ROWS_MAX ? flush() : ok();
  }

  async function flush(): Promise<Result<void, ClientError>> {
    cancel?.();
    cancel = null;
    for (const name of own.untold()) {
      const told = await own.reconcile(name);
      if (!told.ok) return told;
    }
    const done = await flushAll();
    if (!done.ok) return done;
    const isDone = (name: Parameters<typeof heads.ref>[0]): boolean => done.value.has(heads.ref(name).id);
    const journaled = [...journal.rows()].filter(([, name]) => isDone(name)).map(([number]) => number);
    const sent = [...own.readBack()].filter(([, name]) => isDone(name)).map(([number]) => number);
    const { tables, store } = context;
    const deleted = await deleteRows(store, [
      ...journaled.map((number) => tables.journal.key(number)),
      ...sent.map((number) => tables.out.key(number)),
    ]);
    if (!deleted.ok) return deleted;
    journal.drop(journaled);
    own.drop(sent);
    return ok();
  }

  /** Returns the documents that are on disk with all that has rows. */
  async function flushAll(): Promise<Result<ReadonlySet<DocumentId>, ClientError>> {
    const waiting = [...journal.rows().values(), ...own.readBack().values()];
    const names = new Map(waiting.map((name) => [heads.ref(name).id, name]));
    const done = new Set<DocumentId>();
    for (const [id, name] of names) {
      // A change that waits for another one is visible nowhere yet, so it may not be on disk.
      if (journal.isIncomplete(name)) continue;
      const flushed = await documents.flush([heads.ref(name)]);
      if (!flushed.ok) return flushed;
      done.add(id);
    }
    return ok(done);
  }

  return { flush, schedule, whenMany };
}
