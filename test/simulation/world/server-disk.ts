/**
 * Where simulated servers keep their records: the in-memory store, or the SQLite store on a real file.
 *
 * A crash of the second is the file and its journal as they are at that instant, opened as a new database: what a
 * transaction had not committed is not in it.
 */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../../core/base/logger.ts";
import { createMemoryStore } from "../../../sync-server/store/memory/memory-store.ts";
import type { ServerStore } from "../../../sync-server/store/server-store.ts";
import { openSqliteStore } from "../../../sync-server/store/sqlite/sqlite-store.ts";
import { good } from "../../support/client-world.ts";
import type { ServerDisk } from "./sim-server.ts";

export interface DiscardableDisk extends ServerDisk {
  /** Puts the records back to how they were at `mark`. */
  mark(): void;
  rollBack(): void;
  /** Nothing is on it any more: whoever opens it next begins anew. */
  wipe(): void;
  /** The files as they are, to begin other servers with. */
  files(): ReadonlyMap<string, Uint8Array>;
  fill(files: ReadonlyMap<string, Uint8Array>): void;
  discard(): void;
}

/** Records in memory: a crash keeps them all, because the store answers when it has them. */
export function createMemoryServerDisk(): DiscardableDisk {
  const empty = (): ServerStore => ({ ...createMemoryStore(), close: async () => {} });
  let kept = empty();
  return {
    open: () => kept,
    wipe() {
      kept = empty();
    },
    mark() {
      throw new Error("a store in memory cannot be put back");
    },
    rollBack() {
      throw new Error("a store in memory cannot be put back");
    },
    files() {
      throw new Error("a store in memory has no files");
    },
    fill() {
      throw new Error("a store in memory has no files");
    },
    discard() {},
  };
}

/** Records in a SQLite file under a folder of its own. */
export function createSqliteServerDisk(): DiscardableDisk {
  const folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "dovetail-sim-"));
  const opened: ServerStore[] = [];
  let generation = 0;
  let marked: string | null = null;
  const copy = (from: string, to: string): void => {
    for (const part of ["", "-wal"])
      if (existsSync(`${from}${part}`)) copyFileSync(`${from}${part}`, `${to}${part}`);
  };
  const path = (number: number): string => join(folder, `records-${number}.db`);
  return {
    open() {
      const before = path(generation);
      generation += 1;
      copy(before, path(generation));
      const store = good(openSqliteStore(path(generation), silentLogger));
      opened.push(store);
      return store;
    },
    mark() {
      marked = join(folder, "marked.db");
      copy(path(generation), marked);
    },
    rollBack() {
      if (marked === null) throw new Error("there is no mark");
      generation += 1;
      copy(marked, path(generation));
    },
    wipe() {
      generation += 1;
    },
    files: () =>
      new Map(
        ["", "-wal"].flatMap((part) => {
          const file = `${path(generation)}${part}`;
          return existsSync(file) ? [[part, new Uint8Array(readFileSync(file))] as const] : [];
        }),
      ),
    fill(files) {
      for (const [part, bytes] of files) writeFileSync(`${path(generation)}${part}`, bytes);
    },
    discard() {
      for (const store of opened) void store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
