/**
 * A database in memory for the search index, on SQLite as WebAssembly. Loaded when somebody searches, not before.
 *
 * Nothing of it is stored: SQLite's ways to a disk of the browser are not even installed.
 */
import type { SqlDatabase, SqlStatement } from "@dovetail/core";
import sqlite3InitModule, { type Sqlite3, type Statement } from "@sqlite.org/sqlite-wasm";
import wasmUrl from "@sqlite.org/sqlite-wasm/sqlite3.wasm?url";

/** Read by SQLite when it starts, and deleted by it: the one way to tell it anything then. */
const CONFIG_GLOBAL = "sqlite3ApiConfig";
const IN_MEMORY_ONLY = {
  disable: { vfs: { kvvfs: true, opfs: true, "opfs-vfs": true, "opfs-sahpool": true, "opfs-wl": true } },
};

let loading: Promise<Sqlite3> | null = null;

/** Loads SQLite. - Throws when the browser cannot, and tries anew when called again. */
export async function loadSqlite(): Promise<Sqlite3> {
  loading ??= start();
  try {
    return await loading;
  } catch (thrown) {
    loading = null;
    throw thrown;
  }
}

function start(): Promise<Sqlite3> {
  Reflect.set(globalThis, CONFIG_GLOBAL, IN_MEMORY_ONLY);
  return sqlite3InitModule({ locateFile: () => wasmUrl });
}

/** Opens an empty database. */
export function openSearchDatabase(sqlite: Sqlite3): SqlDatabase {
  const database = new sqlite.oo1.DB(":memory:", "c");
  database.exec("PRAGMA temp_store = MEMORY");
  return {
    exec: (sql) => void database.exec(sql),
    prepare: (sql) => createStatement(database.prepare(sql)),
    close: () => database.close(),
  };
}

function createStatement(statement: Statement): SqlStatement {
  // Of rows that bytes must come back from as they went in: a C string would end at the first zero.
  const text = new TextDecoder("utf-8", { ignoreBOM: true });

  function column(index: number): unknown {
    const value = statement.get(index);
    if (typeof value === "string") return text.decode(statement.getBlob(index) ?? new Uint8Array());
    return typeof value === "number" && Number.isInteger(value) ? BigInt(value) : value;
  }

  function all(...values: readonly (string | bigint)[]): readonly (readonly unknown[])[] {
    try {
      const rows: unknown[][] = [];
      if (values.length > 0) statement.bind(values);
      while (statement.step())
        rows.push(Array.from({ length: statement.columnCount }, (_, at) => column(at)));
      return rows;
    } finally {
      statement.reset(true);
    }
  }

  return { run: (...values) => void all(...values), all };
}
