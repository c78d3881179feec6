/**
 * A new store key for a profile: every row and every chunk opened and sealed anew, whole or not at all.
 *
 * A second store, a second documents folder and a second key file are built in `rekey-unfinished`. Renaming that folder to
 * `rekey-finished` decides: before it the next opening throws the copy away, after it the next opening moves its parts
 * into their places. Each part is moved by one rename and the key last, so this can be interrupted anywhere, any number
 * of times. Rules ST56 to ST58.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  type Bytes,
  type ChunkSeal,
  copyRows,
  countRows,
  createChunkSeal,
  createPlatformRandom,
  err,
  ok,
  type Passphrase,
  type Result,
  sealTxStore,
  STORE_KEY_BYTES,
  type StoreError,
  wipe,
} from "@dovetail/core";
import { moveOver, syncFile, syncFolder, writeSyncedFile } from "./durable-files.ts";
import { DurableNodeFsAdapter } from "./durable-nodefs-adapter.ts";
import { type OpenStoreError, openSqliteTxStore } from "./sqlite-tx-store.ts";
import { encodeStoreKeyFile } from "./store-key-file.ts";

const UNFINISHED = "rekey-unfinished";
const FINISHED = "rekey-finished";
/** Files SQLite keeps beside a database; a log of the old one must never be read into the new one. */
const STORE_COMPANIONS = ["store.db-wal", "store.db-shm", "store.db-journal"] as const;
/** Where chunks lie that once failed to open. No key opens them, so they are carried over as they are. */
export const SET_ASIDE = "damaged";

export interface RekeyCount {
  readonly rows: number;
  readonly chunks: number;
}

export interface RekeyProgress {
  readonly done: RekeyCount;
  readonly total: RekeyCount;
}

export type RekeyError =
  | StoreError
  | OpenStoreError
  /** Chunks of documents do not open, so no copy would be whole. */
  | { readonly type: "ProfileDamaged"; readonly chunks: number }
  | { readonly type: "Interrupted" }
  /** The disk refused; `detail` is the system's word. */
  | { readonly type: "RekeyRefused"; readonly detail: string };

/** The profile that gets a new key: locked by this process, its key known, no client on it. */
export interface RekeySource {
  readonly folder: string;
  readonly storePath: string;
  readonly documentsFolder: string;
  readonly storeKey: Bytes;
}

export interface RekeyRequest {
  /** Protects the new key; null leaves it open. */
  readonly passphrase: Passphrase | null;
  readonly onProgress: (progress: RekeyProgress) => void;
  readonly signal: AbortSignal;
}

/**
 * Gives the profile a new key. Its `storeKey` is worth nothing afterwards.
 *
 * - Fails: as named; the profile opens with all it had, and only `RekeyRefused` may come after it got the new key. - Cost: reads and writes everything once, in twice the space.
 */
export async function rekeyProfile(
  profile: RekeySource,
  request: RekeyRequest,
): Promise<Result<RekeyCount, RekeyError>> {
  const { folder } = profile;
  const storeKey = createPlatformRandom().bytes(STORE_KEY_BYTES);
  try {
    const built = await buildCopy(profile, storeKey, request);
    if (built.ok) {
      renameSync(join(folder, UNFINISHED), join(folder, FINISHED)); // ST56
      syncFolder(folder);
    }
    settleRekey(folder);
    return built;
  } catch (thrown) {
    // What could not be settled now is settled by the next opening.
    return err({ type: "RekeyRefused", detail: codeOf(thrown) });
  } finally {
    wipe(storeKey);
  }
}

/**
 * Finishes or undoes what an interrupted rekey left in `folder`, whose profile is locked by this process. ST57
 *
 * Throws what the file system throws; it is then called again at the next opening.
 */
export function settleRekey(folder: string): void {
  const finished = join(folder, FINISHED);
  if (existsSync(finished)) {
    moveParts(finished, folder);
    rmdirSync(finished);
    syncFolder(folder);
  }
  rmSync(join(folder, UNFINISHED), { recursive: true, force: true });
}

function moveParts(from: string, to: string): void {
  if (existsSync(join(from, "store.db"))) {
    for (const name of ["store.db", ...STORE_COMPANIONS]) rmSync(join(to, name), { force: true });
    // On disk before the new file has its name: a log that came back would be read into it.
    syncFolder(to);
    renameSync(join(from, "store.db"), join(to, "store.db"));
  }
  if (existsSync(join(from, "documents"))) {
    rmSync(join(to, "documents"), { recursive: true, force: true });
    renameSync(join(from, "documents"), join(to, "documents"));
  }
  syncFolder(to);
  syncFolder(from);
  if (existsSync(join(from, "store.key"))) moveOver(join(from, "store.key"), join(to, "store.key"));
}

