/**
 * automerge-repo's file storage, made to survive a power cut: what `save` acknowledged is on disk.
 *
 * The library's adapter writes in place and syncs nothing, and its compaction deletes old chunks once the new one is
 * "saved". Here a chunk is written aside, synced, renamed, and its folder synced. The library's adapter also keeps every
 * chunk it ever wrote in memory; this one keeps none: each is read back at most once, when its document is loaded.
 * Rules ST40 to ST43.
 */
import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm, unlink } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { NodeFSStorageAdapter } from "@automerge/automerge-repo-storage-nodefs";

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** Holds chunks that are being written. The library's folders have names of two characters, so it is in none of them. */
const UNFINISHED_FOLDER = "unfinished";
const WRITE_ORDER_MAX = 4_096;
/** Windows syncs names by itself and cannot open a folder. */
const CAN_SYNC_FOLDERS = process.platform !== "win32";

type StorageKey = Parameters<NodeFSStorageAdapter["save"]>[0];

/** Chunks as files below one folder. Errors are thrown as the file system gives them. */
export class DurableNodeFsAdapter extends NodeFSStorageAdapter {
  readonly #root: string;
  #prepared: Promise<void> | null = null;
  /** When each of the latest chunks was first written, by path. Names only: a bound on memory, not a cache of data. */
  readonly #writeOrder = new Map<string, number>();
  #writes = 0;

  constructor(root: string) {
    super(root);
    this.#root = resolve(root);
  }

  override async save(key: StorageKey, data: Uint8Array): Promise<void> {
    await this.#prepare();
    const path = this.#pathOf(key);
    const unfinished = join(this.#root, UNFINISHED_FOLDER, randomUUID());
    try {
      await writeSynced(unfinished, data);
      await makeFolder(dirname(path), this.#root);
      await rename(unfinished, path);
    } catch (thrown) {
      await rm(unfinished, { force: true }).catch(() => {});
      throw thrown;
    }
    await syncFolder(dirname(path)); // ST40
    this.#noteWrite(path);
  }

  /** In the order written, which the port's acceptance tests ask for and nobody needs: what is older goes by name. */
  override async loadRange(
    prefix: StorageKey,
  ): Promise<Awaited<ReturnType<NodeFSStorageAdapter["loadRange"]>>> {
    const chunks = await super.loadRange(prefix);
    const ranked = chunks.map((chunk) => ({ chunk, path: this.#pathOf(chunk.key) }));
    const rank = (path: string): number => this.#writeOrder.get(path) ?? -1;
    ranked.sort((a, b) => rank(a.path) - rank(b.path) || (a.path < b.path ? -1 : 1));
    return ranked.map(({ chunk }) => chunk);
  }

  override async remove(key: string[]): Promise<void> {
    const path = this.#pathOf(key);
    try {
      await unlink(path);
    } catch (thrown) {
      if (isAbsent(thrown)) return;
      throw thrown;
    }
    await syncFolder(dirname(path));
    this.#writeOrder.delete(path);
  }

  override async removeRange(prefix: string[]): Promise<void> {
    const path = this.#pathOf(prefix);
    await rm(path, { recursive: true, force: true });
    await syncFolder(dirname(path)).catch((thrown: unknown) => {
      if (!isAbsent(thrown)) throw thrown;
    });
  }

  #noteWrite(path: string): void {
    if (this.#writeOrder.has(path)) return;
    this.#writes += 1;
    this.#writeOrder.set(path, this.#writes);
    const [oldest] = this.#writeOrder.keys();
    if (this.#writeOrder.size > WRITE_ORDER_MAX && oldest !== undefined) this.#writeOrder.delete(oldest); // ST41
  }

  /** Makes the folders and removes what an interrupted save left. One process owns a profile. */
  #prepare(): Promise<void> {
    this.#prepared ??= (async () => {
      const folder = join(this.#root, UNFINISHED_FOLDER);
      await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
      for (const name of await readdir(folder)) await rm(join(folder, name), { force: true }); // ST43
    })().catch((thrown: unknown) => {
      this.#prepared = null;
      throw thrown;
    });
    return this.#prepared;
  }

  /** The library's own layout, so that its reads find what we wrote. */
  #pathOf([first = "", ...rest]: readonly string[]): string {
    return join(this.#root, first.slice(0, 2), first.slice(2), ...rest);
  }
}

async function writeSynced(path: string, data: Uint8Array): Promise<void> {
  let file: FileHandle | null = null;
  try {
    file = await open(path, "wx", FILE_MODE); // ST42
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file?.close();
  }
}

/** Makes `folder` and syncs every folder that got a new name in it. */
async function makeFolder(folder: string, root: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
  if (first === undefined) return;
  for (let made = folder; relative(root, made) !== ""; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === resolve(first)) return;
  }
}

async function syncFolder(path: string): Promise<void> {
  if (!CAN_SYNC_FOLDERS) return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function isAbsent(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT";
}
