/** The server's store without a medium. */
import type { StoreEvent } from "./log-store.ts";
import { createMemoryDirectory } from "./memory-directory.ts";
import { createMemoryLogs } from "./memory-logs.ts";
import { createMemorySnapshots } from "./memory-snapshots.ts";
import type { ServerStore } from "./server-store.ts";

/** An empty store that ends with its process. */
export function createMemoryStore(): ServerStore {
  const listeners = new Set<(event: StoreEvent) => void>();
  const announce = (event: StoreEvent): void => {
    for (const listener of listeners) listener(event);
  };
  const { directory, owners } = createMemoryDirectory(announce);
  const { logs, logById } = createMemoryLogs(owners, announce);
  return {
    ...logs,
    ...directory,
    ...createMemorySnapshots(owners, logById),
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => Promise.resolve(),
  };
}
