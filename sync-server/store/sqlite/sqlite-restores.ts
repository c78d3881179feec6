/**
 * `RestoreStore` over SQLite. Rule IN6.
 *
 * A chain that is put back lies in the tables of accounts under a name of its own, which is longer than an account id, so no
 * other statement finds it. Its last link gives it its account's name: one row changes, however long the chain is.
 */
import { present } from "@dovetail/core/base/assert.ts";
import { type Bytes, concatBytes } from "@dovetail/core/base/bytes.ts";
import { idBytes } from "@dovetail/core/base/ids.ts";
import { ok } from "@dovetail/core/base/result.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import { RESTORE_LAPSE_MS, RESTORES_MAX } from "../../limits.ts";
import type { ChainStep } from "../directory-store.ts";
import { refuse } from "../refusal.ts";
import type { RestoreName, RestoreStore } from "../restore-store.ts";
import { prepareDeleteSmall } from "./sqlite-deletion.ts";
import {
  prepareAppendLink,
  prepareInsertAccount,
  prepareReadChains,
  prepareRegistrationFault,
  type SqliteDirectoryDeps,
} from "./sqlite-directory.ts";
import { prepareAdmit } from "./sqlite-invitations.ts";
import { blobOf, numberOf } from "./sqlite-row.ts";

/** Chains that are put back, in the file. */
export function createSqliteRestores(deps: SqliteDirectoryDeps): RestoreStore {
  const { db, queue } = deps;
  const chains = prepareReadChains(db);
  const findFault = prepareRegistrationFault(deps);
  const { look } = prepareAdmit(db);
  const insert = prepareInsertAccount(deps);
  const append = prepareAppendLink(deps);
  const publish = preparePublish(deps);
  const lapse = prepareLapse(deps);
  const select = db.prepare("SELECT id, handle FROM accounts WHERE account_id = ?");
  const note = db.prepare(
    "INSERT OR REPLACE INTO restores (account, handle, invitation, staged_at_ms) VALUES (?, ?, ?, ?)",
  );
  const count = db.prepare("SELECT count(*) AS count FROM restores");
  const touch = db.prepare("UPDATE restores SET staged_at_ms = ? WHERE account = ?");

  return {
    beginRestore: (genesis, { head, handle, admission }, nowMs) =>
      queue.run(() => {
        const there = select.get(idBytes(genesis.accountId));
        if (there !== undefined) return there.handle === handle ? ok() : refuse("chain-conflict");
        const fault = findFault(genesis.accountId, handle) ?? look(admission);
        if (fault !== null) return refuse(fault);
        const name = nameOf({ accountId: genesis.accountId, head });
        const begun = select.get(name);
        if (begun === undefined && numberOf(count.get()?.count) >= RESTORES_MAX)
          lapse(Number.MAX_SAFE_INTEGER);
        const account = begun === undefined ? insert(name, genesis, null) : numberOf(begun.id);
        note.run(account, handle, admission.type === "open" ? null : admission.hash, nowMs);
        return ok();
      }),
    stageLink: (step, head, nowMs) =>
      queue.run(() => {
        if (select.get(idBytes(step.accountId)) !== undefined) return refuse("chain-conflict");
        const isLast = step.hash === head;
        const mayAppend = (account: number): FailureCode | null => {
          if (isLast) return publish(account, step, nowMs);
          touch.run(nowMs, account);
          return null;
        };
        return append(step, nameOf({ accountId: step.accountId, head }), mayAppend);
      }),
    findRestore: (name) => deps.read(() => ok(chains.find(name.accountId, nameOf(name)))),
    readRestore: (name, after, linksMax, bytesMax) =>
      deps.read(() => ok(chains.read(nameOf(name), { after, linksMax, bytesMax }))),
    async lapseRestores(nowMs) {
      for (let isDone = false; !isDone; ) {
        const lapsed = await queue.run(() => ok(lapse(nowMs - RESTORE_LAPSE_MS)));
        if (!lapsed.ok) return lapsed;
        isDone = lapsed.value;
      }
      return ok();
    },
  };
}

function nameOf({ accountId, head }: RestoreName): Bytes {
  return concatBytes(idBytes(accountId), idBytes(head));
}

/** Gives a chain the name of its account, with what was said of it at the beginning; or says why not, and nothing changed. */
function preparePublish(
  deps: SqliteDirectoryDeps,
): (account: number, step: ChainStep, nowMs: number) => FailureCode | null {
  const { db } = deps;
  const findFault = prepareRegistrationFault(deps);
  const { spend } = prepareAdmit(db);
  const select = db.prepare("SELECT handle, invitation FROM restores WHERE account = ?");
  const rename = db.prepare("UPDATE accounts SET account_id = ?, handle = ? WHERE id = ?");
  const forget = db.prepare("DELETE FROM restores WHERE account = ?");
  return (account, { accountId }, nowMs) => {
    const row = present(select.get(account), "a chain that is put back has a row of its own");
    const handle = typeof row.handle === "string" ? row.handle : null;
    const fault =
      findFault(accountId, handle) ??
      spend(
        row.invitation === null
          ? { type: "open" }
          : { type: "invitation", hash: blobOf(row.invitation), nowMs },
      );
    if (fault !== null) return fault;
    rename.run(idBytes(accountId), handle, account);
    forget.run(account);
    return null;
  };
}

/** Erases the chain that has waited longest, if since then or before, and tells whether there was none. */
function prepareLapse({ db }: SqliteDirectoryDeps): (untilMs: number) => boolean {
  const select = db.prepare(
    "SELECT account FROM restores WHERE staged_at_ms <= ? ORDER BY staged_at_ms LIMIT 1",
  );
  const deleteSmall = prepareDeleteSmall(db);
  const deleteAccount = db.prepare("DELETE FROM accounts WHERE id = ?");
  const forget = db.prepare("DELETE FROM restores WHERE account = ?");
  return (untilMs) => {
    const row = select.get(untilMs);
    if (row === undefined) return true;
    const account = numberOf(row.account);
    deleteSmall(account);
    deleteAccount.run(account);
    forget.run(account);
    return false;
  };
}
