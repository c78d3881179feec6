/**
 * The storage automerge-repo sees: it is given what we have already read and checked, and its saves never fail.
 *
 * Two habits of the library make this necessary. A load that fails leaves a handle nobody can load again, and a load
 * that finds nothing looks like a new document: so `documents` reads the chunks itself and only then lets the library
 * load them from here. A save that rejects stops all later compaction: so a save waits here, trying again, until it is
 * on disk; who asked for it learns of the trouble by `onSaveFailed`. Rules DC10, DC12.
 */
import { assert } from "../../base/assert.ts";
import type { Bytes } from "../../base/bytes.ts";
import { type Clock, sleep } from "../../base/clock.ts";
import type { Chunk, StorageAdapterInterface, StorageKey } from "../automerge.ts";
import { reasonOf, StorageFault } from "./storage-fault.ts";

/** Delays between the attempts of one save; the last repeats for ever. */
const RETRY_DELAYS_MS = [20, 100, 500, 2_000, 5_000] as const;
const STORAGE_ID_KEY = "storage-adapter-id";

/** automerge-repo's storage port, and what it lacks: a way to go on after a chunk no longer opens. */
export interface DocumentStorage extends StorageAdapterInterface {
  /** Moves the chunks under `prefix` that do not open to where no load finds them; tells how many. They are kept. */
  setAside(prefix: StorageKey): Promise<number>;
}

export interface RepoStorageEvents {
  readonly onSaveFailed: (repoId: string, attempts: number, detail: string) => void;
  readonly onSaveRecovered: (repoId: string, attempts: number) => void;
}

export interface RepoStorage {
  readonly adapter: StorageAdapterInterface;
  /** Every stored chunk of a document. - Fails: throws `StorageFault`. */
  readChunks(repoId: string): Promise<readonly StoredChunk[]>;
  /** What the next load of this document finds. */
  offer(repoId: string, chunks: readonly StoredChunk[]): void;
  /** Ends waiting saves with a fault. */
  close(): void;
}

export interface StoredChunk {
  readonly key: StorageKey;
  readonly data: Bytes;
}

/** Chunk name of what is offered but not stored. */
const UNSTORED = "genesis";

/** A chunk to offer that the storage does not have, nor ever will: the genesis. */
export function unstoredChunk(repoId: string, data: Bytes): StoredChunk {
  return { key: [repoId, "snapshot", UNSTORED], data };
}

/** Wraps the adapter that really stores. */
export function createRepoStorage(
  inner: StorageAdapterInterface,
  clock: Clock,
  events: RepoStorageEvents,
): RepoStorage {
  const offersByRepoId = new Map<string, readonly StoredChunk[]>();
  let isClosed = false;
  let wakeAll: () => void = () => {};
  const closed = new Promise<void>((resolve) => {
    wakeAll = resolve;
  });

  const saveUntilStored = async (key: StorageKey, data: Bytes): Promise<void> => {
    const repoId = key[0] ?? "";
    for (let attempts = 1; ; attempts++) {
      try {
        await inner.save(key, data);
        if (attempts > 1) events.onSaveRecovered(repoId, attempts);
        return;
      } catch (thrown) {
        const reason = reasonOf(thrown);
        assert(reason.type !== "EmptyOverFull", "a document is loaded before it is saved");
        if (isClosed) throw thrown;
        events.onSaveFailed(repoId, attempts, reason.type === "MediumRefused" ? reason.detail : reason.type);
      }
      const delayMs = RETRY_DELAYS_MS[Math.min(attempts, RETRY_DELAYS_MS.length) - 1] ?? 0;
      await Promise.race([sleep(clock, delayMs), closed]);
      if (isClosed) throw new StorageFault({ type: "MediumRefused", detail: "closed" });
    }
  };

  const readRange = async (prefix: StorageKey): Promise<readonly StoredChunk[]> => {
    const chunks = await inner.loadRange(prefix);
    return chunks.flatMap(({ key, data }) => (data === undefined ? [] : [{ key, data }]));
  };

  const adapter: StorageAdapterInterface = {
    // Names this store to peers; we have none, so a name for this process is enough.
    load: async (key) => {
      assert(key[0] === STORAGE_ID_KEY, "the library loads single chunks for its own id only");
      return new TextEncoder().encode("local");
    },
    save: (key, data) => saveUntilStored(key, data),
    async remove(key) {
      if (key[2] === UNSTORED) return;
      try {
        await inner.remove(key);
      } catch {
        // A chunk that stays is merged again at the next load, and removed by the compaction after it.
      }
    },
    async loadRange([repoId, chunkType]): Promise<Chunk[]> {
      const offered = offersByRepoId.get(repoId ?? "");
      assert(offered !== undefined, "a document is read before the library loads it");
      return offered.filter(({ key }) => key[1] === chunkType).map(({ key, data }) => ({ key, data }));
    },
    removeRange: (prefix) => inner.removeRange(prefix),
  };

  return {
    adapter,
    async readChunks(repoId) {
      return [...(await readRange([repoId, "snapshot"])), ...(await readRange([repoId, "incremental"]))];
    },
    offer(repoId, chunks) {
      if (chunks.length === 0) offersByRepoId.delete(repoId);
      else offersByRepoId.set(repoId, chunks);
    },
    close() {
      isClosed = true;
      wakeAll();
    },
  };
}
