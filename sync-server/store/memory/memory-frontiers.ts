/** `FrontierStore` in memory: what the port means, without a medium. For tests and for trials. */
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import type { AccountId, DeviceId } from "@dovetail/core/base/ids.ts";
import { ok } from "@dovetail/core/base/result.ts";
import type { FrontierStore } from "../frontier-store.ts";
import type { MemoryOwners } from "./memory-logs.ts";
import { refuse } from "../refusal.ts";

/** Frontiers of the accounts of `owners`. */
export function createMemoryFrontiers(
  owners: MemoryOwners,
): FrontierStore & { forgetFrontiers(accountId: AccountId): void } {
  const byAccount = new Map<AccountId, Map<DeviceId, Bytes>>();
  return {
    forgetFrontiers: (accountId) => void byAccount.delete(accountId),
    putFrontier(accountId, deviceId, frontier) {
      if (owners.epochOf(accountId) === null) return Promise.resolve(refuse("unknown-account"));
      if (!owners.isActive(accountId, deviceId)) return Promise.resolve(refuse("revoked-device"));
      byAccount.set(accountId, new Map(byAccount.get(accountId)).set(deviceId, frontier));
      return Promise.resolve(ok());
    },
    readFrontiers(accountId) {
      if (owners.epochOf(accountId) === null) return Promise.resolve(refuse("unknown-account"));
      const kept = [...(byAccount.get(accountId) ?? [])]
        .filter(([device]) => owners.isActive(accountId, device))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([device, frontier]) => ({ device, frontier }));
      return Promise.resolve(ok(kept));
    },
  };
}
