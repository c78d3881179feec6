/** The file of a profile's store key: made once, read at every opening, replaced when its protection changes. */
import { linkSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  type Bytes,
  createPlatformRandom,
  encodeOpenStoreKey,
  err,
  parseStoreKey,
  type Passphrase,
  type Result,
  STORE_KEY_BYTES,
  type StoredKey,
  wrapStoreKey,
} from "@dovetail/core";
import { replaceFile, syncFolder, writeSyncedFile } from "./durable-files.ts";

/** What protects a profile at rest: a passphrase, or the permissions of its files alone. */
export type Protection = "passphrase" | "permissions";

export type StoreKeyFileError =
  | { readonly type: "StoreKeyDamaged"; readonly path: string }
  | { readonly type: "StoreKeyTooNew"; readonly version: number; readonly versionMax: number };

export function storeKeyPath(folder: string): string {
  return join(folder, "store.key");
}

/** What the file holds. Throws what the file system throws. */
export function readStoreKeyFile(folder: string): Result<StoredKey, StoreKeyFileError> {
  const path = storeKeyPath(folder);
  const stored = parseStoreKey(new Uint8Array(readFileSync(path)));
  if (stored.ok) return stored;
  return err(stored.error.type === "StoreKeyDamaged" ? { ...stored.error, path } : stored.error);
}

/** How the profile in `folder` is protected; null when that cannot be told. The cryptography is loaded. */
export function readProtection(folder: string): Protection | null {
  try {
    const stored = readStoreKeyFile(folder);
    return stored.ok ? protectionOf(stored.value) : null;
  } catch {
    return null;
  }
}

export function protectionOf(stored: StoredKey): Protection {
  return stored.type === "wrapped" ? "passphrase" : "permissions";
}

/** The file for `storeKey`: wrapped where there is a passphrase. */
export function encodeStoreKeyFile(storeKey: Bytes, passphrase: Passphrase | null): Bytes {
  if (passphrase === null) return encodeOpenStoreKey(storeKey);
  return wrapStoreKey(createPlatformRandom(), { storeKey, passphrase });
}

/** Makes the file with a fresh key, whole or not at all, and on disk before anything is sealed with it. */
export function createStoreKeyFile(folder: string, passphrase: Passphrase | null): void {
  const path = storeKeyPath(folder);
  const unfinished = `${path}.new`;
  rmSync(unfinished, { force: true });
  const storeKey = createPlatformRandom().bytes(STORE_KEY_BYTES);
  writeSyncedFile(unfinished, encodeStoreKeyFile(storeKey, passphrase));
  // A link never replaces a key that is there.
  linkSync(unfinished, path);
  rmSync(unfinished);
  syncFolder(dirname(path));
}

/** Stores the same key under another protection. ST55 */
export function replaceStoreKeyFile(folder: string, storeKey: Bytes, passphrase: Passphrase | null): void {
  replaceFile(storeKeyPath(folder), encodeStoreKeyFile(storeKey, passphrase));
}
