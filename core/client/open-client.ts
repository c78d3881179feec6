/** Opening the client of a profile: everything a face can ask of it, over the engine. */
import { type Bytes, toUtf8 } from "../base/bytes.ts";
import type { AccountId, ConversationId, DeviceId, OpId } from "../base/ids.ts";
import {
  DEVICE_NAME_BYTES_MAX,
  DISPLAY_NAME_BYTES_MAX,
  MESSAGE_TEXT_BYTES_MAX,
  TAG_NAME_BYTES_MAX,
} from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { parseServerOrigin } from "../base/server-origin.ts";
import { encode } from "../codec/shape.ts";
import { INBOX } from "../document/schema/inbox.ts";
import { SETTINGS, settingsSchema } from "../document/schema/settings.ts";
import { setField, clearField } from "../document/schema/state-field.ts";
import {
  type TagId,
  type TagRuleId,
  TAGS,
  tagIdFromBytes,
  tagRuleIdFromBytes,
  tagsSchema,
} from "../document/schema/tags.ts";
import { messagePayloadShape, OP_KIND } from "../messenger/op.ts";
import { isActive, pinOf } from "../sigchain/chain-state.ts";
import { formatContactLink, parseContactLink } from "../sigchain/contact/contact-link.ts";
import { recoveryWords } from "../sigchain/keys/recovery-key.ts";
import { createContactTransfer } from "./export/contact-transfer.ts";
import { createMessageTransfer } from "./export/message-transfer.ts";
import { createChainStore } from "./contacts/chain-store.ts";
import { createDirectoryClient } from "./connection/directory-client.ts";
import { deleteAccount } from "./account/delete-account.ts";
import { changeEpoch, type EpochChange } from "./account/change-epoch.ts";
import type { Client } from "./client.ts";
import type { ContactView } from "./views/contact-view.ts";
import type { MessageView } from "./views/conversation-view.ts";
import type { ClientError } from "./client-error.ts";
import { createBackup } from "./backup/create-backup.ts";
import { restoreBackup } from "./backup/restore-backup.ts";
import { createDeletionActs } from "./deletion/deletion-acts.ts";
import { createAlarmActs } from "./alarms/alarm-acts.ts";
import { createContactActs } from "./contacts/contact-acts.ts";
import type { ContactRecord } from "./contacts/contact-book.ts";
import type { Correspondent } from "./conversations/conversation-ports.ts";
import { createEngine, type Engine, sealedStore } from "./engine.ts";
import { openUnfinishedProfile, resumeEnrolment, settleNames } from "./devices/enrolment.ts";
import { fetchFirstEpochs } from "./account/first-epochs.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { lookAtServer } from "./reseed/look-at-server.ts";
import { putBack } from "./reseed/put-back.ts";
import { reportFrontiers } from "./frontiers/frontier-report.ts";
import { hostLinking } from "./devices/linking-host.ts";
import { keepForPasskey } from "./account/keep-for-passkey.ts";
import { createLinkTimes, deviceViews } from "./devices/own-devices.ts";
import { mendRows } from "./mend/mend-rows.ts";
import type { Platform } from "./platform.ts";
import { checkLayout } from "./profile-layout.ts";
import { createRoomLinkActs } from "./rooms/membership/room-link-acts.ts";
import { createRoomDocumentActs } from "./rooms/documents/room-document-acts.ts";
import { createConversationsOfTwo } from "./rooms/conversation-of-two.ts";
import { createRoomActs } from "./rooms/room-acts.ts";
import type { TxStore } from "../store/tx-store.ts";
import { createTables } from "./tables.ts";

/**
 * The client of the profile behind `platform`, or null when there is no account in it.
 *
 * - Fails: `EpochUnavailable` or a server's error when a device that was just linked cannot fetch its way in yet.
 */
