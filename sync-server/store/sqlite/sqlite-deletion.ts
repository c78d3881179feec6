/**
 * Deleting an account in SQLite. Rules DI15-DI17.
 *
 * One transaction makes it unfindable: its small rows go, its logs and its account lose what names them, and `erasures`
 * says what is still to be erased. That happens in short transactions after it, so that nobody else waits for an account
 * of gigabytes, and goes on after a restart. Rows that wait keep their numbers, which place entries and blobs.
 *
 * The file overwrites what it deletes (`secure_delete`); the write-ahead log is emptied at the end.
 */
import type { DatabaseSync } from "node:sqlite";
import { type AccountId, type DeviceId, idBytes, idFromBytes } from "@dovetail/core/base/ids.ts";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import { ERASE_BLOBS_MAX, ERASE_ENTRIES_MAX, ERASE_ROWS_MAX } from "../../limits.ts";
import type { CommitQueue } from "../commit-queue.ts";
import type { DirectoryStore } from "../directory-store.ts";
import type { StoreEvent } from "../log-store.ts";
import type { OperatorStore } from "../operator-store.ts";
import { type Refusal, refuse } from "../refusal.ts";
import type { AccountStandings } from "./sqlite-accounts.ts";
import type { Tombstones } from "./sqlite-invitations.ts";
import type { LogHeads } from "./sqlite-log-heads.ts";
import { blobOf, numberOf } from "./sqlite-row.ts";
import { placeOf } from "./sqlite-schema.ts";
import type { SqliteSpace } from "./sqlite-space.ts";

export interface SqliteDeletionDeps {
  readonly db: DatabaseSync;
  readonly queue: CommitQueue;
  readonly heads: LogHeads;
  readonly standings: AccountStandings;
  readonly tombstones: Tombstones;
  readonly space: Pick<SqliteSpace, "emptyLog">;
  announce(event: StoreEvent): void;
}

type DeletionOperations = Pick<DirectoryStore, "deleteAccount"> &
  Pick<OperatorStore, "erased" | "releaseHandle"> & { stopErasing(): void };

/** Deletion, and the erasure that follows it; one that was cut short goes on at once. */
export function createSqliteDeletion(deps: SqliteDeletionDeps): DeletionOperations {
  const { queue } = deps;
  const remove = prepareRemove(deps);
  const eraseSome = prepareErase(deps.db);
  let isStopped = false;
  let erasing: Promise<Result<void, Refusal>> | null = null;

  async function eraseAll(): Promise<Result<void, Refusal>> {
    for (let isDone = false; !isDone && !isStopped; ) {
      const erased = await queue.run(() => ok(eraseSome()));
      if (!erased.ok) return erased;
      isDone = erased.value;
    }
    return isStopped ? ok() : deps.space.emptyLog();
  }

  /** One run at a time; what is deleted while it runs is found by it. */
  function erase(): Promise<Result<void, Refusal>> {
    erasing ??= eraseAll().finally(() => {
      erasing = null;
    });
    return erasing;
  }

  const selectErasure = deps.db.prepare("SELECT 1 FROM erasures LIMIT 1");
  if (selectErasure.get() !== undefined) void erase();
  return {
    async deleteAccount(accountId) {
      const removed = await queue.run(() => remove(accountId));
      if (removed.ok) void erase();
      return removed;
    },
    erased: erase,
    releaseHandle: (handle) => queue.run(() => ok(deps.tombstones.removeHandle(handle))),
    stopErasing() {
      isStopped = true;
    },
  };
}

/** Deletes the rows of an account beside its own and those of its logs and blobs. */
export function prepareDeleteSmall(db: DatabaseSync): (account: number) => void {
  const statements = ["links", "boxes", "added_boxes", "devices", "prekeys", "frontiers"].map((table) =>
    db.prepare(`DELETE FROM ${table} WHERE account = ?`),
  );
  return (account) => {
    for (const statement of statements) statement.run(account);
  };
}