async function buildCopy(
  profile: RekeySource,
  storeKey: Bytes,
  request: RekeyRequest,
): Promise<Result<RekeyCount, RekeyError>> {
  const copy = join(profile.folder, UNFINISHED);
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(join(copy, "documents"), { recursive: true, mode: 0o700 });
  const rows = await countStoredRows(profile);
  if (!rows.ok) return rows;
  const places = listChunks(profile.documentsFolder);
  const total = { rows: rows.value, chunks: places.length };
  const report = (done: RekeyCount): void => request.onProgress({ done, total });
  const rowsDone = await copyStore(profile, storeKey, (done) => report({ rows: done, chunks: 0 }), request);
  if (!rowsDone.ok) return rowsDone;
  const chunksDone = await copyChunks(
    { profile, places, storeKey },
    (chunks) => report({ rows: rowsDone.value, chunks }),
    request,
  );
  if (!chunksDone.ok) return chunksDone;
  writeSyncedFile(join(copy, "store.key"), encodeStoreKeyFile(storeKey, request.passphrase));
  for (const path of [join(copy, "documents"), copy]) syncFolder(path);
  return ok(total);
}

async function countStoredRows(profile: RekeySource): Promise<Result<number, RekeyError>> {
  const store = openSqliteTxStore(profile.storePath);
  if (!store.ok) return store;
  const rows = await countRows(store.value);
  await store.value.close();
  return rows;
}

async function copyStore(
  profile: RekeySource,
  storeKey: Bytes,
  onProgress: (rows: number) => void,
  { signal }: RekeyRequest,
): Promise<Result<number, RekeyError>> {
  const path = join(profile.folder, UNFINISHED, "store.db");
  const random = createPlatformRandom();
  const oldStore = openSqliteTxStore(profile.storePath);
  if (!oldStore.ok) return oldStore;
  const newStore = openSqliteTxStore(path);
  if (!newStore.ok) {
    await oldStore.value.close();
    return newStore;
  }
  const from = sealTxStore(oldStore.value, { random, storeKey: profile.storeKey });
  const to = sealTxStore(newStore.value, { random, storeKey });
  const copied = await copyRows(from, to, { onProgress, signal });
  await from.close();
  await to.close();
  if (!copied.ok) return copied;
  // A log left beside it would mean that it could not be closed, and rows in it would not be moved with it.
  if (STORE_COMPANIONS.some((name) => existsSync(join(profile.folder, UNFINISHED, name))))
    return err({ type: "RekeyRefused", detail: "store-not-closed" });
  syncFile(path);
  return copied;
}

interface ChunkCopy {
  readonly profile: RekeySource;
  readonly places: readonly (readonly string[])[];
  readonly storeKey: Bytes;
}

async function copyChunks(
  { profile, places, storeKey }: ChunkCopy,
  onProgress: (chunks: number) => void,
  { signal }: RekeyRequest,
): Promise<Result<number, RekeyError>> {
  const random = createPlatformRandom();
  const [oldSeal, newSeal] = [createChunkSeal(random, profile.storeKey), createChunkSeal(random, storeKey)];
  const from = new DurableNodeFsAdapter(profile.documentsFolder);
  const to = new DurableNodeFsAdapter(join(profile.folder, UNFINISHED, "documents"));
  let copied = 0;
  let damaged = 0;
  for (const place of places) {
    if (signal.aborted) return err({ type: "Interrupted" });
    const sealed = await from.load([...place]);
    const next = sealed === undefined ? null : resealChunk({ place, sealed }, oldSeal, newSeal);
    if (next === null) damaged += 1;
    else await to.save([...next.place], next.sealed);
    copied += 1;
    onProgress(copied);
  }
  oldSeal.wipe();
  newSeal.wipe();
  return damaged > 0 ? err({ type: "ProfileDamaged", chunks: damaged }) : ok(copied); // ST58
}

function resealChunk(
  { place, sealed }: { readonly place: readonly string[]; readonly sealed: Bytes },
  oldSeal: ChunkSeal,
  newSeal: ChunkSeal,
): { readonly place: readonly string[]; readonly sealed: Bytes } | null {
  if (place[0] === SET_ASIDE) return { place, sealed };
  const opened = oldSeal.open({ place: [...place], sealed });
  return opened.ok ? newSeal.seal(opened.value) : null;
}

/** The places of all chunks. The adapter cuts the first part of a place in two for its folders. */
export function listChunks(documentsFolder: string): readonly (readonly string[])[] {
  const places: (readonly string[])[] = [];
  const walk = (folder: string, parts: readonly string[]): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) walk(join(folder, entry.name), [...parts, entry.name]);
      else {
        const [head = "", tail = "", ...rest] = [...parts, entry.name];
        places.push([head + tail, ...rest]);
      }
    }
  };
  for (const head of readdirSync(documentsFolder, { withFileTypes: true })) {
    if (head.isDirectory() && head.name.length === 2) walk(join(documentsFolder, head.name), [head.name]);
  }
  return places.sort((a, b) => (a.join("/") < b.join("/") ? -1 : 1));
}

function codeOf(thrown: unknown): string {
  if (thrown instanceof Error && "code" in thrown && typeof thrown.code === "string") return thrown.code;
  return thrown instanceof Error ? thrown.name : "unknown";
}
