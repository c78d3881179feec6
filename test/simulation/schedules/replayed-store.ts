/** The server's store in memory with everything that was ever asked of it, so that it can be put back to how it was. */
import { createMemoryStore } from "../../../sync-server/store/memory/memory-store.ts";
import type { ServerStore } from "../../../sync-server/store/server-store.ts";

export interface ReplayedStore {
  /** The store as it is; after `rollBack` it is another one. */
  current(): ServerStore;
  /** A backup: what was asked up to now. */
  mark(): number;
  /** Puts the backup back. */
  rollBack(mark: number): Promise<void>;
}

/** What changes something. */
const CHANGES = [
  "register",
  "appendLink",
  "createLog",
  "reseedLog",
  "append",
  "ack",
  "putBlobs",
  "putSnapshot",
  "endorse",
  "noteSeen",
  "reclaim",
] as const;

type Change = (store: ServerStore) => Promise<unknown>;

/** An empty store. */
export function createReplayedStore(): ReplayedStore {
  const changes: Change[] = [];
  let current = watched(createMemoryStore(), changes);
  return {
    current: () => current,
    mark: () => changes.length,
    async rollBack(mark) {
      changes.length = mark;
      const store = createMemoryStore();
      for (const change of changes) await change(store);
      current = watched(store, changes);
    },
  };
}

function watched(store: ServerStore, changes: Change[]): ServerStore {
  const calls = CHANGES.map((name) => {
    const call = (...args: readonly unknown[]): Promise<unknown> => {
      const change: Change = (on) => Reflect.apply(on[name], on, args);
      changes.push(change);
      return change(store);
    };
    return [name, call] as const;
  });
  return { ...store, ...Object.fromEntries(calls) };
}
