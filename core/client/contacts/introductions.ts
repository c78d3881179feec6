/**
 * Telling contacts who we are and where to write. Rules FC1, FC6, DM17, CO2.
 *
 * An introduction, what it changes about the contact and the greeting that goes with it are stored in one transaction, so nobody is a
 * contact who is never told. Runs within the serial.
 */
import type { AccountId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { encode } from "../../codec/shape.ts";
import type { Documents } from "../../document/documents.ts";
import { settingsSchema } from "../../document/schema/settings.ts";
import {
  directConversationId,
  introductionPayloadShape,
  messagePayloadShape,
  OP_KIND,
} from "../../messenger/op.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { ClientError } from "../client-error.ts";
import type { ContactBook, ContactPatch, ContactRecord } from "./contact-book.ts";
import type { ContactLogs } from "./contact-logs.ts";
import type { Conversations } from "../conversations/conversations.ts";
import type { EngineContext } from "../engine-context.ts";

export interface IntroductionsDeps {
  readonly context: EngineContext;
  readonly documents: Documents;
  readonly log: AccountLog;
  readonly contacts: ContactBook;
  readonly contactLogs: ContactLogs;
  readonly conversations: Conversations;
}

/** What an introduction says, and what is stored with it. */
export interface IntroductionPlan {
  readonly isAccept: boolean;
  readonly patch: ContactPatch;
  readonly rows?: readonly WriteOp[];
  /** A new turn, after a block. */
  readonly turn?: number;
  /** A message that goes with it. */
  readonly greeting?: string | undefined;
}

export interface Introductions {
  /** Name of the account as others are told it. */
  displayName(): Promise<Result<string, ClientError>>;
  introduce(accountId: AccountId, plan: IntroductionPlan): Promise<Result<ContactRecord, ClientError>>;
  /** Gives every contact whose log a revoked device knows another one; says whether there was any. */
  handOver(): Promise<Result<boolean, ClientError>>;
}

export function createIntroductions(deps: IntroductionsDeps): Introductions {
  const { context, documents, log, contacts, contactLogs, conversations } = deps;
  const { identity } = context;

  async function displayName(): Promise<Result<string, ClientError>> {
    const document = await documents.read(log.ref({ type: "settings" }), settingsSchema);
    return document.ok
      ? ok(
          document.value.displayName ??
            document.value.handle ??
            identity.handle ??
            identity.accountId.slice(0, 8),
        )
      : document;
  }

  async function introduce(
    accountId: AccountId,
    { isAccept, patch, rows = [], turn, greeting }: IntroductionPlan,
  ): Promise<Result<ContactRecord, ClientError>> {
    const name = await displayName();
    if (!name.ok) return name;
    const known = await contacts.get(accountId);
    if (!known.ok) return known;
    const own = await contactLogs.target({ accountId, own: known.value?.own ?? null }, turn);
    if (!own.ok) return own;
    if (own.value === null)
      return err({ type: "EpochUnavailable", epoch: context.chain().epochs.length, rule: "NoSecret" });
    const { logId, appendSeed, outerKey, turn: ownTurn, generation } = own.value;
    const payload = encode(introductionPayloadShape, {
      displayName: name.value,
      origin: identity.origin,
      reply: { logId, appendSeed, outerKey, turn: ownTurn, generation },
      isAccept,
    });
    const to = { accountId, conversationId: directConversationId(identity.accountId, accountId) };
    const given = { ...patch, own: own.value };
    const message = greeting === undefined ? null : encode(messagePayloadShape, { text: greeting });
    // FC6
    const written = await conversations.write(to, OP_KIND.introduction, payload, {
      message,
      storeWith: (writes) => contacts.set(accountId, given, { with: [...rows, ...writes] }),
    });
    if (!written.ok) return written;
    const record = await contacts.get(accountId);
    if (!record.ok) return record;
    return record.value === null ? err({ type: "UnknownContact" }) : ok(record.value);
  }

  async function handOver(): Promise<Result<boolean, ClientError>> {
    const all = await contacts.all();
    if (!all.ok) return all;
    let isAny = false;
    for (const contact of all.value) {
      if (contact.state !== "accepted" || contact.own === null) continue;
      const unsent = await conversations.tellUnsent(contact);
      if (!unsent.ok) return unsent;
      isAny ||= unsent.value;
      const target = await contactLogs.target(contact);
      if (!target.ok) return target;
      // DM17
      if (target.value === null || target.value.logId === contact.own.logId) continue;
      const told = await introduce(contact.accountId, { isAccept: false, patch: {} });
      if (!told.ok) return told;
      isAny = true;
    }
    return ok(isAny);
  }

  return { displayName, introduce, handOver };
}
