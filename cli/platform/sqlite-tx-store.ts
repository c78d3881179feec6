/**
 * TxStore on node:sqlite, in Node and in Deno: one table in one file, write-ahead log, a full sync a commit.
 *
 * Batches requested before the next turn of the event loop share one transaction, each inside a savepoint, so a batch
 * whose expectation fails undoes itself and nothing else. Key order is SQLite's byte order, which for the ASCII keys of
 * the port is the order of UTF-16 code units. Rules ST20 to ST27.
 */
import { chmodSync, closeSync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import {
  assertBatch,
  assertRange,
  assertRowKey,
  type Bytes,
  type Expectation,
  err,
  isAsExpected,
  ok,
  type Result,
  type Row,
  type ScanRange,
  type StoreError,
  type TxStore,
  type WriteOp,
} from "@dovetail/core";
import { sqliteFaultOf } from "./sqlite-fault.ts";

/** "dove" in ASCII, in the file's header: a database of another program is never written to. */
const APPLICATION_ID = 0x646f7665;
const SCHEMA_VERSION = 1;
/** How long to wait for another process's transaction. The call blocks this one, and one engine owns a profile. */
const BUSY_TIMEOUT_MS = 250;
/** How long a deleted value may stay in the write-ahead log. */
const ERASE_DELAY_MS = 1_000;
/** Above every key character; ends the range of a prefix. */
const AFTER_EVERY_KEY = "\x7f";

export type OpenStoreError =
  /** The file is a database of another program. */
  | { readonly type: "StoreForeign"; readonly applicationId: number }
  /** A newer version of this program wrote it. */
  | { readonly type: "StoreTooNew"; readonly schemaVersion: number; readonly schemaVersionMax: number }
  /** The file is no database, or a damaged one. */
  | { readonly type: "StoreDamaged"; readonly detail: string }
  /** Another process holds it. */
  | { readonly type: "StoreBusy" }
  /** The medium refused. */
  | { readonly type: "StoreUnavailable"; readonly detail: string };

interface PendingBatch {
  readonly ops: readonly WriteOp[];
  readonly expect: readonly Expectation[];
  readonly settle: (result: Result<void, StoreError>) => void;
}

/** Opens the store in the file at `path`, and makes the file when there is none. */
export function openSqliteTxStore(path: string): Result<TxStore, OpenStoreError> {
  let database: DatabaseSync | null = null;
  try {
    createPrivateFile(path);
    database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    const refusal = prepareSchema(database);
    if (refusal === null) return ok(createStore(database));
    database.close();
    return err(refusal);
  } catch (thrown) {
    const opened = database;
    if (opened !== null) runQuietly(() => opened.close());
    return err(openErrorOf(thrown));
  }
}

/** Only its owner may read the profile; SQLite gives the log beside it the same mode. ST24 */
function createPrivateFile(path: string): void {
  closeSync(openSync(path, "a", 0o600));
  chmodSync(path, 0o600);
  if (process.platform === "win32") return;
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function prepareSchema(database: DatabaseSync): OpenStoreError | null {
  const applicationId = readPragma(database, "application_id");
  const isEmpty = database.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.n === 0;
  if (applicationId !== APPLICATION_ID && !(applicationId === 0 && isEmpty))
    return { type: "StoreForeign", applicationId }; // ST25
  const schemaVersion = readPragma(database, "user_version");
  if (schemaVersion > SCHEMA_VERSION)
    return { type: "StoreTooNew", schemaVersion, schemaVersionMax: SCHEMA_VERSION };
  database.exec(
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA fullfsync=1; PRAGMA secure_delete=ON;",
  ); // ST21
  if (applicationId === APPLICATION_ID) return findDamage(database);
  database.exec(
    `BEGIN IMMEDIATE;
     CREATE TABLE IF NOT EXISTS row (key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) WITHOUT ROWID, STRICT;
     PRAGMA application_id=${APPLICATION_ID};
     PRAGMA user_version=${SCHEMA_VERSION};
     COMMIT;`,
  );
  return null;
}

/**
 * A changed byte in the structure of a page can hide rows without any error, all of them even; SQLite's own check finds
 * it. It takes 0.2 s for 100 MB (measured). ST27
 */
function findDamage(database: DatabaseSync): OpenStoreError | null {
  const found = database.prepare("PRAGMA quick_check(1)").get()?.quick_check;
  return found === "ok" ? null : { type: "StoreDamaged", detail: "quick-check" };
}

function createStore(database: DatabaseSync): TxStore {
  const statements = {
    get: database.prepare("SELECT value FROM row WHERE key = ?"),
    put: database.prepare(
      "INSERT INTO row (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    ),
    delete: database.prepare("DELETE FROM row WHERE key = ?"),
    // One bound a side: of two SQLite searches by one, and steps over every row that lies between them.
    scanFrom: database.prepare("SELECT key, value FROM row WHERE key >= ? AND key < ? ORDER BY key LIMIT ?"),
    scanAfter: database.prepare("SELECT key, value FROM row WHERE key > ? AND key < ? ORDER BY key LIMIT ?"),
    scanReverse: database.prepare(
      "SELECT key, value FROM row WHERE key >= ? AND key < ? ORDER BY key DESC LIMIT ?",
    ),
  };
  let queue: PendingBatch[] = [];
  let isClosed = false;
  let eraseTimer: NodeJS.Timeout | null = null;

  const commitQueue = (): void => {
    const group = queue;
    queue = [];
    if (group.length === 0) return;
    commitGroup(database, statements, group);
    if (group.some(({ ops }) => ops.some((op) => op.type === "delete"))) scheduleErase();
  };
  /** Moves the log into the file, where deleted values are overwritten. A busy database is left for the next time. */
  const scheduleErase = (): void => {
    if (eraseTimer !== null) return;
    eraseTimer = setTimeout(() => {
      eraseTimer = null;
      runQuietly(() => database.exec("PRAGMA wal_checkpoint(TRUNCATE)")); // ST26
    }, ERASE_DELAY_MS);
    eraseTimer.unref();
  };

  return {
    async get(key) {
      assertRowKey(key);
      if (isClosed) return err(CLOSED);
      return attempt(key, () => blobOf(statements.get.get(key)));
    },
    async scan(range) {
      assertRange(range);
      if (isClosed) return err(CLOSED);
      return attempt(range.prefix, () => scanRows(statements, range));
    },
    batch(ops, expect = []) {
      return new Promise((resolve) => {
        assertBatch(ops, expect);
        if (isClosed) return resolve(err(CLOSED));
        queue.push({ ops: ops.map(copyOp), expect: expect.map(copyExpectation), settle: resolve });
        if (queue.length === 1) setImmediate(commitQueue);
      });
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      commitQueue();
      if (eraseTimer !== null) clearTimeout(eraseTimer);
      // The last connection to close moves the log into the file.
      runQuietly(() => database.close());
    },
  };
}

type Statements = Readonly<
  Record<"get" | "put" | "delete" | "scanFrom" | "scanAfter" | "scanReverse", StatementSync>
>;

/** One transaction for all of `group`; a batch that does not hold is undone alone. ST22, ST23 */
function commitGroup(database: DatabaseSync, statements: Statements, group: readonly PendingBatch[]): void {
  const results: Result<void, StoreError>[] = [];
  try {
    database.exec("BEGIN IMMEDIATE");
    for (const batch of group) results.push(applyInSavepoint(database, statements, batch));
    database.exec("COMMIT"); // ST21
  } catch (thrown) {
    if (database.isTransaction) runQuietly(() => database.exec("ROLLBACK"));
    const error = err<StoreError>({ type: "StoreUnavailable", detail: sqliteFaultOf(thrown).detail });
    for (const batch of group) batch.settle(error);
    return;
  }
  for (const [index, batch] of group.entries()) batch.settle(results[index] ?? err(CLOSED));
}

function applyInSavepoint(
  database: DatabaseSync,
  statements: Statements,
  batch: PendingBatch,
): Result<void, StoreError> {
  for (const { key, value } of batch.expect) {
    if (!isAsExpected(blobOf(statements.get.get(key)), value)) return err({ type: "StoreConflict", key });
  }
  database.exec("SAVEPOINT batch");
  try {
    for (const op of batch.ops) {
      if (op.type === "put") statements.put.run(op.key, op.value);
      else statements.delete.run(op.key);
    }
  } catch (thrown) {
    // SQLite may have given up the whole transaction, as on a full disk; then this throws and the group fails.
    database.exec("ROLLBACK TO batch; RELEASE batch");
    return err({ type: "StoreUnavailable", detail: sqliteFaultOf(thrown).detail });
  }
  database.exec("RELEASE batch");
  return ok();
}

function scanRows(
  statements: Statements,
  { prefix, after, limit, reverse = false }: ScanRange,
): readonly Row[] {
  const end = prefix + AFTER_EVERY_KEY;
  // A negative LIMIT is none.
  const count = limit ?? -1;
  const found = reverse
    ? statements.scanReverse.all(prefix, after !== undefined && after < end ? after : end, count)
    : after !== undefined && after >= prefix
      ? statements.scanAfter.all(after, end, count)
      : statements.scanFrom.all(prefix, end, count);
  return found.map((row) => ({ key: String(row.key), value: blobOf(row) ?? new Uint8Array() }));
}

function blobOf(row: Readonly<Record<string, unknown>> | undefined): Bytes | null {
  // Deno and Node differ in who owns the memory; a copy belongs to the caller.
  return row?.value instanceof Uint8Array ? new Uint8Array(row.value) : null;
}

const CLOSED: StoreError = { type: "StoreUnavailable", detail: "closed" };

async function attempt<T>(key: string, read: () => T): Promise<Result<T, StoreError>> {
  try {
    return ok(read());
  } catch (thrown) {
    const { kind, detail } = sqliteFaultOf(thrown);
    return err(kind === "damaged" ? { type: "StoreCorrupt", key } : { type: "StoreUnavailable", detail });
  }
}

function openErrorOf(thrown: unknown): OpenStoreError {
  const { kind, detail } = sqliteFaultOf(thrown);
  if (kind === "busy") return { type: "StoreBusy" };
  return { type: kind === "damaged" ? "StoreDamaged" : "StoreUnavailable", detail };
}

function readPragma(database: DatabaseSync, name: "application_id" | "user_version"): number {
  const value = database.prepare(`PRAGMA ${name}`).get()?.[name];
  return typeof value === "number" ? value : -1;
}

/** For what follows a failure, or follows the last commit: every acknowledged batch is safe without it. */
function runQuietly(action: () => void): void {
  try {
    action();
  } catch {
    // The error that led here is the one to report.
  }
}

function copyOp(op: WriteOp): WriteOp {
  return op.type === "put" ? { ...op, value: op.value.slice() } : op;
}

function copyExpectation({ key, value }: Expectation): Expectation {
  return { key, value: value === null ? null : value.slice() };
}
