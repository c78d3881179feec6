/** The table of contents of a snapshot: its documents, and where in which log it stands. Rule SN18. */
import type { Bytes } from "../../base/bytes.ts";
import {
  bytes,
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
import type { Result } from "../../base/result.ts";
import { SNAPSHOT_BLOBS_MAX } from "../../base/limits.ts";
import { logPointShape } from "../../protocol/entry.ts";
import { documentNameShape } from "../document-name.ts";
import { PARTS_MAX } from "./snapshot-blob.ts";

export const HEADS_PER_DOCUMENT_MAX = 1_024;
/** Entries of inbound logs that a sibling has archived and the maker had not read. */
export const ARCHIVED_AHEAD_MAX = 4_096;
const DEVICES_EVER_MAX = 4_096;
const INBOUND_LOGS_MAX = 16_384;

/** A document: its heads, and the blobs that open under `key` to its saved bytes. `newestHlc` orders buckets, 0 for others. */
export const documentRowShape = struct({
  name: documentNameShape,
  heads: list(bytes(32), HEADS_PER_DOCUMENT_MAX, 1),
  key: bytes(32),
  blobs: list(id("blob"), PARTS_MAX, 1),
  newestHlc: integer(0),
});
export type DocumentRow = ShapeOf<typeof documentRowShape>;

/**
 * - `epochFloor`, `siblings`: what a reader of the account log knows at `upto`: the highest epoch of a valid entry, the last
 *   entry of each device.
 * - `inbound`: points of other logs up to which every op is in the account log; `archived` are entries after them of
 *   which the same is known.
 */
export const snapshotIndexShape = struct({
  version: literal(1),
  documents: list(documentRowShape, SNAPSHOT_BLOBS_MAX),
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

/** Reads an index; a sibling's word, checked like any other bytes. */
export function parseSnapshotIndex(index: Bytes): Result<SnapshotIndex, DecodeError> {
  return decode(snapshotIndexShape, index);
}