export async function openClient(platform: Platform): Promise<Result<Client | null, ClientError>> {
  const store = sealedStore(platform);
  const tables = createTables(store);
  // ST64: before rows that do not decode are taken for damaged ones.
  const layout = await checkLayout(tables);
  if (!layout.ok && layout.error.type !== "StoreCorrupt") return layout;
  const noted = await tables.damage.get();
  const opened = noted.ok && noted.value === null ? await openWhole(platform) : null;
  const isDamaged = opened === null || (!opened.ok && opened.error.type === "StoreCorrupt");
  if (!isDamaged) return opened;
  // ST60: found now, or by whoever had the profile open last.
  const mended = await mendRows({ inner: platform.store, store });
  if (!mended.ok) return mended;
  platform.logger.log("warn", "rows-mended", { rows: mended.value });
  const again = await fetchLostChain(platform, store);
  return again.ok ? openWhole(platform) : again;
}

/** The first link of the own chain was among the damaged rows: the account's id says which chain it is. */
async function fetchLostChain(platform: Platform, store: TxStore): Promise<Result<void, ClientError>> {
  const tables = createTables(store);
  const profile = await tables.profile.get();
  if (!profile.ok || profile.value === null) return profile.ok ? ok() : profile;
  const { accountId, origin } = profile.value;
  const chains = createChainStore(store, tables);
  const stored = await chains.load(accountId);
  if (!stored.ok || stored.value !== null) return stored.ok ? ok() : stored;
  const fetched = await chains.refresh(accountId, createDirectoryClient(platform.connector, origin));
  return fetched.ok ? ok() : fetched;
}

async function openWhole(platform: Platform): Promise<Result<Client | null, ClientError>> {
  const empty = await openUnfinishedProfile(platform);
  if (empty.ok) {
    const resumed = await resumeEnrolment(platform, empty.value);
    if (!resumed.ok) return resumed;
    return ok(resumed.value === null ? null : createClient(resumed.value));
  }
  if (empty.error.type !== "ProfileInUse") return empty;
  const store = sealedStore(platform);
  const tables = createTables(store);
  const profile = await tables.profile.get();
  if (!profile.ok) return profile;
  if (profile.value === null) return ok(null);
  const enrolment = await tables.enrolment.get();
  if (!enrolment.ok) return enrolment;
  const entered = await fetchFirstEpochs(platform, store, profile.value);
  if (!entered.ok) return entered;
  const engine = await createEngine(platform, store, profile.value);
  if (!engine.ok) return engine;
  const named = enrolment.value === null ? ok() : await settleNames(engine.value, enrolment.value);
  return named.ok ? ok(createClient(engine.value)) : named;
}

/** Whom to ask, and what lets the request in. */
interface Address {
  readonly accountId: AccountId;
  readonly origin: string;
  readonly ticket: Bytes | null;
  readonly handle: string | null;
}

