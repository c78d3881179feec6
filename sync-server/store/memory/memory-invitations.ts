/** Invitations and tombstones in memory: what the port means, without a medium. */
import { toHex } from "@dovetail/core/base/bytes.ts";
import type { AccountId } from "@dovetail/core/base/ids.ts";
import { ok } from "@dovetail/core/base/result.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import { INVITATIONS_MAX } from "../../limits.ts";
import type { InvitationRecord, OperatorStore, RegistrationAdmission } from "../operator-store.ts";
import { refuse } from "../refusal.ts";

interface MemoryInvitation extends InvitationRecord {
  readonly hash: string;
  usesLeft: number;
}

export interface MemoryAdmission {
  readonly operations: Pick<OperatorStore, "addInvitation" | "listInvitations" | "revokeInvitation">;
  /** Spends what a registration came by, or says why not. */
  admit(admission: RegistrationAdmission): FailureCode | null;
  /** Whether it would be let in, without spending anything. */
  look(admission: RegistrationAdmission): FailureCode | null;
  readonly deletedAccounts: Set<AccountId>;
  readonly deletedHandles: Set<string>;
  /** Drops what else is kept for an account; the store says how. */
  forgetAccount: (accountId: AccountId) => void;
}

/** No invitations and no tombstones yet. */
export function createMemoryAdmission(): MemoryAdmission {
  let invitations: readonly MemoryInvitation[] = [];
  let lastNumber = 0;
  const forgetEnded = (nowMs: number): void => {
    invitations = invitations.filter(({ usesLeft, expiresAtMs }) => usesLeft > 0 && expiresAtMs > nowMs);
  };
  const findGood = ({ hash, nowMs }: RegistrationAdmission & { readonly type: "invitation" }) =>
    invitations.find((each) => each.hash === toHex(hash) && each.usesLeft > 0 && each.expiresAtMs > nowMs);
  return {
    deletedAccounts: new Set(),
    deletedHandles: new Set(),
    forgetAccount: () => {},
    admit(admission) {
      if (admission.type === "open") return null;
      const found = findGood(admission);
      if (found === undefined) return "bad-invitation";
      found.usesLeft -= 1;
      return null;
    },
    look: (admission) =>
      admission.type === "open" || findGood(admission) !== undefined ? null : "bad-invitation",
    operations: {
      addInvitation({ hash, usesMax, createdAtMs, expiresAtMs }) {
        forgetEnded(createdAtMs);
        if (invitations.length >= INVITATIONS_MAX) return Promise.resolve(refuse("quota"));
        lastNumber += 1;
        const added = {
          number: lastNumber,
          hash: toHex(hash),
          usesLeft: usesMax,
          usesMax,
          createdAtMs,
          expiresAtMs,
        };
        invitations = [...invitations, added];
        return Promise.resolve(ok(lastNumber));
      },
      listInvitations(nowMs) {
        forgetEnded(nowMs);
        return Promise.resolve(ok(invitations.map(({ hash: _hash, ...record }) => ({ ...record }))));
      },
      revokeInvitation(number) {
        const left = invitations.filter((each) => each.number !== number);
        const isRevoked = left.length < invitations.length;
        invitations = left;
        return Promise.resolve(ok(isRevoked));
      },
    },
  };
}
