/** Rooms, as a program shows them. */
import type { AccountId, ConversationId, OpId } from "../../base/ids.ts";
import type { RoomHappening } from "../rooms/room-happening-shape.ts";
import type { ConversationSummary } from "./conversation-view.ts";
import type { RoomHistoryPolicy } from "../../messenger/room/room-history.ts";

/**
 * How this account stands to a room. `joining`: it said yes, and this device is still to come in. `left` and `removed` rooms
 * stay readable as far as they were read.
 */
export type RoomState = "invited" | "joining" | "joined" | "declined" | "left" | "removed";

/** Lower first. */
export type RoomRole = "member" | "moderator" | "admin" | "owner";

export interface RoomMemberView {
  readonly accountId: AccountId;
  /** As this account calls them, else as they call themselves. */
  readonly name: string;
  readonly role: RoomRole;
  readonly isSelf: boolean;
  /** Nothing they write before is shown; null when they are not muted. */
  readonly mutedUntilMs: number | null;
}

/**
 * What happened in a room, as this device followed it: who came or went, what somebody may do from then on, what it is
 * called. `name` is what the person is called here, else in the room; of `renamed` it is the room's.
 */
export interface RoomHappeningView {
  /** Grows with what came later. */
  readonly id: string;
  /** As who did it says, and no later than when this device read it. */
  readonly atMs: number;
  readonly by: AccountId | null;
  /** Null for somebody this account no longer knows by name. */
  readonly byName: string | null;
  readonly happening: RoomHappening;
}

export interface RoomDocumentItem {
  /** The same on every device. */
  readonly id: string;
  readonly text: string;
  readonly isDone: boolean;
}

/** A document that the members of a room write together. */
export interface RoomDocumentView {
  readonly id: OpId;
  readonly roomId: ConversationId;
  /** `note` and `list`; programs may have others, which have neither text nor items here. */
  readonly form: string;
  readonly title: string;
  /** Of a note; else "". */
  readonly text: string;
  /** Of a list, in its order; else none. */
  readonly items: readonly RoomDocumentItem[];
  readonly createdBy: AccountId;
  readonly createdAtMs: number;
  readonly changedBy: AccountId;
  readonly changedAtMs: number;
  /** What is shown, for `editRoomDocument`. */
  readonly version: readonly OpId[];
  /** Changes that wait for others which are not here yet. */
  readonly waitingCount: number;
  /** Changes of this device that the server does not have yet. */
  readonly unsentCount: number;
  /** It takes no more changes. */
  readonly isFull: boolean;
}

/**
 * What is done to a shared document: `add` to `remove` are of lists, `item` is the id of one. Added with an `item`, what is new stands
 * before it; without, or where it is gone, at the end.
 */
export interface RoomDocumentEdit {
  readonly type: "title" | "text" | "add" | "item-text" | "check" | "uncheck" | "remove";
  readonly text?: string;
  readonly item?: string;
}

/** Something asked of a room that has not happened yet: it waits for the server, or for somebody's devices. */
export type RoomPending =
  | { readonly type: "invite"; readonly accountId: AccountId }
  | { readonly type: "remove"; readonly accountId: AccountId }
  | { readonly type: "role"; readonly accountId: AccountId }
  | { readonly type: "mute"; readonly accountId: AccountId }
  | { readonly type: "name" | "about" | "lifetime" | "history"; readonly accountId: null };

/** A link into a room. Whoever has `code` can come in: show it to nobody else. */
export interface RoomLinkView {
  /** For `revokeRoomLink`. */
  readonly id: string;
  readonly code: string;
  readonly madeAtMs: number;
  readonly untilMs: number;
  readonly usesMax: number;
  readonly useCount: number;
  /** Whether it lets anybody in now: not over, not used up, not revoked. */
  readonly isLive: boolean;
}

/**
 * What was written before this account came to a room. `asked`: nobody has answered yet. `coming`: `left` messages and more are still to
 * come, as far as whoever answers has counted. `done`: nobody has more.
 */
export interface RoomEarlier {
  readonly state: "asked" | "coming" | "done";
  readonly received: number;
  readonly left: number;
}

/** A room. Its id is that of its conversation: messages, unread marks, tags and search take it as any other. */
export interface RoomView extends ConversationSummary {
  readonly id: ConversationId;
  /** Of a conversation of two the other one's name, and `(MLS)`. */
  readonly name: string;
  /** A conversation of two: it has no name of its own, no description and no roles, and nobody else comes in. */
  readonly isOfTwo: boolean;
  /** What the room is for, in its admins' words; "" when nothing is said. May have several lines. */
  readonly about: string;
  /** How long after it was written a message goes, on every device of everybody in the room; null for never. */
  readonly lifetimeMs: number | null;
  /** What those get of before who come later: the last `days`, all with null; without this nothing. Of an invitation, what it says. */
  readonly history: RoomHistoryPolicy | null;
  /** What was written before this account came, on its way; null when there is none, or nobody was asked for it. */
  readonly earlier: RoomEarlier | null;
  readonly state: RoomState;
  /** Null while this account is not in it. */
  readonly role: RoomRole | null;
  readonly members: readonly RoomMemberView[];
  /** Who was in it while there was history, and has left: what their messages are shown under. */
  readonly former: readonly { readonly accountId: AccountId; readonly name: string }[];
  /** Who let this account in, and since when it stands as it does. */
  readonly invitedBy: AccountId | null;
  readonly sinceMs: number;
  readonly pending: readonly RoomPending[];
}
