/** Views: what faces show, made from rows and documents. Nothing here changes what they show. */
import type { AccountId, ConversationId, OpId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import type { Documents } from "../../document/documents.ts";
import { inboxSchema, type InboxConversation } from "../../document/schema/inbox.ts";
import { tagsSchema } from "../../document/schema/tags.ts";
import { isAhead } from "../../messenger/hlc.ts";
import type { NamedOp } from "../../messenger/op.ts";
import { timelineMessage } from "../../messenger/timeline.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { ContactView, PlaceView } from "../views/contact-view.ts";
import type {
  ConversationSummary,
  ConversationView,
  DeliveryFailure,
  DeliveryState,
  MessagePage,
  MessageView,
  DraftView,
  StarredMessage,
  StarredPage,
  TagRuleView,
  TagView,
} from "../views/conversation-view.ts";
import type { ClientError } from "../client-error.ts";
import type { ContactBook, ContactRecord } from "../contacts/contact-book.ts";
import type { Conversations } from "./conversations.ts";
import type { DeletedContacts } from "../contacts/deleted-contacts.ts";
import type { EngineContext } from "../engine-context.ts";
import { nextPageSize, type OpStore } from "./op-store.ts";
import type { Outbox } from "./outbox.ts";
import { shownName } from "../rooms/membership/room-info.ts";
import type { RoomBook } from "../rooms/room-book.ts";
import type { RoomOutbox } from "../rooms/room-outbox.ts";
import { createUnreadCounts } from "./unread-counts.ts";

const SCAN_PAGE_OPS = 256;
/** Among the newest ops some are no messages. */
const HIDDEN_OPS_AHEAD = 7;
const MESSAGES_PAGE_DEFAULT = 50;
const ID_PREFIX_CHARS = 8;

export interface ViewsDeps {
  readonly context: EngineContext;
  readonly documents: Documents;
  readonly log: AccountLog;
  readonly contacts: ContactBook;
  readonly ops: OpStore;
  readonly outbox: Outbox;
  readonly roomOutbox: RoomOutbox;
  readonly conversations: Conversations;
  readonly roomBook: Pick<RoomBook, "all">;
  /** Whether sending to a contact waits for an alarm to be over. */
  readonly isStopped: (contact: AccountId) => boolean;
  readonly deletedContacts: Pick<DeletedContacts, "sinceMs" | "isDeleted">;
  /** Whether the time of a message is over. RM36 */
  readonly isHidden: (op: NamedOp) => boolean;
  readonly perishesAtMs: (op: NamedOp) => number | null;
}

/** A page of messages with the ops they are. */
export interface PageWithOps {
  readonly messages: readonly { readonly message: MessageView; readonly op: NamedOp }[];
  readonly older: string | null;
}

export interface Views {
  /** Ops are stored that were not here. */
  added(ops: readonly NamedOp[]): void;
  contact(record: ContactRecord): ContactView;
  contacts(): Promise<Result<readonly ContactView[], ClientError>>;
  message(op: NamedOp): Promise<Result<MessageView | null, ClientError>>;
  messages(
    conversationId: ConversationId,
    page: { readonly limit?: number; readonly before?: string },
  ): Promise<Result<MessagePage, ClientError>>;
  /** As `messages`, each with its op. */
  messagesWithOps(
    conversationId: ConversationId,
    page: { readonly limit?: number; readonly before?: string },
  ): Promise<Result<PageWithOps, ClientError>>;
  starred(page: {
    readonly limit?: number;
    readonly before?: string;
  }): Promise<Result<StarredPage, ClientError>>;
  /** Every conversation there is by its id, with a contact or in a room. */
  places(): Promise<Result<ReadonlyMap<ConversationId, PlaceView>, ClientError>>;
  conversationList(): Promise<Result<readonly ConversationView[], ClientError>>;
  /** What is shown of a conversation in a list, whoever it is with. */
  summaryOf(conversationId: ConversationId): Promise<Result<ConversationSummary, ClientError>>;
  drafts(): Promise<Result<readonly DraftView[], ClientError>>;
  tags(): Promise<Result<readonly TagView[], ClientError>>;
  /** Conversations by the tag they are under. */
  taggedConversations(): Promise<Result<ReadonlyMap<string, readonly ConversationId[]>, ClientError>>;
  tagRules(): Promise<Result<readonly TagRuleView[], ClientError>>;
}

export function createViews(deps: ViewsDeps): Views {
  const { context, documents, log, contacts, ops, outbox, roomOutbox, conversations } = deps;
  const self = context.identity.accountId;

  const inbox = () => documents.read(log.ref({ type: "inbox" }), inboxSchema);

  function contact(record: ContactRecord): ContactView {
    const { accountId, petname, givenName, handle, origin, state, conversationId, addedAtMs } = record;
    const name = petname ?? givenName ?? handle ?? accountId.slice(0, ID_PREFIX_CHARS);
    return {
      accountId,
      name,
      petname,
      displayName: givenName,
      handle,
      origin,
      state,
      conversationId,
      addedAtMs,
      verifiedAtMs: record.verifiedAtMs,
      isStopped: deps.isStopped(accountId),
      deletedSinceMs: deps.deletedContacts.sinceMs(accountId, origin),
    };
  }

  async function contactViews(): Promise<Result<readonly ContactView[], ClientError>> {
    const all = await contacts.all();
    if (!all.ok) return all;
    return ok(
      all.value
        .map(contact)
        .sort((a, b) => (a.name === b.name ? compare(a.accountId, b.accountId) : compare(a.name, b.name))),
    );
  }

  function stateOf(op: NamedOp, reader: AccountId | null): DeliveryState {
    if (op.op.author !== self) return "received";
    // MS8: a mark that passes it says that nobody waits for it.
    if (conversations.isUnsent(op.op)) return "failed";
    if (
      reader !== null &&
      op.op.deviceSeq < conversations.deliveredTo(op.op.conversationId, reader, op.op.device)
    )
      return "delivered";
    if (op.op.device !== context.identity.deviceId) return "elsewhere";
    // A conversation with nobody in particular is a room.
    if (reader === null) {
      if (roomOutbox.failureOf(op.id) !== null) return "failed";
      return roomOutbox.isWaiting(op.id) ? "kept" : "sent";
    }
    const state = outbox.stateOf(op.id);
    if (state === null) return "delivered";
    return state === "sealed" ? "kept" : state;
  }

  function messageView(
    op: NamedOp,
    reader: AccountId | null,
    starred: ReadonlySet<OpId>,
  ): MessageView | null {
    const message = timelineMessage(op);
    if (message === null) return null;
    const { id, author, device, sentAtMs, text, isRedacted } = message;
    const state = stateOf(op, reader);
    return {
      id,
      conversationId: op.op.conversationId,
      author,
      isOwn: author === self,
      device,
      sentAtMs,
      text,
      isRedacted,
      state,
      failure: failureFor(op, state, reader),
      isStarred: starred.has(id),
    };
  }

  function failureFor(op: NamedOp, state: DeliveryState, reader: AccountId | null): DeliveryFailure | null {
    // CO7: it is still on its way, and goes when the account is there again.
    if (state === "kept") return reader !== null && deps.deletedContacts.isDeleted(reader) ? "deleted" : null;
    if (state !== "failed") return null;
    return roomOutbox.failureOf(op.id) ?? failureOf(outbox.reasonOf(op.id), conversations.isUnsent(op.op));
  }

  async function surroundings(
    conversationId: ConversationId,
  ): Promise<
    Result<{ readonly reader: AccountId | null; readonly entry: InboxConversation | undefined }, ClientError>
  > {
    const all = await contacts.all();
    if (!all.ok) return all;
    const state = await inbox();
    if (!state.ok) return state;
    const reader = all.value.find((one) => one.conversationId === conversationId)?.accountId ?? null;
    return ok({ reader, entry: state.value.conversationsById.get(conversationId) });
  }

  const isShown = (op: NamedOp) => !isAhead(op.op.hlc, context.times.latestMs()) && !deps.isHidden(op);

  async function message(op: NamedOp): Promise<Result<MessageView | null, ClientError>> {
    // Who writes sees it as written; it is listed when its time has come.
    const isOwn = op.op.device === context.identity.deviceId && !deps.isHidden(op);
    if (!isShown(op) && !isOwn) return ok(null);
    const around = await surroundings(op.op.conversationId);
    return around.ok
      ? ok(messageView(op, around.value.reader, around.value.entry?.starred ?? new Set()))
      : around;
  }

  async function messages(
    conversationId: ConversationId,
    page: { readonly limit?: number; readonly before?: string },
  ): Promise<Result<MessagePage, ClientError>> {
    const shown = await messagesWithOps(conversationId, page);
    if (!shown.ok) return shown;
    return ok({ messages: shown.value.messages.map(({ message }) => message), older: shown.value.older });
  }

  async function messagesWithOps(
    conversationId: ConversationId,
    page: { readonly limit?: number; readonly before?: string },
  ): Promise<Result<PageWithOps, ClientError>> {
    const around = await surroundings(conversationId);
    if (!around.ok) return around;
    const limit = page.limit ?? MESSAGES_PAGE_DEFAULT;
    const starred = around.value.entry?.starred ?? new Set<OpId>();
    const shown: { message: MessageView; op: NamedOp }[] = [];
    let before = page.before;
    for (let size = Math.min(limit + HIDDEN_OPS_AHEAD, SCAN_PAGE_OPS); ; size = nextPageSize(size)) {
      const rows = await ops.page(conversationId, size, before);
      if (!rows.ok) return rows;
      for (const { key, op } of rows.value) {
        const view = isShown(op) ? messageView(op, around.value.reader, starred) : null;
        before = key;
        if (view === null) continue;
        shown.push({ message: view, op });
        if (shown.length === limit) return ok({ messages: shown, older: key });
      }
      if (rows.value.length < size) return ok({ messages: shown, older: null });
    }
  }

  async function starred(page: {
    readonly limit?: number;
    readonly before?: string;
  }): Promise<Result<StarredPage, ClientError>> {
    const all = await places();
    if (!all.ok) return all;
    const state = await inbox();
    if (!state.ok) return state;
    const found: (StarredMessage & { readonly place: string })[] = [];
    for (const [conversationId, place] of all.value) {
      const marks = state.value.conversationsById.get(conversationId)?.starred;
      if (marks === undefined || marks.size === 0) continue;
      const ofOne = await starredIn(conversationId, place, marks);
      if (!ofOne.ok) return ofOne;
      found.push(...ofOne.value);
    }
    const { limit = MESSAGES_PAGE_DEFAULT, before } = page;
    const sorted = found
      .filter(({ place }) => before === undefined || place < before)
      .sort((a, b) => compare(b.place, a.place));
    const shown = sorted.slice(0, Math.max(1, limit));
    const older = sorted.length > shown.length ? (shown.at(-1)?.place ?? null) : null;
    return ok({ messages: shown.map(({ message, contact, name }) => ({ message, contact, name })), older });
  }

  /** A star names a message by its id alone, so the conversation is read until all of them have been met. */
  async function starredIn(
    conversationId: ConversationId,
    { contact, name }: PlaceView,
    marks: ReadonlySet<OpId>,
  ): Promise<Result<readonly (StarredMessage & { readonly place: string })[], ClientError>> {
    const found: (StarredMessage & { readonly place: string })[] = [];
    let before: string | undefined;
    for (;;) {
      const rows = await ops.page(conversationId, SCAN_PAGE_OPS, before);
      if (!rows.ok) return rows;
      for (const { key, op } of rows.value) {
        before = key;
        const reader = contact?.accountId ?? null;
        const message = marks.has(op.id) && isShown(op) ? messageView(op, reader, marks) : null;
        // `op/conversation/hlc/device/op`: what orders messages of all conversations begins with the time.
        if (message !== null)
          found.push({ message, contact, name, place: key.split("/").slice(2).join("/") });
        if (found.length === marks.size) return ok(found);
      }
      if (rows.value.length < SCAN_PAGE_OPS) return ok(found);
    }
  }

  const unreadCounts = createUnreadCounts({
    ops,
    keyOf: ops.keyOf,
    isUnread: (op) =>
      op.op.author !== self && timelineMessage(op)?.isRedacted === false && !deps.isHidden(op),
    goesAtMs: deps.perishesAtMs,
    nowMs: () => context.times.surelyMs(),
    load: (conversationId) => context.tables.unread.get(conversationId),
    store: (conversationId, row, rewrites) =>
      void context.serial.runBehind(async () => {
        const { store, tables } = context;
        if (ops.rewrites() === rewrites) await store.batch([tables.unread.put([conversationId], row)]);
      }),
  });

  async function summary(
    conversationId: ConversationId,
    entry: InboxConversation | undefined,
  ): Promise<Result<ConversationSummary, ClientError>> {
    const tally = await ops.tally(conversationId);
    if (!tally.ok) return tally;
    const last = await messages(conversationId, { limit: 1 });
    if (!last.ok) return last;
    const unread = await unreadCounts.count(conversationId, entry?.readUpTo ?? 0);
    if (!unread.ok) return unread;
    return ok({
      messageCount: tally.value.messageCount,
      unreadCount: unread.value,
      starredCount: entry?.starred.size ?? 0,
      lastMessage: last.value.messages[0] ?? null,
      tagIds: [...(entry?.tags ?? [])].sort(),
      isArchived: entry?.isArchived ?? false,
      isMuted: entry?.isMuted ?? false,
    });
  }

  async function conversationList(): Promise<Result<readonly ConversationView[], ClientError>> {
    const all = await contacts.all();
    if (!all.ok) return all;
    const state = await inbox();
    if (!state.ok) return state;
    const list: ConversationView[] = [];
    for (const record of all.value) {
      const entry = state.value.conversationsById.get(record.conversationId);
      const summed = await summary(record.conversationId, entry);
      if (!summed.ok) return summed;
      list.push({ id: record.conversationId, contact: contact(record), ...summed.value });
    }
    const timeOf = (one: ConversationView) => one.lastMessage?.sentAtMs ?? one.contact.addedAtMs;
    return ok(list.sort((a, b) => timeOf(b) - timeOf(a) || compare(a.id, b.id)));
  }

  async function places(): Promise<Result<ReadonlyMap<ConversationId, PlaceView>, ClientError>> {
    const all = await contacts.all();
    if (!all.ok) return all;
    const rooms = await deps.roomBook.all();
    if (!rooms.ok) return rooms;
    const found = new Map<ConversationId, PlaceView>();
    const nameOf = new Map<AccountId, string>();
    for (const record of all.value) {
      const view = contact(record);
      found.set(record.conversationId, { contact: view, name: view.name });
      nameOf.set(record.accountId, view.name);
    }
    const self = deps.context.identity.accountId;
    for (const [roomId, room] of rooms.value)
      found.set(roomId, { contact: null, name: shownName(room, self, (id) => nameOf.get(id)) });
    return ok(found);
  }

  async function drafts(): Promise<Result<readonly DraftView[], ClientError>> {
    const state = await inbox();
    if (!state.ok) return state;
    const list = await conversationList();
    if (!list.ok) return list;
    const all = await places();
    if (!all.ok) return all;
    const order = new Set([...list.value.map(({ id }) => id), ...all.value.keys()]);
    return ok(
      [...order].flatMap((id) => {
        const texts = state.value.conversationsById.get(id)?.drafts ?? [];
        const place = all.value.get(id);
        return texts.length === 0 || place === undefined
          ? []
          : [{ conversationId: id, ...place, text: texts.join("\n\n"), textCount: texts.length }];
      }),
    );
  }

  async function tags(): Promise<Result<readonly TagView[], ClientError>> {
    const document = await documents.read(log.ref({ type: "tags" }), tagsSchema);
    if (!document.ok) return document;
    const state = await inbox();
    if (!state.ok) return state;
    const entries = [...state.value.conversationsById.values()];
    const views = [...document.value.tagsById].map(([id, tag]) => ({
      id,
      name: tag.name,
      conversationCount: entries.filter((entry) => entry.tags.has(id)).length,
    }));
    return ok(views.sort((a, b) => compare(a.name, b.name) || compare(a.id, b.id)));
  }

  async function taggedConversations(): Promise<
    Result<ReadonlyMap<string, readonly ConversationId[]>, ClientError>
  > {
    const state = await inbox();
    if (!state.ok) return state;
    const byTag = new Map<string, ConversationId[]>();
    for (const [conversationId, { tags }] of state.value.conversationsById)
      for (const tag of tags) byTag.set(tag, [...(byTag.get(tag) ?? []), conversationId]);
    return ok(byTag);
  }

  async function tagRules(): Promise<Result<readonly TagRuleView[], ClientError>> {
    const document = await documents.read(log.ref({ type: "tags" }), tagsSchema);
    if (!document.ok) return document;
    const live = [...document.value.rulesById].filter(
      ([, rule]) => rule.isEnabled && document.value.tagsById.has(rule.tag),
    );
    return ok(
      live
        .map(([id, rule]) => ({ id, sender: rule.when.account, tagId: rule.tag }))
        .sort((a, b) => compare(a.id, b.id)),
    );
  }

  return {
    added: unreadCounts.added,
    contact,
    contacts: contactViews,
    message,
    messages,
    messagesWithOps,
    starred,
    places,
    conversationList,
    async summaryOf(conversationId) {
      const state = await inbox();
      return state.ok ? summary(conversationId, state.value.conversationsById.get(conversationId)) : state;
    },
    drafts,
    tags,
    taggedConversations,
    tagRules,
  };
}

function failureOf(reason: string | null, isUnsent: boolean): DeliveryFailure {
  return isUnsent || reason?.startsWith("log-closed") === true ? "closed" : "refused";
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
