/**
 * TxStore in memory, for tests, simulation and previews. It keeps no byte array it was given and gives none of its own
 * away, so a caller that reuses a buffer cannot change a row.
 */
import { type Bytes, equalBytes } from "../base/bytes.ts";
import { err, ok, type Result } from "../base/result.ts";
import { assertBatch, assertRange } from "./check-request.ts";
import { assertRowKey } from "./row-key.ts";
import { createSortedKeys } from "./sorted-keys.ts";
import type { Expectation, Row, StoreError, TxStore, WriteOp } from "./tx-store.ts";

const CLOSED: StoreError = { type: "StoreUnavailable", detail: "closed" };

/** An empty store. */
export function createMemoryTxStore(): TxStore {
  const valueByKey = new Map<string, Bytes>();
  let isClosed = false;
  const sortedKeys = createSortedKeys();

  const apply = (op: WriteOp): void => {
    if (op.type === "put") {
      if (!valueByKey.has(op.key)) sortedKeys.add(op.key);
      valueByKey.set(op.key, op.value.slice());
    } else if (valueByKey.delete(op.key)) sortedKeys.remove(op.key);
  };

  return {
    async get(key): Promise<Result<Bytes | null, StoreError>> {
      assertRowKey(key);
      return isClosed ? err(CLOSED) : ok(valueByKey.get(key)?.slice() ?? null);
    },
    async scan(range): Promise<Result<readonly Row[], StoreError>> {
      assertRange(range);
      if (isClosed) return err(CLOSED);
      const rows: Row[] = [];
      for (const key of sortedKeys.select(range)) {
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
