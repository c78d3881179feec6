/** A database in memory for the search index, on node:sqlite. Nothing of it touches the disk. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { SqlDatabase, SqlStatement } from "@dovetail/core";

/** Opens an empty one. */
export function openSearchDatabase(): SqlDatabase {
  const database = new DatabaseSync(":memory:");
  database.exec("PRAGMA temp_store = MEMORY");
  return {
    exec: (sql) => database.exec(sql),
    prepare: (sql) => createStatement(database.prepare(sql)),
    close: () => database.close(),
  };
}

function createStatement(statement: StatementSync): SqlStatement {
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  return {
    run: (...values) => void statement.run(...values),
    all: (...values) => statement.all(...values).map((row): readonly unknown[] => Object.values(row)),
  };
}
