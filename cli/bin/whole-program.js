// The command line as one file, which starts in half the time of its hundreds of sources: where it lies, and whether
// it is what the sources now say. Plain JavaScript, because dovetail.js runs on any Node.

import { createHash } from "node:crypto";
import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** As deep as the folders of the sources: what they find beside themselves the one file finds too. */
export const WHOLE_PROGRAM = join(ROOT, "cli", "dist", "dovetail.js");
const SOURCES = ["cli", "core"];
/** Changes with every installed library. */
const LOCKFILE = join("node_modules", ".package-lock.json");
const NOT_SOURCES = new Set(["dist", "node_modules"]);

/**
 * The first line of a whole program: names, sizes and dates of what it was made of. Reading the files instead would take
 * as long as it saves.
 */
export function sourceStamp(root = ROOT) {
  const stamp = createHash("sha256");
  const files = SOURCES.flatMap((folder) => listFiles(root, folder)).sort();
  for (const file of [...files, LOCKFILE]) {
    const { size, mtimeMs } = statSync(join(root, file));
    stamp.update(`${file.split(sep).join("/")}\0${size}\0${mtimeMs}\n`);
  }
  return `// made of ${stamp.digest("hex")}\n`;
}

/** Whether the file is there, and made of the present sources. */
export function isCurrent(file = WHOLE_PROGRAM, root = ROOT) {
  try {
    const expected = sourceStamp(root);
    const found = Buffer.alloc(expected.length);
    const descriptor = openSync(file, "r");
    try {
      readSync(descriptor, found, 0, found.length, 0);
    } finally {
      closeSync(descriptor);
    }
    return found.toString("latin1") === expected;
  } catch {
    return false;
  }
}

function listFiles(root, folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return NOT_SOURCES.has(entry.name) ? [] : listFiles(root, path);
    return entry.isFile() ? [path] : [];
  });
}
