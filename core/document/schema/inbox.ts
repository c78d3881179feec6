/** The inbox document: what the account's devices share about each conversation, besides its messages. Rule DC35. */
import type { AccountId, ConversationId, OpId } from "../../base/ids.ts";
import { MESSAGE_TEXT_BYTES_MAX } from "../../base/limits.ts";
import type { DocumentSchema, FieldFault } from "./document-schema.ts";
import {
  countScalar,
  flagScalar,
  idKey,
  idScalar,
  pairKey,
  presenceScalar,
  textScalar,
} from "./field-codec.ts";
import { readConcurrent, readField, type StateField } from "./state-field.ts";
import { type TagId, tagKey } from "./tags.ts";

export interface InboxConversation {
  /** The other side of a direct conversation. */
  readonly contact: AccountId | null;
  readonly isArchived: boolean;
  readonly isMuted: boolean;
  /** Highest HLC read on any device; null when nothing was. */
  readonly readUpTo: number | null;
  readonly starred: ReadonlySet<OpId>;
  readonly tags: ReadonlySet<TagId>;
  /** What is being written and not sent. Several when devices wrote apart. */
  readonly drafts: readonly string[];
}

export interface Inbox {
  /** A conversation of which nothing is said is not in here. */
  readonly conversationsById: ReadonlyMap<ConversationId, InboxConversation>;
}

const conversation = idKey("conversation");

/** The fields; each is set by `setField`. */
export const INBOX = {
  contact: { map: "contact", key: conversation, value: idScalar("account") } satisfies StateField<
    ConversationId,
    AccountId
  >,
  archived: { map: "archived", key: conversation, value: flagScalar } satisfies StateField<
    ConversationId,
    boolean
  >,
  muted: { map: "muted", key: conversation, value: flagScalar } satisfies StateField<ConversationId, boolean>,
  /** What one device has read is read: the highest wins, whichever was written last. DC35 */
  readUpTo: {
    map: "readUpTo",
    key: conversation,
    value: countScalar,
    rank: (hlc: number) => hlc,
    isMonotonic: true,
  } satisfies StateField<ConversationId, number>,
  starred: {
    map: "starred",
    key: pairKey(conversation, idKey("op")),
    value: presenceScalar,
  } satisfies StateField<readonly [ConversationId, OpId], true>,
  tagged: { map: "tagged", key: pairKey(conversation, tagKey), value: presenceScalar } satisfies StateField<
    readonly [ConversationId, TagId],
    true
  >,
  draft: { map: "draft", key: conversation, value: textScalar(MESSAGE_TEXT_BYTES_MAX) } satisfies StateField<
    ConversationId,
    string
  >,
};

type Building = {
  -readonly [F in keyof InboxConversation]: InboxConversation[F] extends ReadonlySet<infer I>
    ? Set<I>
    : InboxConversation[F];
};

/** Reads an inbox document. */
export const inboxSchema: DocumentSchema<Inbox> = {
  kind: "inbox",
  decode(view) {
    const faults: FieldFault[] = [];
    const conversationsById = new Map<ConversationId, Building>();
    const of = (id: ConversationId): Building => {
      let building = conversationsById.get(id);
      if (building === undefined) {
        building = {
          contact: null,
          isArchived: false,
          isMuted: false,
          readUpTo: null,
          starred: new Set(),
          tags: new Set(),
          drafts: [],
        };
        conversationsById.set(id, building);
      }
      return building;
    };
    for (const { key, value } of readField(view, INBOX.contact, faults)) of(key).contact = value;
    for (const { key, value } of readField(view, INBOX.archived, faults)) of(key).isArchived = value;
    for (const { key, value } of readField(view, INBOX.muted, faults)) of(key).isMuted = value;
    for (const { key, value } of readField(view, INBOX.readUpTo, faults)) of(key).readUpTo = value;
    for (const { key } of readField(view, INBOX.starred, faults)) of(key[0]).starred.add(key[1]);
    for (const { key } of readField(view, INBOX.tagged, faults)) of(key[0]).tags.add(key[1]);
    for (const { key, value } of readConcurrent(view, INBOX.draft, faults)) of(key).drafts = keepAll(value); // DC40
    return { value: { conversationsById }, faults };
  },
};

/** Nothing that was written is lost, and what goes on where another ends is not shown twice. The order is everywhere the same. */
function keepAll(texts: readonly string[]): readonly string[] {
  const sorted = [...new Set(texts)].sort();
  return sorted.filter((text, at) => sorted[at + 1]?.startsWith(text) !== true);
}
