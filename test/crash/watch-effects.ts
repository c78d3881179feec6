/**
 * Tells of every effect of this process on its disks, before it happens: files made, written, synced, renamed, removed,
 * and statements of SQLite that write. What the disks hold at that moment is what a kill there leaves.
 *
 * Functions of the platform are wrapped, so that the code under test knows nothing of it.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { DatabaseSync, StatementSync } from "node:sqlite";

const CHANGES = [
  "openSync",
  "writeSync",
  "writeFileSync",
  "fsyncSync",
  "ftruncateSync",
  "renameSync",
  "linkSync",
  "copyFileSync",
  "rmSync",
  "rmdirSync",
  "unlinkSync",
  "mkdirSync",
] as const;
const PROMISED_CHANGES = ["open", "rename", "mkdir", "rm", "unlink"] as const;
const HANDLE_CHANGES = ["writeFile", "write", "sync"] as const;
/** A statement that only reads has none of these. */
const WRITES =
  /^\s*(?:BEGIN|COMMIT|INSERT|UPDATE|DELETE|REPLACE|CREATE|VACUUM|PRAGMA (?:wal_checkpoint|incremental_vacuum|auto_vacuum|journal_mode))/i;

/** Calls `onEffect` before each effect from now on; what it does itself is not told. Gives what ends the watch. */
export function watchEffects(onEffect: (what: string) => void): () => void {
  let isInside = false;
  const undo: (() => void)[] = [];
  const tell = (what: string): void => {
    if (isInside) return;
    isInside = true;
    try {
      onEffect(what);
    } finally {
      isInside = false;
    }
  };
  const wrap = (
    owner: object,
    name: string,
    isTold: (self: unknown, args: readonly unknown[]) => boolean,
  ): void => {
    const original: unknown = Reflect.get(owner, name);
    if (typeof original !== "function") return;
    const watched = function (this: unknown, ...args: unknown[]): unknown {
      if (isTold(this, args)) tell(name);
      return Reflect.apply(original, this, args);
    };
    Reflect.set(owner, name, watched);
    undo.push(() => Reflect.set(owner, name, original));
  };
  const always = (): boolean => true;
  for (const name of CHANGES) wrap(fs, name, always);
  for (const name of PROMISED_CHANGES) wrap(fs.promises, name, always);
  wrap(DatabaseSync.prototype, "exec", (_, [sql]) => typeof sql === "string" && WRITES.test(sql));
  const isWritten = (self: unknown): boolean => self instanceof StatementSync && WRITES.test(self.sourceSQL);
  for (const name of ["run", "get"]) wrap(StatementSync.prototype, name, isWritten);
  // The last connection brings the write-ahead log into the file, and removes it.
  wrap(DatabaseSync.prototype, "close", always);
  void wrapHandles(wrap);
  syncBuiltinESMExports();
  return () => {
    for (const restore of undo) restore();
    syncBuiltinESMExports();
  };
}

/** Handles of promised files share one prototype, which only a handle shows. */
async function wrapHandles(
  wrap: (owner: object, name: string, isTold: () => boolean) => void,
): Promise<void> {
  const handle = await fs.promises.open(process.execPath, "r");
  const prototype: unknown = Object.getPrototypeOf(handle);
  await handle.close();
  if (typeof prototype !== "object" || prototype === null) return;
  for (const name of HANDLE_CHANGES) wrap(prototype, name, () => true);
}
