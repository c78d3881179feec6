/**
 * The SQLite file of one server: how it is opened and what is in it.
 *
 * Invariant: one process at a time. The exclusive lock makes that true, so what is cached in memory cannot go stale.
 */
import { closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { assert } from "@dovetail/core/base/assert.ts";
import { err, ok, type Result } from "@dovetail/core/base/result.ts";

export const SCHEMA_VERSION = 8;

const IN_MEMORY = ":memory:";

export type OpenStoreError =
  /** Another process has the file. */
  | { readonly type: "StoreLocked"; readonly path: string }
  /** Written by a newer server. */
  | { readonly type: "StoreTooNew"; readonly path: string; readonly version: number }
  | { readonly type: "StoreUnreadable"; readonly path: string; readonly detail: string };

/**
 * - `logs.id`, `accounts.id`, `writers.number`: small numbers that stand in for long ids in rows and indexes.
 * - `entries.place` is `placeOf(log, seq)`: one log's entries lie together and grow at their end, with no second key.
 * - `entries_by_writer` finds a retried entry and the writer's last seq, and grows at its end too; an index over entry
 *   ids would write a random page for every append (measured: twice the bytes and the time of a commit).
 * - `accounts.account_id`: of a chain that is put back, its account and its last link; of a deleted account, its number.
 * - `logs.kinds`: pairs of a kind's byte and the id of its last entry.
 * - `trimmed.ids`: ids of up to 1,024 entries that were trimmed, part n from seq 1,024 n + 1 on.
 * - `writers.trimmed_seq`: the last seq of a writer among them, since its entries no longer tell.
 * - `prekeys.bytes` becomes null when one was given out; the row stays until it expires, so no id is ever issued twice.
 */
const SCHEMA = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE accounts (
  id INTEGER PRIMARY KEY, account_id BLOB NOT NULL UNIQUE, head_seq INTEGER NOT NULL, head_hash BLOB NOT NULL,
  epoch INTEGER NOT NULL, recovery_key BLOB NOT NULL, handle TEXT UNIQUE, log_count INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE links (
  account INTEGER NOT NULL, seq INTEGER NOT NULL, link BLOB NOT NULL, PRIMARY KEY (account, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE boxes (
  account INTEGER NOT NULL, epoch INTEGER NOT NULL, boxes BLOB NOT NULL, PRIMARY KEY (account, epoch)
) STRICT, WITHOUT ROWID;
CREATE TABLE added_boxes (
  account INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, box BLOB NOT NULL,
  PRIMARY KEY (account, epoch, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE devices (
  account INTEGER NOT NULL, device_id BLOB NOT NULL, sign_key BLOB NOT NULL, added_at_ms INTEGER NOT NULL,
  is_active INTEGER NOT NULL, PRIMARY KEY (account, device_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE prekeys (
  number INTEGER PRIMARY KEY, account INTEGER NOT NULL, device_id BLOB NOT NULL, kind INTEGER NOT NULL,
  prekey_id BLOB NOT NULL, bytes BLOB, expires_at_ms INTEGER NOT NULL, UNIQUE (account, device_id, prekey_id)
) STRICT;
CREATE INDEX prekeys_waiting ON prekeys (account, device_id, kind, number) WHERE bytes IS NOT NULL;
CREATE INDEX prekeys_expiry ON prekeys (expires_at_ms);
CREATE TABLE logs (
  id INTEGER PRIMARY KEY, log_id BLOB NOT NULL UNIQUE, owner INTEGER NOT NULL, kind INTEGER NOT NULL, append_key BLOB,
  is_closed INTEGER NOT NULL, incarnation INTEGER NOT NULL, seq INTEGER NOT NULL, chain BLOB NOT NULL,
  bytes INTEGER NOT NULL, kinds BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX logs_single ON logs (owner, kind) WHERE kind <> 3;
CREATE TABLE writers (number INTEGER PRIMARY KEY, log INTEGER NOT NULL, tag BLOB NOT NULL, UNIQUE (log, tag)) STRICT;
CREATE TABLE entries (
  place INTEGER PRIMARY KEY, writer INTEGER NOT NULL, writer_seq INTEGER NOT NULL, id BLOB NOT NULL,
  header BLOB NOT NULL, sealed BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX entries_by_writer ON entries (writer, writer_seq);
CREATE TABLE acks (
  log INTEGER NOT NULL, device_id BLOB NOT NULL, upto INTEGER NOT NULL, PRIMARY KEY (log, device_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE tickets (
  log INTEGER NOT NULL, ticket_hash BLOB NOT NULL, PRIMARY KEY (log, ticket_hash)
) STRICT, WITHOUT ROWID;
`;

/** What version 2 adds. */
const SCHEMA_2 = `
ALTER TABLE logs ADD COLUMN trimmed_upto INTEGER NOT NULL DEFAULT 0;
ALTER TABLE writers ADD COLUMN trimmed_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN seen_at_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN blob_bytes INTEGER NOT NULL DEFAULT 0;
CREATE TABLE trimmed (
  log INTEGER NOT NULL, part INTEGER NOT NULL, ids BLOB NOT NULL, PRIMARY KEY (log, part)
) STRICT;
CREATE TABLE blobs (
  number INTEGER PRIMARY KEY, account INTEGER NOT NULL, id BLOB NOT NULL, stored_at_ms INTEGER NOT NULL,
  bytes BLOB NOT NULL, UNIQUE (account, id)
) STRICT;
CREATE TABLE snapshots (
  log INTEGER NOT NULL, number INTEGER NOT NULL, id BLOB NOT NULL, device_id BLOB NOT NULL, upto INTEGER NOT NULL,
  stored_at_ms INTEGER NOT NULL, header BLOB NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (log, number)
) STRICT;
CREATE TABLE endorsements (
  log INTEGER NOT NULL, snapshot BLOB NOT NULL, device_id BLOB NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY (log, snapshot, device_id)
) STRICT, WITHOUT ROWID;
`;

/**
 * What version 3 adds.
 *
 * - `invitations.hash`, `deleted.hash`: of a secret, of an account id or a handle. Who used an invitation is not kept.
 * - `erasures`: logs of deleted accounts whose entries are still to be erased, so that a restart goes on.
 */
const SCHEMA_3 = `
CREATE INDEX logs_by_owner ON logs (owner);
CREATE TABLE invitations (
  number INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL UNIQUE, uses_left INTEGER NOT NULL,
  uses_max INTEGER NOT NULL, created_at_ms INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE deleted (hash BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE erasures (log INTEGER PRIMARY KEY) STRICT;
`;

/** What version 4 adds: an account may have many room logs. */
const SCHEMA_4 = `
DROP INDEX logs_single;
CREATE UNIQUE INDEX logs_single ON logs (owner, kind) WHERE kind < 3;
`;

/** What version 5 adds: what each device last said of itself, sealed. */
const SCHEMA_5 = `
CREATE TABLE frontiers (
  account INTEGER NOT NULL, device_id BLOB NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (account, device_id)
) STRICT, WITHOUT ROWID;
`;

/** What version 6 adds: the owner's word that a log goes on as a later incarnation. */
const SCHEMA_6 = `
ALTER TABLE logs ADD COLUMN reseed BLOB;
`;

/** What version 7 adds: keys a room's log had before, and the point up to which each reads. */
const SCHEMA_7 = `
CREATE TABLE former_keys (
  log INTEGER NOT NULL, key BLOB NOT NULL, seq INTEGER NOT NULL, chain BLOB NOT NULL, PRIMARY KEY (log, key)
) STRICT, WITHOUT ROWID;
`;

/** What version 8 adds: accounts whose chains are being put back, and how each is registered with its last link. */
const SCHEMA_8 = `
CREATE TABLE restores (
  account INTEGER PRIMARY KEY, handle TEXT, invitation BLOB, staged_at_ms INTEGER NOT NULL
) STRICT;
`;

/** A new file is made by all of them, an older one by those it has not seen. */
const MIGRATIONS: readonly string[] = [
  SCHEMA,
  SCHEMA_2,
  SCHEMA_3,
  SCHEMA_4,
  SCHEMA_5,
  SCHEMA_6,
  SCHEMA_7,
  SCHEMA_8,
];

/** What made a file of version 1, for the test that takes one over. */
export const FIRST_SCHEMA: readonly string[] = [
  SCHEMA,
  "INSERT INTO meta (key, value) VALUES ('schema_version', 1)",
];

/** Quotas keep every log far below this many entries. */
const SEQS_PER_LOG = 2 ** 26;

/** Where entry `seq` of a log lies. Exact in a double for 134 million logs. */
export function placeOf(log: number, seq: number): number {
  assert(seq < SEQS_PER_LOG, "a log's quota ends it before its places do");
  return log * SEQS_PER_LOG + seq;
}

/** The seq at a place. */
export function seqAt(place: number): number {
  return place % SEQS_PER_LOG;
}

/** Numbers of log kinds in the file. */
export const LOG_KIND_NUMBER = { account: 1, request: 2, inbound: 3, room: 4 } as const;

/**
 * Opens or makes the file at `path`, or a private database in memory for `:memory:`.
 *
 * Durable at every commit: WAL with `synchronous=FULL` syncs the log before `COMMIT` returns.
 */
export function openDatabase(path: string): Result<DatabaseSync, OpenStoreError> {
  let db: DatabaseSync | undefined;
  try {
    // Its owner's only, and so are the files SQLite makes beside it.
    if (path !== IN_MEMORY) closeSync(openSync(path, "a", 0o600));
    db = new DatabaseSync(path);
    // Without a wait for the lock: who has it keeps it.
    // The vacuum mode is fixed by the first write, so it comes before the journal's. SN16
    db.exec(
      "PRAGMA busy_timeout=0; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
    );
    db.exec(
      // What is deleted is overwritten, not only forgotten.
      "PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-65536; PRAGMA wal_autocheckpoint=4000; PRAGMA trusted_schema=OFF",
    );
    db.exec("BEGIN EXCLUSIVE");
    const version = readVersion(db);
    if (version > SCHEMA_VERSION) {
      db.close();
      return err({ type: "StoreTooNew", path, version });
    }
    for (const sql of MIGRATIONS.slice(version)) db.exec(sql);
    db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('schema_version', ?)").run(SCHEMA_VERSION);
    db.exec("COMMIT");
    return ok(db);
  } catch (error) {
    db?.close();
    const detail = error instanceof Error ? error.message : "unknown";
    return err(
      /locked|busy/i.test(detail) ? { type: "StoreLocked", path } : { type: "StoreUnreadable", path, detail },
    );
  }
}

/** 0 for a file without tables. */
function readVersion(db: DatabaseSync): number {
  const hasMeta =
    db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'meta'").get() !== undefined;
  if (!hasMeta) return 0;
  const row = db.prepare("SELECT value FROM meta WHERE key = 'schema_version'").get();
  return typeof row?.value === "number" ? row.value : 0;
}

/** Of rows of `accounts` those that are accounts: neither being put back (IN6) nor deleted. */
export const IS_ACCOUNT = "head_seq > 0 AND length(account_id) = 32";
