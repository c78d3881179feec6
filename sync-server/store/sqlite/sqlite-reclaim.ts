/**
 * What the server gives up, and what it still answers about it. Rules SN9-SN16.
 *
 * A trimmed entry leaves its id, 32 bytes in a row of 1,024 that lie in the order of seqs: `ids_1 … ids_trimmedUpto` are
 * there without gaps, also those of excepted entries, which stay whole. A round is a few short transactions.
 */
import { present } from "@dovetail/core/base/assert.ts";
import { type Bytes, concatBytes } from "@dovetail/core/base/bytes.ts";
import { type BlobId, ID_BYTES, idFromBytes, type LogId } from "@dovetail/core/base/ids.ts";
import { READ_PAGE_ENTRIES_MAX } from "@dovetail/core/base/limits.ts";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import type { PlacedEntry } from "@dovetail/core/protocol/entry.ts";
import { parseSnapshotHeader } from "@dovetail/core/protocol/snapshot.ts";
import {
  BLOB_COST_BYTES,
  ENTRY_COST_BYTES,
  RECLAIM_LOGS_MAX,
  TRIM_ENTRIES_MAX,
  TRIMMED_IDS_PER_ROW,
} from "../../limits.ts";
import { decideTrim, type DeviceStanding, type SnapshotStanding, type Trim } from "../decide-trim.ts";
import { type Refusal, refuse } from "../refusal.ts";
import type { IdPage, IdRange, Reclaimed, ReclaimRules, SnapshotStore } from "../snapshot-store.ts";
import type { LogHead } from "./sqlite-log-heads.ts";
import { blobOf, numberOf } from "./sqlite-row.ts";
import { placeOf, seqAt } from "./sqlite-schema.ts";
import type { SqliteSnapshotsDeps } from "./sqlite-snapshots.ts";
import type { SqliteSpace } from "./sqlite-space.ts";

const ID = ID_BYTES.entry;

/** `readIds` and `reclaim` of the SQLite store. */
export function createSqliteReclaim(
  deps: SqliteSnapshotsDeps & { readonly space: Pick<SqliteSpace, "giveBack"> },
): Pick<SnapshotStore, "readIds" | "reclaim"> {
  const { db, queue, heads } = deps;
  const readIds = prepareReadIds(deps);
  const standingsOf = prepareStandings(deps);
  const trim = prepareTrim(deps);
  const collect = prepareCollect(deps);
  const selectNext = db.prepare("SELECT id, log_id FROM logs WHERE id > ? AND owner > 0 ORDER BY id LIMIT ?");
  let cursor = 0;

  async function reclaim(rules: ReclaimRules): Promise<Result<Reclaimed, Refusal>> {
    const listed = await deps.read(() => ok(selectNext.all(cursor, RECLAIM_LOGS_MAX)));
    if (!listed.ok) return listed;
    const rows = listed.value;
    let entries = 0;
    let blobs = 0;
    for (const row of rows) {
      const logId = idFromBytes("log", blobOf(row.log_id));
      for (let isDone = false; !isDone; ) {
        const trimmed = await queue.run(() => trimSome(logId, rules));
        if (!trimmed.ok) return trimmed;
        entries += trimmed.value;
        isDone = trimmed.value < TRIM_ENTRIES_MAX;
      }
      const collected = await queue.run(() => ok(collectOf(logId, rules)));
      if (!collected.ok) return collected;
      blobs += collected.value;
    }
    cursor = rows.length < RECLAIM_LOGS_MAX ? 0 : numberOf(rows.at(-1)?.id);
    deps.space.giveBack();
    return ok({ entries, blobs, isDone: cursor === 0 });
  }

  function trimSome(logId: LogId, rules: ReclaimRules): Result<number, Refusal> {
    const head = heads.find(logId);
    if (head === null) return ok(0);
    const standing = standingsOf(head);
    const decided = decideTrim({ kind: head.kind, trimmedUpto: head.trimmedUpto, ...standing }, rules);
    return ok(trim(head, decided));
  }

  function collectOf(logId: LogId, rules: ReclaimRules): number {
    const head = heads.find(logId);
    return head === null || head.kind !== "account" ? 0 : collect(head, rules);
  }

  return { readIds: (range) => deps.read(() => readIds(range)), reclaim };
}

