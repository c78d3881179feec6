/** The contract of the search index on SQLite as WebAssembly, in a real page. */
import { beforeAll, expect, test } from "vitest";
import { loadSqlite, openSearchDatabase } from "../../app/platform/search-database.ts";
import { createFts5Index } from "../../core/messenger/search/fts5-index.ts";
import { describeSearchIndex } from "../contract/search-index.ts";

let sqlite: Awaited<ReturnType<typeof loadSqlite>>;
beforeAll(async () => {
  sqlite = await loadSqlite();
});

describeSearchIndex("SQLite as WebAssembly", () => {
  const index = createFts5Index(openSearchDatabase(sqlite));
  if (!index.ok) throw new Error(index.error.type);
  return index.value;
});

test("rows come back as they went in: whole numbers beyond 2^53, texts with a zero in them", () => {
  const database = openSearchDatabase(sqlite);
  database.exec("CREATE TABLE row(number INTEGER, text TEXT)");
  const big = 2n ** 62n + 1n;
  const odd = "\u{feff}a\u0000b𠮷";
  database.prepare("INSERT INTO row VALUES(?, ?)").run(big, odd);
  expect(database.prepare("SELECT number, text, 7 FROM row WHERE number = ?").all(big)).toEqual([
    [big, odd, 7n],
  ]);
  database.close();
  expect(() => database.exec("SELECT 1")).toThrow();
});

test("nothing of it can be stored in the browser", () => {
  const names = ["opfs", "kvvfs", "opfs-sahpool"];
  for (const name of names) expect(() => new sqlite.oo1.DB(`file:/kept?vfs=${name}`, "c"), name).toThrow();
});
