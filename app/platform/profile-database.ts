/**
 * The IndexedDB database of a profile: rows of the store, and beside them what is needed before they can be opened.
 *
 * `rows` is the TxStore's. `meta` holds the file of the store key (core/store/store-key.ts), the passkey's record, and the
 * generation: the number of the engine that owns the profile. Whoever takes the profile over raises it, and every
 * transaction that writes looks at it first, so that an engine that was frozen and wakes up writes nothing (WB3).
 */
import { type Bytes, err, ok, type Result, type StoreError } from "@dovetail/core";
import { committed, idbFaultOf, requested } from "./idb-request.ts";

const VERSION = 1;
export const ROWS = "rows";
export const META = "meta";
const GENERATION = "generation";

/** What is kept beside the rows. */
export type MetaName = "store-key" | "passkey";

export interface ProfileDatabase {
  readonly idb: IDBDatabase;
  /** This engine's number. */
  readonly generation: number;
  meta(name: MetaName): Promise<Result<Bytes | null, StoreError>>;
  /** Writes strictly; null deletes. */
  setMeta(entries: Partial<Record<MetaName, Bytes | null>>): Promise<Result<void, StoreError>>;
  /** Deletes every row and every meta value but the generation. */
  clear(): Promise<Result<void, StoreError>>;
  hasRows(): Promise<Result<boolean, StoreError>>;
  /** Whether this engine still owns the profile, by the database itself. */
  isOwner(): Promise<boolean>;
  close(): void;
}

export interface ProfileDatabaseEvents {
  /** The browser has closed the database: it was deleted, evicted, or broke. */
  onLost(): void;
}

/** Name of a profile's database; the documents have one of their own. */
export function databaseName(profile: string): string {
  return `dovetail-${profile}`;
}

export function documentsDatabaseName(profile: string): string {
  return `dovetail-${profile}-documents`;
}

/**
 * Opens the database, makes it when there is none, and takes the profile over: whoever had it writes nothing from here on.
 */
export async function openProfileDatabase(
  profile: string,
  events: ProfileDatabaseEvents,
): Promise<Result<ProfileDatabase, StoreError>> {
  try {
    const idb = await openDatabase(databaseName(profile));
    let isClosed = false;
    const lose = (): void => {
      if (isClosed) return;
      isClosed = true;
      idb.close();
      events.onLost();
    };
    idb.onclose = lose;
    idb.onversionchange = lose;
    const generation = await takeOver(idb);
    return ok({
      ...createMeta(idb, generation),
      idb,
      generation,
      close() {
        isClosed = true;
        idb.close();
      },
    });
  } catch (thrown) {
    return unavailable(thrown);
  }
}

/** Deletes all that a profile has in this browser. Waits for other tabs to let go of it. */
export async function deleteProfileDatabases(profile: string): Promise<Result<void, StoreError>> {
  try {
    for (const name of [databaseName(profile), documentsDatabaseName(profile)])
      await requested(indexedDB.deleteDatabase(name));
    return ok();
  } catch (thrown) {
    return unavailable(thrown);
  }
}

function openDatabase(name: string): Promise<IDBDatabase> {
  const opening = indexedDB.open(name, VERSION);
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore(ROWS);
    opening.result.createObjectStore(META);
  };
  return requested(opening);
}

async function takeOver(idb: IDBDatabase): Promise<number> {
  const transaction = idb.transaction(META, "readwrite", { durability: "strict" });
  const done = committed(transaction);
  const meta = transaction.objectStore(META);
  const before: unknown = await requested(meta.get(GENERATION));
  const generation = (typeof before === "number" ? before : 0) + 1;
  meta.put(generation, GENERATION);
  await done;
  return generation;
}

/** Throws, and so aborts, unless `generation` is still the one that owns the profile. */
export async function refuseStale(transaction: IDBTransaction, generation: number): Promise<void> {
  const owner: unknown = await requested(transaction.objectStore(META).get(GENERATION));
  if (owner !== generation) throw new DOMException("", STALE); // WB3
}

/** `detail` of a write that came from an engine that no longer owns the profile. */
export const STALE = "stale-engine";

function createMeta(idb: IDBDatabase, generation: number) {
  async function write(change: (transaction: IDBTransaction) => void): Promise<Result<void, StoreError>> {
    try {
      const transaction = idb.transaction([ROWS, META], "readwrite", { durability: "strict" });
      const done = committed(transaction);
      try {
        await refuseStale(transaction, generation);
        change(transaction);
      } catch (thrown) {
        done.catch(() => {});
        transaction.abort();
        throw thrown;
      }
      await done;
      return ok();
    } catch (thrown) {
      return unavailable(thrown);
    }
  }
  return {
    async meta(name: MetaName): Promise<Result<Bytes | null, StoreError>> {
      try {
        const value: unknown = await requested(idb.transaction(META).objectStore(META).get(name));
        if (value === undefined) return ok(null);
        return value instanceof Uint8Array
          ? ok(new Uint8Array(value))
          : err({ type: "StoreCorrupt", key: name });
      } catch (thrown) {
        return unavailable(thrown);
      }
    },
    setMeta: (entries: Partial<Record<MetaName, Bytes | null>>) =>
      write((transaction) => {
        const meta = transaction.objectStore(META);
        for (const [name, value] of Object.entries(entries)) {
          if (value === null || value === undefined) meta.delete(name);
          else meta.put(value.slice(), name);
        }
      }),
    clear: () =>
      write((transaction) => {
        transaction.objectStore(ROWS).clear();
        transaction.objectStore(META).clear();
        transaction.objectStore(META).put(generation, GENERATION);
      }),
    async hasRows(): Promise<Result<boolean, StoreError>> {
      try {
        return ok((await requested(idb.transaction(ROWS).objectStore(ROWS).count())) > 0);
      } catch (thrown) {
        return unavailable(thrown);
      }
    },
    async isOwner(): Promise<boolean> {
      try {
        return (await requested(idb.transaction(META).objectStore(META).get(GENERATION))) === generation;
      } catch {
        return false;
      }
    },
  };
}

function unavailable(thrown: unknown): Result<never, StoreError> {
  return err({ type: "StoreUnavailable", detail: idbFaultOf(thrown) });
}
