/**
 * Contacts as the rest of the client uses them, kept in the contacts document that all own devices share.
 */
import type { AccountId, ConversationId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import {
  CONTACTS,
  type Contact,
  type ContactState,
  contactsSchema,
  type OwnInbound,
  type TheirInbound,
} from "../../document/schema/contacts.ts";
import type { Documents } from "../../document/documents.ts";
import { setField } from "../../document/schema/state-field.ts";
import { generationOf, type InboundKeys } from "../../messenger/inbound-keys.ts";
import { directConversationId } from "../../messenger/op.ts";
import type { ChainPin } from "../../sigchain/chain-state.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { EditOptions } from "../account-log/own-changes.ts";
import type { ClientError } from "../client-error.ts";

/** Our log for a contact, and which of those we could give them it is. */
export type OwnLog = InboundKeys & { readonly epoch: number; readonly theirCutSeq: number };

export interface ContactRecord {
  readonly accountId: AccountId;
  readonly state: ContactState;
  readonly petname: string | null;
  readonly givenName: string | null;
  readonly handle: string | null;
  readonly origin: string;
  /** Our log that they write to. */
  readonly own: OwnLog | null;
  /** Their log that we write to. */
  readonly theirs: InboundKeys | null;
  readonly conversationId: ConversationId;
  readonly addedAtMs: number;
  readonly notes: string | null;
  /** When the safety number was compared; null while it was not. */
  readonly verifiedAtMs: number | null;
}

/** Fields to set; those not named stay. */
export interface ContactPatch {
  readonly state?: ContactState;
  readonly petname?: string | null;
  readonly givenName?: string;
  readonly handle?: string | null;
  readonly origin?: string;
  readonly own?: OwnLog;
  readonly theirs?: InboundKeys & { readonly origin: string };
  readonly pinned?: ChainPin;
  readonly addedAtMs?: number;
  readonly notes?: string | null;
  readonly verifiedAtMs?: number | null;
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
    // The field follows the last that was heard; keys of one generation stay as they first came. IN11
    origin: contact.origin ?? theirInbound?.origin ?? "",
    own: ownInbound && {
      ...keysOf(ownInbound),
      epoch: ownInbound.epoch,
      theirCutSeq: ownInbound.theirCutSeq,
      generation: generationOf(ownInbound),
    },
    theirs: theirInbound && { ...keysOf(theirInbound), generation: theirInbound.generation },
    conversationId: contact.conversationId ?? directConversationId(self, accountId),
    addedAtMs: contact.addedAtMs ?? 0,
    notes: contact.notes,
    verifiedAtMs: contact.verifiedAtMs,
  };
}

function keysOf({ logId, appendSeed, hk, turn }: OwnInbound | TheirInbound) {
  return { logId, appendSeed, outerKey: hk, turn };
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
  if (patch.notes !== undefined) setField(draft, CONTACTS.notes, accountId, patch.notes);
  if (patch.verifiedAtMs !== undefined) setField(draft, CONTACTS.verifiedAtMs, accountId, patch.verifiedAtMs);
  if (patch.own !== undefined) {
    const { logId, appendSeed, outerKey, turn, epoch, theirCutSeq } = patch.own;
    const own = { logId, appendSeed, hk: outerKey, turn, epoch, theirCutSeq };
    setField(draft, CONTACTS.ownInbound, accountId, own);
  }
  if (patch.theirs !== undefined) {
    const { origin, logId, appendSeed, outerKey, turn, generation } = patch.theirs;
    const theirs = { origin, logId, appendSeed, hk: outerKey, turn, generation };
    setField(draft, CONTACTS.theirInbound, accountId, theirs);
  }
  setField(draft, CONTACTS.conversation, accountId, directConversationId(self, accountId));
}
