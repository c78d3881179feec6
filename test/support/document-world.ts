/** Documents over storage that a test can damage, take away or make refuse. */
import { createSystemClock } from "../../core/base/clock.ts";
import { type DocumentId, idFromBytes, type OpId } from "../../core/base/ids.ts";
import type { Bytes } from "../../core/base/bytes.ts";
import type { StorageKey } from "../../core/document/automerge.ts";
import type { DocumentFault } from "../../core/document/document-error.ts";
import type { DocumentKind, DocumentRef } from "../../core/document/schema/document-kind.ts";
import { createDocuments, type Documents } from "../../core/document/documents.ts";
import { createMemoryStorageAdapter } from "../../core/document/storage/memory-storage-adapter.ts";
import type { DocumentStorage } from "../../core/document/storage/repo-storage.ts";
import {
  type ChunkFault,
  createSealingStorageAdapter,
} from "../../core/document/storage/sealing-storage-adapter.ts";
import { createMemoryTxStore } from "../../core/store/memory-tx-store.ts";
import type { TxStore } from "../../core/store/tx-store.ts";
import { createSeededRandom, type SeededRandom } from "./seeded-random.ts";

/** One device's storage. It outlives the documents opened over it, as a disk outlives a process. */
export interface DocumentDisk {
  readonly storage: DocumentStorage;
  /** What the storage really holds: sealed. */
  readonly chunks: DocumentStorage;
  readonly rows: TxStore;
  /** Calls that reached `chunks`. */
  readonly calls: string[];
  readonly faults: (DocumentFault | ChunkFault)[];
  /** Saves throw this while it is set. */
  refusal: string | null;
  /** Saves wait for this. */
  gate: Promise<void>;
  /** Every chunk, by its blinded key. */
  listChunks(): Promise<readonly { readonly key: StorageKey; readonly data: Bytes }[]>;
  open(liveMax?: number): Documents;
}

/** A fresh disk. `seed` decides its keys and every document's actor. */
export function createDocumentDisk(seed: string): DocumentDisk {
  const random = createSeededRandom(seed);
  const memory = createMemoryStorageAdapter();
  const keys = new Map<string, StorageKey>();
  const calls: string[] = [];
  const faults: (DocumentFault | ChunkFault)[] = [];
  const chunks: DocumentStorage = {
    ...memory,
    async save(key, data) {
      await disk.gate;
      if (disk.refusal !== null) throw Object.assign(new Error("refused"), { code: disk.refusal });
      calls.push("save");
      keys.set(key.join("/"), key);
      await memory.save(key, data);
    },
    async remove(key) {
      calls.push("remove");
      keys.delete(key.join("/"));
      await memory.remove(key);
    },
  };
  const storeKey = random.bytes(32);
  const storage = createSealingStorageAdapter(chunks, {
    random,
    storeKey,
    onFault: (fault) => faults.push(fault),
  });
  const disk: DocumentDisk = {
    storage,
    chunks,
    rows: createMemoryTxStore(),
    calls,
    faults,
    refusal: null,
    gate: Promise.resolve(),
    async listChunks() {
      const found = [];
      for (const key of keys.values()) {
        const data = await memory.load(key);
        if (data !== undefined) found.push({ key, data });
      }
      return found;
    },
    open: (liveMax) =>
      createDocuments({
        storage,
        rows: disk.rows,
        clock: createSystemClock(),
        random,
        onFault: (fault) => faults.push(fault),
        ...(liveMax === undefined ? {} : { liveMax }),
      }),
  };
  return disk;
}

/** A document that no other test has. */
export function documentRef(random: SeededRandom, kind: DocumentKind): DocumentRef {
  const id: DocumentId = idFromBytes("document", random.bytes(16));
  return { id, kind };
}

/** An op id. */
export function opIdOf(random: SeededRandom): OpId {
  return idFromBytes("op", random.bytes(32));
}

/** An edit that sets one key of the root. */
export function setKey(key: string, value: unknown): (draft: { [key: string]: unknown }) => void {
  return (draft) => {
    draft[key] = value;
  };
}

/** The value, where a failure would be the test's own mistake. */
export function unwrap<T>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown },
): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}