/** DI15: as one act the account is nobody's. */
function prepareRemove(deps: SqliteDeletionDeps): (accountId: AccountId) => Result<void, Refusal> {
  const { db, heads, standings, tombstones } = deps;
  const select = db.prepare("SELECT id, handle FROM accounts WHERE account_id = ?");
  const selectDevices = db.prepare("SELECT device_id FROM devices WHERE account = ?");
  const deleteSmall = prepareDeleteSmall(db);
  const noteLogs = db.prepare("INSERT INTO erasures (log) SELECT id FROM logs WHERE owner = ?");
  const blankLogs = db.prepare(
    "UPDATE logs SET log_id = CAST(id AS BLOB), owner = -id, append_key = NULL, is_closed = 1, chain = x'', bytes = 0, kinds = x'', reseed = NULL WHERE owner = ?",
  );
  const noteAccount = db.prepare("INSERT INTO erasures (log) VALUES (?)");
  const blankAccount = db.prepare(
    "UPDATE accounts SET account_id = CAST(id AS BLOB), head_seq = 0, head_hash = x'', epoch = 0, recovery_key = x'', handle = NULL WHERE id = ?",
  );
  return (accountId) => {
    const row = select.get(idBytes(accountId));
    if (row === undefined) return refuse("unknown-account");
    const account = numberOf(row.id);
    const deviceIds = selectDevices
      .all(account)
      .map((device): DeviceId => idFromBytes("device", blobOf(device.device_id)));
    // DI16
    tombstones.addAccount(accountId);
    if (typeof row.handle === "string") tombstones.addHandle(row.handle);
    deleteSmall(account);
    noteLogs.run(account);
    blankLogs.run(account);
    noteAccount.run(-account);
    blankAccount.run(account);
    heads.forgetOwner(account);
    standings.forget(accountId);
    deps.announce({ type: "deleted", deviceIds });
    return ok();
  };
}

/** DI17: erases a little of what is left, and tells whether nothing is. */
function prepareErase(db: DatabaseSync): () => boolean {
  const selectNext = db.prepare("SELECT log FROM erasures LIMIT 1");
  const deleteErasure = db.prepare("DELETE FROM erasures WHERE log = ?");
  const deleteEntries = db.prepare(
    `DELETE FROM entries WHERE place IN (SELECT place FROM entries WHERE place BETWEEN ? AND ? LIMIT ${ERASE_ENTRIES_MAX})`,
  );
  const some = (table: string, key: string, max: number) =>
    db.prepare(
      `DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} WHERE ${key} = ? LIMIT ${max})`,
    );
  const ofLog = [
    some("snapshots", "log", ERASE_BLOBS_MAX),
    some("trimmed", "log", ERASE_BLOBS_MAX),
    some("writers", "log", ERASE_ROWS_MAX),
  ];
  const ofLogWhole = ["acks", "tickets", "endorsements", "former_keys"].map((table) =>
    db.prepare(`DELETE FROM ${table} WHERE log = ?`),
  );
  const deleteLog = db.prepare("DELETE FROM logs WHERE id = ?");
  const blobs = some("blobs", "account", ERASE_BLOBS_MAX);
  const deleteAccount = db.prepare("DELETE FROM accounts WHERE id = ?");

  function eraseLog(log: number): void {
    if (Number(deleteEntries.run(placeOf(log, 0), placeOf(log + 1, 0) - 1).changes) > 0) return;
    for (const statement of ofLog) if (Number(statement.run(log).changes) > 0) return;
    for (const statement of ofLogWhole) statement.run(log);
    deleteLog.run(log);
    deleteErasure.run(log);
  }

  function eraseAccount(account: number): void {
    if (Number(blobs.run(account).changes) > 0) return;
    deleteAccount.run(account);
    deleteErasure.run(-account);
  }

  return () => {
    const next = selectNext.get();
    if (next === undefined) return true;
    const key = numberOf(next.log);
    if (key > 0) eraseLog(key);
    else eraseAccount(-key);
    return false;
  };
}
