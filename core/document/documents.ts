/**
 * Automerge documents for the rest of the engine: edits and changes in, changes and plain values out.
 *
 * A document that cannot be loaded whole is an error and never looks like an empty one; nothing here touches the
 * network. Which change is the account's business to send, and when, is core/log's. Rules DC1 to DC22.
 */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { DocumentId, OpId } from "../base/ids.ts";
import { ok, type Result } from "../base/result.ts";
import { Automerge } from "./automerge.ts";
import { missingOps, type StoredOp, storedOps } from "./schema/bucket.ts";
import type { DocumentError } from "./document-error.ts";
import type { DocumentRef } from "./schema/document-kind.ts";
import { applyAll, type DocumentRoot, type Repair } from "./document-loader.ts";
import { type DocumentSchema, viewOf } from "./schema/document-schema.ts";
import { createLiveDocuments, type LiveDocumentsDeps } from "./live-documents.ts";
import {
  type Applied,
  applyLive,
  dependenciesOfChange,
  draftLive,
  type Edited,
  editLive,
  type Inspected,
  inspectSaved,
  mergeSaved,
  nameOfChange,
  opsOfChange,
  putMissing,
} from "./live-edit.ts";

export type { Applied, DocumentRoot, Edited, Repair };
export type DocumentsDeps = LiveDocumentsDeps;

/** A saved document that is here now, and what it holds if nothing of it was here before. */
export interface TakenOver extends Pick<Applied, "heads" | "missing"> {
  readonly ops: readonly StoredOp[] | null;
}

export interface Documents {
  /**
   * Edits a document. `edit` runs at once and must not be async.
   *
   * - Fails: `EditRefused` for a key or value Automerge does not hold, such as `__proto__`; the document is as it was.
   *   What else `edit` throws is thrown on.
   */
  change(ref: DocumentRef, edit: (draft: DocumentRoot) => void): Promise<Result<Edited, DocumentError>>;
  /**
   * What `change` would make, for who stores it before it counts; the document is as it was. `apply` takes it over, before any
   * other edit. - Fails: as `change`. - Cost: a copy of the document.
   */
  draft(ref: DocumentRef, edit: (draft: DocumentRoot) => void): Promise<Result<Edited, DocumentError>>;
  /** Applies changes of other devices, all or none. Known ones are skipped. */
  apply(ref: DocumentRef, changes: readonly Bytes[]): Promise<Result<Applied, DocumentError>>;
  /** The document by its schema: plain values, its own copy. Malformed fields are reported to `onFault` and left out. */
  read<T>(ref: DocumentRef, schema: DocumentSchema<T>): Promise<Result<T, DocumentError>>;
  /** Puts ops into a bucket, those it has excepted. */
  putOps(ref: DocumentRef, ops: readonly StoredOp[]): Promise<Result<Edited, DocumentError>>;
  /** Every op of a bucket, in no meaningful order. */
  scanOps(ref: DocumentRef): Promise<Result<readonly StoredOp[], DocumentError>>;
  /** Which of these ops a bucket lacks. */
  missingOps(ref: DocumentRef, opIds: readonly OpId[]): Promise<Result<readonly OpId[], DocumentError>>;
  heads(ref: DocumentRef): Promise<Result<readonly string[], DocumentError>>;
  /** Changes that are not ancestors of `heads`. Heads unknown here count as none: more is given, never less. */
  changesSince(ref: DocumentRef, heads: readonly string[]): Promise<Result<readonly Bytes[], DocumentError>>;
  /** Whether all of `heads` are in the document. */
  hasHeads(ref: DocumentRef, heads: readonly string[]): Promise<Result<boolean, DocumentError>>;
  /** The whole document in one compressed piece, for a snapshot. */
  save(
    ref: DocumentRef,
  ): Promise<Result<{ readonly bytes: Bytes; readonly heads: readonly string[] }, DocumentError>>;
  /** Loads what `save` gave by itself: its heads, and its ops if it is a bucket. - Fails: `MalformedChanges`. */
  inspect(ref: DocumentRef, saved: Bytes): Result<Inspected, DocumentError>;
  /** Ops that these changes of a bucket put there, whatever they depend on. */
  opsIn(changes: readonly Bytes[]): readonly StoredOp[];
  /** Names of changes, equal for the same change however it is stored. What is no change has none. */
  changeNames(changes: readonly Bytes[]): readonly string[];
  /** Names of changes that these are built on. */
  dependencies(changes: readonly Bytes[]): readonly string[];
  /** Names of changes that a document waits for. */
  missingChanges(ref: DocumentRef): Promise<Result<readonly string[], DocumentError>>;
  /** Merges what `save` gave on another device. - Fails: `MalformedChanges` unless all of it could be read. */
  merge(ref: DocumentRef, saved: Bytes): Promise<Result<Applied, DocumentError>>;
  /**
   * Takes over what `save` gave on another device. Where there is nothing of the document it is durable at once, as it came
   * and unloaded, and `ops` are those of a bucket; otherwise it is merged, and `ops` is null. - Fails: as `merge`.
   */
  takeOver(ref: DocumentRef, saved: Bytes): Promise<Result<TakenOver, DocumentError>>;
  /** Resolves ok when everything accepted so far is durable; documents that are not loaded are. */
  flush(refs: readonly DocumentRef[]): Promise<Result<void, DocumentError>>;
  /** Saves and unloads. */
  evict(ref: DocumentRef): Promise<Result<void, DocumentError>>;
  /**
   * Brings back a document that is `DocumentDamaged` or `DocumentIncomplete`, from what still opens and `changes`.
   *
   * Damaged chunks are set aside, not deleted. Call it with all that the log and its snapshots have.
   *
   * - Fails: `DocumentIncomplete` when durable changes are in neither; with `isLossAccepted` they are given up.
   */
  repair(ref: DocumentRef, repair: Repair): Promise<Result<void, DocumentError>>;
  /** Deletes a document from this device. */
  remove(ref: DocumentRef): Promise<Result<void, DocumentError>>;
  /** How many documents are loaded. */
  liveCount(): number;
  /** Saves everything. - Fails: with the first document that could not be saved; it is closed all the same. */
  close(): Promise<Result<void, DocumentError>>;
}

