/**
 * Whether a database file is whole: SQLite's own check, the schema, that every entry, blob and account has the name its bytes
 * give, and that every log's entries lead to its head.
 *
 * For files that no server has: a backup, or the data of one that is stopped. It changes nothing in them.
 */
import { DatabaseSync } from "node:sqlite";
import { type Bytes, equalBytes } from "@dovetail/core/base/bytes.ts";
import { ID_BYTES, idBytes, idFromBytes } from "@dovetail/core/base/ids.ts";
import { err, ok, type Result } from "@dovetail/core/base/result.ts";
import { chainNext, chainStart, entryId } from "@dovetail/core/protocol/entry.ts";
import { blobId } from "@dovetail/core/protocol/snapshot.ts";
import { parseLink } from "@dovetail/core/sigchain/link.ts";
import { blobOf, numberOf } from "./sqlite-row.ts";
import { IS_ACCOUNT, placeOf, SCHEMA_VERSION, seqAt } from "./sqlite-schema.ts";

export interface DatabaseReport {
  readonly version: number;
  readonly accounts: number;
  readonly logs: number;
  readonly entries: number;
  /** When it was last written for `/ready`, by the server's clock; 0 for never. */
  readonly probedAtMs: number;
}

/** `detail` is SQLite's word, or what does not fit. */
export type DatabaseFault =
  | { readonly type: "DatabaseInUse" }
  | { readonly type: "DatabaseTooNew"; readonly version: number }
  | { readonly type: "DatabaseDamaged"; readonly detail: string };

/** Checks the file at `path`. */
export function checkDatabase(path: string): Result<DatabaseReport, DatabaseFault> {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path);
    // Nobody else may write meanwhile, and no file beside it is needed for that.
    db.exec(
      "PRAGMA busy_timeout=0; PRAGMA locking_mode=EXCLUSIVE; PRAGMA trusted_schema=OFF; BEGIN EXCLUSIVE",
    );
    const found = inspect(db);
    db.exec("ROLLBACK");
    return found;
  } catch (error) {
    const detail = error instanceof Error ? error.message : "unknown";
    return err(/locked|busy/i.test(detail) ? { type: "DatabaseInUse" } : { type: "DatabaseDamaged", detail });
  } finally {
    db?.close();
  }
}

function inspect(db: DatabaseSync): Result<DatabaseReport, DatabaseFault> {
  const integrity = db.prepare("PRAGMA integrity_check(1)").get()?.integrity_check;
  if (integrity !== "ok") return err({ type: "DatabaseDamaged", detail: String(integrity) });
  const meta = db.prepare("SELECT value FROM meta WHERE key = ?");
  const version = numberOf(meta.get("schema_version")?.value);
  if (version > SCHEMA_VERSION) return err({ type: "DatabaseTooNew", version });
  const count = (sql: string): number => numberOf(db.prepare(sql).get()?.count);
  const logs = checkLogs(db, version);
  if (!logs.ok) return logs;
  const accounts = checkLinks(db);
  if (!accounts.ok) return accounts;
  const blobs = version < 2 ? ok() : checkBlobs(db);
  if (!blobs.ok) return blobs;
  const probed = meta.get("probed_at_ms")?.value;
  return ok({
    version,
    accounts: count(`SELECT count(*) AS count FROM accounts WHERE ${IS_ACCOUNT}`),
    logs: logs.value,
    entries: count("SELECT count(*) AS count FROM entries"),
    probedAtMs: typeof probed === "number" ? probed : 0,
  });
}

const damaged = (detail: string): Result<never, DatabaseFault> => err({ type: "DatabaseDamaged", detail });

function checkLogs(db: DatabaseSync, version: number): Result<number, DatabaseFault> {
  const trimmed = version < 2 ? "0" : "trimmed_upto";
  const selectLogs = db.prepare(
    `SELECT id, log_id, seq, chain, ${trimmed} AS trimmed FROM logs WHERE owner > 0`,
  );
  const check = prepareLogCheck(db, version);
  let count = 0;
  for (const row of selectLogs.all()) {
    count += 1;
    const log = {
      id: numberOf(row.id),
      logId: blobOf(row.log_id),
      seq: numberOf(row.seq),
      chain: blobOf(row.chain),
    };
    const why = check({ ...log, trimmed: numberOf(row.trimmed) });
    if (why !== null) return damaged(why);
  }
  return ok(count);
}

