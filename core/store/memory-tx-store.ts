/**
 * TxStore in memory, for tests, simulation and previews. It keeps no byte array it was given and gives none of its own
 * away, so a caller that reuses a buffer cannot change a row.
 */
import { type Bytes, equalBytes } from "../base/bytes.ts";
import { err, ok, type Result } from "../base/result.ts";
import { assertBatch, assertRange } from "./check-request.ts";
import { assertRowKey } from "./row-key.ts";
import type { Expectation, Row, ScanRange, StoreError, TxStore, WriteOp } from "./tx-store.ts";

const CLOSED: StoreError = { type: "StoreUnavailable", detail: "closed" };

/** An empty store. */
export function createMemoryTxStore(): TxStore {
  const valueByKey = new Map<string, Bytes>();
  let isClosed = false;
  /** Keys in order, made by the first scan and kept from then on: to sort them for each costs the square of the rows. */
  let sortedKeys: string[] | null = null;

  const apply = (op: WriteOp): void => {
    if (op.type === "put") {
      if (!valueByKey.has(op.key)) sortedKeys?.splice(lowerBound(sortedKeys, op.key), 0, op.key);
      valueByKey.set(op.key, op.value.slice());
    } else if (valueByKey.delete(op.key)) sortedKeys?.splice(lowerBound(sortedKeys, op.key), 1);
  };

  return {
    async get(key): Promise<Result<Bytes | null, StoreError>> {
      assertRowKey(key);
      return isClosed ? err(CLOSED) : ok(valueByKey.get(key)?.slice() ?? null);
    },
    async scan(range): Promise<Result<readonly Row[], StoreError>> {
      assertRange(range);
      if (isClosed) return err(CLOSED);
      sortedKeys ??= [...valueByKey.keys()].sort();
      const rows: Row[] = [];
      for (const key of selectKeys(sortedKeys, range)) {
        const value = valueByKey.get(key);
        if (value !== undefined) rows.push({ key, value: value.slice() });
      }
      return ok(rows);
    },
    async batch(
      ops: readonly WriteOp[],
      expect: readonly Expectation[] = [],
    ): Promise<Result<void, StoreError>> {
      assertBatch(ops, expect);
      if (isClosed) return err(CLOSED);
      for (const { key, value } of expect) {
        if (!isAsExpected(valueByKey.get(key) ?? null, value)) return err({ type: "StoreConflict", key }); // ST4
      }
      for (const op of ops) apply(op);
      return ok();
    },
    async close(): Promise<void> {
      isClosed = true;
    },
  };
}

/** Whether a row holds what an expectation says; `null` is an absent row. */
export function isAsExpected(actual: Bytes | null, expected: Bytes | null): boolean {
  if (actual === null || expected === null) return actual === expected;
  return equalBytes(actual, expected);
}

function selectKeys(sortedKeys: readonly string[], range: ScanRange): readonly string[] {
  const { prefix, after, limit = Number.POSITIVE_INFINITY, reverse = false } = range;
  let first = lowerBound(sortedKeys, prefix);
  let end = firstIndex(sortedKeys, (key) => key >= prefix && !key.startsWith(prefix));
  if (after !== undefined && reverse) end = Math.min(end, lowerBound(sortedKeys, after));
  else if (after !== undefined)
    first = Math.max(
      first,
      firstIndex(sortedKeys, (key) => key > after),
    );
  if (first >= end) return [];
  return reverse
    ? sortedKeys.slice(Math.max(first, end - limit), end).reverse()
    : sortedKeys.slice(first, Math.min(end, first + limit));
}

const lowerBound = (sortedKeys: readonly string[], key: string): number =>
  firstIndex(sortedKeys, (other) => other >= key);

/** Where keys begin for which `isBehind` holds, as it does for all after the first. */
function firstIndex(sortedKeys: readonly string[], isBehind: (key: string) => boolean): number {
  let low = 0;
  let high = sortedKeys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBehind(sortedKeys[middle] as string)) high = middle;
    else low = middle + 1;
  }
  return low;
}
