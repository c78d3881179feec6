/** `RestoreStore` in memory: what the port means, without a medium. */
import { ok } from "@dovetail/core/base/result.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import { RESTORE_LAPSE_MS, RESTORES_MAX } from "../../limits.ts";
import { refuse } from "../refusal.ts";
import type { Restoration, RestoreName, RestoreStore } from "../restore-store.ts";
import {
  appendToMemoryAccount,
  chainPageOf,
  type MemoryAccount,
  type MemoryRegistry,
  newMemoryAccount,
  recordOf,
} from "./memory-directory.ts";
import type { MemoryAdmission } from "./memory-invitations.ts";

interface MemoryRestore {
  readonly account: MemoryAccount;
  readonly how: Restoration;
  readonly stagedAtMs: number;
}

/** Chains that are put back, beside the accounts of `registry`. */
export function createMemoryRestores(registry: MemoryRegistry, gate: MemoryAdmission): RestoreStore {
  const restoreByName = new Map<string, MemoryRestore>();

  function dropOldest(): void {
    const [oldest] = [...restoreByName].sort(([, a], [, b]) => a.stagedAtMs - b.stagedAtMs);
    if (oldest !== undefined) restoreByName.delete(oldest[0]);
  }

  return {
    beginRestore(genesis, how, nowMs) {
      const there = registry.find(genesis.accountId);
      if (there !== null)
        return Promise.resolve(there.handle === how.handle ? ok() : refuse("chain-conflict"));
      const fault = registry.findFault(genesis.accountId, how.handle) ?? gate.look(how.admission);
      if (fault !== null) return Promise.resolve(refuse(fault));
      const name = nameOf({ accountId: genesis.accountId, head: how.head });
      const begun = restoreByName.get(name);
      if (begun === undefined && restoreByName.size >= RESTORES_MAX) dropOldest();
      const account = begun?.account ?? newMemoryAccount(genesis);
      restoreByName.set(name, { account, how, stagedAtMs: nowMs });
      return Promise.resolve(ok());
    },
    stageLink(step, head, nowMs) {
      const name = nameOf({ accountId: step.accountId, head });
      const restore = restoreByName.get(name);
      if (registry.find(step.accountId) !== null) return Promise.resolve(refuse("chain-conflict"));
      if (restore === undefined) return Promise.resolve(refuse("unknown-account"));
      const { handle, admission } = restore.how;
      const mayAppend = (): FailureCode | null => {
        if (step.hash !== head) return null;
        return (
          registry.findFault(step.accountId, handle) ??
          gate.admit(admission.type === "open" ? admission : { ...admission, nowMs })
        );
      };
      const appended = appendToMemoryAccount(restore.account, step, mayAppend);
      if (!appended.ok) return Promise.resolve(appended);
      if (step.hash !== head) restoreByName.set(name, { ...restore, stagedAtMs: nowMs });
      else {
        restoreByName.delete(name);
        registry.publish(restore.account, handle);
      }
      return Promise.resolve(ok());
    },
    findRestore: (name) => Promise.resolve(ok(recordOf(restoreByName.get(nameOf(name))?.account))),
    readRestore: (name, after, linksMax, bytesMax) =>
      Promise.resolve(ok(chainPageOf(restoreByName.get(nameOf(name))?.account, after, linksMax, bytesMax))),
    lapseRestores(nowMs) {
      for (const [name, { stagedAtMs }] of restoreByName)
        if (stagedAtMs <= nowMs - RESTORE_LAPSE_MS) restoreByName.delete(name);
      return Promise.resolve(ok());
    },
  };
}

function nameOf({ accountId, head }: RestoreName): string {
  return `${accountId} ${head}`;
}
