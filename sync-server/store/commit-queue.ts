/**
 * Group commit: what arrives in one turn of the event loop shares one transaction and one sync of the disk.
 *
 * An operation runs synchronously inside the transaction and answers only after `COMMIT`. Operations check before they
 * write, so a refusal leaves nothing behind; a throw (disk full, I/O) undoes the whole transaction, and its operations
 * then run one by one, so that one bad one cannot fail the others.
 */
import type { DatabaseSync } from "node:sqlite";
import type { Result } from "@dovetail/core/base/result.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import { type Refusal, refuse } from "./refusal.ts";

export interface CommitHooks {
  /** Inside the transaction, before `COMMIT`: write what was changed in memory. */
  beforeCommit(): void;
  /** The transaction is durable; nobody has been answered yet. */
  afterCommit(): void;
  /** The transaction is undone: forget what was changed in memory. */
  afterRollback(): void;
  /** The medium refused a transaction. */
  onFault(code: FailureCode): void;
  /** A transaction was committed, with so many operations. */
  onCommitted?(operations: number, seconds: number): void;
}

export interface CommitQueue {
  /** Runs `operation` in the next transaction. - Fails: as it does; `storage-full`, `internal` when the medium refuses. */
  run<T>(operation: () => Result<T, Refusal>): Promise<Result<T, Refusal>>;
  /** Operations that wait. */
  depth(): number;
  /** Commits what waits. */
  flush(): void;
}

/** An operation, its answer once it ran, and who waits for it. One object and no closures: there is one for every append. */
interface Job {
  readonly operation: () => Result<unknown, Refusal>;
  readonly resolve: (result: Result<unknown, Refusal>) => void;
  result: Result<unknown, Refusal>;
}

const NOT_RUN: Result<never, Refusal> = refuse("internal");

/** A queue over one connection of the database. */
export function createCommitQueue(db: DatabaseSync, hooks: CommitHooks): CommitQueue {
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  let jobs: Job[] = [];
  let isScheduled = false;

  function flush(): void {
    isScheduled = false;
    const batch = jobs;
    if (batch.length === 0) return;
    jobs = [];
    const fault = tryCommit(batch);
    for (const job of batch) {
      const ownFault = fault === null || batch.length === 1 ? fault : tryCommit([job]);
      job.resolve(ownFault === null ? job.result : refuse(ownFault));
    }
  }

  function tryCommit(batch: readonly Job[]): FailureCode | null {
    const startMs = performance.now();
    try {
      begin.run();
      for (const job of batch) job.result = job.operation();
      hooks.beforeCommit();
      commit.run();
    } catch (error) {
      rollBack(db);
      hooks.afterRollback();
      const code = faultCode(error);
      hooks.onFault(code);
      return code;
    }
    hooks.onCommitted?.(batch.length, (performance.now() - startMs) / 1_000);
    hooks.afterCommit();
    return null;
  }

  return {
    run<T>(operation: () => Result<T, Refusal>) {
      return new Promise<Result<T, Refusal>>((resolve) => {
        // What `operation` gave is handed to no other `resolve`.
        jobs.push({ operation, resolve: resolve as Job["resolve"], result: NOT_RUN });
        if (isScheduled) return;
        isScheduled = true;
        setImmediate(flush);
      });
    },
    depth: () => jobs.length,
    flush,
  };
}

function rollBack(db: DatabaseSync): void {
  try {
    db.exec("ROLLBACK");
  } catch {
    // SQLite had rolled back by itself, as it does on a full disk.
  }
}

/** What a medium's refusal is called. */
export function faultCode(error: unknown): FailureCode {
  return error instanceof Error && /full/i.test(error.message) ? "storage-full" : "internal";
}
