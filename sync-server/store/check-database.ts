/**
 * Whether a database file is whole: SQLite's own check, the schema, and that every log ends where its head says.
 *
 * For files that no server has: a backup, or the data of one that is stopped. It changes nothing in them.
 */
import { DatabaseSync } from "node:sqlite";
import { err, ok, type Result } from "@dovetail/core/base/result.ts";
import { numberOf } from "./sqlite-row.ts";
import { placeOf, SCHEMA_VERSION, seqAt } from "./sqlite-schema.ts";

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
  const probed = meta.get("probed_at_ms")?.value;
  return ok({
    version,
    accounts: count("SELECT count(*) AS count FROM accounts WHERE head_seq > 0"),
    logs: logs.value,
    entries: count("SELECT count(*) AS count FROM entries"),
    probedAtMs: typeof probed === "number" ? probed : 0,
  });
}

function checkLogs(db: DatabaseSync, version: number): Result<number, DatabaseFault> {
  const trimmed = version < 2 ? "0" : "trimmed_upto";
  const selectLogs = db.prepare(`SELECT id, seq, ${trimmed} AS trimmed FROM logs WHERE owner > 0`);
  const selectLast = db.prepare("SELECT max(place) AS place FROM entries WHERE place BETWEEN ? AND ?");
  let count = 0;
  for (const row of selectLogs.all()) {
    count += 1;
    const id = numberOf(row.id);
    const last = selectLast.get(placeOf(id, 0), placeOf(id + 1, 0) - 1)?.place;
    const end = Math.max(numberOf(row.trimmed), typeof last === "number" ? seqAt(last) : 0);
    if (end !== numberOf(row.seq))
      return err({ type: "DatabaseDamaged", detail: "a log does not end where its head says" });
  }
  return ok(count);
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
