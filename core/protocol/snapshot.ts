/**
 * A snapshot of an account log as the server holds it: a clear header it acts on, and a sealed part it cannot read.
 * Rules SN1-SN4.
 *
 * The header says what may be trimmed (`upto`, `except`) and which blobs are in use; all else about the documents is in
 * the sealed part and in the blobs. The signature inside covers the header.
 */
import type { Bytes } from "../base/bytes.ts";
import { type BlobId, idFromBytes, type SnapshotId } from "../base/ids.ts";
import { SNAPSHOT_BLOBS_MAX, SNAPSHOT_EXCEPT_MAX } from "../base/limits.ts";
import { err, type Result } from "../base/result.ts";
import {
  bytes,
  type DecodeError,
  decode,
  embedded,
  encode,
  id,
  integer,
  list,
  literal,
  nullable,
  type ShapeOf,
  struct,
} from "../codec/shape.ts";
import { hash } from "../crypto/hash.ts";
import { LABEL } from "../crypto/labels.ts";
import { logPointShape } from "./entry.ts";

export const SNAPSHOT_HEADER_BYTES_MAX = 327_680;
export const SNAPSHOT_SEALED_BYTES_MAX = 65_536;
export const ENDORSEMENT_BYTES_MAX = 512;
/** Endorsements handed out with a snapshot. */
const ENDORSEMENTS_MAX = 64;

/**
 * - `upto`: every entry up to this point of the log is in the documents, but those in `except`.
 * - `previous`: the snapshot this one follows; the server installs it only on that one.
 * - `blobs`: everything the snapshot consists of, the index first.
 */
export const snapshotHeaderShape = struct({
  version: literal(1),
  logId: id("log"),
  epoch: integer(1),
  upto: logPointShape,
  except: list(integer(1), SNAPSHOT_EXCEPT_MAX),
  previous: nullable(id("snapshot")),
  blobs: list(id("blob"), SNAPSHOT_BLOBS_MAX, 1),
});
export type SnapshotHeader = ShapeOf<typeof snapshotHeaderShape>;

/** A snapshot as it travels. */
export const snapshotShape = struct({
  header: embedded(SNAPSHOT_HEADER_BYTES_MAX),
  sealed: bytes(1, SNAPSHOT_SEALED_BYTES_MAX),
});
export type Snapshot = ShapeOf<typeof snapshotShape>;

/** A snapshot the server holds. `snapshot` is null when the reader has it. */
export const storedSnapshotShape = struct({
  id: id("snapshot"),
  snapshot: nullable(snapshotShape),
  endorsements: list(bytes(1, ENDORSEMENT_BYTES_MAX), ENDORSEMENTS_MAX),
});
export type StoredSnapshot = ShapeOf<typeof storedSnapshotShape>;

export type SnapshotHeaderError = DecodeError | { readonly type: "ExceptNotAscending" };

/** Header of received bytes; `except` ascends and ends at `upto` at the latest. */
export function parseSnapshotHeader(header: Bytes): Result<SnapshotHeader, SnapshotHeaderError> {
  const decoded = decode(snapshotHeaderShape, header);
  if (!decoded.ok) return decoded;
  const { except, upto } = decoded.value;
  const ascends = except.every((seq, index) => seq > (except[index - 1] ?? 0) && seq <= upto.seq);
  return ascends ? decoded : err({ type: "ExceptNotAscending" });
}

/** Bytes of a header. */
export function encodeSnapshotHeader(header: SnapshotHeader): Bytes {
  return encode(snapshotHeaderShape, header);
}

/** Name of a snapshot; its header names the log. */
export function snapshotId(snapshot: Snapshot): SnapshotId {
  return idFromBytes("snapshot", hash(LABEL.snapshotId, snapshot.header, snapshot.sealed));
}

/** Name of a blob. */
export function blobId(blob: Bytes): BlobId {
  return idFromBytes("blob", hash(LABEL.blobId, blob));
}
