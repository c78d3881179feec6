/** The checkout as the checks of `test/architecture` see it: texts by path. */
import { spawnSync } from "node:child_process";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

/** The root of the checkout. */
export const ROOT: string = join(import.meta.dirname, "..", "..");

/** Files by path from the root, with `/`. */
export type FileMap = ReadonlyMap<string, string>;

/** One broken rule: what the person who broke it reads. */
export interface Fault {
  readonly file: string;
  readonly why: string;
}

/** One line for each fault, which a failing comparison prints whole. */
export function faultLines(faults: readonly Fault[]): readonly string[] {
  return faults.map(({ file, why }) => `${file}: ${why}`);
}

const SKIPPED_FOLDERS = new Set(["node_modules", ".git", "dist", "coverage"]);

/** Texts of the files below `folders` whose path ends in one of `endings`; folders that do not exist give nothing. */
export function readTree(folders: readonly string[], endings: readonly string[]): FileMap {
  const files = new Map<string, string>();
  for (const folder of folders) {
    for (const path of walk(folder)) {
      if (endings.some((ending) => path.endsWith(ending)))
        files.set(path, readFileSync(join(ROOT, path), "utf8"));
    }
  }
  return files;
}

/**
 * Paths of every file that is, or would be, under version control.
 *
 * Outside a git checkout, every file but installed and built ones.
 */
export function listVersioned(): readonly string[] {
  const git = spawnSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  const paths = git.status === 0 ? git.stdout.split("\0").filter((path) => path !== "") : [...walk(".")];
  return paths.filter((path) => lstatSync(join(ROOT, path), { throwIfNoEntry: false })?.isFile() === true);
}

function* walk(folder: string): Generator<string> {
  const absolute = join(ROOT, folder);
  if (lstatSync(absolute, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  for (const entry of readdirSync(absolute, { withFileTypes: true })) {
    const path = relative(ROOT, join(absolute, entry.name)).split(sep).join("/");
    if (entry.isDirectory()) {
      if (!SKIPPED_FOLDERS.has(entry.name)) yield* walk(path);
    } else if (entry.isFile()) yield path;
  }
}
