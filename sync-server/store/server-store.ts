/** Everything the server keeps, behind one transaction. */
import type { DirectoryStore } from "./directory-store.ts";
import type { FrontierStore } from "./frontier-store.ts";
import type { LogStore } from "./log-store.ts";
import type { OperatorStore } from "./operator-store.ts";
import type { RestoreStore } from "./restore-store.ts";
import type { SnapshotStore } from "./snapshot-store.ts";

export interface ServerStore
  extends LogStore,
    DirectoryStore,
    RestoreStore,
    SnapshotStore,
    FrontierStore,
    OperatorStore {
  /** Finishes what was asked for and lets go of the medium. */
  close(): Promise<void>;
}