/** The face of an engine. */
export function createClient(engine: Engine): Client {
  const { context, documents, log, contacts, conversations, introductions, ops, views, own } = engine;
  const { displayName, introduce } = introductions;
  const { serial, identity, random, clock } = context;
  const nowMs = () => Math.max(0, clock.nowMs());
  const linkTimes = createLinkTimes(engine.chains);
  const settings = () => documents.read(log.ref({ type: "settings" }), settingsSchema);

  async function contactOf(accountId: AccountId): Promise<Result<ContactRecord, ClientError>> {
    const record = await contacts.get(accountId);
    if (!record.ok) return record;
    return record.value === null ? err({ type: "UnknownContact" }) : ok(record.value);
  }

  async function conversationOf(conversationId: ConversationId): Promise<Result<ContactRecord, ClientError>> {
    const all = await contacts.all();
    if (!all.ok) return all;
    const found = all.value.find((contact) => contact.conversationId === conversationId);
    return found === undefined ? err({ type: "UnknownConversation" }) : ok(found);
  }

  async function startEpoch(change: EpochChange): Promise<Result<void, ClientError>> {
    const changed = await changeEpoch(engine, change);
    if (!changed.ok) return changed;
    // It is done, whether or not contacts could be told already: what the disk refuses here is tried again by what is kicked.
    await serial.run(introductions.handOver);
    engine.kickContacts();
    return ok();
  }

  async function resolveAddress(address: string): Promise<Result<Address, ClientError>> {
    const link = parseContactLink(address);
    if (link.ok)
      return ok({
        accountId: link.value.accountId,
        origin: link.value.origin as string,
        ticket: link.value.ticket,
        handle: null,
      });
    if (link.error.type !== "NotAContactLink")
      return err<ClientError>({ type: "BadContactCode", rule: link.error.type });
    // Lists show handles as `@ben`.
    const handle = address.replace(/^@/, "");
    const [name = "", host] = handle.split("@");
    const origin = host === undefined ? identity.origin : `https://${host}`;
    if (!/^[a-z0-9][a-z0-9._-]{1,31}$/.test(name) || !parseServerOrigin(origin).ok)
      return err<ClientError>({ type: "BadHandle", handle });
    const found = await context.directory(origin).lookUpHandle(name);
    if (!found.ok) return found;
    return found.value === null
      ? err<ClientError>({ type: "UnknownHandle", handle })
      : ok({ accountId: found.value, origin, ticket: null, handle });
  }

  const addContact: Client["addContact"] = async (address, options = {}) => {
    const target = await resolveAddress(address.trim());
    return target.ok ? ask(target.value, options) : target;
  };

  const askContact: Client["askContact"] = async (accountId, options = {}) => {
    const record = await contactOf(accountId);
    if (!record.ok) return record;
    const { state, origin, handle } = record.value;
    return state === "known"
      ? ask({ accountId, origin, handle, ticket: null }, options)
      : err({ type: "NotKnownOnly" });
  };

  async function ask(
    { accountId, origin, ticket, handle }: Address,
    options: { readonly petname?: string; readonly greeting?: string },
  ): Promise<Result<ContactView, ClientError>> {
    if (accountId === identity.accountId) return err({ type: "ContactIsSelf" });
    const tooLong =
      checkText(options.greeting ?? null) ?? checkName(options.petname ?? null, DISPLAY_NAME_BYTES_MAX);
    if (tooLong !== null) return err(tooLong);
    const chain = await context.contactChain(accountId, origin, true);
    if (!chain.ok) return chain;
    const pinned = chain.value;
    return serial.run(async (): Promise<Result<ContactView, ClientError>> => {
      const known = await contacts.get(accountId);
      if (!known.ok) return known;
      const state = known.value?.state;
      if (state === "requested" || state === "accepted" || state === "blocked")
        return err({ type: "ContactExists", accountId });
      // FC4: asking somebody who has asked is an answer, also after a refusal.
      const hasAsked = known.value !== null && known.value.theirs !== null;
      return hasAsked
        ? acceptRecord(accountId, options.petname ?? null, options.greeting)
        : request(known.value);
    });

    async function request(known: ContactRecord | null): Promise<Result<ContactView, ClientError>> {
      const patch = {
        state: "requested" as const,
        petname: options.petname ?? (known?.state === "known" ? known.petname : null),
        handle: handle ?? known?.handle ?? null,
        origin,
        pinned: pinOf(pinned),
        addedAtMs: nowMs(),
      };
      const ticketRow = ticket === null ? [] : [context.tables.ticket.put([accountId], { secret: ticket })];
      const plan = { isAccept: false, patch, rows: ticketRow, greeting: options.greeting };
      const introduced = await introduce(accountId, plan);
      if (!introduced.ok) return introduced;
      engine.kickContacts();
      return ok(views.contact(introduced.value));
    }
  }

  async function acceptRecord(
    accountId: AccountId,
    petname: string | null,
    greeting?: string,
  ): Promise<Result<ContactView, ClientError>> {
    const introduced = await introduce(accountId, {
      isAccept: true,
      patch: { state: "accepted", ...(petname === null ? {} : { petname }) },
      greeting,
    });
    if (!introduced.ok) return introduced;
    engine.kickContacts();
    return ok(views.contact(introduced.value));
  }

  /** Whom a message goes to: a contact who may be written to, or a room this account is in. */
  async function correspondentOf(
    conversationId: ConversationId,
  ): Promise<Result<Correspondent, ClientError>> {
    const room = await engine.rooms.book.get(conversationId);
    if (!room.ok) return room;
    if (room.value !== null) {
      if (room.value.standing.standing !== "joined") return err({ type: "NotInRoom" });
      const now = await engine.rooms.contextOf(conversationId);
      if (!now.ok) return now;
      const { lifetimeMs } = now.value ?? room.value;
      const prove = await engine.rooms.histories.prover(conversationId);
      if (!prove.ok) return prove;
      return ok({ accountId: null, conversationId, lifetimeMs, prove: prove.value });
    }
    const contact = await conversationOf(conversationId);
    if (!contact.ok) return contact;
    const isOpen = contact.value.state === "requested" || contact.value.state === "accepted";
    return isOpen ? contact : err({ type: "UnknownConversation" });
  }

  /** Whether there is such a conversation, with a contact or in a room. */
  async function isConversation(conversationId: ConversationId): Promise<Result<void, ClientError>> {
    const room = await engine.rooms.book.get(conversationId);
    if (!room.ok || room.value !== null) return room.ok ? ok() : room;
    const contact = await conversationOf(conversationId);
    return contact.ok ? ok() : contact;
  }

  const send: Client["send"] = (conversationId, text) =>
    serial.run(async (): Promise<Result<MessageView, ClientError>> => {
      const tooLong = checkText(text);
      if (tooLong !== null) return err(tooLong);
      const to = await correspondentOf(conversationId);
      if (!to.ok) return to;
      const written = await conversations.write(
        to.value,
        OP_KIND.message,
        encode(messagePayloadShape, { text }),
      );
      if (!written.ok) return written;
      const view = await views.message(written.value);
      if (!view.ok) return view;
      return view.value === null ? err({ type: "MessageEmpty" }) : ok(view.value);
    });

  const editInbox = (edit: (draft: { [key: string]: unknown }) => void) =>
    serial.run(() => log.edit({ type: "inbox" }, edit));
  const editTags = (edit: (draft: { [key: string]: unknown }) => void) =>
    serial.run(() => log.edit({ type: "tags" }, edit));

  async function knownTag(tagId: string): Promise<Result<TagId, ClientError>> {
    const document = await documents.read(log.ref({ type: "tags" }), tagsSchema);
    if (!document.ok) return document;
    const found = [...document.value.tagsById.keys()].find((id) => id === tagId);
    return found === undefined ? err({ type: "UnknownTag" }) : ok(found);
  }

  async function nameDevice(device: DeviceId, name: string): Promise<Result<void, ClientError>> {
    const tooLong = checkName(name, DEVICE_NAME_BYTES_MAX);
    if (tooLong !== null) return err(tooLong);
    return serial.run(() =>
      log.edit({ type: "settings" }, (draft) =>
        setField(draft, SETTINGS.device, { device, fact: "name" }, name),
      ),
    );
  }

  async function contactLink(): Promise<Result<string, ClientError>> {
    const origin = parseServerOrigin(identity.origin);
    if (!origin.ok) return err({ type: "BadContactCode", rule: origin.error.type });
    const ticket = await serial.run(engine.ticket.current);
    if (!ticket.ok) return ticket;
    const { accountId } = identity;
    return ok(formatContactLink({ accountId, origin: origin.value, ticket: ticket.value }));
  }

  return {
    async recoveryWords() {
      const enrolment = await context.tables.enrolment.get();
      if (!enrolment.ok) return enrolment;
      const key = enrolment.value?.registration?.recoveryKey;
      return ok(key === undefined ? null : recoveryWords(key).join(" "));
    },

    keepForPasskey: (passkeyKey, words) => keepForPasskey(engine, passkeyKey, words),
    confirmRecoveryWords: () => context.store.batch([context.tables.enrolment.remove()]),

    async account() {
      const name = await displayName();
      if (!name.ok) return name;
      const document = await settings();
      if (!document.ok) return document;
      const chain = own.chain();
      const { accountId, deviceId, origin } = identity;
      return ok({
        accountId,
        deviceId,
        origin,
        handle: document.value.handle ?? identity.handle,
        displayName: name.value,
        epoch: chain.epochs.length,
        chainSeq: chain.seq,
      });
    },
    async devices() {
      const document = await settings();
      if (!document.ok) return document;
      const chain = own.chain();
      const times = await linkTimes.of(chain);
      if (!times.ok) return times;
      const told = { settings: document.value, timeMsBySeq: times.value };
      return ok(deviceViews(chain, told, identity.deviceId));
    },
    async deviceFrontiers() {
      // What is not known without the server is said as what it is; only a store that fails is a failure.
      if (engine.status().state === "online") await engine.exchangeFrontiers();
      return serial.run(() =>
        reportFrontiers({
          frontiers: engine.frontiers,
          chain: own.chain,
          deviceId: identity.deviceId,
          async names() {
            const document = await settings();
            return document.ok ? ok(document.value.deviceNamesById) : document;
          },
        }),
      );
    },
    padding: async () => ok(context.padding()),
    setPadding: (padding) => serial.run(() => engine.setPadding(padding)),
    setDisplayName: async (name) => {
      const tooLong = checkName(name, DISPLAY_NAME_BYTES_MAX);
      if (tooLong !== null) return err(tooLong);
      return serial.run(() =>
        log.edit({ type: "settings" }, (draft) => setField(draft, SETTINGS.profile, "displayName", name)),
      );
    },
    setDeviceName: nameDevice,
    revokeDevice: (deviceId) => startEpoch({ type: "revoke", deviceIds: [deviceId] }),
    rotateEpoch: () => startEpoch({ type: "rotate" }),
    deleteAccount: () => deleteAccount(engine),

    putBack: (options = {}) => putBack(engine, options),
    lookAtServer: (address) => lookAtServer(engine.context, address),

    status: engine.status,
    start: engine.start,
    sync: engine.sync,
    stop: engine.stop,
    onEvent: engine.onEvent,
    listenDirect: (address) => engine.direct.listen(address),
    syncDirect: (address) => engine.direct.syncOnce(address),

    async linkDevice({ replaces } = {}) {
      const linked = await engine.connected();
      if (!linked.ok) return linked;
      if (replaces === identity.deviceId || (replaces !== undefined && !isActive(own.chain(), replaces)))
        return err({ type: "UnknownDevice" });
      const name = await displayName();
      if (!name.ok) return name;
      const host = await hostLinking(engine, name.value, replaces ?? null);
      if (!host.ok || replaces === undefined) return host;
      return ok({
        ...host.value,
        // The epoch has changed as by a revocation, so contacts are told of new logs as after one.
        async confirm(digits: string) {
          const confirmed = await host.value.confirm(digits);
          if (!confirmed.ok) return confirmed;
          await serial.run(introductions.handOver);
          engine.kickContacts();
          return confirmed;
        },
      });
    },

    contactLink,
    async replaceContactLink() {
      const replaced = await serial.run(engine.ticket.replace);
      engine.kickContacts();
      return replaced.ok ? contactLink() : replaced;
    },
    addContact,
    contacts: () => views.contacts(),
    acceptContact: (accountId) =>
      serial.run(async () => {
        const record = await contactOf(accountId);
        if (!record.ok) return record;
        return record.value.state === "incoming"
          ? acceptRecord(accountId, null)
          : err<ClientError>({ type: "NotARequest" });
      }),
    declineContact: (accountId) =>
      serial.run(async () => {
        const record = await contactOf(accountId);
        if (!record.ok) return record;
        return record.value.state === "incoming"
          ? contacts.set(accountId, { state: "declined" })
          : err<ClientError>({ type: "NotARequest" });
      }),
    askContact,
    ...createContactActs(engine),
    ...createRoomActs(engine),
    ...createConversationsOfTwo(engine),
    ...createRoomDocumentActs(engine),
    ...createRoomLinkActs(engine, (address) => ask(address, {})),
    ...createContactTransfer(engine),
    ...createMessageTransfer(engine),
    ...createAlarmActs(engine),

    send,
    conversations: () => views.conversationList(),
    messages: async (conversationId, page = {}) => {
      const known = await isConversation(conversationId);
      return known.ok ? views.messages(conversationId, page) : known;
    },
    markRead: (conversationId) =>
      serial.run(async () => {
        const tally = await ops.tally(conversationId);
        if (!tally.ok) return tally;
        return log.edit({ type: "inbox" }, (draft) =>
          setField(draft, INBOX.readUpTo, conversationId, tally.value.newestHlc),
        );
      }),
    setArchived: (conversationId, isArchived) =>
      editInbox((draft) => setField(draft, INBOX.archived, conversationId, isArchived)),
    setMuted: (conversationId, isMuted) =>
      editInbox((draft) => setField(draft, INBOX.muted, conversationId, isMuted)),
    setStarred: ({ conversationId, id }, isStarred) =>
      editInbox((draft) =>
        setField(draft, INBOX.starred, [conversationId, id as OpId] as const, isStarred ? true : null),
      ),

    starred: (page = {}) => views.starred(page),

    ...createDeletionActs(engine, { to: correspondentOf, exists: isConversation }),
    createBackup: (key) => createBackup(engine, key),
    restoreBackup: async (key) => restoreBackup(engine, key),

    draft: async (conversationId) => {
      const known = await isConversation(conversationId);
      if (!known.ok) return known;
      const drafts = await views.drafts();
      if (!drafts.ok) return drafts;
      return ok(drafts.value.find((one) => one.conversationId === conversationId) ?? null);
    },
    drafts: () => views.drafts(),
    setDraft: async (conversationId, text) => {
      const isCleared = text === null || text === "";
      const tooLong = isCleared ? null : checkText(text);
      if (tooLong !== null) return err(tooLong);
      const known = await isConversation(conversationId);
      if (!known.ok) return known;
      return editInbox((draft) => setField(draft, INBOX.draft, conversationId, isCleared ? null : text));
    },

    tags: () => views.tags(),
    async createTag(name) {
      const tooLong = checkName(name, TAG_NAME_BYTES_MAX);
      if (tooLong !== null) return err(tooLong);
      const id = tagIdFromBytes(random.bytes(16));
      const edited = await editTags((draft) => setField(draft, TAGS.name, id, name));
      return edited.ok ? ok({ id, name, conversationCount: 0 }) : edited;
    },
    async deleteTag(tagId) {
      const known = await knownTag(tagId);
      if (!known.ok) return known;
      return editTags((draft) => {
        clearField(draft, TAGS.name, known.value);
        clearField(draft, TAGS.colour, known.value);
      });
    },
    async setTagged(conversationId, tagId, isTagged) {
      const known = await knownTag(tagId);
      if (!known.ok) return known;
      return editInbox((draft) =>
        setField(draft, INBOX.tagged, [conversationId, known.value] as const, isTagged ? true : null),
      );
    },
    tagRules: () => views.tagRules(),
    async createTagRule(sender, tagId) {
      const known = await knownTag(tagId);
      if (!known.ok) return known;
      const id = tagRuleIdFromBytes(random.bytes(16));
      const edited = await editTags((draft) =>
        setField(draft, TAGS.rule, id, { when: { type: "sender", account: sender }, tag: known.value }),
      );
      return edited.ok ? ok({ id, sender, tagId }) : edited;
    },
    deleteTagRule: (ruleId) =>
      editTags((draft) => {
        clearField(draft, TAGS.rule, ruleId as TagRuleId);
        clearField(draft, TAGS.ruleEnabled, ruleId as TagRuleId);
      }),

    search: (query, options = {}) => engine.search.search(query, options),

    fingerprint: () => serial.run(() => fingerprintOf(engine)),
  };
}

function checkText(text: string | null): ClientError | null {
  if (text === null) return null;
  const sizeBytes = toUtf8(text).length;
  if (sizeBytes === 0) return { type: "MessageEmpty" };
  return sizeBytes > MESSAGE_TEXT_BYTES_MAX
    ? { type: "MessageTooLong", sizeBytes, sizeBytesMax: MESSAGE_TEXT_BYTES_MAX }
    : null;
}

function checkName(name: string | null, sizeBytesMax: number): ClientError | null {
  if (name === null) return null;
  const sizeBytes = toUtf8(name).length;
  return sizeBytes > sizeBytesMax || sizeBytes === 0
    ? { type: "NameTooLong", sizeBytes, sizeBytesMax }
    : null;
}
