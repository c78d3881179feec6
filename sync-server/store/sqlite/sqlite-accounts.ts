/** Accounts as the other tables need them: their row number, epoch and active devices, cached by account id. */
import type { DatabaseSync } from "node:sqlite";
import { type AccountId, type DeviceId, idBytes, idFromBytes } from "@dovetail/core/base/ids.ts";
import { ACCOUNTS_CACHED_MAX } from "../../limits.ts";
import { blobOf, numberOf } from "./sqlite-row.ts";

/** Standing of an account at this moment of the transaction. */
export interface AccountStanding {
  readonly row: number;
  readonly accountId: AccountId;
  readonly epoch: number;
  readonly activeDeviceIds: ReadonlySet<DeviceId>;
}

export interface AccountStandings {
  byId(accountId: AccountId): AccountStanding | null;
  byRow(row: number): AccountStanding | null;
  /** To be called whenever a row of the account or of its devices was written. */
  forget(accountId: AccountId): void;
  forgetAll(): void;
}

/** A cache over the tables `accounts` and `devices`. */
export function createAccountStandings(db: DatabaseSync): AccountStandings {
  const selectById = db.prepare("SELECT id, account_id, epoch FROM accounts WHERE account_id = ?");
  const selectByRow = db.prepare("SELECT id, account_id, epoch FROM accounts WHERE id = ?");
  const selectDevices = db.prepare("SELECT device_id FROM devices WHERE account = ? AND is_active = 1");
  const standingById = new Map<AccountId, AccountStanding>();
  const standingByRow = new Map<number, AccountStanding>();

  function load(found: Record<string, unknown> | undefined): AccountStanding | null {
    if (found === undefined) return null;
    const row = numberOf(found.id);
    const deviceIds = selectDevices.all(row).map((device) => idFromBytes("device", blobOf(device.device_id)));
    const accountId = idFromBytes("account", blobOf(found.account_id));
    const standing = { row, accountId, epoch: numberOf(found.epoch), activeDeviceIds: new Set(deviceIds) };
    if (standingById.size >= ACCOUNTS_CACHED_MAX) forgetAll();
    standingById.set(accountId, standing);
    standingByRow.set(row, standing);
    return standing;
  }

  function forgetAll(): void {
    standingById.clear();
    standingByRow.clear();
  }

  return {
    byId: (accountId) => standingById.get(accountId) ?? load(selectById.get(idBytes(accountId))),
    byRow: (row) => standingByRow.get(row) ?? load(selectByRow.get(row)),
    forget(accountId) {
      const standing = standingById.get(accountId);
      if (standing !== undefined) standingByRow.delete(standing.row);
      standingById.delete(accountId);
    },
    forgetAll,
  };
}
