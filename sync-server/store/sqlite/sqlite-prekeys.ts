/** Prekeys and key packages over SQLite. Rules DI5-DI6, DI18: one transaction decides who gets a one-time prekey, so nobody gets it twice. */
import { present } from "@dovetail/core/base/assert.ts";
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import { type AccountId, type DeviceId, idBytes } from "@dovetail/core/base/ids.ts";
import { PREKEY_POOL_MAX } from "@dovetail/core/base/limits.ts";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import type { ClaimedKeyPackages, ClaimedPreKeys } from "@dovetail/core/protocol/directory.ts";
import { type DirectoryStore, type NewPreKey, POOL_KINDS, type PreKeyKind } from "../directory-store.ts";
import { type Refusal, refuse } from "../refusal.ts";
import type { AccountStanding } from "./sqlite-accounts.ts";
import type { SqliteDirectoryDeps } from "./sqlite-directory.ts";
import { blobOf, numberOf } from "./sqlite-row.ts";

const KIND_NUMBER: Readonly<Record<PreKeyKind, number>> = {
  signed: 1,
  oneTime: 2,
  lastResort: 3,
  keyPackage: 4,
  lastKeyPackage: 5,
};

type PreKeyOperations = Pick<
  DirectoryStore,
  "publishPreKeys" | "countPreKeys" | "claimPreKeys" | "countKeyPackages" | "claimKeyPackages"
>;

/** The prekey operations of the SQLite store. */
export function createSqlitePreKeys(deps: SqliteDirectoryDeps): PreKeyOperations {
  const { db, queue, standings } = deps;
  const publish = preparePublish(deps);
  const { claimBundle, claimKeyPackage } = prepareClaim(deps);
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
      deps.read(() => {
        const of = count(signedIn(accountId), deviceId, nowMs);
        return ok({
          oneTime: of("oneTime"),
          hasSigned: of("signed") > 0,
          hasLastResort: of("lastResort") > 0,
        });
      }),
    countKeyPackages: (accountId, deviceId, nowMs) =>
      deps.read(() => {
        const of = count(signedIn(accountId), deviceId, nowMs);
        return ok({ oneTime: of("keyPackage"), hasLastResort: of("lastKeyPackage") > 0 });
      }),
    claimPreKeys: (accountId, deviceIds, nowMs) =>
      queue.run((): Result<ClaimedPreKeys, Refusal> => {
        const bundles = claimEach({ accountId, deviceIds, nowMs }, claimBundle);
        if (!bundles.ok) return bundles;
        return bundles.value.length === 0 ? refuse("no-prekeys") : ok({ bundles: bundles.value });
      }),
    claimKeyPackages: (accountId, deviceIds, nowMs) =>
      queue.run((): Result<ClaimedKeyPackages, Refusal> => {
        const keyPackages = claimEach({ accountId, deviceIds, nowMs }, claimKeyPackage);
        if (!keyPackages.ok) return keyPackages;
        return keyPackages.value.length === 0 ? refuse("no-prekeys") : ok({ keyPackages: keyPackages.value });
      }),
  };

  function signedIn(accountId: AccountId): AccountStanding {
    return present(standings.byId(accountId), "a signed-in account is there");
  }

  function claimEach<T>(
    wanted: {
      readonly accountId: AccountId;
      readonly deviceIds: readonly DeviceId[] | null;
      readonly nowMs: number;
    },
    claim: (account: AccountStanding, deviceId: DeviceId, nowMs: number) => readonly T[],
  ): Result<readonly T[], Refusal> {
    const account = standings.byId(wanted.accountId);
    if (account === null) return refuse("unknown-account");
    const devices = [...new Set(wanted.deviceIds ?? account.activeDeviceIds)];
    return ok(
      devices
        .filter((deviceId) => account.activeDeviceIds.has(deviceId))
        .sort()
        .flatMap((deviceId) => claim(account, deviceId, wanted.nowMs)),
    );
  }
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
    for (const pool of POOL_KINDS) {
      const added = [...fresh.values()].filter(({ kind }) => kind === pool).length;
      const waiting = numberOf(countWaiting.get(account.row, device, KIND_NUMBER[pool])?.count);
      if (added > 0 && waiting + added > PREKEY_POOL_MAX) return refuse("quota");
    }
    for (const { kind, preKeyId, bytes, expiresAtMs } of fresh.values()) {
      if (!POOL_KINDS.includes(kind)) remove.run(account.row, device, KIND_NUMBER[kind]);
      insert.run(account.row, device, KIND_NUMBER[kind], idBytes(preKeyId), bytes, expiresAtMs);
    }
    return ok();
  };
}

function prepareClaim({ db }: SqliteDirectoryDeps) {
  const selectFirst = db.prepare(
    `SELECT number, bytes FROM prekeys
     WHERE account = ? AND device_id = ? AND kind = ? AND bytes IS NOT NULL AND expires_at_ms > ? ORDER BY number LIMIT 1`,
  );
  const spend = db.prepare("UPDATE prekeys SET bytes = NULL WHERE number = ?");

  function first(account: AccountStanding, deviceId: DeviceId, nowMs: number) {
    return (kind: PreKeyKind): Bytes | null => {
      const row = selectFirst.get(account.row, idBytes(deviceId), KIND_NUMBER[kind], nowMs);
      if (row === undefined) return null;
      if (POOL_KINDS.includes(kind)) spend.run(numberOf(row.number));
      return blobOf(row.bytes);
    };
  }

  function claimBundle(
    account: AccountStanding,
    deviceId: DeviceId,
    nowMs: number,
  ): ClaimedPreKeys["bundles"] {
    const take = first(account, deviceId, nowMs);
    const signed = take("signed");
    if (signed === null) return [];
    const oneTime = take("oneTime");
    const lastResort = oneTime === null ? take("lastResort") : null;
    return oneTime === null && lastResort === null ? [] : [{ deviceId, signed, oneTime, lastResort }];
  }

  function claimKeyPackage(
    account: AccountStanding,
    deviceId: DeviceId,
    nowMs: number,
  ): ClaimedKeyPackages["keyPackages"] {
    const take = first(account, deviceId, nowMs);
    const oneTime = take("keyPackage");
    const keyPackage = oneTime ?? take("lastKeyPackage");
    return keyPackage === null ? [] : [{ deviceId, keyPackage, isLastResort: oneTime === null }];
  }

  return { claimBundle, claimKeyPackage };
}

function prepareCount({ db }: SqliteDirectoryDeps) {
  const count = db.prepare(
    "SELECT count(*) AS count FROM prekeys WHERE account = ? AND device_id = ? AND kind = ? AND bytes IS NOT NULL AND expires_at_ms > ?",
  );
  return (account: AccountStanding, deviceId: DeviceId, nowMs: number) =>
    (kind: PreKeyKind): number =>
      numberOf(count.get(account.row, idBytes(deviceId), KIND_NUMBER[kind], nowMs)?.count);
}
