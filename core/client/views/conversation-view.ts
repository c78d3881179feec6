/** Conversations and what is in them, as a program shows them: messages, drafts, tags, what a search finds. */
import type { Bytes } from "../../base/bytes.ts";
import type { AccountId, ConversationId, DeviceId, OpId } from "../../base/ids.ts";
import type { ContactView, PlaceView } from "./contact-view.ts";
import type { ExportProof } from "../../messenger/exported/export-proof.ts";
import type { TextRange } from "../../messenger/search/search-text.ts";
import type { Snippet } from "../../messenger/search/snippet.ts";

/** What a list shows of a conversation. */
export interface ConversationSummary {
  readonly messageCount: number;
  readonly unreadCount: number;
  readonly starredCount: number;
  readonly lastMessage: MessageView | null;
  readonly tagIds: readonly string[];
  readonly isArchived: boolean;
  /** What comes there is shown and raises nothing: no count, no notice. */
  readonly isMuted: boolean;
}

export interface ConversationView extends ConversationSummary {
  readonly id: ConversationId;
  readonly contact: ContactView;
}

/**
 * `kept`: here only. `sent`: the server has it. `delivered`: a device of theirs has it. `failed`: refused for good.
 * `elsewhere`: written on another own device, which knows whether it has been sent. `received`: not an own message.
 */
export type DeliveryState = "kept" | "sent" | "delivered" | "failed" | "elsewhere" | "received";

/**
 * Why a message was not sent. `closed`: the other side closed the conversation. `outside`: this account was not in the room any
 * more. `muted`: it had its place in the room, and nobody took it. `deleted`: the other side's server says that their account was deleted there; it is kept and goes if that changes.
 */
export type DeliveryFailure = "closed" | "refused" | "outside" | "muted" | "deleted";

export interface MessageView {
  readonly id: OpId;
  readonly conversationId: ConversationId;
  readonly author: AccountId;
  readonly isOwn: boolean;
  readonly device: DeviceId;
  readonly sentAtMs: number;
  /** Empty when the author has taken the message back. */
  readonly text: string;
  readonly isRedacted: boolean;
  readonly state: DeliveryState;
  /** Null unless `failed`, or `kept` for an account that is said to be deleted. */
  readonly failure: DeliveryFailure | null;
  readonly isStarred: boolean;
}

export interface MessageRef {
  readonly conversationId: ConversationId;
  readonly id: OpId;
}

export interface MessagePage {
  /** Newest first. */
  readonly messages: readonly MessageView[];
  /** To pass as `before` for older ones; null at the beginning of the conversation. */
  readonly older: string | null;
}

export interface DraftView extends PlaceView {
  readonly conversationId: ConversationId;
  /** Texts that devices wrote apart stand below each other, with an empty line between. */
  readonly text: string;
  /** How many texts were put together: more than one is for the person to look at. */
  readonly textCount: number;
}

export interface TagView {
  readonly id: string;
  readonly name: string;
  readonly conversationCount: number;
}

/** Messages of `sender` put their conversation under `tagId`. */
export interface TagRuleView {
  readonly id: string;
  readonly sender: AccountId;
  readonly tagId: string;
}

/** A message that was found. Ranges are in UTF-16 units. */
export interface SearchHit extends PlaceView {
  readonly message: MessageView;
  /** Where in the message's text. */
  readonly ranges: readonly TextRange[];
  readonly snippet: Snippet;
}

export interface SearchPage {
  readonly hits: readonly SearchHit[];
  /** To pass as `older`; null when there is no more. A page may hold fewer hits than asked for and still go on. */
  readonly older: string | null;
}

/** A message with a star, and where it stands. */
export interface StarredMessage extends PlaceView {
  readonly message: MessageView;
}

export interface StarredPage {
  /** Newest first. */
  readonly messages: readonly StarredMessage[];
  /** To pass as `before` for older ones; null when there are no more. */
  readonly older: string | null;
}

/** A message with its bytes; without a proof it cannot be brought back. */
export interface ExportMessage {
  readonly message: MessageView;
  readonly op: Bytes;
  readonly proof: ExportProof | null;
}

export interface ExportPage {
  /** Newest first. */
  readonly messages: readonly ExportMessage[];
  /** To pass as `before` for older ones; null at the beginning of the conversation. */
  readonly older: string | null;
}
