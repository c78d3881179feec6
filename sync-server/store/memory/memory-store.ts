/** The server's store without a medium. */
import { ok } from "@dovetail/core/base/result.ts";
import type { StoreEvent } from "../log-store.ts";
import { createMemoryDirectory } from "./memory-directory.ts";
import { createMemoryFrontiers } from "./memory-frontiers.ts";
import { createMemoryAdmission } from "./memory-invitations.ts";
import { createMemoryLogs } from "./memory-logs.ts";
import { createMemoryRestores } from "./memory-restores.ts";
import { createMemorySnapshots } from "./memory-snapshots.ts";
import { FIRST_QUOTAS, type Quotas } from "../quotas.ts";
import { refuse } from "../refusal.ts";
import type { ServerStore } from "../server-store.ts";

/** An empty store that ends with its process. */
export function createMemoryStore(quotas: Quotas = FIRST_QUOTAS): ServerStore {
  const listeners = new Set<(event: StoreEvent) => void>();
  const announce = (event: StoreEvent): void => {
    for (const listener of listeners) listener(event);
  };
  const admission = createMemoryAdmission();
  const { directory, owners, registry } = createMemoryDirectory(announce, admission);
  const { logs, logById, figures } = createMemoryLogs(owners, announce, quotas);
  const { forgetAccount, blobBytes, ...snapshots } = createMemorySnapshots(owners, logById, quotas);
  const { forgetFrontiers, ...frontiers } = createMemoryFrontiers(owners);
  admission.forgetAccount = (accountId) => {
    forgetAccount(accountId);
    forgetFrontiers(accountId);
    for (const log of logById.values()) if (log.ownerId === accountId) logById.delete(log.logId);
  };
  return {
    ...logs,
    ...directory,
    ...createMemoryRestores(registry, admission),
    ...snapshots,
    ...frontiers,
    ...admission.operations,
    isDeleted: (accountId) => Promise.resolve(ok(admission.deletedAccounts.has(accountId))),
    erased: () => Promise.resolve(ok()),
    releaseHandle: (handle) => Promise.resolve(ok(admission.deletedHandles.delete(handle))),
    figures: () => Promise.resolve(ok({ ...figures(), accounts: owners.count(), blobBytes: blobBytes() })),
    // There is no file to copy.
    backup: () => Promise.resolve(refuse("internal")),
    load: () => ({ queueDepth: 0, databaseBytes: 0 }),
    probe: () => Promise.resolve(ok()),
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => Promise.resolve(),
  };
}
