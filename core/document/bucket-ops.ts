/**
 * What a loaded bucket holds, beside the document. Rules DC7, DC20.
 *
 * Automerge brings the objects it shows up to date by copying their maps, and that of a bucket is as long as its history:
 * with each change it took longer than the change. So changes go into the document alone, and of what they name the
 * values are read from it.
 */
import type { Bytes } from "../base/bytes.ts";
import { type OpId, parseId } from "../base/ids.ts";
import { Automerge, drawnApart } from "./automerge.ts";
import { type StoredOp, takeOps } from "./schema/bucket.ts";

/** The map of ops, named by the operation of the genesis change that makes it, and where it stands. */
const OPS_OBJECT = `1@${"00".repeat(16)}`;
const OPS_PLACE = "/ops";

type DocumentRoot = { [key: string]: unknown };
type Document = Automerge.Doc<DocumentRoot>;

export interface BucketOps {
  /** All that stands in the document. */
  root(): DocumentRoot;
  /** Every op, by its id; not to be changed. */
  all(): ReadonlyMap<OpId, Bytes>;
  /** Puts ops it lacks, as one change. */
  put(ops: readonly StoredOp[]): void;
  /** Applies changes, all or none. - Fails: throws `RangeError` when one is malformed. */
  apply(changes: readonly Bytes[]): void;
  /** Another document has taken the place of the former, or it was changed from outside. */
  forget(): void;
}

/** The ops of the bucket that `document` gives. */
export function createBucketOps(document: () => Document): BucketOps {
  /** Null when they are to be read anew. */
  let held: Map<OpId, Bytes> | null = null;
  /** The document whose objects are older than it is. */
  let ahead: ReturnType<typeof Automerge.getBackend> | null = null;

  const backend = () => Automerge.getBackend(document());

  const root = (): DocumentRoot => (ahead === backend() ? drawnApart(document()) : document());

  function all(): Map<OpId, Bytes> {
    held ??= new Map(takeOps(root()));
    return held;
  }

  function leaveObjects(): void {
    if (ahead === backend()) return;
    ahead = backend();
    // What the objects lack would be noted for them as long as the document is loaded.
    ahead.resetDiffCursor();
  }

  function put(ops: readonly StoredOp[]): void {
    const known = all();
    const lacking = new Map(ops.filter(([opId]) => !known.has(opId)));
    if (lacking.size === 0) return;
    leaveObjects();
    const inside = backend();
    try {
      for (const [opId, bytes] of lacking) inside.put(OPS_PLACE, opId, bytes, "bytes"); // DC20
    } catch (thrown) {
      inside.rollback();
      throw thrown;
    }
    inside.commit(undefined, 0); // DC4
    for (const [opId, bytes] of lacking) known.set(opId, bytes.slice());
  }

  function apply(changes: readonly Bytes[]): void {
    if (changes.length === 0) return;
    const known = all();
    const keys = keysIn(changes);
    const inside = backend();
    const isWaiting = () => inside.getMissingDeps([]).length > 0;
    const hasWaited = isWaiting();
    leaveObjects();
    inside.applyChanges([...changes]);
    if (keys === null || hasWaited || isWaiting()) {
      held = null;
      return;
    }
    for (const key of keys) {
      const opId = parseId("op", key);
      if (!opId.ok) continue;
      const value: unknown = inside.get(OPS_PLACE, key);
      if (value instanceof Uint8Array) known.set(opId.value, value);
      else known.delete(opId.value);
    }
  }

  return {
    root,
    all,
    put,
    apply,
    forget() {
      held = null;
    },
  };
}

/** Keys of the ops that these changes write; null when they write anything else. */
function keysIn(changes: readonly Bytes[]): readonly string[] | null {
  const written = changes.flatMap((change) => Automerge.decodeChange(change).ops);
  const keys = written.flatMap(({ obj, key }) => (obj === OPS_OBJECT && key !== undefined ? [key] : []));
  return keys.length === written.length ? keys : null;
}
