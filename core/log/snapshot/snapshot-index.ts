/** The table of contents of a snapshot: its documents, and where in which log it stands. Rule SN18. */
import type { Bytes } from "../../base/bytes.ts";
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
import { err, type Result } from "../../base/result.ts";
import { logPointShape } from "../../protocol/entry.ts";
import { type Pack, type PackedDocument, packShape } from "./pack.ts";

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

export type SnapshotIndexError = DecodeError | { readonly type: "TooManyDocuments" };

/** Reads an index; a sibling's word, checked like any other bytes. */
export function parseSnapshotIndex(index: Bytes): Result<SnapshotIndex, SnapshotIndexError> {
  const decoded = decode(snapshotIndexShape, index);
  if (!decoded.ok) return decoded;
  return documentsOf(decoded.value.packs).length > SNAPSHOT_DOCUMENTS_MAX
    ? err({ type: "TooManyDocuments" })
    : decoded;
}

/** Every document of these packs. */
export function documentsOf(packs: readonly Pack[]): readonly PackedDocument[] {
  return packs.flatMap((pack) => pack.documents);
}
