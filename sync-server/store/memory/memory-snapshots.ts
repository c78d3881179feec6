/** `SnapshotStore` in memory: what the port means, without a medium. For tests and for trials. */
import { present } from "@dovetail/core/base/assert.ts";
import { type Bytes, concatBytes } from "@dovetail/core/base/bytes.ts";
import { type AccountId, type BlobId, type DeviceId, idBytes, type LogId } from "@dovetail/core/base/ids.ts";
import { READ_PAGE_ENTRIES_MAX } from "@dovetail/core/base/limits.ts";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import type { PlacedEntry } from "@dovetail/core/protocol/entry.ts";
import { blobId } from "@dovetail/core/protocol/snapshot.ts";
import { BLOB_COST_BYTES, ENTRY_COST_BYTES, RECLAIM_LOGS_MAX } from "../../limits.ts";
import { checkSnapshot } from "../decide-snapshot.ts";
import { decideTrim, type SnapshotStanding } from "../decide-trim.ts";
import { type MemoryLog, type MemoryOwners, pointOf } from "./memory-logs.ts";
import type { Quotas } from "../quotas.ts";
import { type Refusal, refuse } from "../refusal.ts";
import type { IdPage, IdRange, NewSnapshot, ReclaimRules, SnapshotStore } from "../snapshot-store.ts";

interface KeptSnapshot extends NewSnapshot {
  readonly endorsements: Map<DeviceId, Bytes>;
}

type Blobs = Map<BlobId, { readonly bytes: Bytes; storedAtMs: number }>;

