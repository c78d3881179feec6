/** Document storage in memory, for tests, simulation and previews. It shares no byte array with its callers. */
import type { Bytes } from "../../base/bytes.ts";
import type { StorageKey } from "../automerge.ts";
import type { DocumentStorage } from "./repo-storage.ts";

/** An empty storage. What it holds outlives the documents over it, like a disk. */
export function createMemoryStorageAdapter(): DocumentStorage {
  const chunkByName = new Map<string, { readonly key: StorageKey; readonly data: Bytes }>();
  const under = (prefix: StorageKey) =>
    [...chunkByName.values()].filter(({ key }) => prefix.every((part, index) => key[index] === part));
  return {
    load: async (key) => chunkByName.get(nameOf(key))?.data.slice(),
    async save(key, data) {
      chunkByName.set(nameOf(key), { key: [...key], data: data.slice() });
    },
    async remove(key) {
      chunkByName.delete(nameOf(key));
    },
    loadRange: async (prefix) =>
      under(prefix).map(({ key, data }) => ({ key: [...key], data: data.slice() })),
    async removeRange(prefix) {
      for (const { key } of under(prefix)) chunkByName.delete(nameOf(key));
    },
    // Memory damages nothing.
    setAside: async () => 0,
  };
}

function nameOf(key: StorageKey): string {
  return JSON.stringify(key);
}
