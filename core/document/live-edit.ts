/** Editing a loaded document and applying changes to it. Rules DC4 to DC7, DC18. */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { parseId } from "../base/ids.ts";
import { err, ok, type Result } from "../base/result.ts";
import { Automerge, copyWithActor } from "./automerge.ts";
import { missingOps, type StoredOp, takeOps } from "./schema/bucket.ts";
import type { DocumentError } from "./document-error.ts";
import { createDocumentHandle } from "./document-handle.ts";
import type { DocumentRef } from "./schema/document-kind.ts";
import { genesisHash } from "./schema/genesis.ts";
import { applyAll, type DocumentRoot, type LiveDocument } from "./document-loader.ts";

/** What a local edit made: the changes to send, in their order, and the heads after them. */
export interface Edited {
  readonly changes: readonly Bytes[];
  readonly heads: readonly string[];
}

/** What applying changes did. */
export interface Applied {
  readonly heads: readonly string[];
  /** Changes that are not here and that something here depends on; what waits for them is not visible yet. */
  readonly missing: number;
  /** Whether the heads moved. */
  readonly changed: boolean;
}

/** Runs an edit as one change. */
export function editLive(
  live: LiveDocument,
  edit: (draft: DocumentRoot) => void,
): Result<Edited, DocumentError> {
  return edited(live, () => live.handle.update((document) => editOnce(document, edit)));
}

/** What `editLive` would make, of a copy: the document stays as it is. AR6 */
export function draftLive(
  { ref, handle }: LiveDocument,
  edit: (draft: DocumentRoot) => void,
): Result<Edited, DocumentError> {
  const document = handle.doc();
  const copy = createDocumentHandle(copyWithActor(document, Automerge.getActorId(document)));
  try {
    return edited({ ref, handle: copy }, () => copy.update((draft) => editOnce(draft, edit)));
  } finally {
    Automerge.free(copy.doc());
  }
}

/** No time and no message: the same edit is the same bytes whenever it is made, and tells nobody when that was. DC4 */
function editOnce(
  document: Automerge.Doc<DocumentRoot>,
  edit: (draft: DocumentRoot) => void,
): Automerge.Doc<DocumentRoot> {
  return Automerge.change(document, { time: 0 }, (draft) => {
    const returned: unknown = edit(draft);
    assert(!(returned instanceof Promise), "an edit is not async");
  });
}

function edited(
  { ref, handle }: Pick<LiveDocument, "ref" | "handle">,
  edit: () => void,
): Result<Edited, DocumentError> {
  const before = Automerge.getHeads(handle.doc());
  try {
    edit();
  } catch (thrown) {
    if (thrown instanceof RangeError) return err({ type: "EditRefused", id: ref.id }); // DC6
    return engineFailure(ref, thrown);
  }
  const document = handle.doc();
  return ok({ changes: Automerge.getChangesSince(document, before), heads: Automerge.getHeads(document) });
}

/** Runs `apply`, which tells whether it could read all of what it was given. */
export function applyLive(
  { ref, handle }: LiveDocument,
  apply: () => boolean,
): Result<Applied, DocumentError> {
  const before = Automerge.getHeads(handle.doc());
  try {
    if (!apply()) return err({ type: "MalformedChanges", id: ref.id });
  } catch (thrown) {
    return engineFailure(ref, thrown);
  }
  const document = handle.doc();
  const heads = Automerge.getHeads(document);
  const changed = heads.length !== before.length || heads.some((head) => !before.includes(head));
  return ok({ heads, missing: Automerge.getMissingDeps(document, []).length, changed });
}

/**
 * Merges a saved document. Read strictly in a document of its own first: merged directly, the readable part of damaged
 * bytes would go in. DC5
 */
export function mergeSaved({ ref, handle }: LiveDocument, saved: Bytes): boolean {
  let other: Automerge.Doc<DocumentRoot>;
  try {
    other = Automerge.load<DocumentRoot>(saved, { actor: Automerge.getActorId(handle.doc()) });
  } catch (thrown) {
    if (thrown instanceof RangeError || thrown instanceof TypeError) return false;
    throw thrown;
  }
  const replaced = isReplacedBy(ref, handle.doc(), other) ? handle.doc() : null;
  try {
    if (replaced !== null) {
      handle.update(() => other);
      return true;
    }
    // No bytes at all load as a document without changes, which no device ever saved: every document has its genesis.
    return Automerge.getHeads(other).length > 0 && applyAll(handle, Automerge.getAllChanges(other));
  } finally {
    Automerge.free(replaced ?? other);
  }
}

