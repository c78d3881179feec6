/**
 * A copy of the database while it is used: SQLite's backup, a few pages at a time, so that nobody waits for it. What is
 * committed meanwhile is in the copy.
 */
import type { DatabaseSync } from "node:sqlite";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import { type Refusal, refuse } from "../refusal.ts";

const PAGES_AT_ONCE = 256;

/** Copies `db` into the file at `path`. - Fails: `storage-full`, `internal` when it cannot be written. */
export async function backupDatabase(db: DatabaseSync, path: string): Promise<Result<void, Refusal>> {
  try {
    // Asked for when it is needed: not every runtime that opens databases can copy them.
    const { backup } = await import("node:sqlite");
    await backup(db, path, { rate: PAGES_AT_ONCE });
    return ok();
  } catch (error) {
    return refuse(error instanceof Error && /full/i.test(error.message) ? "storage-full" : "internal");
  }
}
