/**
 * Names of an account's documents. They travel inside ciphertext only; outside a document has the id derived here.
 *
 * Every device derives the same id from the account root, so a document needs no directory. Rule AR1.
 */
import type { Bytes } from "../base/bytes.ts";
import { type DocumentId, idFromBytes } from "../base/ids.ts";
import { encode, id, integer, type ShapeOf, text, variants } from "../codec/shape.ts";
import { deriveKey } from "../crypto/kdf.ts";
import { LABEL } from "../crypto/labels.ts";

export const APPLICATION_NAME_BYTES_MAX = 128;

/** `bucket` holds the ops of one device in one conversation with `deviceSeq div 512 = index`. */
export const documentNameShape = variants({
  inbox: [1, {}],
  contacts: [2, {}],
  tags: [3, {}],
  groups: [4, {}],
  settings: [5, {}],
  bucket: [6, { conversationId: id("conversation"), device: id("device"), index: integer(0) }],
  app: [7, { name: text(APPLICATION_NAME_BYTES_MAX) }],
});
export type DocumentName = ShapeOf<typeof documentNameShape>;

/** The id of a document of the account with this root. */
export function documentId(accountRoot: Bytes, name: DocumentName): DocumentId {
  return idFromBytes(
    "document",
    deriveKey(accountRoot, LABEL.documentId, encode(documentNameShape, name)).subarray(0, 16),
  );
}
