/**
 * TxStore on IndexedDB: one object store, transactions of strict durability.
 *
 * Batches that are requested while a transaction runs share the next one, since each costs a sync of the disk. Within it a
 * batch's expectations are read before any of its rows is written, so one that fails leaves nothing to undo. Every
 * transaction begins by reading the generation (WB3). Rules ST3 to ST7, WB1, WB2.
 */
import {
  assertBatch,
  assertRange,
  assertRowKey,
  type Bytes,
  err,
  type Expectation,
  isAsExpected,
  ok,
  type Result,
  type Row,
  type ScanRange,
  type StoreError,
  type TxStore,
  type WriteOp,
} from "@dovetail/core";
import { committed, idbFaultOf, requested, unlessClosed } from "./idb-request.ts";
import { META, type ProfileDatabase, refuseStale, ROWS } from "./profile-database.ts";

/** Above every key character; ends the range of a prefix. */
const AFTER_EVERY_KEY = "\x7f";
const CLOSED: StoreError = { type: "StoreUnavailable", detail: "closed" };

interface PendingBatch {
  readonly ops: readonly WriteOp[];
  readonly expect: readonly Expectation[];
  readonly settle: (result: Result<void, StoreError>) => void;
}

/** The store over an open database. Closing it closes the database. */
export function createIndexedDbTxStore(database: ProfileDatabase): TxStore {
  const { idb, generation } = database;
  let queue: PendingBatch[] = [];
  let running: Promise<void> | null = null;
  let isClosed = false;

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      const group = queue;
      queue = [];
      await commitGroup(group);
    }
    running = null;
  }

  /** One transaction for all of `group`; nobody is answered before it is on disk. */
  async function commitGroup(group: readonly PendingBatch[]): Promise<void> {
    let results: readonly Result<void, StoreError>[];
    try {
      const transaction = idb.transaction([ROWS, META], "readwrite", { durability: "strict" }); // WB1
      const done = committed(transaction);
      try {
        // Asked first and answered last: the rows go along meanwhile, and what is stale takes them back with it.
        const owned = refuseStale(transaction, generation);
        const applied = applyGroup(transaction.objectStore(ROWS), group);
        [results] = await Promise.all([applied, owned]);
        transaction.commit();
      } catch (thrown) {
        done.catch(() => {});
        transaction.abort();
        throw thrown;
      }
      await done;
    } catch (thrown) {
      const failure = err<StoreError>({ type: "StoreUnavailable", detail: idbFaultOf(thrown) });
      for (const batch of group) batch.settle(failure);
      return;
    }
    for (const [index, batch] of group.entries()) batch.settle(results[index] ?? err(CLOSED));
  }

  return {
    async get(key) {
      assertRowKey(key);
      if (isClosed) return err(CLOSED);
      return attempt(async () => bytesOf(key, await requested(rowsOf(idb).get(key))));
    },
    async scan(range) {
      assertRange(range);
      if (isClosed) return err(CLOSED);
      return attempt(() => scanRows(rowsOf(idb), range));
    },
    async batch(ops, expect = []) {
      assertBatch(ops, expect);
      if (isClosed) return err(CLOSED);
      // A transaction that writes nothing would still wait for the disk.
      if (ops.length === 0 && expect.length === 0) return ok();
      return new Promise((settle) => {
        queue.push({ ops: ops.map(copyOp), expect: expect.map(copyExpectation), settle });
        running ??= drain();
      });
    },
    async close() {
      isClosed = true;
      await running;
      database.close();
    },
  };
}

function rowsOf(idb: IDBDatabase): IDBObjectStore {
  return idb.transaction(ROWS).objectStore(ROWS);
}

async function applyGroup(
  rows: IDBObjectStore,
  group: readonly PendingBatch[],
): Promise<readonly Result<void, StoreError>[]> {
  const results: Result<void, StoreError>[] = [];
  for (const batch of group) {
    const failure = await findConflict(rows, batch.expect);
    results.push(failure === null ? ok() : err(failure));
    if (failure !== null) continue; // ST4
    for (const op of batch.ops) {
      if (op.type === "put") rows.put(op.value, op.key);
      else rows.delete(op.key);
    }
  }
  return results;
}

