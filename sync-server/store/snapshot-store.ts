/**
 * Port: snapshots, the blobs they consist of, and what the server gives up on their strength. Rules SN1-SN16.
 *
 * Contract: test/contract/snapshot-store.ts, run on every adapter. Promises are those of `LogStore`.
 */
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import type { AccountId, BlobId, DeviceId, LogId, SnapshotId } from "@dovetail/core/base/ids.ts";
import type { Result } from "@dovetail/core/base/result.ts";
import type { LogPoint, PlacedEntry } from "@dovetail/core/protocol/entry.ts";
import type { Snapshot, SnapshotHeader, StoredSnapshot } from "@dovetail/core/protocol/snapshot.ts";
import type { Refusal } from "./refusal.ts";

/** A snapshot to install; `id` and `fields` were computed from its bytes. */
export interface NewSnapshot {
  readonly accountId: AccountId;
  readonly deviceId: DeviceId;
  readonly id: SnapshotId;
  readonly fields: SnapshotHeader;
  readonly snapshot: Snapshot;
  readonly nowMs: number;
}

export interface NewEndorsement {
  readonly accountId: AccountId;
  readonly deviceId: DeviceId;
  readonly logId: LogId;
  readonly snapshotId: SnapshotId;
  readonly endorsement: Bytes;
}

export interface IdRange {
  readonly logId: LogId;
  /** Exclusive. */
  readonly after: number;
  readonly idsMax: number;
  /** For the entries that are still whole; the page ends before the one that would pass it. */
  readonly bytesMax: number;
}

export interface IdPage {
  /** 32 bytes each, of the seqs after `after`, without gaps. */
  readonly ids: Bytes;
  readonly kept: readonly PlacedEntry[];
  readonly head: LogPoint;
}

export interface ReclaimRules {
  readonly nowMs: number;
  readonly graceMs: number;
  readonly silentMs: number;
}

/** What one round gave up. `isDone` when it reached the last log. */
export interface Reclaimed {
  readonly entries: number;
  readonly blobs: number;
  readonly isDone: boolean;
}

export interface SnapshotStore {
  /** Keeps blobs; those that are there already count as new from now on. - Fails: `unknown-account`; `quota`. */
  putBlobs(accountId: AccountId, blobs: readonly Bytes[], nowMs: number): Promise<Result<void, Refusal>>;
  /** Blobs in the order of `blobIds`, null for those not there; as many as fit `bytesMax`, at least one. */
  readBlobs(
    accountId: AccountId,
    blobIds: readonly BlobId[],
    bytesMax: number,
  ): Promise<Result<readonly (Bytes | null)[], Refusal>>;
  /**
   * Installs a snapshot in the place of the one it names as previous. The same again is a success.
   *
   * - Fails: `unknown-log`; `forbidden` unless it is an account log of this account; `revoked-device`; `stale-epoch`;
   *   `snapshot-conflict`; `seq-out-of-range` for an end past the head or before the last one's; `blob-missing`.
   */
  putSnapshot(snapshot: NewSnapshot): Promise<Result<void, Refusal>>;
  /** The newest one, then the one before it. */
  readSnapshots(
    logId: LogId,
  ): Promise<Result<readonly (StoredSnapshot & { readonly snapshot: Snapshot })[], Refusal>>;
  /** - Fails: `unknown-snapshot` unless it is the newest; `forbidden` for who made it; `revoked-device`. */
  endorse(endorsement: NewEndorsement): Promise<Result<void, Refusal>>;
  /** Ids of entries, trimmed or not. - Fails: `unknown-log`; `seq-out-of-range` past the head. */
  readIds(range: IdRange): Promise<Result<IdPage, Refusal>>;
  /** A device of the account was here. */
  noteSeen(accountId: AccountId, deviceId: DeviceId, nowMs: number): Promise<Result<void, Refusal>>;
  /** Trims and collects in the next few logs, gives the space back; goes on where the last round ended. */
  reclaim(rules: ReclaimRules): Promise<Result<Reclaimed, Refusal>>;
}
