/** The table of contents of a snapshot: its documents, and where in which log it stands. Rule SN18. */
import { type Bytes, toHex } from "../../base/bytes.ts";
import {
  type DecodeError,
  decode,
  encode,
  id,
  integer,
  list,
  literal,
  type ShapeOf,
  struct,
} from "../../codec/shape.ts";
import { SNAPSHOT_BLOBS_MAX, SNAPSHOT_DOCUMENTS_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { logPointShape } from "../../protocol/entry.ts";
import type { AccountLog } from "../account-entry.ts";
import { documentNameShape } from "../document-name.ts";
import type { OpenedManifest } from "./manifest.ts";
import { type Pack, type PackedDocument, packShape } from "./pack.ts";
import { openParts, type SnapshotBlobError } from "./snapshot-blob.ts";

/** Entries of inbound logs that a sibling has archived and the maker had not read. */
export const ARCHIVED_AHEAD_MAX = 4_096;
const DEVICES_EVER_MAX = 4_096;
const INBOUND_LOGS_MAX = 16_384;

/**
 * - `epochFloor`, `siblings`: what a reader of the account log knows at `upto`: the highest epoch of a valid entry, the last
 *   entry of each device.
 * - `inbound`: points of other logs up to which every op is in the account log; `archived` are entries after them of
 *   which the same is known.
 */
export const snapshotIndexShape = struct({
  version: literal(2),
  packs: list(packShape, SNAPSHOT_BLOBS_MAX),
  epochFloor: integer(0),
  siblings: list(struct({ device: id("device"), last: id("entry") }), DEVICES_EVER_MAX),
  inbound: list(struct({ logId: id("log"), point: logPointShape }), INBOUND_LOGS_MAX),
  archived: list(id("entry"), ARCHIVED_AHEAD_MAX),
});
export type SnapshotIndex = ShapeOf<typeof snapshotIndexShape>;

/** Bytes of an index. */
export function encodeSnapshotIndex(index: SnapshotIndex): Bytes {
  return encode(snapshotIndexShape, index);
}

export type SnapshotIndexError =
  | DecodeError
  | { readonly type: "TooManyDocuments" }
  | { readonly type: "RepeatedDocument" };

/** Reads an index; a sibling's word, checked like any other bytes. */
export function parseSnapshotIndex(index: Bytes): Result<SnapshotIndex, SnapshotIndexError> {
  const decoded = decode(snapshotIndexShape, index);
  if (!decoded.ok) return decoded;
  const documents = documentsOf(decoded.value.packs);
  if (documents.length > SNAPSHOT_DOCUMENTS_MAX) return err({ type: "TooManyDocuments" });
  // SN18: of two, a sibling could compare the one and a new device load the other.
  const names = new Set(documents.map(({ name }) => toHex(encode(documentNameShape, name))));
  return names.size === documents.length ? decoded : err({ type: "RepeatedDocument" });
}

export type OpenIndexError = SnapshotIndexError | SnapshotBlobError | { readonly type: "OtherBlobs" };

/** The index in its blobs. - Fails: `OtherBlobs` when the manifest does not keep all that the index names, or not that only. */
export function openSnapshotIndex(
  log: AccountLog,
  { header, content }: OpenedManifest,
  parts: readonly Bytes[],
): Result<SnapshotIndex, OpenIndexError> {
  const opened = openParts(log, content.indexKey, parts);
  if (!opened.ok) return opened;
  const index = parseSnapshotIndex(opened.value);
  if (!index.ok) return index;
  // SN18: the server lets go what no manifest names, whatever an index says.
  const kept = header.blobs.slice(content.indexParts);
  const named = index.value.packs.flatMap(({ blobs }) => blobs);
  const isSame = kept.length === named.length && kept.every((blob, at) => blob === named[at]);
  const isOnce = new Set(header.blobs).size === header.blobs.length;
  return isSame && isOnce ? ok(index.value) : err({ type: "OtherBlobs" });
}

/** Every document of these packs. */
export function documentsOf(packs: readonly Pack[]): readonly PackedDocument[] {
  return packs.flatMap((pack) => pack.documents);
}
