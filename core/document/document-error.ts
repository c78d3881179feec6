/** What can go wrong with a document, as plain values. */
import type { DocumentId } from "../base/ids.ts";

export type DocumentError =
  /** A stored chunk does not open. It is kept; `repair` with changes from the log or a snapshot brings the rest. */
  | { readonly type: "DocumentDamaged"; readonly id: DocumentId; readonly chunks: number }
  /** What is stored lacks changes that were durable once. Never an empty document: `repair` it. */
  | { readonly type: "DocumentIncomplete"; readonly id: DocumentId; readonly missingHeads: number }
  /** The medium refused. A save goes on being tried; nothing that was accepted is dropped. */
  | { readonly type: "DocumentStorageUnavailable"; readonly id: DocumentId; readonly detail: string }
  /** Bytes that are no Automerge changes, or contradict those present. The document is as it was. */
  | { readonly type: "MalformedChanges"; readonly id: DocumentId }
  /** The edit used a key or a value that documents do not hold. The document is as it was. */
  | { readonly type: "EditRefused"; readonly id: DocumentId }
  /** Automerge stopped in the middle of an operation; it cannot go on in this process. */
  | { readonly type: "DocumentEngineFailed"; readonly id: DocumentId }
  /** `close` was called. */
  | { readonly type: "DocumentsClosed" };

/** Something to be told apart from the result of a call. */
export type DocumentFault =
  /** A save failed and will be tried again. */
  | {
      readonly type: "SaveFailed";
      readonly id: DocumentId;
      readonly attempts: number;
      readonly detail: string;
    }
  /** A document did not load whole: `repair` it. */
  | { readonly type: "LoadFailed"; readonly id: DocumentId }
  /** A save that had failed is on disk now. */
  | { readonly type: "SaveRecovered"; readonly id: DocumentId; readonly attempts: number }
  /** A value in a state document is not what its schema says; readers see the default instead, and it stays as it is. */
  | {
      readonly type: "MalformedField";
      readonly id: DocumentId;
      readonly field: string;
      readonly count: number;
    };

/** Whether the document is stored, and not whole. */
export function isDamage(error: { readonly type: string }): boolean {
  return error.type === "DocumentDamaged" || error.type === "DocumentIncomplete";
}
