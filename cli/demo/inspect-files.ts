/** Looks at what a folder of files holds: searches its raw bytes, and counts the rows of the server's database. */
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createPlaintextSearch, type Finding, type Needle } from "./find-plaintext.ts";

export interface FileFinding extends Finding {
  readonly file: string;
}

export interface FolderSearch {
  readonly files: number;
  readonly bytes: number;
  readonly findings: readonly FileFinding[];
}

export interface TableSize {
  readonly table: string;
  readonly rows: number;
  /** Pages of the table and its indexes. */
  readonly bytes: number;
}

/** Searches every file below `folders`, or that is one of them: a database, the log beside it, its shared memory. */
export function searchFiles(folders: readonly string[], needles: readonly Needle[]): FolderSearch {
  const search = createPlaintextSearch(needles);
  let bytes = 0;
  const paths = folders.flatMap(listFiles);
  const findings = paths.flatMap((path) => {
    const content = readFileSync(path);
    bytes += content.length;
    return search(content).map((finding) => ({ ...finding, file: relative(join(path, "..", ".."), path) }));
  });
  return { files: paths.length, bytes, findings };
}

function listFiles(path: string): readonly string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Proves that the search can fail: every form is written into a copy of `path`, each at a place of its own. */
export function searchCanFail(
  path: string,
  needles: readonly Needle[],
): { readonly planted: number; readonly found: number } {
  const content = readFileSync(path);
  const step = Math.floor(content.length / (needles.length + 1));
  const parts = needles.flatMap(({ bytes }, index) => [
    content.subarray(index * step, (index + 1) * step),
    bytes,
  ]);
  const canary = `${path}.canary`;
  writeFileSync(canary, Buffer.concat([...parts, content.subarray(needles.length * step)]), { mode: 0o600 });
  const { findings } = searchFiles([canary], needles);
  rmSync(canary);
  let offset = 0;
  const found = needles.filter(({ form, bytes }) => {
    offset += step;
    const isFound = findings.some((finding) => finding.offset === offset && finding.form === form);
    offset += bytes.length;
    return isFound;
  });
  return { planted: needles.length, found: found.length };
}

/** Rows and sizes by table, largest first. The server must have let go of the file. */
export function measureTables(path: string): readonly TableSize[] {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const names = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
    const sizes = names.map(({ name }) => {
      const table = String(name);
      const counted = database.prepare(`SELECT count(*) AS n FROM "${table}"`).get();
      const sized = database
        .prepare(
          "SELECT sum(pgsize) AS n FROM dbstat WHERE name IN (SELECT name FROM sqlite_schema WHERE tbl_name = ?)",
        )
        .get(table);
      return { table, rows: Number(counted?.n ?? 0), bytes: Number(sized?.n ?? 0) };
    });
    return sizes.sort((a, b) => b.bytes - a.bytes || (a.table < b.table ? -1 : 1));
  } finally {
    database.close();
  }
}
