/**
 * A pack: documents that are sealed together. Rules SN17, SN38.
 *
 * An account has as many buckets as it has conversations, and more; a snapshot names a limited number of blobs. So small
 * documents lie one behind the other in one pack. What a pack holds is all in use: one of whose documents changed or was
 * deleted is made anew without it, or a deletion would delete nothing.
 */
import type { Padding } from "../../crypto/padding.ts";
import { type Bytes, concatBytes } from "../../base/bytes.ts";
import { SNAPSHOT_PACK_DOCUMENTS_MAX } from "../../base/limits.ts";
import type { Random } from "../../base/random.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { bytes, id, integer, list, type ShapeOf, struct } from "../../codec/shape.ts";
import { blobId } from "../../protocol/snapshot.ts";
import type { AccountLog } from "../account-entry.ts";
import { documentNameShape } from "../document-name.ts";
import { openParts, PART_BYTES_MAX, PARTS_MAX, type SnapshotBlobError, sealParts } from "./snapshot-blob.ts";

export const HEADS_PER_DOCUMENT_MAX = 1_024;
const KEY_BYTES = 32;

/** A document in a pack: its heads, how many bytes it takes, and its newest op, which orders buckets; 0 for others. */
export const packedDocumentShape = struct({
  name: documentNameShape,
  heads: list(bytes(32), HEADS_PER_DOCUMENT_MAX, 1),
  bytes: integer(1, PARTS_MAX * PART_BYTES_MAX),
  newestHlc: integer(0),
});
export type PackedDocument = ShapeOf<typeof packedDocumentShape>;

/** The blobs open under `key` to the documents' saved bytes, in this order and with nothing between or after. */
export const packShape = struct({
  key: bytes(KEY_BYTES),
  blobs: list(id("blob"), PARTS_MAX, 1),
  documents: list(packedDocumentShape, SNAPSHOT_PACK_DOCUMENTS_MAX, 1),
});
export type Pack = ShapeOf<typeof packShape>;

export type PackError = SnapshotBlobError | { readonly type: "WrongPackLength" };

/** A document that is to be packed, and its saved bytes. */
export interface SavedDocument {
  readonly document: Omit<PackedDocument, "bytes">;
  readonly saved: Bytes;
}

/** Seals documents together. Null when there is more of them than a pack holds. */
export function sealPack(
  random: Random,
  log: AccountLog,
  contents: readonly SavedDocument[],
  padding?: Padding,
): { readonly pack: Pack; readonly blobs: readonly Bytes[] } | null {
  const key = random.bytes(KEY_BYTES);
  const bytes = concatBytes(...contents.map(({ saved }) => saved));
  const blobs = sealParts(random, log, { key, bytes }, padding);
  if (blobs.length > PARTS_MAX || contents.length > SNAPSHOT_PACK_DOCUMENTS_MAX) return null;
  const documents = contents.map(({ document, saved }) => ({ ...document, bytes: saved.length }));
  return { pack: { key, blobs: blobs.map(blobId), documents }, blobs };
}

/** The saved bytes of each document of a pack, in its order. - Fails: `WrongPackLength` when they are more or less than it says. */
export function openPack(
  log: AccountLog,
  pack: Pack,
  blobs: readonly Bytes[],
): Result<readonly Bytes[], PackError> {
  const opened = openParts(log, pack.key, blobs);
  if (!opened.ok) return opened;
  // SN38: what no document takes would stay with whatever is in it.
  if (packBytes(pack) !== opened.value.length) return err({ type: "WrongPackLength" });
  let at = 0;
  return ok(
    pack.documents.map((document) => {
      at += document.bytes;
      return opened.value.subarray(at - document.bytes, at);
    }),
  );
}

/** How many bytes of documents are in a pack. */
export function packBytes(pack: Pack): number {
  return pack.documents.reduce((sum, document) => sum + document.bytes, 0);
}