/** Whether a document holds no more than its beginning, and `other` begins the same: merged, they are `other`. */
function isReplacedBy(
  { kind }: DocumentRef,
  document: Automerge.Doc<DocumentRoot>,
  other: Automerge.Doc<DocumentRoot>,
): boolean {
  const [head, ...more] = Automerge.getHeads(document);
  return (
    head !== undefined &&
    more.length === 0 &&
    genesisHash(kind) === head &&
    Automerge.getMissingDeps(document, []).length === 0 &&
    Automerge.hasHeads(other, [head])
  );
}

/** The hash of a change; none for bytes that are not one. */
export function nameOfChange(change: Bytes): readonly string[] {
  try {
    return [Automerge.decodeChange(change).hash];
  } catch (thrown) {
    if (thrown instanceof RangeError || thrown instanceof TypeError) return [];
    throw thrown;
  }
}

/** Names of the changes one is built on; none for bytes that are no change. */
export function dependenciesOfChange(change: Bytes): readonly string[] {
  try {
    return Automerge.decodeChange(change).deps;
  } catch (thrown) {
    if (thrown instanceof RangeError || thrown instanceof TypeError) return [];
    throw thrown;
  }
}

/** The ops a change puts into a bucket; none for bytes that are no change. */
export function opsOfChange(change: Bytes): readonly StoredOp[] {
  let decoded: ReturnType<typeof Automerge.decodeChange>;
  try {
    decoded = Automerge.decodeChange(change);
  } catch (thrown) {
    if (thrown instanceof RangeError || thrown instanceof TypeError) return [];
    throw thrown;
  }
  return decoded.ops.flatMap((op): readonly StoredOp[] => {
    const opId = parseId("op", String(op.key ?? ""));
    const value: unknown = op.action === "set" ? op.value : null;
    const isBytes =
      value instanceof Uint8Array ||
      (Array.isArray(value) && value.every((one) => Number.isInteger(one) && one >= 0 && one < 256));
    return opId.ok && isBytes ? [[opId.value, Uint8Array.from(value)]] : [];
  });
}

/** What a saved document holds. */
export interface Inspected {
  readonly heads: readonly string[];
  /** Of a bucket. */
  readonly ops: readonly StoredOp[];
  /** Whether it begins as every document of its kind and lacks nothing: such a one can be stored as it is. */
  readonly isWhole: boolean;
}

/** Loads a saved document by itself and lets go of it. */
export function inspectSaved(ref: DocumentRef, saved: Bytes): Result<Inspected, DocumentError> {
  let document: Automerge.Doc<DocumentRoot>;
  try {
    document = Automerge.load<DocumentRoot>(saved);
  } catch (thrown) {
    if (thrown instanceof RangeError || thrown instanceof TypeError)
      return err({ type: "MalformedChanges", id: ref.id });
    return engineFailure(ref, thrown);
  }
  try {
    const ops = ref.kind === "bucket" ? takeOps(document) : [];
    const isWhole =
      Automerge.hasHeads(document, [genesisHash(ref.kind)]) &&
      Automerge.getMissingDeps(document, []).length === 0;
    return ok({ heads: Automerge.getHeads(document), ops, isWhole });
  } finally {
    Automerge.free(document);
  }
}

/** Puts those of `ops` that a bucket lacks. */
export function putMissing(draft: DocumentRoot, ops: readonly StoredOp[]): void {
  const missing = new Set(
    missingOps(
      draft,
      ops.map(([opId]) => opId),
    ),
  );
  for (const [opId, bytes] of ops) {
    if (!missing.delete(opId)) continue;
    (draft.ops as { [opId: string]: Bytes })[opId] = bytes; // DC20
  }
}

/** A trap inside WebAssembly leaves Automerge unusable; anything else thrown is our own mistake. */
function engineFailure(ref: DocumentRef, thrown: unknown): Result<never, DocumentError> {
  if (thrown instanceof WebAssembly.RuntimeError) return err({ type: "DocumentEngineFailed", id: ref.id });
  throw thrown;
}
