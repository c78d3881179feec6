/** `SnapshotStore` over SQLite: blobs, snapshots, endorsements. What goes on their strength is in sqlite-reclaim.ts. */
import type { DatabaseSync } from "node:sqlite";
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import { type AccountId, type BlobId, type DeviceId, idBytes, idFromBytes } from "@dovetail/core/base/ids.ts";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import { blobId } from "@dovetail/core/protocol/snapshot.ts";
import { BLOB_COST_BYTES, DEVICE_SEEN_MS } from "../../limits.ts";
import type { CommitQueue } from "../commit-queue.ts";
import { checkSnapshot } from "../decide-snapshot.ts";
import type { Quotas } from "../quotas.ts";
import { type Refusal, refuse } from "../refusal.ts";
import type { NewEndorsement, NewSnapshot, SnapshotStore } from "../snapshot-store.ts";
import type { AccountStandings } from "./sqlite-accounts.ts";
import type { LogHead, LogHeads } from "./sqlite-log-heads.ts";
import { blobOf, numberOf } from "./sqlite-row.ts";

export interface SqliteSnapshotsDeps {
  readonly db: DatabaseSync;
  readonly queue: CommitQueue;
  readonly heads: LogHeads;
  readonly standings: AccountStandings;
  readonly quotas: Quotas;
  read<T>(query: () => Result<T, Refusal>): Promise<Result<T, Refusal>>;
}

/** The operations of the port that keep something. */
export function createSqliteSnapshots(deps: SqliteSnapshotsDeps): Omit<SnapshotStore, "readIds" | "reclaim"> {
  const { db, queue } = deps;
  const blobs = prepareBlobs(deps);
  const putSnapshot = preparePutSnapshot(deps, blobs.has);
  const endorse = prepareEndorse(deps);
  const selectSnapshots = db.prepare(
    "SELECT id, header, sealed FROM snapshots WHERE log = ? ORDER BY number DESC LIMIT 2",
  );
  const selectEndorsements = db.prepare(
    "SELECT bytes FROM endorsements WHERE log = ? AND snapshot = ? ORDER BY device_id",
  );
  const updateSeen = db.prepare("UPDATE devices SET seen_at_ms = ? WHERE account = ? AND device_id = ?");
  const seenAtMs = new Map<DeviceId, number>();

  return {
    putBlobs: (accountId, bytes, nowMs) => queue.run(() => blobs.put(accountId, bytes, nowMs)),
    readBlobs: (accountId, blobIds, bytesMax) => deps.read(() => blobs.read(accountId, blobIds, bytesMax)),
    putSnapshot: (snapshot) => queue.run(() => putSnapshot(snapshot)),
    readSnapshots: (logId) =>
      deps.read(() => {
        const head = deps.heads.find(logId);
        if (head === null) return refuse("unknown-log");
        const rows = selectSnapshots.all(head.row).map((row) => ({
          id: idFromBytes("snapshot", blobOf(row.id)),
          snapshot: { header: blobOf(row.header), sealed: blobOf(row.sealed) },
          endorsements: selectEndorsements.all(head.row, blobOf(row.id)).map(({ bytes }) => blobOf(bytes)),
        }));
        return ok(rows);
      }),
    endorse: (endorsement) => queue.run(() => endorse(endorsement)),
    async noteSeen(accountId, deviceId, nowMs) {
      if (Math.abs(nowMs - (seenAtMs.get(deviceId) ?? 0)) < DEVICE_SEEN_MS) return ok();
      seenAtMs.set(deviceId, nowMs);
      const noted = await queue.run(() => {
        const standing = deps.standings.byId(accountId);
        if (standing !== null) updateSeen.run(nowMs, standing.row, idBytes(deviceId));
        return ok();
      });
      // What was not written is written when the device is here again, and not an hour later.
      if (!noted.ok) seenAtMs.delete(deviceId);
      return noted;
    },
  };
}

