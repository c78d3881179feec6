/** What node:sqlite throws, in SQLite's own result codes, alike in Node and in Deno. */

const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;

/** Deno 2.9 gives SQLite's message but not its code. These are the texts of `sqlite3_errstr`, fixed by SQLite. */
const CODE_BY_MESSAGE: ReadonlyMap<string, number> = new Map([
  ["database is locked", SQLITE_BUSY],
  ["database table is locked", SQLITE_LOCKED],
  ["disk I/O error", SQLITE_IOERR],
  ["database disk image is malformed", SQLITE_CORRUPT],
  ["database or disk is full", SQLITE_FULL],
  ["file is not a database", SQLITE_NOTADB],
]);

/** What a caller does something about; the rest is the medium's refusal. */
export interface SqliteFault {
  readonly kind: "busy" | "damaged" | "refused";
  /** The medium's own word. Not its message, which may quote a path. */
  readonly detail: string;
}

/** Reads what was thrown. */
export function sqliteFaultOf(thrown: unknown): SqliteFault {
  const code = resultCodeOf(thrown);
  const detail = code === -1 ? systemCodeOf(thrown) : `sqlite-${code}`;
  if (code === SQLITE_BUSY || code === SQLITE_LOCKED) return { kind: "busy", detail };
  return { kind: code === SQLITE_CORRUPT || code === SQLITE_NOTADB ? "damaged" : "refused", detail };
}

/** SQLite's primary result code; -1 when it was not SQLite that refused. */
function resultCodeOf(thrown: unknown): number {
  if (!(thrown instanceof Error)) return -1;
  if ("errcode" in thrown && typeof thrown.errcode === "number") return thrown.errcode & 0xff;
  return CODE_BY_MESSAGE.get(thrown.message) ?? -1;
}

function systemCodeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return "unknown";
  return "code" in thrown && typeof thrown.code === "string" ? thrown.code : thrown.name;
}
