import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { openSqliteTxStore } from "../../cli/platform/sqlite-tx-store.ts";
import { STORE_BATCH_ROWS_MAX, STORE_VALUE_BYTES_MAX } from "../../core/base/limits.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { createMemoryTxStore } from "../../core/store/memory-tx-store.ts";
import { rowKey } from "../../core/store/row-key.ts";
import { SEALED_VALUE_BYTES_MAX, sealTxStore } from "../../core/store/sealing-tx-store.ts";
import type { TxStore } from "../../core/store/tx-store.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { describeTxStore, put, type StoreMedium } from "./tx-store.ts";

beforeAll(cryptoReady);

describeTxStore("memory", () => ({
  open: createMemoryTxStore,
  valueBytesMax: STORE_VALUE_BYTES_MAX,
  isLasting: false,
}));
describeTxStore("node:sqlite", sqliteMedium);
describeTxStore("sealing over memory", () =>
  sealed({ open: createMemoryTxStore, valueBytesMax: 0, isLasting: false }),
);
describeTxStore("sealing over node:sqlite", () => sealed(sqliteMedium()));

/** Enough for a store that steps over rows before a page to take many times as long. */
const PAGED_ROWS = 20_000;

test("[ST6] a page of node:sqlite costs the same wherever it lies", async () => {
  const medium = sqliteMedium();
  const store = await medium.open();
  const keyAt = (i: number) => rowKey("op", i);
  const value = new Uint8Array(300);
  for (let at = 0; at < PAGED_ROWS; at += STORE_BATCH_ROWS_MAX) {
    const count = Math.min(STORE_BATCH_ROWS_MAX, PAGED_ROWS - at);
    const written = await store.batch(Array.from({ length: count }, (_, i) => put(keyAt(at + i), value)));
    expect(written.ok).toBe(true);
  }
  /** The best of several: what a busy machine adds is no part of it. */
  const pageMs = async (after: number, reverse: boolean): Promise<number> => {
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 15; round++) {
      const startMs = performance.now();
      const rows = await store.scan({ prefix: "op/", after: keyAt(after), limit: 10, reverse });
      best = Math.min(best, performance.now() - startMs);
      expect(rows.ok && rows.value.map(({ key }) => key)).toEqual(
        Array.from({ length: 10 }, (_, i) => keyAt(reverse ? after - 1 - i : after + 1 + i)),
      );
    }
    return best;
  };
  for (const reverse of [false, true]) {
    const near = await pageMs(reverse ? PAGED_ROWS - 1 : 0, reverse);
    const far = await pageMs(reverse ? 20 : PAGED_ROWS - 21, reverse);
    expect(far).toBeLessThan(8 * near + 1);
  }
  await store.close();
  medium.discard?.();
});

function sqliteMedium(): StoreMedium {
  const folder = createTemporaryFolder();
  return {
    open(): TxStore {
      const opened = openSqliteTxStore(join(folder.path, "store.db"));
      if (!opened.ok) throw new Error(opened.error.type);
      return opened.value;
    },
    valueBytesMax: STORE_VALUE_BYTES_MAX,
    isLasting: true,
    discard: folder.discard,
  };
}

function sealed(inner: StoreMedium): StoreMedium {
  const random = createSeededRandom("sealed store");
  const storeKey = random.bytes(32);
  return {
    ...inner,
    open: async () => sealTxStore(await inner.open(), { random, storeKey }),
    valueBytesMax: SEALED_VALUE_BYTES_MAX,
  };
}
