/** The kinds of documents and how one is named. */
import type { DocumentId } from "../../base/ids.ts";

/** `bucket` holds ops of one conversation; `app` is any document of an application; the others are the account's state. */
export const DOCUMENT_KINDS = [
  "inbox",
  "contacts",
  "tags",
  "groups",
  "settings",
  "deletions",
  "bucket",
  "app",
] as const;

export type DocumentKind = (typeof DOCUMENT_KINDS)[number];

/** Names one document. Whoever makes the reference knows its kind: it decides the genesis bytes. */
export interface DocumentRef {
  /** Also automerge-repo's document id. */
  readonly id: DocumentId;
  readonly kind: DocumentKind;
}