async function findConflict(
  rows: IDBObjectStore,
  expect: readonly Expectation[],
): Promise<StoreError | null> {
  for (const { key, value } of expect) {
    const actual = bytesOf(key, await requested(rows.get(key)));
    if (!actual.ok) return actual.error;
    if (!isAsExpected(actual.value, value)) return { type: "StoreConflict", key };
  }
  return null;
}

async function scanRows(rows: IDBObjectStore, range: ScanRange): Promise<Result<readonly Row[], StoreError>> {
  const { prefix, after, limit, reverse = false } = range;
  if (limit === 0) return ok([]);
  const bounds = boundsOf(prefix, after, reverse);
  if (bounds === null) return ok([]);
  return reverse ? scanBackwards(rows, bounds, limit) : scanForwards(rows, bounds, limit);
}

/** Null where nothing can lie between: IndexedDB refuses to make such a range. */
function boundsOf(prefix: string, after: string | undefined, isReverse: boolean): IDBKeyRange | null {
  const low = !isReverse && after !== undefined && after >= prefix ? after : prefix;
  const end = prefix + AFTER_EVERY_KEY;
  const high = isReverse && after !== undefined && after < end ? after : end;
  if (low >= high) return null;
  return IDBKeyRange.bound(low, high, low !== prefix || low === after, true);
}

async function scanForwards(rows: IDBObjectStore, bounds: IDBKeyRange, limit: number | undefined) {
  const [keys, values] = await Promise.all([
    requested(rows.getAllKeys(bounds, limit)),
    requested<unknown[]>(rows.getAll(bounds, limit)),
  ]);
  const found: Row[] = [];
  for (const [index, key] of keys.entries()) {
    const row = rowOf(key, values[index]);
    if (!row.ok) return row;
    found.push(row.value);
  }
  return ok(found);
}

/**
 * The last `limit` rows, by three requests whatever their number. A cursor that hands out each row takes a turn of the
 * event loop for every one of them, and getting all at once only goes forwards.
 */
async function scanBackwards(rows: IDBObjectStore, bounds: IDBKeyRange, limit: number | undefined) {
  const lowest = limit === undefined ? null : await lowestOfLast(rows, bounds, limit);
  const range = lowest === null ? bounds : IDBKeyRange.bound(lowest, bounds.upper, false, true);
  const found = await scanForwards(rows, range, undefined);
  return found.ok ? ok(found.value.toReversed()) : found;
}

/** Key of the row that stands `count` before the end; null when there are fewer. */
function lowestOfLast(rows: IDBObjectStore, bounds: IDBKeyRange, count: number): Promise<IDBValidKey | null> {
  const walking = rows.openKeyCursor(bounds, "prev");
  let isAtEnd = true;
  const found = new Promise<IDBValidKey | null>((resolve, reject) => {
    walking.onerror = () => reject(walking.error ?? new DOMException("", "UnknownError"));
    walking.onsuccess = () => {
      const cursor = walking.result;
      if (cursor === null || !isAtEnd || count === 1) return resolve(cursor?.key ?? null);
      isAtEnd = false;
      cursor.advance(count - 1);
    };
  });
  return unlessClosed(rows.transaction.db, found);
}

function rowOf(key: IDBValidKey, value: unknown): Result<Row, StoreError> {
  const name = String(key);
  return value instanceof Uint8Array ? ok({ key: name, value }) : err({ type: "StoreCorrupt", key: name });
}

function bytesOf(key: string, value: unknown): Result<Bytes | null, StoreError> {
  if (value === undefined) return ok(null);
  return value instanceof Uint8Array ? ok(value) : err({ type: "StoreCorrupt", key });
}

async function attempt<T>(read: () => Promise<Result<T, StoreError>>): Promise<Result<T, StoreError>> {
  try {
    return await read();
  } catch (thrown) {
    return err({ type: "StoreUnavailable", detail: idbFaultOf(thrown) });
  }
}

function copyOp(op: WriteOp): WriteOp {
  return op.type === "put" ? { ...op, value: op.value.slice() } : op;
}

function copyExpectation({ key, value }: Expectation): Expectation {
  return { key, value: value === null ? null : value.slice() };
}
