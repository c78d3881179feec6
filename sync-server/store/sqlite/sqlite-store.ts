/** The server's store over one SQLite file. Contract: test/contract/log-store.ts and directory-store.ts. */
import { ok, type Result } from "@dovetail/core/base/result.ts";
import type { Logger } from "@dovetail/core/base/logger.ts";
import { type ServerMetrics, silentMetrics } from "../../metrics/server-metrics.ts";
import { createCommitQueue } from "../commit-queue.ts";
import type { StoreEvent } from "../log-store.ts";
import { FIRST_QUOTAS, type Quotas } from "../quotas.ts";
import { type Refusal, refuse } from "../refusal.ts";
import type { ServerStore } from "../server-store.ts";
import { createAccountStandings } from "./sqlite-accounts.ts";
import { backupDatabase } from "./sqlite-backup.ts";
import { createSqliteDeletion } from "./sqlite-deletion.ts";
import { createSqliteDirectory } from "./sqlite-directory.ts";
import { createSqliteFigures } from "./sqlite-figures.ts";
import { createSqliteFrontiers } from "./sqlite-frontiers.ts";
import { createSqliteInvitations, createTombstones } from "./sqlite-invitations.ts";
import { createLogHeads } from "./sqlite-log-heads.ts";
import { createLogKeys } from "./sqlite-log-keys.ts";
import { createSqliteLogs } from "./sqlite-logs.ts";
import { createSqlitePreKeys } from "./sqlite-prekeys.ts";
import { createSqliteReclaim } from "./sqlite-reclaim.ts";
import { createSqliteRestores } from "./sqlite-restores.ts";
import { openDatabase, type OpenStoreError } from "./sqlite-schema.ts";
import { createSqliteSnapshots } from "./sqlite-snapshots.ts";
import { createSqliteSpace, rewriteOnce } from "./sqlite-space.ts";

export interface SqliteStoreOptions {
  readonly quotas?: Quotas;
  readonly metrics?: ServerMetrics;
}

/**
 * Opens the store in the file at `path`; `:memory:` gives one that ends with the process.
 *
 * - Fails: `StoreLocked` while another process has it; `StoreTooNew`; `StoreUnreadable`.
 */
export function openSqliteStore(
  path: string,
  logger: Logger,
  { quotas = FIRST_QUOTAS, metrics = silentMetrics }: SqliteStoreOptions = {},
): Result<ServerStore, OpenStoreError> {
  const opened = openDatabase(path);
  if (!opened.ok) return opened;
  const db = opened.value;
  const rewritten = rewriteOnce(db);
  if (!rewritten.ok) logger.log("error", "store-space-failed", { code: rewritten.error.code });
  const heads = createLogHeads(db);
  const standings = createAccountStandings(db);
  const listeners = new Set<(event: StoreEvent) => void>();
  let announced: StoreEvent[] = [];

  const queue = createCommitQueue(db, {
    beforeCommit: () => heads.writeTouched(),
    afterCommit() {
      const events = announced;
      announced = [];
      for (const event of events) for (const listener of listeners) listener(event);
    },
    afterRollback() {
      announced = [];
      heads.forgetAll();
      standings.forgetAll();
    },
    onFault(code) {
      metrics.storeFailed(code);
      logger.log("error", "store-transaction-failed", { code });
    },
    onCommitted: metrics.committed,
  });

  const announce = (event: StoreEvent): void => {
    announced.push(event);
  };
  const deps = {
    db,
    queue,
    heads,
    standings,
    quotas,
    tombstones: createTombstones(db),
    announce,
    space: createSqliteSpace(db, queue, (code) => {
      metrics.storeFailed(code);
      logger.log("error", "store-space-failed", { code });
    }),
    keys: createLogKeys({ db, announce }),
    read<T>(query: () => Result<T, Refusal>): Promise<Result<T, Refusal>> {
      try {
        return Promise.resolve(query());
      } catch {
        logger.log("error", "store-read-failed");
        return Promise.resolve(refuse("internal"));
      }
    },
  };
  const { stopErasing, ...deletion } = createSqliteDeletion(deps);
  const { flushAcks, ...logs } = createSqliteLogs({ ...deps, onErasure: () => void deletion.erased() });
  return ok({
    ...logs,
    ...createSqliteDirectory(deps),
    ...createSqliteRestores(deps),
    ...createSqlitePreKeys(deps),
    ...createSqliteSnapshots(deps),
    ...createSqliteReclaim(deps),
    ...createSqliteFrontiers(deps),
    ...deletion,
    ...createSqliteInvitations(db, queue),
    ...createSqliteFigures(deps),
    backup: (path) => backupDatabase(db, path),
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      stopErasing();
      flushAcks();
      queue.flush();
      db.close();
      return Promise.resolve();
    },
  });
}
