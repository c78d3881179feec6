/** A profile copied byte by byte, as by a backup that is put back, or by whoever clones a disk. */
import { createMemoryStorageAdapter } from "../../core/document/storage/memory-storage-adapter.ts";
import { createMemoryTxStore } from "../../core/store/memory-tx-store.ts";
import type { Platform } from "@dovetail/core";
import { good } from "./client-world.ts";

/** What `platform` holds now, on a disk of its own. */
export async function copyOf(platform: Platform): Promise<Platform> {
  const store = createMemoryTxStore();
  const rows = good(await platform.store.scan({ prefix: "" }));
  good(await store.batch(rows.map(({ key, value }) => ({ type: "put", key, value }))));
  const documentStorage = createMemoryStorageAdapter();
  for (const { key, data } of await platform.documentStorage.loadRange([]))
    if (data !== undefined) await documentStorage.save(key, data);
  return { ...platform, store: { ...store, close: async () => {} }, documentStorage };
}
