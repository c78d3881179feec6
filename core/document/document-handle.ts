/**
 * One Automerge document in memory: its newest state, and who hears that its heads have moved.
 *
 * automerge-repo's own handle is a state machine that looks for peers, makes two more documents and works out every
 * difference for listeners we do not have: that took longer than the documents themselves.
 */
import type { Bytes } from "../base/bytes.ts";
import { Automerge, withChanges } from "./automerge.ts";
import { type BucketOps, createBucketOps } from "./bucket-ops.ts";
import type { DocumentKind } from "./schema/document-kind.ts";

/** The root of a document as Automerge shows it. */
export type DocumentRoot = { [key: string]: unknown };

type Document = Automerge.Doc<DocumentRoot>;

export interface DocumentHandle {
  /** As Automerge's functions take it: the objects a bucket shows may be older. */
  doc(): Document;
  /** What stands in it. */
  root(): DocumentRoot;
  /** Of a bucket. */
  readonly ops: Pick<BucketOps, "all" | "put"> | null;
  /** Puts what `step` makes of the document in its place. What it throws is thrown on, and the document is as it was. */
  update(step: (document: Document) => Document): void;
  /** Applies changes, all or none. - Fails: throws `RangeError` when one is malformed. DC5 */
  apply(changes: readonly Bytes[]): void;
  /** Called after an update that has moved the heads. */
  onMoved: (() => void) | null;
}

/** Holds `document`, of which nobody else may make a newer state. */
export function createDocumentHandle(document: Document, kind: DocumentKind): DocumentHandle {
  let newest = document;
  const bucket = kind === "bucket" ? createBucketOps(() => newest) : null;

  function moving(step: () => void): void {
    // Before the step: it may take from the old state what it needs to tell.
    const before = Automerge.getHeads(newest);
    step();
    const after = Automerge.getHeads(newest);
    if (after.length !== before.length || after.some((head) => !before.includes(head))) handle.onMoved?.();
  }

  const handle: DocumentHandle = {
    onMoved: null,
    doc: () => newest,
    root: () => bucket?.root() ?? newest,
    ops: bucket === null ? null : { all: bucket.all, put: (ops) => moving(() => bucket.put(ops)) },
    update: (step) =>
      moving(() => {
        newest = step(newest);
        bucket?.forget();
      }),
    apply: (changes) =>
      moving(() => {
        if (bucket === null) newest = withChanges(newest, changes);
        else bucket.apply(changes);
      }),
  };
  return handle;
}
