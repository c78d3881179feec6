/** Files of a backup: hashed, synced, and put in place as one act. */
import { createHash } from "node:crypto";
import { closeSync, createReadStream, fsyncSync, openSync, readFileSync } from "node:fs";
import { basename } from "node:path";

/** SHA-256 of a file's bytes, as hexadecimal. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const part of createReadStream(path)) hash.update(part);
  return hash.digest("hex");
}

/** Where the hash of a file lies. */
export function hashPath(path: string): string {
  return `${path}.sha256`;
}

/** The line that `sha256sum -c` reads. */
export function hashLine(path: string, hash: string): string {
  return `${hash}  ${basename(path)}\n`;
}

/** The hash that lies beside a file; null when there is none, `""` when it is none. */
export function readHash(path: string): string | null {
  try {
    return /^([0-9a-f]{64}) {2}/.exec(readFileSync(hashPath(path), "utf8"))?.[1] ?? "";
  } catch {
    return null;
  }
}

/** Brings a file or a folder to disk. */
export function syncToDisk(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
