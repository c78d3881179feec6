/** Rows of the store and what is kept of them in memory, moved on together: first durable, then so. */
import { STORE_BATCH_ROWS_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import type { StoreError, TxStore, WriteOp } from "../../store/tx-store.ts";

/** Writes to make durable, and what is then so in memory. */
export interface RowsStep {
  readonly writes: readonly WriteOp[];
  commit(): void;
}

/** Deletes rows that have done their work, in as many transactions as it takes: one left over is deleted later. */
export async function deleteRows(store: TxStore, keys: readonly string[]): Promise<Result<void, StoreError>> {
  for (let from = 0; from < keys.length; from += STORE_BATCH_ROWS_MAX) {
    const part = keys.slice(from, from + STORE_BATCH_ROWS_MAX);
    const deleted = await store.batch(part.map((key): WriteOp => ({ type: "delete", key })));
    if (!deleted.ok) return deleted;
  }
  return ok();
}
