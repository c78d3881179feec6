import { join } from "node:path";
import { beforeAll } from "vitest";
import { openSqliteTxStore } from "../../cli/platform/sqlite-tx-store.ts";
import { STORE_VALUE_BYTES_MAX } from "../../core/base/limits.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { createMemoryTxStore } from "../../core/store/memory-tx-store.ts";
import { SEALED_VALUE_BYTES_MAX, sealTxStore } from "../../core/store/sealing-tx-store.ts";
import type { TxStore } from "../../core/store/tx-store.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { describeTxStore, type StoreMedium } from "./tx-store.ts";

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