function prepareStandings({ db }: SqliteSnapshotsDeps) {
  const selectSnapshots = db.prepare(
    "SELECT id, device_id, upto, stored_at_ms, header FROM snapshots WHERE log = ? ORDER BY number DESC LIMIT 2",
  );
  const selectEndorsers = db.prepare("SELECT device_id FROM endorsements WHERE log = ? AND snapshot = ?");
  const selectDevices = db.prepare(
    "SELECT device_id, is_active, max(added_at_ms, seen_at_ms) AS seen, (SELECT upto FROM acks WHERE acks.log = ?1 AND acks.device_id = devices.device_id) AS upto FROM devices WHERE account = ?2",
  );
  return (head: LogHead) => ({
    snapshots: selectSnapshots.all(head.row).map((row): SnapshotStanding => {
      const header = parseSnapshotHeader(blobOf(row.header));
      return {
        uptoSeq: numberOf(row.upto),
        except: header.ok ? header.value.except : [],
        deviceId: idFromBytes("device", blobOf(row.device_id)),
        storedAtMs: numberOf(row.stored_at_ms),
        endorsedBy: selectEndorsers
          .all(head.row, blobOf(row.id))
          .map((one) => idFromBytes("device", blobOf(one.device_id))),
      };
    }),
    devices: selectDevices.all(head.row, head.owner).map(
      (row): DeviceStanding => ({
        deviceId: idFromBytes("device", blobOf(row.device_id)),
        isActive: row.is_active === 1,
        seenAtMs: numberOf(row.seen),
        ackedUpto: typeof row.upto === "number" ? row.upto : 0,
      }),
    ),
  });
}

/** Trims at most `TRIM_ENTRIES_MAX` entries of a log; returns how many. */
function prepareTrim({ db, heads }: SqliteSnapshotsDeps): (head: LogHead, trim: Trim) => number {
  const select = db.prepare(
    "SELECT place, writer, writer_seq, id, length(header) + length(sealed) AS bytes FROM entries WHERE place BETWEEN ? AND ? ORDER BY place LIMIT ?",
  );
  const remove = db.prepare("DELETE FROM entries WHERE place = ?");
  const keepSeq = db.prepare("UPDATE writers SET trimmed_seq = max(trimmed_seq, ?) WHERE number = ?");
  const selectIds = db.prepare("SELECT ids FROM trimmed WHERE log = ? AND part = ?");
  const putIds = db.prepare(
    "INSERT INTO trimmed (log, part, ids) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET ids = excluded.ids",
  );

  function appendIds(head: LogHead, ids: readonly Bytes[]): void {
    let from = head.trimmedUpto;
    for (let index = 0; index < ids.length; ) {
      const part = Math.floor(from / TRIMMED_IDS_PER_ROW);
      const room = TRIMMED_IDS_PER_ROW - (from % TRIMMED_IDS_PER_ROW);
      const added = ids.slice(index, index + room);
      const row = selectIds.get(head.row, part);
      putIds.run(
        head.row,
        part,
        concatBytes(row === undefined ? new Uint8Array(0) : blobOf(row.ids), ...added),
      );
      index += added.length;
      from += added.length;
    }
  }

  return (head, { upto, except }) => {
    const ids: Bytes[] = [];
    let removed = 0;
    let looked = 0;
    // From the start: what was excepted then may not be any more.
    for (const row of select.all(
      placeOf(head.row, 1),
      placeOf(head.row, upto),
      TRIM_ENTRIES_MAX + except.size,
    )) {
      looked++;
      const seq = seqAt(numberOf(row.place));
      if (seq > head.trimmedUpto) ids.push(blobOf(row.id));
      if (except.has(seq)) continue;
      keepSeq.run(numberOf(row.writer_seq), numberOf(row.writer));
      remove.run(numberOf(row.place));
      heads.addBytes(head, ID - numberOf(row.bytes) - ENTRY_COST_BYTES);
      removed++;
    }
    if (looked === 0 || (removed === 0 && ids.length === 0)) return 0;
    heads.touch(head);
    appendIds(head, ids);
    head.trimmedUpto += ids.length;
    return removed;
  };
}

