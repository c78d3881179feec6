/**
 * Document storage that seals what another one stores: it learns sizes, times and how chunks group, but no names.
 *
 * Each part of a key is blinded under the blinded parts before it, so a prefix of a key is a prefix of its blinded form
 * and equal names in different documents differ. A value is bound to its place; its plaintext carries the real key.
 * A chunk that does not open stops every load it belongs to: it is never taken for absent. Rules ST30 to ST35.
 */
import { type Bytes, toHex } from "../../base/bytes.ts";
import type { Random } from "../../base/random.ts";
import type { Chunk, StorageAdapterInterface, StorageKey } from "../automerge.ts";
import { type ChunkDamaged, createChunkSeal } from "./chunk-seal.ts";
import type { DocumentStorage } from "./repo-storage.ts";
import { StorageFault } from "./storage-fault.ts";

export type ChunkFault =
  | ChunkDamaged
  /** The chunk was moved out of the way of a repair, to `place`. */
  | { readonly type: "ChunkSetAside"; readonly place: StorageKey }
  /** The inner storage failed to save. */
  | { readonly type: "ChunkNotSaved"; readonly detail: string };

export interface SealingStorageDeps {
  readonly random: Random;
  /** 32 bytes. The caller keeps and wipes it. */
  readonly storeKey: Bytes;
  readonly onFault: (fault: ChunkFault) => void;
}

/** Automerge's form of a document without a change: always these bytes. */
const EMPTY_DOCUMENT_HEX = "856f4a83b81a9544000400000000";
/** First part of the place of chunks set aside. No blinded part is as short. */
const SET_ASIDE = "damaged";

/**
 * Wraps `inner`.
 *
 * - Fails: throws `StorageFault`, because the port has no results. `ChunkDamaged` when a chunk does not open;
 *   `EmptyOverFull` when an empty document would replace a stored one; `MediumRefused` for what the inner one throws.
 */
export function createSealingStorageAdapter(
  inner: StorageAdapterInterface,
  deps: SealingStorageDeps,
): DocumentStorage {
  const chunks = createChunkSeal(deps.random, deps.storeKey);
  const blind = chunks.placeOf;

  /** All chunks under a prefix as the inner storage has them, each opened or not. */
  const openRange = async (prefix: StorageKey) => {
    const stored = await onMedium(() => inner.loadRange(blind(prefix)));
    return stored.flatMap(({ key, data }) =>
      data === undefined
        ? []
        : [{ place: key, sealed: data, opened: chunks.open({ place: key, sealed: data }) }],
    );
  };

  const refuseEmptyOverFull = async (key: StorageKey, data: Bytes): Promise<void> => {
    if (key[1] !== "snapshot" || toHex(data) !== EMPTY_DOCUMENT_HEX) return;
    const stored = await onMedium(() => inner.loadRange(blind(key.slice(0, 1))));
    if (stored.length > 0) throw new StorageFault({ type: "EmptyOverFull" }); // ST34
  };

  return {
    async load(key) {
      const place = blind(key);
      const sealed = await onMedium(() => inner.load(place));
      if (sealed === undefined) return undefined;
      const opened = chunks.open({ place, sealed });
      if (opened.ok) return opened.value.data;
      deps.onFault(opened.error);
      throw new StorageFault({ type: "ChunkDamaged", chunks: 1 });
    },
    async save(key, data) {
      if (data.length < 64) await refuseEmptyOverFull(key, data);
      const { place, sealed } = chunks.seal({ key, data });
      try {
        await onMedium(() => inner.save(place, sealed));
      } catch (thrown) {
        deps.onFault({ type: "ChunkNotSaved", detail: detailOf(thrown) }); // ST35
        throw thrown;
      }
    },
    remove: (key) => onMedium(() => inner.remove(blind(key))),
    async loadRange(prefix): Promise<Chunk[]> {
      const loaded: Chunk[] = [];
      let damaged = 0;
      for (const { opened } of await openRange(prefix)) {
        if (opened.ok) loaded.push({ key: opened.value.key, data: opened.value.data });
        else {
          damaged += 1;
          deps.onFault(opened.error);
        }
      }
      if (damaged > 0) throw new StorageFault({ type: "ChunkDamaged", chunks: damaged }); // ST33
      return loaded;
    },
    removeRange: (prefix) => onMedium(() => inner.removeRange(blind(prefix))),
    async setAside(prefix) {
      let count = 0;
      for (const { place, sealed, opened } of await openRange(prefix)) {
        if (opened.ok) continue;
        // Kept before it is removed: bytes that a later version, or a person, may still make sense of.
        const kept = [SET_ASIDE, ...place];
        await onMedium(() => inner.save(kept, sealed));
        await onMedium(() => inner.remove(place));
        deps.onFault({ type: "ChunkSetAside", place: kept });
        count += 1;
      }
      return count;
    },
  };
}

async function onMedium<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (thrown) {
    throw thrown instanceof StorageFault
      ? thrown
      : new StorageFault({ type: "MediumRefused", detail: detailOf(thrown) });
  }
}

function detailOf(thrown: unknown): string {
  if (thrown instanceof StorageFault)
    return thrown.reason.type === "MediumRefused" ? thrown.reason.detail : thrown.reason.type;
  if (thrown instanceof Error && "code" in thrown && typeof thrown.code === "string") return thrown.code;
  return thrown instanceof Error ? thrown.name : "unknown";
}
