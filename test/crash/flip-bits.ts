/**
 * One bit in every block of 64 bytes of a server's database: found by its check, harmless, or in a column that the check
 * cannot judge, which is then named.
 */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { checkDatabase } from "../../sync-server/store/sqlite/check-database.ts";
import { createCrashWorld, liveCrashStory } from "./crash-world.ts";

const BLOCK_BYTES = 64;

export interface FlipReport {
  readonly blocks: number;
  readonly found: number;
  readonly harmless: number;
  /** How often a changed value of a column went unnoticed, by table and column. */
  readonly unnoticed: ReadonlyMap<string, number>;
}

/** The database of a server that two people have used, closed. Gives its path. */
export async function makeUsedDatabase(folder: string): Promise<string> {
  const world = await createCrashWorld(folder);
  await liveCrashStory(world, { texts: [], tags: [], takenBack: [] });
  await world.stop();
  return join(folder, "server", "server.sqlite");
}

/** Flips a bit in each `every`-th block of the database at `path`, one after the other, in a copy. */
export function flipBits(path: string, every: number): FlipReport {
  const whole = readFileSync(path);
  const before = tablesOf(path);
  const copy = `${path}.flipped`;
  copyFileSync(path, copy);
  const unnoticed = new Map<string, number>();
  let blocks = 0;
  let found = 0;
  let harmless = 0;
  for (let block = 0; block * BLOCK_BYTES < whole.length; block += every) {
    // Another place in every block, and another bit.
    const offset = Math.min(whole.length - 1, block * BLOCK_BYTES + ((block * 29 + 7) % BLOCK_BYTES));
    const bytes = Uint8Array.from(whole);
    bytes[offset] = (bytes[offset] ?? 0) ^ (1 << (block % 8));
    writeFileSync(copy, bytes);
    blocks++;
    if (!checkDatabase(copy).ok) {
      found++;
      continue;
    }
    const changed = changedColumns(before, tablesOf(copy));
    if (changed.length === 0) harmless++;
    for (const column of changed) unnoticed.set(column, (unnoticed.get(column) ?? 0) + 1);
  }
  for (const part of ["", "-wal", "-shm", "-journal"]) rmSync(`${copy}${part}`, { force: true });
  return { blocks, found, harmless, unnoticed };
}

type Tables = ReadonlyMap<string, readonly Readonly<Record<string, string>>[]>;

/** Every row of every table, its values as text. */
function tablesOf(path: string): Tables {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const names = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
    return new Map(
      names.map(({ name }) => [
        String(name),
        db
          .prepare(`SELECT * FROM "${String(name)}"`)
          .all()
          .map((row) =>
            Object.fromEntries(Object.entries(row).map(([column, value]) => [column, textOf(value)])),
          ),
      ]),
    );
  } finally {
    db.close();
  }
}

function textOf(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : String(value);
}

function changedColumns(before: Tables, after: Tables): readonly string[] {
  const changed = new Set<string>();
  for (const [table, rows] of before) {
    const others = after.get(table);
    if (others?.length !== rows.length) {
      changed.add(`${table}: rows`);
      continue;
    }
    for (const [index, row] of rows.entries())
      for (const [column, value] of Object.entries(row))
        if (others[index]?.[column] !== value) changed.add(`${table}.${column}`);
  }
  return [...changed];
}