interface CheckedLog {
  readonly id: number;
  readonly logId: Bytes;
  readonly seq: number;
  readonly chain: Bytes;
  readonly trimmed: number;
}

/** Every entry has the name its bytes give, and the names lead to the head. */
function prepareLogCheck(db: DatabaseSync, version: number): (log: CheckedLog) => string | null {
  const selectTrimmed =
    version < 2 ? null : db.prepare("SELECT ids FROM trimmed WHERE log = ? ORDER BY part");
  const selectEntries = db.prepare(
    "SELECT place, id, header, sealed FROM entries WHERE place BETWEEN ? AND ? ORDER BY place",
  );
  return ({ id, logId, seq, chain, trimmed }) => {
    const name = idFromBytes("log", logId);
    let value = chainStart(name);
    let passed = 0;
    const pass = (entry: Bytes): void => {
      value = chainNext(value, idFromBytes("entry", entry));
      passed++;
    };
    for (const row of selectTrimmed?.iterate(id) ?? []) {
      const ids = blobOf(row.ids);
      for (let at = 0; at < ids.length && passed < trimmed; at += ID_BYTES.entry)
        pass(ids.subarray(at, at + ID_BYTES.entry));
    }
    for (const row of selectEntries.iterate(placeOf(id, 0), placeOf(id + 1, 0) - 1)) {
      const stored = blobOf(row.id);
      const given = entryId(name, { header: blobOf(row.header), sealed: blobOf(row.sealed) });
      if (!equalBytes(idBytes(given), stored)) return "an entry is not what its name says";
      // Those a snapshot excepts stay behind the trimmed end, where their names are counted already.
      const at = seqAt(numberOf(row.place));
      if (at <= trimmed) continue;
      if (at !== passed + 1) return "a log has a gap";
      pass(stored);
    }
    if (passed !== seq) return "a log does not end where its head says";
    return equalBytes(value, chain) ? null : "a log does not lead to its head";
  };
}

/** An account is named by its first link, and its head is its last. */
function checkLinks(db: DatabaseSync): Result<void, DatabaseFault> {
  const select = db.prepare(
    `SELECT account_id, head_seq, head_hash, seq, link FROM accounts JOIN links ON links.account = accounts.id WHERE ${IS_ACCOUNT}`,
  );
  for (const row of select.iterate()) {
    const link = parseLink(blobOf(row.link));
    if (!link.ok) return damaged("a link is malformed");
    const hash = idBytes(link.value.hash);
    const [seq, headSeq] = [numberOf(row.seq), numberOf(row.head_seq)];
    if (link.value.body.seq !== seq) return damaged("a link is out of its place");
    if (seq === 1 && !equalBytes(hash, blobOf(row.account_id)))
      return damaged("an account is not its first link's");
    if (seq === headSeq && !equalBytes(hash, blobOf(row.head_hash)))
      return damaged("a chain does not lead to its head");
  }
  return ok();
}

function checkBlobs(db: DatabaseSync): Result<void, DatabaseFault> {
  for (const row of db.prepare("SELECT id, bytes FROM blobs").iterate())
    if (!equalBytes(idBytes(blobId(blobOf(row.bytes))), blobOf(row.id)))
      return damaged("a blob is not what its name says");
  return ok();
}

/** What is wrong, with what to do. */
export function explainDatabaseFault(fault: DatabaseFault): { readonly text: string; readonly hint: string } {
  switch (fault.type) {
    case "DatabaseInUse":
      return { text: "a server uses this database", hint: "stop it first" };
    case "DatabaseTooNew":
      return { text: `it was written by a newer server (schema ${fault.version})`, hint: "use that version" };
    case "DatabaseDamaged":
      return { text: `it is damaged: ${fault.detail}`, hint: "use another backup; see docs/OPERATING.md" };
  }
}
