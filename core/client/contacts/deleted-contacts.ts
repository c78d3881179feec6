/**
 * Contacts whose server says that their account was deleted there. Rule CO7.
 *
 * It is the server's word: nothing signed says so, and one that lies must not cost a message. So what is written stays on
 * its way, and the word holds until the server, or another one the contact moved to, gives their chain.
 */
import type { Clock } from "../../base/clock.ts";
import { type AccountId, parseId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { rowKeyParts } from "../../store/row-key.ts";
import type { StoreError, TxStore } from "../../store/tx-store.ts";
import type { ClientError } from "../client-error.ts";
import type { DeletedRow, Tables } from "../tables.ts";

export interface DeletedContacts {
  start(): Promise<Result<void, StoreError>>;
  /** Takes what the server at `origin` answered when a contact's chain was asked for. */
  take(
    contact: AccountId,
    origin: string,
    answer: Result<unknown, ClientError>,
  ): Promise<Result<void, StoreError>>;
  /** Since when the server at `origin` says so; null when it does not. */
  sinceMs(contact: AccountId, origin: string): number | null;
  isDeleted(contact: AccountId): boolean;
}

export interface DeletedContactsDeps {
  readonly store: TxStore;
  readonly tables: Tables;
  readonly clock: Clock;
  readonly onChanged: () => void;
}

export function createDeletedContacts(deps: DeletedContactsDeps): DeletedContacts {
  const { store, tables, clock } = deps;
  const rows = new Map<AccountId, DeletedRow>();

  async function note(contact: AccountId, origin: string): Promise<Result<void, StoreError>> {
    if (rows.get(contact)?.origin === origin) return ok();
    const row = { origin, sinceMs: Math.max(0, clock.nowMs()) };
    const written = await store.batch([tables.deleted.put([contact], row)]);
    if (!written.ok) return written;
    rows.set(contact, row);
    deps.onChanged();
    return ok();
  }

  async function forget(contact: AccountId): Promise<Result<void, StoreError>> {
    if (!rows.has(contact)) return ok();
    const written = await store.batch([tables.deleted.remove(contact)]);
    if (!written.ok) return written;
    rows.delete(contact);
    deps.onChanged();
    return ok();
  }

  return {
    async start() {
      const stored = await tables.deleted.scan();
      if (!stored.ok) return stored;
      for (const { key, value } of stored.value) {
        const contact = parseId("account", rowKeyParts(key)[1] ?? "");
        if (contact.ok) rows.set(contact.value, value);
      }
      return ok();
    },
    async take(contact, origin, answer) {
      if (answer.ok) return forget(contact);
      const { error } = answer;
      return error.type === "Refused" && error.code === "account-deleted" ? note(contact, origin) : ok();
    },
    sinceMs(contact, origin) {
      const row = rows.get(contact);
      return row?.origin === origin ? row.sinceMs : null;
    },
    isDeleted: (contact) => rows.has(contact),
  };
}
