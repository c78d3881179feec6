/** Rows of the store and what is kept of them in memory, moved on together: first durable, then so. */
import { STORE_BATCH_ROWS_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import type { StoreError, TxStore, WriteOp } from "../../store/tx-store.ts";

/** Writes to make durable, and what is then so in memory. */
export interface RowsStep {
  readonly writes: readonly WriteOp[];
  commit(): void;
}

/** Several steps as one, in this order. */
export function together(...steps: readonly RowsStep[]): RowsStep {
  return {
    writes: steps.flatMap(({ writes }) => writes),
    commit() {
      for (const step of steps) step.commit();
    },
  };
}

/** Deletes rows that have done their work, in as many transactions as it takes: one left over is deleted later. */
export function deleteRows(store: TxStore, keys: readonly string[]): Promise<Result<void, StoreError>> {
  return writeRows(
    store,
    keys.map((key) => ({ type: "delete", key })),
  );
}

/** Writes rows of which each stands by itself, in as many transactions as it takes. */
export async function writeRows(
  store: TxStore,
  writes: readonly WriteOp[],
): Promise<Result<void, StoreError>> {
  for (let from = 0; from < writes.length; from += STORE_BATCH_ROWS_MAX) {
    const written = await store.batch(writes.slice(from, from + STORE_BATCH_ROWS_MAX));
    if (!written.ok) return written;
  }
  return ok();
}