function prepareBlobs({ db, standings, quotas }: SqliteSnapshotsDeps) {
  const select = db.prepare("SELECT bytes FROM blobs WHERE account = ? AND id = ?");
  const has = db.prepare("SELECT 1 FROM blobs WHERE account = ? AND id = ?");
  const refresh = db.prepare("UPDATE blobs SET stored_at_ms = ? WHERE account = ? AND id = ?");
  const insert = db.prepare("INSERT INTO blobs (account, id, stored_at_ms, bytes) VALUES (?, ?, ?, ?)");
  const selectSum = db.prepare("SELECT blob_bytes FROM accounts WHERE id = ?");
  const updateSum = db.prepare("UPDATE accounts SET blob_bytes = blob_bytes + ? WHERE id = ?");

  function put(accountId: AccountId, blobs: readonly Bytes[], nowMs: number): Result<void, Refusal> {
    const account = standings.byId(accountId)?.row;
    if (account === undefined) return refuse("unknown-account");
    const fresh = new Map<BlobId, Bytes>();
    const there: BlobId[] = [];
    for (const bytes of blobs) {
      const id = blobId(bytes);
      if (has.get(account, idBytes(id)) === undefined) fresh.set(id, bytes);
      else there.push(id);
    }
    const cost = [...fresh.values()].reduce((sum, { length }) => sum + length + BLOB_COST_BYTES, 0);
    if (numberOf(selectSum.get(account)?.blob_bytes) + cost > quotas.blobBytesMax) return refuse("quota");
    for (const [id, bytes] of fresh) insert.run(account, idBytes(id), nowMs, bytes);
    for (const id of there) refresh.run(nowMs, account, idBytes(id));
    if (cost > 0) updateSum.run(cost, account);
    return ok();
  }

  function read(
    accountId: AccountId,
    blobIds: readonly BlobId[],
    bytesMax: number,
  ): Result<readonly (Bytes | null)[], Refusal> {
    const account = standings.byId(accountId)?.row;
    if (account === undefined) return refuse("unknown-account");
    const found: (Bytes | null)[] = [];
    let size = 0;
    for (const id of blobIds) {
      const row = select.get(account, idBytes(id));
      const bytes = row === undefined ? null : blobOf(row.bytes);
      size += (bytes?.length ?? 0) + BLOB_COST_BYTES;
      if (size > bytesMax && found.length > 0) break;
      found.push(bytes);
    }
    return ok(found);
  }

  return { put, read, has: (account: number, id: BlobId) => has.get(account, idBytes(id)) !== undefined };
}

function preparePutSnapshot(
  { db, heads, standings }: SqliteSnapshotsDeps,
  hasBlob: (account: number, id: BlobId) => boolean,
): (snapshot: NewSnapshot) => Result<void, Refusal> {
  const selectLast = db.prepare(
    "SELECT number, id, upto FROM snapshots WHERE log = ? ORDER BY number DESC LIMIT 1",
  );
  const insert = db.prepare(
    "INSERT INTO snapshots (log, number, id, device_id, upto, stored_at_ms, header, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const deleteOld = db.prepare("DELETE FROM snapshots WHERE log = ? AND number < ?");
  const deleteEndorsements = db.prepare(
    "DELETE FROM endorsements WHERE log = ?1 AND snapshot NOT IN (SELECT id FROM snapshots WHERE log = ?1)",
  );
  return (snapshot) => {
    const { fields, accountId, deviceId } = snapshot;
    const head = heads.find(fields.logId);
    const owner = standings.byId(accountId);
    if (head === null || owner === null) return refuse("unknown-log");
    const last = selectLast.get(head.row);
    const verdict = checkSnapshot(snapshot, {
      isOwnAccountLog: head.owner === owner.row && head.kind === "account",
      isActive: owner.activeDeviceIds.has(deviceId),
      epoch: owner.epoch,
      head,
      last:
        last === undefined
          ? null
          : { id: idFromBytes("snapshot", blobOf(last.id)), uptoSeq: numberOf(last.upto) },
      hasBlob: (id) => hasBlob(owner.row, id),
    });
    if (verdict !== "install") return verdict === "there" ? ok() : refuse(verdict);
    const number = last === undefined ? 1 : numberOf(last.number) + 1;
    const { header, sealed } = snapshot.snapshot;
    insert.run(
      head.row,
      number,
      idBytes(snapshot.id),
      idBytes(deviceId),
      fields.upto.seq,
      snapshot.nowMs,
      header,
      sealed,
    );
    deleteOld.run(head.row, number - 1);
    deleteEndorsements.run(head.row);
    return ok();
  };
}

function prepareEndorse({
  db,
  heads,
  standings,
}: SqliteSnapshotsDeps): (endorsement: NewEndorsement) => Result<void, Refusal> {
  const selectLast = db.prepare(
    "SELECT id, device_id FROM snapshots WHERE log = ? ORDER BY number DESC LIMIT 1",
  );
  const put = db.prepare(
    "INSERT INTO endorsements (log, snapshot, device_id, bytes) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET bytes = excluded.bytes",
  );
  return ({ accountId, deviceId, logId, snapshotId, endorsement }) => {
    const head: LogHead | null = heads.find(logId);
    const owner = standings.byId(accountId);
    if (head === null || owner === null) return refuse("unknown-log");
    if (head.owner !== owner.row) return refuse("forbidden");
    if (!owner.activeDeviceIds.has(deviceId)) return refuse("revoked-device");
    const last = selectLast.get(head.row);
    if (last === undefined || idFromBytes("snapshot", blobOf(last.id)) !== snapshotId)
      return refuse("unknown-snapshot");
    if (idFromBytes("device", blobOf(last.device_id)) === deviceId) return refuse("forbidden");
    put.run(head.row, idBytes(snapshotId), idBytes(deviceId), endorsement);
    return ok();
  };
}
