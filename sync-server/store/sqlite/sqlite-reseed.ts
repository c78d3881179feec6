/** Beginning a log anew in SQLite. Rules IN2, IN4. */
import type { DatabaseSync } from "node:sqlite";
import { equalBytes } from "@dovetail/core/base/bytes.ts";
import { ID_BYTES, idBytes, idFromBytes } from "@dovetail/core/base/ids.ts";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import { chainNext, chainStart, type LogPoint } from "@dovetail/core/protocol/entry.ts";
import { LOGS_PER_ACCOUNT_MAX } from "../../limits.ts";
import type { ReseededLog, StoreEvent } from "../log-store.ts";
import { type Refusal, refuse } from "../refusal.ts";
import type { AccountStandings } from "./sqlite-accounts.ts";
import type { LogHead, LogHeads } from "./sqlite-log-heads.ts";
import { blobOf, numberOf } from "./sqlite-row.ts";
import { LOG_KIND_NUMBER, placeOf } from "./sqlite-schema.ts";

export interface SqliteReseedDeps {
  readonly db: DatabaseSync;
  readonly heads: LogHeads;
  readonly standings: AccountStandings;
  announce(event: StoreEvent): void;
}

/**
 * The reseed as a function to be called inside a transaction. What was there loses its name and is erased after it, as
 * the logs of a deleted account are.
 */
export function prepareReseed(deps: SqliteReseedDeps): (log: ReseededLog) => Result<void, Refusal> {
  const { db, heads, standings } = deps;
  const holds = prepareHolds(db);
  const blank = db.prepare(
    "UPDATE logs SET log_id = CAST(id AS BLOB), owner = -id, append_key = NULL, is_closed = 1, chain = x'', bytes = 0, kinds = x'', reseed = NULL WHERE id = ?",
  );
  const noteErasure = db.prepare("INSERT INTO erasures (log) VALUES (?)");
  const selectSingle = db.prepare("SELECT 1 FROM logs WHERE owner = ? AND kind = ?");
  const selectCount = db.prepare("SELECT log_count FROM accounts WHERE id = ?");
  const addCount = db.prepare("UPDATE accounts SET log_count = log_count + 1 WHERE id = ?");
  const insert = db.prepare(
    "INSERT INTO logs (log_id, owner, kind, append_key, is_closed, incarnation, seq, chain, bytes, kinds, reseed) VALUES (?, ?, ?, ?, 0, ?, 0, ?, 0, x'', ?)",
  );

  /** Whether there is room for one more log of this kind. */
  function checkNew(owner: number, kind: ReseededLog["kind"]): Result<void, Refusal> {
    const isSingle = kind === "account" || kind === "request";
    if (isSingle && selectSingle.get(owner, LOG_KIND_NUMBER[kind]) !== undefined) return refuse("log-exists");
    return numberOf(selectCount.get(owner)?.log_count) >= LOGS_PER_ACCOUNT_MAX ? refuse("quota") : ok();
  }

  return (log) => {
    const owner = standings.byId(log.ownerId);
    if (owner === null) return refuse("unknown-account");
    const there = heads.find(log.logId);
    const before = Math.max(there?.incarnation ?? 0, log.after.incarnation);
    if (log.incarnation !== before + 1) return refuse("log-exists");
    if (there === null) {
      const room = checkNew(owner.row, log.kind);
      if (!room.ok) return room;
      addCount.run(owner.row);
    } else {
      if (there.owner !== owner.row || there.kind !== log.kind) return refuse("log-exists");
      // IN2: nothing is lost while what the owner has read is there.
      if (there.incarnation === log.after.incarnation && holds(there, log.after)) return refuse("log-exists");
      blank.run(there.row);
      noteErasure.run(there.row);
      heads.forget(there);
    }
    const { logId, kind, appendKey, incarnation, reseed } = log;
    insert.run(
      idBytes(logId),
      owner.row,
      LOG_KIND_NUMBER[kind],
      appendKey,
      incarnation,
      chainStart(logId),
      reseed,
    );
    deps.announce({ type: "reseeded", logId });
    return ok();
  };
}

/** Whether a log leads through a point. */
function prepareHolds(db: DatabaseSync): (head: LogHead, point: LogPoint) => boolean {
  const selectTrimmed = db.prepare("SELECT ids FROM trimmed WHERE log = ? ORDER BY part");
  const selectIds = db.prepare("SELECT id FROM entries WHERE place BETWEEN ? AND ? ORDER BY place");
  return (head, { seq, chain }) => {
    if (seq > head.seq) return false;
    if (seq === head.seq) return equalBytes(chain, head.chain);
    let value = chainStart(head.logId);
    let passed = 0;
    const pass = (id: Uint8Array): void => {
      value = chainNext(value, idFromBytes("entry", id));
      passed++;
    };
    for (const row of selectTrimmed.iterate(head.row)) {
      const ids = blobOf(row.ids);
      for (let at = 0; at < ids.length && passed < Math.min(seq, head.trimmedUpto); at += ID_BYTES.entry)
        pass(ids.subarray(at, at + ID_BYTES.entry));
    }
    for (const row of selectIds.iterate(placeOf(head.row, passed + 1), placeOf(head.row, seq)))
      pass(blobOf(row.id));
    return passed === seq && equalBytes(value, chain);
  };
}
