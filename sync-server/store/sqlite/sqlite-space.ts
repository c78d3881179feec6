/**
 * Space that is given back, and what was deleted leaving the write-ahead log. Rules SN16, DI17.
 *
 * A medium that is full or broken refuses it like any write. Nothing is lost by that but space: it is logged, and tried again with the next
 * round, or the next start.
 */
import type { DatabaseSync } from "node:sqlite";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import { VACUUM_PAGES_MAX } from "../../limits.ts";
import { type CommitQueue, faultCode } from "../commit-queue.ts";
import { type Refusal, refuse } from "../refusal.ts";
import { numberOf } from "./sqlite-row.ts";

export interface SqliteSpace {
  /** Free pages leave the file, some at a time, and the write-ahead log with them. */
  giveBack(): void;
  /** Ends the write-ahead log, in which old pages stand until they are written over. - Fails: `storage-full`, `internal`. */
  emptyLog(): Result<void, Refusal>;
}

/** `onFault` hears of what the medium refused. */
export function createSqliteSpace(
  db: DatabaseSync,
  queue: Pick<CommitQueue, "flush">,
  onFault: (code: FailureCode) => void,
): SqliteSpace {
  const isFree = db.prepare("PRAGMA freelist_count");
  /** Something was to leave the write-ahead log and did not; by a process that was killed too, whose log is still there. */
  let isOwed = true;

  function attempt(work: () => void): Result<void, Refusal> {
    queue.flush();
    try {
      work();
      return ok();
    } catch (error) {
      isOwed = true;
      const code = faultCode(error);
      onFault(code);
      return refuse(code);
    }
  }

  function truncateLog(): void {
    const row = db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
    // Somebody reads on this connection, which SQLite says in a row and not by an error.
    if (numberOf(row?.busy) !== 0) throw new Error("the write-ahead log is in use");
    isOwed = false;
  }

  return {
    giveBack() {
      attempt(() => {
        if (numberOf(isFree.get()?.freelist_count) > 0) {
          db.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES_MAX})`);
          truncateLog();
        } else if (isOwed) truncateLog();
      });
    },
    emptyLog: () => attempt(truncateLog),
  };
}

/** A file of the first schema keeps its pages for ever until it is rewritten once. - Fails: when the medium has no room for that. */
export function rewriteOnce(db: DatabaseSync): Result<void, Refusal> {
  try {
    const row = db.prepare("PRAGMA auto_vacuum").get();
    if (numberOf(row?.auto_vacuum) === 0) db.exec("PRAGMA auto_vacuum=INCREMENTAL; VACUUM");
    return ok();
  } catch (error) {
    return refuse(faultCode(error));
  }
}