/** Snapshot operations over the logs of the store. */
export function createMemorySnapshots(
  owners: MemoryOwners,
  logById: ReadonlyMap<LogId, MemoryLog>,
  { blobBytesMax }: Quotas,
): SnapshotStore & { forgetAccount(accountId: AccountId): void; blobBytes(): number } {
  const snapshotsByLog = new Map<LogId, readonly KeptSnapshot[]>();
  const blobsByAccount = new Map<AccountId, Blobs>();
  const seenAtMs = new Map<DeviceId, number>();
  let cursor = 0;

  /** Those of an earlier incarnation went with it. */
  function keptOf(log: MemoryLog): readonly KeptSnapshot[] {
    const kept = snapshotsByLog.get(log.logId) ?? [];
    return kept.filter(({ fields }) => fields.upto.incarnation === log.incarnation);
  }

  function putBlobs(accountId: AccountId, blobs: readonly Bytes[], nowMs: number): Result<void, Refusal> {
    if (owners.epochOf(accountId) === null) return refuse("unknown-account");
    const there: Blobs = blobsByAccount.get(accountId) ?? new Map();
    const all = new Map(there);
    for (const bytes of blobs) all.set(blobId(bytes), { bytes, storedAtMs: nowMs });
    const cost = [...all.values()].reduce((sum, { bytes }) => sum + bytes.length + BLOB_COST_BYTES, 0);
    if (cost > blobBytesMax) return refuse("quota");
    blobsByAccount.set(accountId, all);
    return ok();
  }

  function putSnapshot(snapshot: NewSnapshot): Result<void, Refusal> {
    const { logId } = snapshot.fields;
    const log = logById.get(logId);
    if (log === undefined) return refuse("unknown-log");
    const kept = keptOf(log);
    const last = kept[0];
    const verdict = checkSnapshot(snapshot, {
      isOwnAccountLog: log.ownerId === snapshot.accountId && log.kind === "account",
      isActive: owners.isActive(snapshot.accountId, snapshot.deviceId),
      epoch: owners.epochOf(snapshot.accountId) ?? 0,
      head: pointOf(log),
      last: last === undefined ? null : { id: last.id, uptoSeq: last.fields.upto.seq },
      hasBlob: (id) => blobsByAccount.get(snapshot.accountId)?.has(id) === true,
    });
    if (verdict !== "install") return verdict === "there" ? ok() : refuse(verdict);
    snapshotsByLog.set(logId, [{ ...snapshot, endorsements: new Map() }, ...kept.slice(0, 1)]);
    return ok();
  }

  function reclaimLog(log: MemoryLog, rules: ReclaimRules): { entries: number; blobs: number } {
    const kept = keptOf(log);
    const devices = [...owners.devicesOf(log.ownerId)].map(([deviceId, device]) => ({
      deviceId,
      isActive: device.isActive,
      seenAtMs: Math.max(device.addedAtMs, seenAtMs.get(deviceId) ?? 0),
      ackedUpto: log.acks.get(deviceId) ?? 0,
    }));
    const { kind, trimmedUpto } = log;
    const trim = decideTrim({ kind, trimmedUpto, snapshots: kept.map(standingOf), devices }, rules);
    let entries = 0;
    for (let seq = 1; seq <= trim.upto; seq++) {
      const entry = log.entries[seq - 1] ?? null;
      if (entry === null || trim.except.has(seq)) continue;
      log.entries[seq - 1] = null;
      log.bytes -= entry.header.length + entry.sealed.length + ENTRY_COST_BYTES - 32;
      log.seqById.delete(present(log.ids[seq - 1], "every entry has an id"));
      entries++;
    }
    log.trimmedUpto = trim.upto;
    return { entries, blobs: kind === "account" ? collect(log.ownerId, kept, rules) : 0 };
  }

  function collect(accountId: AccountId, kept: readonly KeptSnapshot[], rules: ReclaimRules): number {
    const named = new Set(kept.flatMap(({ fields }) => fields.blobs));
    const blobs = blobsByAccount.get(accountId) ?? new Map();
    const gone = [...blobs].filter(
      ([id, { storedAtMs }]) => !named.has(id) && storedAtMs <= rules.nowMs - rules.graceMs,
    );
    for (const [id] of gone) blobs.delete(id);
    return gone.length;
  }

  return {
    blobBytes: () =>
      [...blobsByAccount.values()]
        .flatMap((blobs) => [...blobs.values()])
        .reduce((sum, { bytes }) => sum + bytes.length + BLOB_COST_BYTES, 0),
    forgetAccount(accountId) {
      blobsByAccount.delete(accountId);
      for (const log of logById.values()) if (log.ownerId === accountId) snapshotsByLog.delete(log.logId);
    },
    putBlobs: (accountId, blobs, nowMs) => Promise.resolve(putBlobs(accountId, blobs, nowMs)),
    readBlobs(accountId, blobIds, bytesMax) {
      if (owners.epochOf(accountId) === null) return Promise.resolve(refuse("unknown-account"));
      const found = blobIds.map((id) => blobsByAccount.get(accountId)?.get(id)?.bytes ?? null);
      let size = 0;
      const end = found.findIndex((bytes, index) => {
        size += (bytes?.length ?? 0) + BLOB_COST_BYTES;
        return size > bytesMax && index > 0;
      });
      return Promise.resolve(ok(end === -1 ? found : found.slice(0, end)));
    },
    putSnapshot: (snapshot) => Promise.resolve(putSnapshot(snapshot)),
    readSnapshots(logId) {
      if (!logById.has(logId)) return Promise.resolve(refuse("unknown-log"));
      const log = logById.get(logId);
      const kept = log === undefined ? [] : keptOf(log);
      return Promise.resolve(
        ok(
          kept.map(({ id, snapshot, endorsements }) => ({
            id,
            snapshot,
            endorsements: [...endorsements].sort().map(([, bytes]) => bytes),
          })),
        ),
      );
    },
    endorse({ accountId, deviceId, logId, snapshotId, endorsement }) {
      const log = logById.get(logId);
      if (log === undefined) return Promise.resolve(refuse("unknown-log"));
      if (log.ownerId !== accountId) return Promise.resolve(refuse("forbidden"));
      if (!owners.isActive(accountId, deviceId)) return Promise.resolve(refuse("revoked-device"));
      const last = snapshotsByLog.get(logId)?.[0];
      if (last?.id !== snapshotId) return Promise.resolve(refuse("unknown-snapshot"));
      if (last.deviceId === deviceId) return Promise.resolve(refuse("forbidden"));
      last.endorsements.set(deviceId, endorsement);
      return Promise.resolve(ok());
    },
    readIds(range) {
      const log = logById.get(range.logId);
      return Promise.resolve(log === undefined ? refuse("unknown-log") : idPage(log, range));
    },
    noteSeen(_accountId, deviceId, nowMs) {
      seenAtMs.set(deviceId, nowMs);
      return Promise.resolve(ok());
    },
    reclaim(rules) {
      const logs = [...logById.values()].slice(cursor, cursor + RECLAIM_LOGS_MAX);
      const done = logs.map((log) => reclaimLog(log, rules));
      cursor = logs.length < RECLAIM_LOGS_MAX ? 0 : cursor + logs.length;
      const entries = done.reduce((sum, one) => sum + one.entries, 0);
      const blobs = done.reduce((sum, one) => sum + one.blobs, 0);
      return Promise.resolve(ok({ entries, blobs, isDone: cursor === 0 }));
    },
  };
}

function standingOf({ fields, deviceId, nowMs, endorsements }: KeptSnapshot): SnapshotStanding {
  return {
    uptoSeq: fields.upto.seq,
    except: fields.except,
    deviceId,
    storedAtMs: nowMs,
    endorsedBy: [...endorsements.keys()],
  };
}

function idPage(log: MemoryLog, { after, idsMax, bytesMax }: IdRange): Result<IdPage, Refusal> {
  if (after > log.ids.length) return refuse("seq-out-of-range");
  const kept: PlacedEntry[] = [];
  let end = Math.min(log.ids.length, after + idsMax);
  let bytes = 0;
  for (const entry of log.entries.slice(after, Math.min(end, log.trimmedUpto))) {
    if (entry === null) continue;
    bytes += entry.header.length + entry.sealed.length + ENTRY_COST_BYTES;
    if (kept.length > 0 && (bytes > bytesMax || kept.length === READ_PAGE_ENTRIES_MAX)) {
      end = entry.seq - 1;
      break;
    }
    kept.push(entry);
  }
  const ids = concatBytes(...log.ids.slice(after, end).map((id) => idBytes(id)));
  return ok({ ids, kept, head: pointOf(log) });
}
