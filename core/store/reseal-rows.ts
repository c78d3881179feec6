/** Carries every row of a store over to another one: how a profile gets a new store key. */
import { assert } from "../base/assert.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { StoreError, TxStore } from "./tx-store.ts";

/** Rows at a time: a page of the largest values stays far below what a process may hold. */
const PAGE_ROWS = 64;

export interface CopyInterrupted {
  readonly type: "Interrupted";
}

/** How many rows `store` has. */
export async function countRows(store: TxStore): Promise<Result<number, StoreError>> {
  let count = 0;
  for (let after: string | undefined; ; ) {
    const page = await store.scan(pageAfter(after));
    if (!page.ok) return page;
    count += page.value.length;
    after = page.value.at(-1)?.key;
    if (after === undefined) return ok(count);
  }
}

/**
 * Copies all rows of `from` to `to`, which is empty; both are sealed stores, so that each row is opened on its way and
 * one that does not open ends the copy. It then reads every row of `to`.
 *
 * - Fails: as the stores do; `to` is to be thrown away then.
 */
export async function copyRows(
  from: TxStore,
  to: TxStore,
  { onProgress, signal }: { readonly onProgress: (rows: number) => void; readonly signal: AbortSignal },
): Promise<Result<number, StoreError | CopyInterrupted>> {
  let copied = 0;
  for (let after: string | undefined; ; ) {
    if (signal.aborted) return err({ type: "Interrupted" });
    const page = await from.scan(pageAfter(after));
    if (!page.ok) return page;
    after = page.value.at(-1)?.key;
    if (after === undefined) break;
    const written = await to.batch(page.value.map(({ key, value }) => ({ type: "put", key, value })));
    if (!written.ok) return written;
    copied += page.value.length;
    onProgress(copied);
  }
  const readBack = await countRows(to);
  if (!readBack.ok) return readBack;
  assert(readBack.value === copied, "a copy has as many rows as were copied");
  return ok(copied);
}

function pageAfter(after: string | undefined) {
  return { prefix: "", limit: PAGE_ROWS, ...(after === undefined ? {} : { after }) };
}
