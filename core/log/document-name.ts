/**
 * Names of an account's documents. They travel inside ciphertext only; outside a document has the id derived here.
 *
 * Every device derives the same id from the account root, so a document needs no directory. Rules AR1, DE7.
 */
import type { Bytes } from "../base/bytes.ts";
import { type ConversationId, type DeviceId, type DocumentId, idFromBytes } from "../base/ids.ts";
import { encode, id, integer, type ShapeOf, text, variants } from "../codec/shape.ts";
import { deriveKey } from "../crypto/kdf.ts";
import { LABEL } from "../crypto/labels.ts";
import type { DocumentKind } from "../document/schema/document-kind.ts";

export const APPLICATION_NAME_BYTES_MAX = 128;

/**
 * `bucket` holds the ops of one device in one conversation with `deviceSeq div 512 = index`; `rewritten` is what takes its
 * place once something in it was deleted.
 */
export const documentNameShape = variants({
  inbox: [1, {}],
  contacts: [2, {}],
  tags: [3, {}],
  groups: [4, {}],
  settings: [5, {}],
  bucket: [6, { conversationId: id("conversation"), device: id("device"), index: integer(0) }],
  app: [7, { name: text(APPLICATION_NAME_BYTES_MAX) }],
  deletions: [8, {}],
  rewritten: [
    9,
    {
      conversationId: id("conversation"),
      device: id("device"),
      index: integer(0),
      generation: integer(1),
    },
  ],
});
export type DocumentName = ShapeOf<typeof documentNameShape>;

/** Documents of which there is one each in every account. */
export const STATE_DOCUMENTS: readonly DocumentName[] = [
  { type: "inbox" },
  { type: "contacts" },
  { type: "tags" },
  { type: "groups" },
  { type: "settings" },
  { type: "deletions" },
];

/** A bucket, rewritten or not. */
export type BucketName = DocumentName & { readonly type: "bucket" | "rewritten" };

/** Which ops a bucket is for, whatever its generation. */
export interface BucketPlace {
  readonly conversationId: ConversationId;
  readonly device: DeviceId;
  readonly index: number;
}

/** The bucket of a place in a generation; 0 is the first. */
export function bucketName({ conversationId, device, index }: BucketPlace, generation: number): BucketName {
  return generation === 0
    ? { type: "bucket", conversationId, device, index }
    : { type: "rewritten", conversationId, device, index, generation };
}

/** Tells buckets from other documents. */
export function isBucket(name: DocumentName): name is BucketName {
  return name.type === "bucket" || name.type === "rewritten";
}

/** How often the bucket was rewritten, as a number that only grows. */
export function generationOf(name: BucketName): number {
  return name.type === "rewritten" ? name.generation : 0;
}

/** What a document of this name is like. */
export function kindOf(name: DocumentName): DocumentKind {
  return name.type === "rewritten" ? "bucket" : name.type;
}

/** The id of a document of the account with this root. */
export function documentId(accountRoot: Bytes, name: DocumentName): DocumentId {
  return idFromBytes(
    "document",
    deriveKey(accountRoot, LABEL.documentId, encode(documentNameShape, name)).subarray(0, 16),
  );
}
