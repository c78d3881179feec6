/**
 * Which documents are loaded. Every document has a queue of its own, so that nothing happens to it while it is loaded
 * or unloaded, and one that is needed while too many are loaded waits for a slot. Rules DC12, DC15, DC16.
 */
import { assert } from "../base/assert.ts";
import type { DocumentId } from "../base/ids.ts";
import { DOCUMENTS_LIVE_MAX } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { type DocumentError, type DocumentFault, isDamage } from "./document-error.ts";
import type { DocumentRef } from "./schema/document-kind.ts";
import {
  applyAll,
  createDocumentLoader,
  type DocumentLoader,
  type DocumentRoot,
  type LiveDocument,
  type LoaderDeps,
  type Repair,
  type WholeDocument,
} from "./document-loader.ts";
import { createDocumentSlots } from "./document-slots.ts";
import type { RepoStorageEvents } from "./storage/repo-storage.ts";
import { createTaskQueues } from "./task-queues.ts";

export type { DocumentRoot, LiveDocument, Repair };

export interface LiveDocumentsDeps extends LoaderDeps {
  /** Hears what no call returns. Must not throw. */
  readonly onFault: (fault: DocumentFault) => void;
  /** How many documents may be loaded, by default `DOCUMENTS_LIVE_MAX`. */
  readonly liveMax?: number;
}

type Outcome<T> = Result<T, DocumentError>;

export interface LiveDocuments {
  /** Runs `task` with the document loaded, after all that was asked of it before. */
  withLive<T>(ref: DocumentRef, task: (live: LiveDocument) => Outcome<T>): Promise<Outcome<T>>;
  /** The document if it is loaded, after all that was asked of it before. */
  peek(id: DocumentId): Promise<LiveDocument | null>;
  /** Stores a saved document and leaves it unloaded, if there is nothing of it here. False when there is. */
  storeFirst(ref: DocumentRef, whole: WholeDocument): Promise<Outcome<boolean>>;
  evict(id: DocumentId): Promise<Outcome<void>>;
  repair(ref: DocumentRef, repair: Repair): Promise<Outcome<void>>;
  remove(ref: DocumentRef): Promise<Outcome<void>>;
  liveCount(): number;
  close(): Promise<Outcome<void>>;
}

/** No document is loaded yet. */
export function createLiveDocuments(deps: LiveDocumentsDeps): LiveDocuments {
  /** In the order of their last use. */
  const liveById = new Map<DocumentId, LiveDocument>();
  const queues = createTaskQueues<DocumentId>();
  const loader: DocumentLoader = createDocumentLoader(deps, saveEvents(deps, liveById));
  let isClosed = false;

  const unload = async (live: LiveDocument): Promise<Outcome<void>> => {
    const unloaded = await loader.unload(live);
    if (unloaded.ok) liveById.delete(live.ref.id);
    return unloaded;
  };
  const slots = createDocumentSlots<DocumentError>({
    slotsMax: deps.liveMax ?? DOCUMENTS_LIVE_MAX,
    loadedCount: () => liveById.size,
    listIdle: () =>
      [...liveById.values()]
        .filter((live) => queues.isIdle(live.ref.id))
        .map((live) => ({ id: live.ref.id, unload: () => queues.add(live.ref.id, () => unload(live)) })),
  });

  /** Every task of a document ends by offering its slot, so that who waits for one is never forgotten. */
  const inQueue = <T>(id: DocumentId, task: () => Promise<T>): Promise<T> =>
    queues.add(id, async () => {
      try {
        return await task();
      } finally {
        const live = liveById.get(id);
        await slots.offer(live === undefined ? null : () => unload(live));
      }
    });

  const loadInSlot = async (ref: DocumentRef, repair?: Repair): Promise<Outcome<LiveDocument>> => {
    const slot = await slots.take();
    if (!slot.ok) return slot;
    try {
      const loaded = await loader.load(ref, repair);
      if (loaded.ok) liveById.set(ref.id, loaded.value);
      else if (isDamage(loaded.error)) deps.onFault({ type: "LoadFailed", id: ref.id });
      return loaded;
    } finally {
      slots.settle(liveById.has(ref.id));
    }
  };

  const use = async (ref: DocumentRef): Promise<Outcome<LiveDocument>> => {
    if (isClosed) return err({ type: "DocumentsClosed" });
    const live = liveById.get(ref.id);
    if (live === undefined) return loadInSlot(ref);
    assert(live.ref.kind === ref.kind, "a document keeps its kind");
    liveById.delete(ref.id);
    liveById.set(ref.id, live);
    return ok(live);
  };

  const evict = async (id: DocumentId): Promise<Outcome<void>> => {
    const live = liveById.get(id);
    return live === undefined ? ok() : unload(live);
  };

  return {
    withLive: (ref, task) =>
      inQueue(ref.id, async () => {
        const live = await use(ref);
        return live.ok ? task(live.value) : live;
      }),
    peek: (id) => inQueue(id, async () => liveById.get(id) ?? null),
    storeFirst: (ref, whole) =>
      inQueue(ref.id, async () => {
        if (isClosed) return err({ type: "DocumentsClosed" });
        return liveById.has(ref.id) ? ok(false) : loader.storeFirst(ref, whole);
      }),
    evict: (id) => inQueue(id, () => evict(id)),
    repair: (ref, repair) =>
      inQueue(ref.id, async () => {
        if (isClosed) return err({ type: "DocumentsClosed" });
        // A document that is loaded is whole; the changes may still be new to it.
        const loaded = liveById.get(ref.id);
        const live = loaded === undefined ? await loadInSlot(ref, repair) : ok(loaded);
        if (!live.ok) return live;
        if (loaded !== undefined && !applyAll(loaded.handle, repair.changes)) {
          return err({ type: "MalformedChanges", id: ref.id });
        }
        return live.value.saver.flush();
      }),
    remove: (ref) =>
      inQueue(ref.id, async () => {
        if (isClosed) return err({ type: "DocumentsClosed" });
        const evicted = await evict(ref.id);
        return evicted.ok ? loader.erase(ref) : evicted;
      }),
    liveCount: () => liveById.size,
    async close() {
      isClosed = true;
      slots.close({ type: "DocumentsClosed" });
      await queues.settled();
      let result: Outcome<void> = ok();
      for (const live of [...liveById.values()]) {
        const unloaded = await unload(live);
        if (unloaded.ok) continue;
        live.saver.stop();
        result = unloaded;
      }
      loader.close();
      return result;
    },
  };
}

/** Tells the saver of a document, and who listens for faults, how its saves go. */
function saveEvents(
  deps: LiveDocumentsDeps,
  liveById: ReadonlyMap<DocumentId, LiveDocument>,
): RepoStorageEvents {
  const find = (repoId: string): LiveDocument | undefined => {
    for (const live of liveById.values()) if (live.repoId === repoId) return live;
    return undefined;
  };
  return {
    onSaveFailed(repoId, attempts, detail) {
      const live = find(repoId);
      if (live === undefined) return;
      live.saver.reportAttempts(attempts, detail);
      deps.onFault({ type: "SaveFailed", id: live.ref.id, attempts, detail });
    },
    onSaveRecovered(repoId, attempts) {
      const live = find(repoId);
      if (live === undefined) return;
      live.saver.reportAttempts(attempts, null);
      deps.onFault({ type: "SaveRecovered", id: live.ref.id, attempts });
    },
  };
}
