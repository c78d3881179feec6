/** automerge-repo's own acceptance tests, and ours, on the document storage of a browser, in a real page. */
import { runStorageAdapterTests } from "@automerge/automerge-repo/helpers/tests/storage-adapter-tests.js";
import { beforeAll, describe, expect, test } from "vitest";
import { IndexedDbDocuments } from "../../app/platform/indexed-db-documents.ts";
import { createPlatformRandom } from "../../core/base/random.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import type { StorageAdapterInterface } from "../../core/document/automerge.ts";
import { createSealingStorageAdapter } from "../../core/document/storage/sealing-storage-adapter.ts";

beforeAll(cryptoReady);

const SETUPS: Readonly<Record<string, () => StorageAdapterInterface>> = {
  IndexedDB: onIndexedDb,
  "sealing over IndexedDB": () => {
    const random = createPlatformRandom();
    return createSealingStorageAdapter(onIndexedDb(), {
      random,
      storeKey: random.bytes(32),
      onFault: () => {},
    });
  },
};

describe.each(Object.entries(SETUPS))("%s", (_, setup) => {
  runStorageAdapterTests(async () => ({ adapter: inOrderOfSaving(setup()) }));

  test("a range knows where a part of a key ends", async () => {
    const adapter = setup();
    await adapter.save(["AAAA", "snap", "x"], new Uint8Array([1]));
    await adapter.save(["AAAA", "snapshot", "x"], new Uint8Array([2]));
    await adapter.save(["AAAAB", "snap", "x"], new Uint8Array([3]));
    expect(await adapter.loadRange(["AAAA", "snap"])).toEqual([
      { key: ["AAAA", "snap", "x"], data: new Uint8Array([1]) },
    ]);
    await adapter.removeRange(["AAAA", "snap"]);
    expect((await adapter.loadRange(["AAAA"])).map(({ key }) => key)).toEqual([["AAAA", "snapshot", "x"]]);
    expect((await adapter.loadRange(["AAAAB"])).length).toBe(1);
  });
});

test("[WB4] an engine that another one has replaced saves and removes no chunk", async () => {
  let isOwner = true;
  const adapter = onIndexedDb({ isOwner: async () => isOwner });
  const key = ["AAAA", "snapshot", "x"];
  await adapter.save(key, new Uint8Array([1]));
  isOwner = false;
  await expect(adapter.save(key, new Uint8Array([2]))).rejects.toHaveProperty("name", "stale-engine");
  await expect(adapter.remove(key)).rejects.toHaveProperty("name", "stale-engine");
  await expect(adapter.removeRange(["AAAA"])).rejects.toHaveProperty("name", "stale-engine");
  expect(await adapter.load(key)).toEqual(new Uint8Array([1]));
});

test("[WB4] a save that the browser refuses is told, also when only an abort tells of it", async () => {
  const adapter = onIndexedDb();
  await adapter.save(["AAAA", "snapshot", "x"], new Uint8Array([1]));
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (value, key) {
    const request = put.call(this, value, key);
    // As the disk being full at the commit: no request fails.
    request.addEventListener("success", () => this.transaction.abort());
    return request;
  };
  try {
    await expect(adapter.save(["AAAA", "snapshot", "y"], new Uint8Array([1]))).rejects.toBeInstanceOf(
      DOMException,
    );
  } finally {
    IDBObjectStore.prototype.put = put;
  }
});

test("[WB9] a database that cannot be opened is told to whoever reads or writes, and to nobody else", async () => {
  const name = `newer-${crypto.randomUUID()}`;
  await new Promise((resolve) => {
    const request = indexedDB.open(name, 2);
    request.onsuccess = () => resolve(request.result.close());
  });
  const unheard: unknown[] = [];
  const note = (event: PromiseRejectionEvent): void => {
    event.preventDefault();
    unheard.push(event.reason);
  };
  addEventListener("unhandledrejection", note);
  try {
    const adapter = new IndexedDbDocuments(name, { isOwner: async () => true });
    await expect(adapter.load(["AAAA"])).rejects.toHaveProperty("name", "VersionError");
    await expect(adapter.remove(["AAAA"])).rejects.toHaveProperty("name", "VersionError");
    adapter.close();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(unheard).toEqual([]);
  } finally {
    removeEventListener("unhandledrejection", note);
  }
});

/**
 * The library's tests expect chunks in the order of saving, which its port does not promise and its own IndexedDB adapter
 * does not keep: a range there comes in the order of keys.
 */
function inOrderOfSaving(adapter: StorageAdapterInterface): StorageAdapterInterface {
  const order: string[] = [];
  const placeOf = (key: readonly string[]) => order.indexOf(key.join("/"));
  return {
    load: (key) => adapter.load(key),
    save(key, data) {
      if (placeOf(key) === -1) order.push(key.join("/"));
      return adapter.save(key, data);
    },
    remove: (key) => adapter.remove(key),
    loadRange: async (prefix) =>
      [...(await adapter.loadRange(prefix))].sort((a, b) => placeOf(a.key) - placeOf(b.key)),
    removeRange: (prefix) => adapter.removeRange(prefix),
  };
}

let names = 0;

function onIndexedDb(owner = { isOwner: async () => true }): IndexedDbDocuments {
  names += 1;
  return new IndexedDbDocuments(`test-documents-${performance.timeOrigin}-${names}`, owner);
}
