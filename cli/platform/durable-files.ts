/** Writing files so that a power cut leaves the old or the new, never a mixture. */
import { closeSync, fsyncSync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

const FILE_MODE = 0o600;
/** Windows syncs names by itself and cannot open a folder. */
const CAN_SYNC_FOLDERS = process.platform !== "win32";

/** Makes the file at `path`, which is not there, and syncs its bytes. Its name is not synced yet. */
export function writeSyncedFile(path: string, bytes: Uint8Array): void {
  const file = openSync(path, "wx", FILE_MODE);
  try {
    for (let offset = 0; offset < bytes.length; ) offset += writeSync(file, bytes, offset);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Puts `bytes` in place of the file at `path`, whole or not at all; then overwrites what the old file held. */
export function replaceFile(path: string, bytes: Uint8Array): void {
  const unfinished = `${path}.new`;
  rmSync(unfinished, { force: true });
  writeSyncedFile(unfinished, bytes);
  moveOver(unfinished, path);
}

/**
 * Moves the file `from` into the place of `to`, then overwrites the bytes of the file that was there.
 *
 * Overwriting is a best effort: a copy-on-write file system, a flash disk or a backup may still hold the old bytes.
 */
export function moveOver(from: string, to: string): void {
  const old = openIfThere(to);
  try {
    renameSync(from, to);
    syncFolder(dirname(to));
    if (dirname(from) !== dirname(to)) syncFolder(dirname(from));
    if (old !== null) erase(old);
  } finally {
    if (old !== null) closeSync(old);
  }
}

export function syncFile(path: string): void {
  const file = openSync(path, "r+");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Makes names in the folder as durable as the files. */
export function syncFolder(path: string): void {
  if (!CAN_SYNC_FOLDERS) return;
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Windows would refuse to replace a file that is open. */
function openIfThere(path: string): number | null {
  if (process.platform === "win32") return null;
  try {
    return openSync(path, "r+");
  } catch {
    return null;
  }
}

/** Larger than any file of a key. */
const ERASED_BYTES = 1_024;

function erase(file: number): void {
  writeSync(file, new Uint8Array(ERASED_BYTES), 0, ERASED_BYTES, 0);
  fsyncSync(file);
  ftruncateSync(file, 0);
}
