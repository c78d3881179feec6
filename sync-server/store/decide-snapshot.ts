/** Whether a snapshot is installed. Pure: every adapter asks here. Rules SN4-SN6. */
import type { BlobId, SnapshotId } from "@dovetail/core/base/ids.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import type { NewSnapshot } from "./snapshot-store.ts";

/** What stands as of this moment of the transaction. */
export interface SnapshotCase {
  readonly isOwnAccountLog: boolean;
  readonly isActive: boolean;
  readonly epoch: number;
  readonly head: { readonly incarnation: number; readonly seq: number };
  readonly last: { readonly id: SnapshotId; readonly uptoSeq: number } | null;
  hasBlob(id: BlobId): boolean;
}

/** `there` for the snapshot that was installed last, which is the retry of a lost answer. */
export function checkSnapshot(
  { id, fields }: NewSnapshot,
  { isOwnAccountLog, isActive, epoch, head, last, hasBlob }: SnapshotCase,
): "install" | "there" | FailureCode {
  if (!isOwnAccountLog) return "forbidden";
  if (!isActive) return "revoked-device";
  if (last?.id === id) return "there";
  // SN5: of two devices that follow the same snapshot, one wins; the other begins anew on the winner's.
  if (fields.previous !== (last?.id ?? null)) return "snapshot-conflict";
  if (fields.epoch !== epoch) return "stale-epoch";
  const { upto } = fields;
  if (upto.incarnation !== head.incarnation || upto.seq > head.seq) return "seq-out-of-range";
  if (upto.seq < (last?.uptoSeq ?? 0)) return "seq-out-of-range";
  return fields.blobs.every(hasBlob) ? "install" : "blob-missing"; // SN6
}
