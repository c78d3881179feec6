/** Keys of room logs in SQLite: replacing one, and how far a former one reads. Rule LG21. */
import type { DatabaseSync } from "node:sqlite";
import { type Bytes, equalBytes } from "@dovetail/core/base/bytes.ts";
import type { LogPoint } from "@dovetail/core/protocol/entry.ts";
import { FORMER_KEYS_PER_LOG_MAX } from "../../limits.ts";
import type { StoreEvent } from "../log-store.ts";
import type { LogHead } from "./sqlite-log-heads.ts";
import { blobOf, numberOf } from "./sqlite-row.ts";

export interface LogKeys {
  /** Replaces the key at the log's head; to be called inside a transaction. */
  replace(head: LogHead, key: Bytes): void;
  formerKey(head: LogHead, key: Bytes): LogPoint | null;
}

export function createLogKeys({
  db,
  announce,
}: {
  readonly db: DatabaseSync;
  announce(event: StoreEvent): void;
}): LogKeys {
  const update = db.prepare("UPDATE logs SET append_key = ? WHERE id = ?");
  const insert = db.prepare(
    "INSERT INTO former_keys (log, key, seq, chain) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq, chain = excluded.chain",
  );
  // A key that comes back is no former one.
  const remove = db.prepare("DELETE FROM former_keys WHERE log = ? AND key = ?");
  const trim = db.prepare(
    "DELETE FROM former_keys WHERE log = ?1 AND key IN (SELECT key FROM former_keys WHERE log = ?1 ORDER BY seq DESC, key LIMIT -1 OFFSET ?2)",
  );
  const select = db.prepare("SELECT seq, chain FROM former_keys WHERE log = ? AND key = ?");
  return {
    replace(head, key) {
      const former = head.appendKey;
      if (former !== null && equalBytes(former, key)) return;
      if (former !== null) insert.run(head.row, former, head.seq, head.chain);
      remove.run(head.row, key);
      trim.run(head.row, FORMER_KEYS_PER_LOG_MAX);
      update.run(key, head.row);
      head.appendKey = key;
      const at = { incarnation: head.incarnation, seq: head.seq, chain: head.chain };
      announce({ type: "rekeyed", logId: head.logId, at });
    },
    formerKey(head, key) {
      const row = select.get(head.row, key);
      if (row === undefined) return null;
      return { incarnation: head.incarnation, seq: numberOf(row.seq), chain: blobOf(row.chain) };
    },
  };
}