/** Documents in `deps.storage`. `automergeReady` comes first. */
export function createDocuments(deps: DocumentsDeps): Documents {
  assert(Automerge.isWasmInitialized(), "automergeReady comes before createDocuments");
  const live = createLiveDocuments(deps);

  const change = (ref: DocumentRef, edit: (draft: DocumentRoot) => void) =>
    live.withLive(ref, (document) => editLive(document, edit));

  const merge: Documents["merge"] = (ref, saved) =>
    live.withLive(ref, (document) => applyLive(document, () => mergeSaved(document, saved)));

  const takeOver: Documents["takeOver"] = async (ref, saved) => {
    const inspected = inspectSaved(ref, saved);
    if (!inspected.ok) return inspected;
    const { heads, ops, isWhole } = inspected.value;
    const stored = isWhole ? await live.storeFirst(ref, { bytes: saved, heads }) : ok(false); // DC22
    if (!stored.ok) return stored;
    if (stored.value) return ok({ heads, missing: 0, ops });
    const merged = await merge(ref, saved);
    return merged.ok ? ok({ ...merged.value, ops: null }) : merged;
  };

  return {
    change,
    draft: (ref, edit) => live.withLive(ref, (document) => draftLive(document, edit)),
    apply: (ref, changes) =>
      live.withLive(ref, (document) => applyLive(document, () => applyAll(document.handle, changes))),
    read: (ref, schema) =>
      live.withLive(ref, ({ handle }) => {
        assert(schema.kind === ref.kind, "a document is read by the schema of its kind");
        const { value, faults } = schema.decode(viewOf(handle.doc()));
        for (const { field, count } of faults)
          deps.onFault({ type: "MalformedField", id: ref.id, field, count });
        return ok(value);
      }),
    putOps(ref, ops) {
      assert(ref.kind === "bucket", "ops are kept in buckets");
      return change(ref, (draft) => putMissing(draft, ops));
    },
    scanOps: (ref) => live.withLive(ref, ({ handle }) => ok(storedOps(handle.doc()))),
    missingOps: (ref, opIds) => live.withLive(ref, ({ handle }) => ok(missingOps(handle.doc(), opIds))),
    heads: (ref) => live.withLive(ref, ({ handle }) => ok(Automerge.getHeads(handle.doc()))),
    changesSince: (ref, heads) =>
      live.withLive(ref, ({ handle }) =>
        ok(
          Automerge.getChangesSince(
            handle.doc(),
            heads.filter((head) => Automerge.hasHeads(handle.doc(), [head])),
          ),
        ),
      ),
    hasHeads: (ref, heads) =>
      live.withLive(ref, ({ handle }) => ok(Automerge.hasHeads(handle.doc(), [...heads]))),
    save: (ref) =>
      live.withLive(ref, ({ handle }) =>
        ok({ bytes: Automerge.save(handle.doc()), heads: Automerge.getHeads(handle.doc()) }),
      ),
    inspect: inspectSaved,
    opsIn: (changes) => changes.flatMap(opsOfChange),
    dependencies: (changes) => changes.flatMap(dependenciesOfChange),
    missingChanges: (ref) =>
      live.withLive(ref, ({ handle }) => ok(Automerge.getMissingDeps(handle.doc(), []))),
    changeNames: (changes) => changes.flatMap(nameOfChange),
    merge,
    takeOver,
    async flush(refs) {
      const ids: readonly DocumentId[] = [...new Set(refs.map((ref) => ref.id))];
      const flushed = await Promise.all(ids.map(async (id) => (await live.peek(id))?.saver.flush() ?? ok()));
      return flushed.find((result) => !result.ok) ?? ok();
    },
    evict: (ref) => live.evict(ref.id),
    repair: live.repair,
    remove: live.remove,
    liveCount: live.liveCount,
    close: live.close,
  };
}
