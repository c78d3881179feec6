/** A store that remembers having met a damaged row, so that the next opening of the profile mends it. Rule ST60. */
import type { Result } from "../../base/result.ts";
import type { StoreError, TxStore } from "../../store/tx-store.ts";
import { createTables } from "../tables.ts";

/** Wraps the profile's sealed store. What it answers is what `inner` answers. */
export function watchRows(inner: TxStore): TxStore {
  let hasOpened = false;
  let hasMet = false;
  let isNoted = false;
  /** In the background: whoever met the row gets the error either way. */
  let noting: Promise<unknown> = Promise.resolve();

  function look<T>(result: Result<T, StoreError>, isRow: (value: T) => boolean): Result<T, StoreError> {
    if (result.ok) hasOpened ||= isRow(result.value);
    else hasMet ||= result.error.type === "StoreCorrupt";
    // Where no row opens, the key is another one: a note under that key would be one more row that does not open.
    if (hasMet && hasOpened && !isNoted) {
      isNoted = true;
      noting = inner.batch([createTables(inner).damage.put([], {})]);
    }
    return result;
  }

  return {
    get: async (key) => look(await inner.get(key), (value) => value !== null),
    scan: async (range) => look(await inner.scan(range), (rows) => rows.length > 0),
    batch: async (ops, expect) => look(await inner.batch(ops, expect), () => false),
    async close() {
      await noting;
      await inner.close();
    },
  };
}
