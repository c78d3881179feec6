/**
 * One Automerge document in memory: its newest state, and who hears that its heads have moved.
 *
 * automerge-repo's own handle is a state machine that looks for peers, makes two more documents and works out every
 * difference for listeners we do not have: that took longer than the documents themselves.
 */
import { Automerge } from "./automerge.ts";

/** The root of a document as Automerge shows it. */
export type DocumentRoot = { [key: string]: unknown };

type Document = Automerge.Doc<DocumentRoot>;

export interface DocumentHandle {
  doc(): Document;
  /** Puts what `step` makes of the document in its place. What it throws is thrown on, and the document is as it was. */
  update(step: (document: Document) => Document): void;
  /** Called after an update that has moved the heads. */
  onMoved: (() => void) | null;
}

/** Holds `document`, of which nobody else may make a newer state. */
export function createDocumentHandle(document: Document): DocumentHandle {
  let newest = document;
  const handle: DocumentHandle = {
    onMoved: null,
    doc: () => newest,
    update(step) {
      // Before the step: it may take from the old state what it needs to tell.
      const before = Automerge.getHeads(newest);
      newest = step(newest);
      const after = Automerge.getHeads(newest);
      if (after.length !== before.length || after.some((head) => !before.includes(head))) handle.onMoved?.();
    },
  };
  return handle;
}
