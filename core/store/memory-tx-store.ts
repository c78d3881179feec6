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
  /** Keys in order, made when a scan needs them. */
  let sortedKeys: readonly string[] | null = null;

  const apply = (op: WriteOp): void => {
    if (op.type === "put") {
      if (!valueByKey.has(op.key)) sortedKeys = null;
      valueByKey.set(op.key, op.value.slice());
    } else if (valueByKey.delete(op.key)) sortedKeys = null;
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
  const first = lowerBound(sortedKeys, prefix);
  const selected: string[] = [];
  let end = first;
  while (end < sortedKeys.length && (sortedKeys[end] as string).startsWith(prefix)) end++;
  for (let i = 0; i < end - first && selected.length < limit; i++) {
    const key = sortedKeys[reverse ? end - 1 - i : first + i] as string;
    if (after === undefined || (reverse ? key < after : key > after)) selected.push(key);
  }
  return selected;
}

function lowerBound(sortedKeys: readonly string[], key: string): number {
  let low = 0;
  let high = sortedKeys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sortedKeys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
