/** Prekeys over SQLite. Rules DI5-DI6: one transaction decides who gets a one-time prekey, so nobody gets it twice. */
import { present } from "@dovetail/core/base/assert.ts";
import { type DeviceId, idBytes } from "@dovetail/core/base/ids.ts";
import { PREKEY_POOL_MAX } from "@dovetail/core/base/limits.ts";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import type { ClaimedPreKeys } from "@dovetail/core/protocol/directory.ts";
import type { DirectoryStore, NewPreKey, PreKeyCounts } from "./directory-store.ts";
import { type Refusal, refuse } from "./refusal.ts";
import type { AccountStanding } from "./sqlite-accounts.ts";
import type { SqliteDirectoryDeps } from "./sqlite-directory.ts";
import { blobOf, numberOf } from "./sqlite-row.ts";

const KIND_NUMBER = { signed: 1, oneTime: 2, lastResort: 3 } as const;

type PreKeyOperations = Pick<DirectoryStore, "publishPreKeys" | "countPreKeys" | "claimPreKeys">;

/** The prekey operations of the SQLite store. */
export function createSqlitePreKeys(deps: SqliteDirectoryDeps): PreKeyOperations {
  const { db, queue, standings } = deps;
  const publish = preparePublish(deps);
  const claimOne = prepareClaimOne(deps);
  const count = prepareCount(deps);
  const removeExpired = db.prepare("DELETE FROM prekeys WHERE expires_at_ms <= ?");
  return {
    publishPreKeys: (accountId, deviceId, preKeys, nowMs) =>
      queue.run(() => {
        const account = standings.byId(accountId);
        if (account?.activeDeviceIds.has(deviceId) !== true) return refuse("revoked-device");
        removeExpired.run(nowMs);
        return publish(account, deviceId, preKeys, nowMs);
      }),
    countPreKeys: (accountId, deviceId, nowMs) =>
      deps.read(() =>
        ok(count(present(standings.byId(accountId), "a signed-in account is there"), deviceId, nowMs)),
      ),
    claimPreKeys: (accountId, deviceIds, nowMs) =>
      queue.run((): Result<ClaimedPreKeys, Refusal> => {
        const account = standings.byId(accountId);
        if (account === null) return refuse("unknown-account");
        const wanted = new Set(deviceIds ?? account.activeDeviceIds);
        const bundles = [...wanted]
          .filter((deviceId) => account.activeDeviceIds.has(deviceId))
          .sort()
          .flatMap((deviceId) => claimOne(account, deviceId, nowMs));
        return bundles.length === 0 ? refuse("no-prekeys") : ok({ bundles });
      }),
  };
}

function preparePublish({ db }: SqliteDirectoryDeps) {
  const selectId = db.prepare("SELECT 1 FROM prekeys WHERE account = ? AND device_id = ? AND prekey_id = ?");
  const remove = db.prepare("DELETE FROM prekeys WHERE account = ? AND device_id = ? AND kind = ?");
  const insert = db.prepare(
    "INSERT INTO prekeys (account, device_id, kind, prekey_id, bytes, expires_at_ms) VALUES (?, ?, ?, ?, ?, ?)",
  );
  const countWaiting = db.prepare(
    "SELECT count(*) AS count FROM prekeys WHERE account = ? AND device_id = ? AND kind = ? AND bytes IS NOT NULL",
  );
  return (
    account: AccountStanding,
    deviceId: DeviceId,
    preKeys: readonly NewPreKey[],
    nowMs: number,
  ): Result<void, Refusal> => {
    const device = idBytes(deviceId);
    const isThere = ({ preKeyId }: NewPreKey): boolean =>
      selectId.get(account.row, device, idBytes(preKeyId)) !== undefined;
    const fresh = new Map(
      preKeys
        .filter((preKey) => preKey.expiresAtMs > nowMs && !isThere(preKey))
        .map((preKey) => [preKey.preKeyId, preKey]),
    );
    const oneTime = [...fresh.values()].filter(({ kind }) => kind === "oneTime").length;
    const waiting = numberOf(countWaiting.get(account.row, device, KIND_NUMBER.oneTime)?.count);
    if (oneTime > 0 && waiting + oneTime > PREKEY_POOL_MAX) return refuse("quota");
    for (const { kind, preKeyId, bytes, expiresAtMs } of fresh.values()) {
      if (kind !== "oneTime") remove.run(account.row, device, KIND_NUMBER[kind]);
      insert.run(account.row, device, KIND_NUMBER[kind], idBytes(preKeyId), bytes, expiresAtMs);
    }
    return ok();
  };
}

function prepareClaimOne({ db }: SqliteDirectoryDeps) {
  const selectFirst = db.prepare(
    `SELECT number, bytes FROM prekeys
     WHERE account = ? AND device_id = ? AND kind = ? AND bytes IS NOT NULL AND expires_at_ms > ? ORDER BY number LIMIT 1`,
  );
  const spend = db.prepare("UPDATE prekeys SET bytes = NULL WHERE number = ?");
  return (
    account: AccountStanding,
    deviceId: DeviceId,
    nowMs: number,
  ): ClaimedPreKeys["bundles"][number][] => {
    const first = (kind: number) => selectFirst.get(account.row, idBytes(deviceId), kind, nowMs);
    const signed = first(KIND_NUMBER.signed);
    if (signed === undefined) return [];
    const oneTime = first(KIND_NUMBER.oneTime);
    if (oneTime !== undefined) {
      spend.run(numberOf(oneTime.number));
      return [{ deviceId, signed: blobOf(signed.bytes), oneTime: blobOf(oneTime.bytes), lastResort: null }];
    }
    const lastResort = first(KIND_NUMBER.lastResort);
    if (lastResort === undefined) return [];
    return [{ deviceId, signed: blobOf(signed.bytes), oneTime: null, lastResort: blobOf(lastResort.bytes) }];
  };
}

function prepareCount({ db }: SqliteDirectoryDeps) {
  const count = db.prepare(
    "SELECT count(*) AS count FROM prekeys WHERE account = ? AND device_id = ? AND kind = ? AND bytes IS NOT NULL AND expires_at_ms > ?",
  );
  return (account: AccountStanding, deviceId: DeviceId, nowMs: number): PreKeyCounts => {
    const of = (kind: number): number =>
      numberOf(count.get(account.row, idBytes(deviceId), kind, nowMs)?.count);
    return {
      oneTime: of(KIND_NUMBER.oneTime),
      hasSigned: of(KIND_NUMBER.signed) > 0,
      hasLastResort: of(KIND_NUMBER.lastResort) > 0,
    };
  };
}
