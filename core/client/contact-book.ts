/**
 * Contacts as the rest of the client uses them, kept in the contacts document that all own devices share.
 */
import type { AccountId, ConversationId } from "../base/ids.ts";
import { ok, type Result } from "../base/result.ts";
import { CONTACTS, type Contact, type ContactState, contactsSchema } from "../document/contacts.ts";
import type { Documents } from "../document/documents.ts";
import { setField } from "../document/state-field.ts";
import type { InboundKeys } from "../messenger/inbound-keys.ts";
import { directConversationId } from "../messenger/op.ts";
import type { ChainPin } from "../sigchain/chain-state.ts";
import type { AccountLog, EditOptions } from "./account-log.ts";
import type { ClientError } from "./client-error.ts";

export interface ContactRecord {
  readonly accountId: AccountId;
  readonly state: ContactState;
  readonly petname: string | null;
  readonly givenName: string | null;
  readonly handle: string | null;
  readonly origin: string;
  /** Our log that they write to. */
  readonly own: InboundKeys | null;
  /** Their log that we write to. */
  readonly theirs: InboundKeys | null;
  readonly conversationId: ConversationId;
  readonly addedAtMs: number;
}

/** Fields to set; those not named stay. */
export interface ContactPatch {
  readonly state?: ContactState;
  readonly petname?: string | null;
  readonly givenName?: string;
  readonly handle?: string | null;
  readonly origin?: string;
  readonly own?: InboundKeys;
  readonly theirs?: InboundKeys & { readonly origin: string };
  readonly pinned?: ChainPin;
  readonly addedAtMs?: number;
}

export interface ContactBook {
  all(): Promise<Result<readonly ContactRecord[], ClientError>>;
  get(accountId: AccountId): Promise<Result<ContactRecord | null, ClientError>>;
  set(accountId: AccountId, patch: ContactPatch, options?: EditOptions): Promise<Result<void, ClientError>>;
  /** Sets several contacts in one change. */
  setAll(
    patches: ReadonlyMap<AccountId, ContactPatch>,
    options?: EditOptions,
  ): Promise<Result<void, ClientError>>;
  /** Forgets what was read, after the document changed. */
  refresh(): void;
}

export function createContactBook(self: AccountId, log: AccountLog, documents: Documents): ContactBook {
  let cached: ReadonlyMap<AccountId, ContactRecord> | null = null;
  /** Counts changes: what was read before one is not kept after it. */
  let version = 0;

  function forget(): void {
    cached = null;
    version++;
  }

  async function load(): Promise<Result<ReadonlyMap<AccountId, ContactRecord>, ClientError>> {
    if (cached !== null) return ok(cached);
    const before = version;
    const contacts = await documents.read(log.ref({ type: "contacts" }), contactsSchema);
    if (!contacts.ok) return contacts;
    const loaded = new Map(
      [...contacts.value.contactsById].map(([id, contact]) => [id, record(self, id, contact)]),
    );
    if (version === before) cached = loaded;
    return ok(loaded);
  }

  async function setAll(
    patches: ReadonlyMap<AccountId, ContactPatch>,
    options?: EditOptions,
  ): Promise<Result<void, ClientError>> {
    const edit = (draft: { [key: string]: unknown }) => {
      for (const [accountId, patch] of patches) applyPatch(draft, self, accountId, patch);
    };
    const edited = await log.edit({ type: "contacts" }, edit, options);
    forget();
    return edited;
  }

  return {
    async all() {
      const loaded = await load();
      return loaded.ok ? ok([...loaded.value.values()]) : loaded;
    },
    async get(accountId) {
      const loaded = await load();
      return loaded.ok ? ok(loaded.value.get(accountId) ?? null) : loaded;
    },
    set: (accountId, patch, options) => setAll(new Map([[accountId, patch]]), options),
    setAll,
    refresh: forget,
  };
}

function record(self: AccountId, accountId: AccountId, contact: Contact): ContactRecord {
  const { state, petname, givenName, handle, ownInbound, theirInbound } = contact;
  return {
    accountId,
    state,
    petname,
    givenName,
    handle,
    origin: theirInbound?.origin ?? contact.origin ?? "",
    own: ownInbound && {
      logId: ownInbound.logId,
      appendSeed: ownInbound.appendSeed,
      outerKey: ownInbound.hk,
    },
    theirs: theirInbound && {
      logId: theirInbound.logId,
      appendSeed: theirInbound.appendSeed,
      outerKey: theirInbound.hk,
    },
    conversationId: contact.conversationId ?? directConversationId(self, accountId),
    addedAtMs: contact.addedAtMs ?? 0,
  };
}

function applyPatch(
  draft: { [key: string]: unknown },
  self: AccountId,
  accountId: AccountId,
  patch: ContactPatch,
): void {
  if (patch.state !== undefined) setField(draft, CONTACTS.state, accountId, patch.state);
  if (patch.petname !== undefined) setField(draft, CONTACTS.petname, accountId, patch.petname);
  if (patch.givenName !== undefined) setField(draft, CONTACTS.givenName, accountId, patch.givenName);
  if (patch.handle !== undefined) setField(draft, CONTACTS.handle, accountId, patch.handle);
  if (patch.origin !== undefined) setField(draft, CONTACTS.origin, accountId, patch.origin);
  if (patch.pinned !== undefined)
    setField(draft, CONTACTS.pinned, accountId, { seq: patch.pinned.seq, head: patch.pinned.head });
  if (patch.addedAtMs !== undefined) setField(draft, CONTACTS.addedAtMs, accountId, patch.addedAtMs);
  if (patch.own !== undefined) {
    const { logId, appendSeed, outerKey } = patch.own;
    setField(draft, CONTACTS.ownInbound, accountId, { logId, appendSeed, hk: outerKey });
  }
  if (patch.theirs !== undefined) {
    const { origin, logId, appendSeed, outerKey } = patch.theirs;
    setField(draft, CONTACTS.theirInbound, accountId, { origin, logId, appendSeed, hk: outerKey });
  }
  setField(draft, CONTACTS.conversation, accountId, directConversationId(self, accountId));
}
