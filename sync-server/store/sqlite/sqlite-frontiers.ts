/** `FrontierStore` over SQLite. */
import type { DatabaseSync } from "node:sqlite";
import { idBytes, idFromBytes } from "@dovetail/core/base/ids.ts";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import type { CommitQueue } from "../commit-queue.ts";
import type { FrontierStore } from "../frontier-store.ts";
import { type Refusal, refuse } from "../refusal.ts";
import type { AccountStandings } from "./sqlite-accounts.ts";
import { blobOf } from "./sqlite-row.ts";

export interface SqliteFrontiersDeps {
  readonly db: DatabaseSync;
  readonly queue: CommitQueue;
  readonly standings: AccountStandings;
  read<T>(query: () => Result<T, Refusal>): Promise<Result<T, Refusal>>;
}

/** The operations of the port. */
export function createSqliteFrontiers({ db, queue, standings, read }: SqliteFrontiersDeps): FrontierStore {
  const put = db.prepare(
    "INSERT INTO frontiers (account, device_id, bytes) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET bytes = excluded.bytes",
  );
  const select = db.prepare("SELECT device_id, bytes FROM frontiers WHERE account = ? ORDER BY device_id");
  return {
    putFrontier: (accountId, deviceId, frontier) =>
      queue.run(() => {
        const account = standings.byId(accountId);
        if (account === null) return refuse("unknown-account");
        if (!account.activeDeviceIds.has(deviceId)) return refuse("revoked-device");
        put.run(account.row, idBytes(deviceId), frontier);
        return ok();
      }),
    readFrontiers: (accountId) =>
      read(() => {
        const account = standings.byId(accountId);
        if (account === null) return refuse("unknown-account");
        const rows = select.all(account.row).map((row) => ({
          device: idFromBytes("device", blobOf(row.device_id)),
          frontier: blobOf(row.bytes),
        }));
        // FR10
        return ok(rows.filter(({ device }) => account.activeDeviceIds.has(device)));
      }),
  };
}
