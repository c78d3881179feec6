/** The contract of `TxStore` on IndexedDB, and what IndexedDB's own rules are for, in a real page. */
import { beforeAll, describe, expect, test } from "vitest";
import { createIndexedDbTxStore } from "../../app/platform/indexed-db-tx-store.ts";
import {
  databaseName,
  openProfileDatabase,
  type ProfileDatabase,
} from "../../app/platform/profile-database.ts";
import { toUtf8 } from "../../core/base/bytes.ts";
import { STORE_VALUE_BYTES_MAX } from "../../core/base/limits.ts";
import { createPlatformRandom } from "../../core/base/random.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { SEALED_VALUE_BYTES_MAX, sealTxStore } from "../../core/store/sealing-tx-store.ts";
import { describeTxStore, put, type StoreMedium, when } from "../contract/tx-store.ts";

beforeAll(cryptoReady);

describeTxStore("IndexedDB", indexedDbMedium);
describeTxStore("sealing over IndexedDB", () => {
  const inner = indexedDbMedium();
  const random = createPlatformRandom();
  const storeKey = random.bytes(32);
  return {
    ...inner,
    open: async () => sealTxStore(await inner.open(), { random, storeKey }),
    valueBytesMax: SEALED_VALUE_BYTES_MAX,
  };
});

describe("the profile's database", () => {
  const stale = { ok: false, error: { type: "StoreUnavailable", detail: "stale-engine" } };

  test("[WB3] an engine that another one has replaced writes nothing, and reads what is there", async () => {
    const name = freshName();
    const older = await open(name);
    const oldStore = createIndexedDbTxStore(older);
    expect(await oldStore.batch([put("a", "1")])).toEqual({ ok: true, value: undefined });
    const newer = await open(name);
    expect(newer.generation).toBe(older.generation + 1);
    expect(await oldStore.batch([put("a", "2")])).toEqual(stale);
    expect(await oldStore.batch([], [when("a", "1")])).toEqual(stale);
    expect(await older.setMeta({ "store-key": toUtf8("key") })).toEqual(stale);
    expect(await older.clear()).toEqual(stale);
    expect([await older.isOwner(), await newer.isOwner()]).toEqual([false, true]);
    const newStore = createIndexedDbTxStore(newer);
    expect(await newStore.get("a")).toEqual({ ok: true, value: toUtf8("1") });
    expect(await newStore.batch([put("a", "3")])).toEqual({ ok: true, value: undefined });
    expect(await oldStore.get("a")).toEqual({ ok: true, value: toUtf8("3") });
    await oldStore.close();
    await newStore.close();
  });

  test("[WB1] every write asks the browser for strict durability", async () => {
    const asked: (string | undefined)[] = [];
    const transaction = IDBDatabase.prototype.transaction;
    IDBDatabase.prototype.transaction = function (stores, mode, options) {
      if (mode === "readwrite") asked.push(options?.durability);
      return transaction.call(this, stores, mode, options);
    };
    try {
      const database = await open(freshName());
      const store = createIndexedDbTxStore(database);
      await store.batch([put("a", "1")]);
      await database.setMeta({ passkey: toUtf8("x") });
      await store.close();
    } finally {
      IDBDatabase.prototype.transaction = transaction;
    }
    expect(asked.length).toBeGreaterThanOrEqual(3);
    expect(new Set(asked)).toEqual(new Set(["strict"]));
  });

  test("the newest rows come by few questions, however many they are, and writing nothing asks none", async () => {
    const database = await open(freshName());
    const store = createIndexedDbTxStore(database);
    const rows = Array.from({ length: 500 }, (_, at) => put(`k/${1_000 + at}`, "v"));
    expect(await store.batch(rows)).toEqual({ ok: true, value: undefined });
    let turns = 0;
    const dispatch = IDBRequest.prototype;
    const onsuccess = Object.getOwnPropertyDescriptor(dispatch, "onsuccess");
    Object.defineProperty(dispatch, "onsuccess", {
      ...onsuccess,
      set(handler: (event: Event) => void) {
        onsuccess?.set?.call(this, (event: Event) => {
          turns += 1;
          handler(event);
        });
      },
    });
    try {
      const newest = await store.scan({ prefix: "k/", limit: 300, reverse: true });
      expect(newest.ok && newest.value.map(({ key }) => key)).toEqual(
        Array.from({ length: 300 }, (_, at) => `k/${1_499 - at}`),
      );
      expect(turns).toBeLessThanOrEqual(4);
      turns = 0;
      expect(await store.batch([])).toEqual({ ok: true, value: undefined });
      expect(turns).toBe(0);
    } finally {
      if (onsuccess !== undefined) Object.defineProperty(dispatch, "onsuccess", onsuccess);
    }
    await store.close();
  });

  test("[WB2] a row that is not bytes is damage, not absence", async () => {
    const database = await open(freshName());
    const writing = database.idb.transaction("rows", "readwrite");
    writing.objectStore("rows").put("text", "a");
    await new Promise((resolve) => {
      writing.oncomplete = resolve;
    });
    const store = createIndexedDbTxStore(database);
    const corrupt = { ok: false, error: { type: "StoreCorrupt", key: "a" } };
    expect(await store.get("a")).toEqual(corrupt);
    expect(await store.scan({ prefix: "" })).toEqual(corrupt);
    expect(await store.scan({ prefix: "", reverse: true })).toEqual(corrupt);
    expect(await store.batch([put("b", "1")], [when("a", null)])).toEqual(corrupt);
    await store.close();
  });

  test("[WB5] a database that is taken away is told of once", async () => {
    const name = freshName();
    let lost = 0;
    const opened = await openProfileDatabase(name, { onLost: () => (lost += 1) });
    if (!opened.ok) throw new Error(opened.error.type);
    await new Promise((resolve) => {
      indexedDB.deleteDatabase(databaseName(name)).onsuccess = resolve;
    });
    expect(lost).toBe(1);
    const store = createIndexedDbTxStore(opened.value);
    expect((await store.get("a")).ok).toBe(false);
    expect((await store.batch([put("a", "1")])).ok).toBe(false);
  });
});

let names = 0;

function freshName(): string {
  names += 1;
  return `test-${performance.timeOrigin}-${names}`;
}

async function open(name: string): Promise<ProfileDatabase> {
  const opened = await openProfileDatabase(name, { onLost: () => {} });
  if (!opened.ok) throw new Error(opened.error.type);
  return opened.value;
}

function indexedDbMedium(): StoreMedium {
  const name = freshName();
  return {
    open: async () => createIndexedDbTxStore(await open(name)),
    valueBytesMax: STORE_VALUE_BYTES_MAX,
    isLasting: true,
    discard: () => void indexedDB.deleteDatabase(databaseName(name)),
  };
}
