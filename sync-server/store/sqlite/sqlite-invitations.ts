/** Invitations and tombstones in SQLite. A registration spends an invitation in its own transaction. Rules DI14-DI15. */
import type { DatabaseSync } from "node:sqlite";
import { type AccountId, idBytes } from "@dovetail/core/base/ids.ts";
import { toUtf8 } from "@dovetail/core/base/bytes.ts";
import { ok } from "@dovetail/core/base/result.ts";
import { hash } from "@dovetail/core/crypto/hash.ts";
import { LABEL } from "@dovetail/core/crypto/labels.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import { INVITATIONS_MAX } from "../../limits.ts";
import type { CommitQueue } from "../commit-queue.ts";
import type { OperatorStore, RegistrationAdmission } from "../operator-store.ts";
import { refuse } from "../refusal.ts";
import { numberOf } from "./sqlite-row.ts";

type InvitationOperations = Pick<OperatorStore, "addInvitation" | "listInvitations" | "revokeInvitation">;

/** The operator's operations on invitations. */
export function createSqliteInvitations(db: DatabaseSync, queue: CommitQueue): InvitationOperations {
  const insert = db.prepare(
    "INSERT INTO invitations (hash, uses_left, uses_max, created_at_ms, expires_at_ms) VALUES (?, ?, ?, ?, ?)",
  );
  const removeEnded = db.prepare("DELETE FROM invitations WHERE uses_left = 0 OR expires_at_ms <= ?");
  const count = db.prepare("SELECT count(*) AS count FROM invitations");
  const select = db.prepare(
    "SELECT number, uses_left, uses_max, created_at_ms, expires_at_ms FROM invitations ORDER BY number",
  );
  const remove = db.prepare("DELETE FROM invitations WHERE number = ?");
  return {
    addInvitation: ({ hash: invitationHash, usesMax, createdAtMs, expiresAtMs }) =>
      queue.run(() => {
        removeEnded.run(createdAtMs);
        if (numberOf(count.get()?.count) >= INVITATIONS_MAX) return refuse("quota");
        const inserted = insert.run(invitationHash, usesMax, usesMax, createdAtMs, expiresAtMs);
        return ok(Number(inserted.lastInsertRowid));
      }),
    listInvitations: (nowMs) =>
      queue.run(() => {
        removeEnded.run(nowMs);
        return ok(
          select.all().map((row) => ({
            number: numberOf(row.number),
            usesLeft: numberOf(row.uses_left),
            usesMax: numberOf(row.uses_max),
            createdAtMs: numberOf(row.created_at_ms),
            expiresAtMs: numberOf(row.expires_at_ms),
          })),
        );
      }),
    revokeInvitation: (number) => queue.run(() => ok(remove.run(number).changes === 1)),
  };
}

type Admit = (admission: RegistrationAdmission) => FailureCode | null;

/** Inside a transaction: lets a registration in and spends what it came by, or only looks at it; or says why not. */
export function prepareAdmit(db: DatabaseSync): { readonly spend: Admit; readonly look: Admit } {
  const isGood = "hash = ? AND uses_left > 0 AND expires_at_ms > ?";
  const select = db.prepare(`SELECT 1 FROM invitations WHERE ${isGood}`);
  const update = db.prepare(`UPDATE invitations SET uses_left = uses_left - 1 WHERE ${isGood}`);
  return {
    spend(admission) {
      if (admission.type === "open") return null;
      // DI14: of two who come with one last use at once, one gets it.
      return update.run(admission.hash, admission.nowMs).changes === 1 ? null : "bad-invitation";
    },
    look(admission) {
      if (admission.type === "open") return null;
      return select.get(admission.hash, admission.nowMs) === undefined ? "bad-invitation" : null;
    },
  };
}

/** What stays of a deleted account and of its handle. */
export interface Tombstones {
  hasAccount(accountId: AccountId): boolean;
  hasHandle(handle: string): boolean;
  addAccount(accountId: AccountId): void;
  addHandle(handle: string): void;
  /** False when it had none. */
  removeHandle(handle: string): boolean;
}

/** Tombstones in the table `deleted`. Rule DI16. */
export function createTombstones(db: DatabaseSync): Tombstones {
  const select = db.prepare("SELECT 1 FROM deleted WHERE hash = ?");
  const remove = db.prepare("DELETE FROM deleted WHERE hash = ?");
  const insert = db.prepare("INSERT INTO deleted (hash) VALUES (?) ON CONFLICT DO NOTHING");
  return {
    hasAccount: (accountId) => select.get(accountTombstone(accountId)) !== undefined,
    hasHandle: (handle) => select.get(handleTombstone(handle)) !== undefined,
    addAccount: (accountId) => void insert.run(accountTombstone(accountId)),
    removeHandle: (handle) => remove.run(handleTombstone(handle)).changes === 1,
    addHandle: (handle) => void insert.run(handleTombstone(handle)),
  };
}

function accountTombstone(accountId: AccountId) {
  return hash(LABEL.deletedAccount, idBytes(accountId));
}

function handleTombstone(handle: string) {
  return hash(LABEL.deletedHandle, toUtf8(handle));
}
