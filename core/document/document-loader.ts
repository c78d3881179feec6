/**
 * Loading a document whole or not at all, and unloading it in the one order that loses nothing.
 *
 * automerge-repo reads and writes their chunks; what it would do by itself (load, save, look for peers) is done here
 * instead, where a failure has somebody to hear of it. Rules DC2, DC3, DC10, DC11, DC14.
 */
import { type Bytes, toHex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { type DocumentId, idBytes } from "../base/ids.ts";
import type { Random } from "../base/random.ts";
import { err, ok, type Result } from "../base/result.ts";
import {
  Automerge,
  type BinaryDocumentId,
  copyWithActor,
  interpretAsDocumentId,
  openChunkStore,
  type RepoDocumentId,
  withChanges,
} from "./automerge.ts";
import type { DocumentError } from "./document-error.ts";
import { createDocumentHandle, type DocumentHandle, type DocumentRoot } from "./document-handle.ts";
import type { DocumentRef } from "./schema/document-kind.ts";
import {
  type DocumentRows,
  durableHeadsWrite,
  readDurableHeads,
  writeDurableHeads,
} from "./storage/document-rows.ts";
import { createDocumentSaver, type DocumentSaver } from "./document-saver.ts";
import { genesisChange, genesisHash } from "./schema/genesis.ts";
import { createJointRows } from "./storage/joint-rows.ts";
import {
  createRepoStorage,
  type DocumentStorage,
  type RepoStorageEvents,
  type StoredChunk,
  unstoredChunk,
} from "./storage/repo-storage.ts";
import { reasonOf } from "./storage/storage-fault.ts";

export type { DocumentRoot };

/** A document in memory. */
export interface LiveDocument {
  readonly ref: DocumentRef;
  readonly repoId: RepoDocumentId;
  readonly handle: DocumentHandle;
  readonly saver: DocumentSaver;
}

/** Changes for a document that does not load as it is stored. */
export interface Repair {
  readonly changes: readonly Bytes[];
  /** What was durable and is in neither the storage nor `changes` is given up. */
  readonly isLossAccepted: boolean;
}

/** A saved document that was read whole: what it holds and where it stands. */
export interface WholeDocument {
  readonly bytes: Bytes;
  readonly heads: readonly string[];
}

export interface DocumentLoader {
  /** Loads a document; `repair` adds changes to what is stored before it is judged, and sets damaged chunks aside. */
  load(ref: DocumentRef, repair?: Repair): Promise<Result<LiveDocument, DocumentError>>;
  /**
   * Stores a document as another device saved it, if there is nothing of it yet. False when there is, or when the medium
   * refused: what is loaded goes on being tried.
   */
  storeFirst(ref: DocumentRef, whole: WholeDocument): Promise<Result<boolean, DocumentError>>;
  /** Saves and unloads. - Fails: when it cannot be saved; it stays loaded then. */
  unload(live: LiveDocument): Promise<Result<void, DocumentError>>;
  /** Deletes what is stored of a document that is not loaded. */
  erase(ref: DocumentRef): Promise<Result<void, DocumentError>>;
  /** Ends saves that are being tried again. */
  close(): void;
}

export interface LoaderDeps {
  readonly storage: DocumentStorage;
  readonly rows: DocumentRows;
  readonly clock: Clock;
  readonly random: Random;
}

const ACTOR_BYTES = 16;
const CHUNK_NAME_BYTES = 16;

/** A loader over `deps.storage`; `events` tells of saves by automerge-repo's ids. */
export function createDocumentLoader(deps: LoaderDeps, events: RepoStorageEvents): DocumentLoader {
  const storage = createRepoStorage(deps.storage, deps.clock, events);
  const storeJointly = createJointRows(deps.rows);
  const chunkStore = openChunkStore(storage.adapter);

  const load: DocumentLoader["load"] = async (ref, repair) => {
    const repoId = repoIdOf(ref.id);
    if (repair !== undefined) {
      const setAside = await onMedium(ref.id, () => deps.storage.setAside([repoId]));
      if (!setAside.ok) return setAside;
    }
    const durable = await readDurableHeads(deps.rows, ref.id);
    if (!durable.ok) return err(refused(ref.id, durable.error.detail));
    const stored = await onMedium(ref.id, () => storage.readChunks(repoId));
    if (!stored.ok) return stored;
    const genesis = genesisChange(ref.kind);
    // Offered at every load: the library takes what it loaded for stored, and may store only what came after it. DC2
    const loaded = await loadChunks(repoId, [unstoredChunk(repoId, genesis), ...stored.value]);
    if (loaded === null) return err({ type: "DocumentDamaged", id: ref.id, chunks: stored.value.length });
    const handle = createDocumentHandle(loaded);
    const isExpectedWhole = durable.value !== null && repair?.isLossAccepted !== true;
    const expected = isExpectedWhole ? (durable.value ?? []) : [genesisHash(ref.kind)];
    const fault = judge(ref.id, handle, expected, repair?.changes ?? []);
    if (fault !== null) {
      Automerge.free(handle.doc());
      return err(fault);
    }
    const live = adopt(ref, repoId, handle);
    if (repair !== undefined) live.saver.touch();
    return ok(live);
  };

  /** Lets the library load what was read. Null when it cannot make a document of it. */
  const loadChunks = async (
    repoId: RepoDocumentId,
    chunks: readonly StoredChunk[],
  ): Promise<Automerge.Doc<DocumentRoot> | null> => {
    storage.offer(repoId, chunks);
    try {
      return await chunkStore.loadDoc<DocumentRoot>(repoId);
    } catch {
      return null;
    } finally {
      storage.offer(repoId, []);
    }
  };

  const adopt = (ref: DocumentRef, repoId: RepoDocumentId, handle: DocumentHandle): LiveDocument => {
    // A fresh actor at every load: one used again after a rollback makes a document that can never merge. DC3
    const loaded = handle.doc();
    handle.update((document) => copyWithActor(document, toHex(deps.random.bytes(ACTOR_BYTES))));
    Automerge.free(loaded);
    const saver = createDocumentSaver({
      id: ref.id,
      clock: deps.clock,
      store: async () => {
        const heads = Automerge.getHeads(handle.doc());
        await chunkStore.saveDoc(repoId, handle.doc());
        return writeDurableHeads(deps.rows, ref.id, heads);
      },
    });
    handle.onMoved = saver.touch;
    return { ref, repoId, handle, saver };
  };

  const storeFirst: DocumentLoader["storeFirst"] = async (ref, whole) => {
    let saved: Result<boolean, DocumentError> = ok(false);
    const noted = await storeJointly(async () => {
      saved = await saveFirst(ref, whole);
      return saved.ok && saved.value ? [durableHeadsWrite(ref.id, whole.heads)] : [];
    });
    return noted.ok ? saved : err(refused(ref.id, noted.error.type));
  };

  const saveFirst: DocumentLoader["storeFirst"] = async (ref, { bytes }) => {
    const repoId = repoIdOf(ref.id);
    const durable = await readDurableHeads(deps.rows, ref.id);
    if (!durable.ok) return err(refused(ref.id, durable.error.detail));
    if (durable.value !== null) return ok(false);
    const stored = await onMedium(ref.id, () => storage.readChunks(repoId));
    if (!stored.ok) return stored;
    if (stored.value.length > 0) return ok(false);
    const key = [repoId, "snapshot", toHex(deps.random.bytes(CHUNK_NAME_BYTES))];
    const saved = await onMedium(ref.id, () => deps.storage.save(key, bytes));
    return ok(saved.ok);
  };

  return {
    load,
    storeFirst,
    async unload(live) {
      const flushed = await live.saver.flush();
      if (!flushed.ok) return flushed;
      live.saver.stop();
      live.handle.onMoved = null;
      Automerge.free(live.handle.doc()); // DC14
      return ok();
    },
    async erase(ref) {
      // The row first: chunks without a row are a document, a row without chunks is a lost one.
      const forgotten = await writeDurableHeads(deps.rows, ref.id, null);
      if (!forgotten.ok) return err(refused(ref.id, forgotten.error.detail));
      return onMedium(ref.id, () => deps.storage.removeRange([repoIdOf(ref.id)])); // DC19
    },
    close: () => storage.close(),
  };
}

/** Applies all of `changes` or, when one is malformed, none. */
export function applyAll(handle: DocumentHandle, changes: readonly Bytes[]): boolean {
  try {
    handle.update((document) => withChanges(document, changes)); // DC5
    return true;
  } catch (thrown) {
    // Automerge names bad input by RangeError; a trap of its WebAssembly is something else.
    if (thrown instanceof RangeError) return false;
    throw thrown;
  }
}

/** What is wrong with a document that was loaded, after `changes` were added. */
function judge(
  id: DocumentId,
  handle: DocumentHandle,
  expectedHeads: readonly string[],
  changes: readonly Bytes[],
): DocumentError | null {
  if (!applyAll(handle, changes)) return { type: "MalformedChanges", id };
  const missingHeads = expectedHeads.filter((head) => !Automerge.hasHeads(handle.doc(), [head])).length;
  return missingHeads > 0 ? { type: "DocumentIncomplete", id, missingHeads } : null; // DC11
}

/** Runs a request to the storage; what it throws becomes a result. */
async function onMedium<T>(id: DocumentId, request: () => Promise<T>): Promise<Result<T, DocumentError>> {
  try {
    return ok(await request());
  } catch (thrown) {
    const reason = reasonOf(thrown);
    if (reason.type === "ChunkDamaged") return err({ type: "DocumentDamaged", id, chunks: reason.chunks });
    return err(refused(id, reason.type === "MediumRefused" ? reason.detail : reason.type));
  }
}

function refused(id: DocumentId, detail: string): DocumentError {
  return { type: "DocumentStorageUnavailable", id, detail };
}

function repoIdOf(id: DocumentId): RepoDocumentId {
  return interpretAsDocumentId(idBytes(id) as BinaryDocumentId);
}