/** SN15: drops blobs that no snapshot names and that have been there for a while. */
function prepareCollect({ db }: SqliteSnapshotsDeps): (head: LogHead, rules: ReclaimRules) => number {
  const selectHeaders = db.prepare("SELECT header FROM snapshots WHERE log = ?");
  const selectOld = db.prepare(
    "SELECT number, id, length(bytes) AS bytes FROM blobs WHERE account = ? AND stored_at_ms <= ?",
  );
  const remove = db.prepare("DELETE FROM blobs WHERE number = ?");
  const updateSum = db.prepare("UPDATE accounts SET blob_bytes = blob_bytes - ? WHERE id = ?");
  return (head, { nowMs, graceMs }) => {
    const named = new Set<BlobId>();
    for (const row of selectHeaders.all(head.row)) {
      const header = parseSnapshotHeader(blobOf(row.header));
      if (header.ok) for (const id of header.value.blobs) named.add(id);
    }
    let bytes = 0;
    let count = 0;
    for (const row of selectOld.all(head.owner, nowMs - graceMs)) {
      if (named.has(idFromBytes("blob", blobOf(row.id)))) continue;
      remove.run(numberOf(row.number));
      bytes += numberOf(row.bytes) + BLOB_COST_BYTES;
      count++;
    }
    if (count > 0) updateSum.run(bytes, head.owner);
    return count;
  };
}

function prepareReadIds({ db, heads }: SqliteSnapshotsDeps): (range: IdRange) => Result<IdPage, Refusal> {
  const selectTrimmed = db.prepare("SELECT ids FROM trimmed WHERE log = ? AND part = ?");
  const selectIds = db.prepare("SELECT id FROM entries WHERE place BETWEEN ? AND ? ORDER BY place LIMIT ?");
  const selectKept = db.prepare(
    "SELECT place, header, sealed FROM entries WHERE place BETWEEN ? AND ? ORDER BY place LIMIT ?",
  );

  function trimmedIds(head: LogHead, after: number, end: number): Bytes[] {
    const parts: Bytes[] = [];
    for (let from = after; from < end; ) {
      const part = Math.floor(from / TRIMMED_IDS_PER_ROW);
      const row = present(selectTrimmed.get(head.row, part), "ids up to the trimmed end are there");
      const first = part * TRIMMED_IDS_PER_ROW;
      const to = Math.min(end, first + TRIMMED_IDS_PER_ROW);
      parts.push(blobOf(row.ids).slice((from - first) * ID, (to - first) * ID));
      from = to;
    }
    return parts;
  }

  return ({ logId, after, idsMax, bytesMax }) => {
    const head = heads.find(logId);
    if (head === null) return refuse("unknown-log");
    if (after > head.seq) return refuse("seq-out-of-range");
    let end = Math.min(head.seq, after + idsMax);
    const kept: PlacedEntry[] = [];
    let bytes = 0;
    const keptEnd = Math.min(end, head.trimmedUpto);
    for (const row of selectKept.iterate(
      placeOf(head.row, after + 1),
      placeOf(head.row, keptEnd),
      READ_PAGE_ENTRIES_MAX + 1,
    )) {
      const seq = seqAt(numberOf(row.place));
      const entry = { seq, header: blobOf(row.header), sealed: blobOf(row.sealed) };
      bytes += entry.header.length + entry.sealed.length + ENTRY_COST_BYTES;
      if (kept.length > 0 && (bytes > bytesMax || kept.length === READ_PAGE_ENTRIES_MAX)) {
        end = seq - 1;
        break;
      }
      kept.push(entry);
    }
    const trimmedEnd = Math.min(end, head.trimmedUpto);
    const ids = after < trimmedEnd ? trimmedIds(head, after, trimmedEnd) : [];
    const from = Math.max(after, trimmedEnd);
    if (from < end) {
      for (const row of selectIds.iterate(placeOf(head.row, from + 1), placeOf(head.row, end), end - from))
        ids.push(blobOf(row.id));
    }
    return ok({
      ids: concatBytes(...ids),
      kept,
      head: { incarnation: head.incarnation, seq: head.seq, chain: head.chain },
    });
  };
}
