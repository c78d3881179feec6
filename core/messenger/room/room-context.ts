/**
 * What all members of a room agree on: its name, who is in it, in what role. It is the one extension of the group's context,
 * so it is signed, part of the transcript, and the same on every member of an epoch. Rules RM1, RM2, RM70.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { AccountId, ConversationId, LogId } from "../../base/ids.ts";
import { idBytes, idFromBytes } from "../../base/ids.ts";
import {
  DISPLAY_NAME_BYTES_MAX,
  ROOM_ABOUT_BYTES_MAX,
  ROOM_ACCOUNTS_MAX,
  ROOM_LIFETIME_MS_MAX,
  ROOM_LIFETIME_MS_MIN,
  ROOM_NAME_BYTES_MAX,
  ROOM_OF_TWO_ACCOUNTS_MAX,
  SERVER_ORIGIN_CHARS_MAX,
} from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import {
  type DecodeError,
  decode,
  encode,
  id,
  integer,
  list,
  literal,
  nullable,
  oneOf,
  type ShapeOf,
  struct,
  text,
} from "../../codec/shape.ts";
import { hash } from "../../crypto/hash.ts";
import { LABEL } from "../../crypto/labels.ts";
import { type RoomHistory, roomHistoryShape } from "./room-history.ts";

/** Roles, lower first. */
export const ROOM_ROLES = ["member", "moderator", "admin", "owner"] as const;
export const roomRoleShape = oneOf(...ROOM_ROLES);
export type RoomRole = ShapeOf<typeof roomRoleShape>;

/**
 * An account of a room.
 *
 * - `seq` and `head`: the place of its chain that says which devices it has here.
 * - `sinceEpoch`: the group's epoch in which it came.
 */
export const roomMemberShape = struct({
  accountId: id("account"),
  name: text(DISPLAY_NAME_BYTES_MAX),
  origin: text(SERVER_ORIGIN_CHARS_MAX),
  role: roomRoleShape,
  sinceEpoch: integer(0),
  seq: integer(1),
  head: id("link"),
  mutedUntilMs: nullable(integer(0)),
});
export type RoomMember = ShapeOf<typeof roomMemberShape>;

/** `keysSince`: the epoch whose secrets give the keys of the log; 0 for those it was founded with. Members by ascending account id. */
export const roomContextShape = struct({
  version: literal(1),
  name: text(ROOM_NAME_BYTES_MAX),
  about: text(ROOM_ABOUT_BYTES_MAX),
  keysSince: integer(0),
  members: list(roomMemberShape, ROOM_ACCOUNTS_MAX, 1),
});

/** The same with how long messages stay; a room in which they stay for ever has the first form. */
export const roomContextWithLifetimeShape = struct({
  version: literal(2),
  name: text(ROOM_NAME_BYTES_MAX),
  about: text(ROOM_ABOUT_BYTES_MAX),
  keysSince: integer(0),
  lifetimeMs: integer(ROOM_LIFETIME_MS_MIN, ROOM_LIFETIME_MS_MAX),
  members: list(roomMemberShape, ROOM_ACCOUNTS_MAX, 1),
});

/** The same, where newcomers get history. */
export const roomContextWithHistoryShape = struct({
  version: literal(3),
  name: text(ROOM_NAME_BYTES_MAX),
  about: text(ROOM_ABOUT_BYTES_MAX),
  keysSince: integer(0),
  lifetimeMs: nullable(integer(ROOM_LIFETIME_MS_MIN, ROOM_LIFETIME_MS_MAX)),
  history: roomHistoryShape,
  members: list(roomMemberShape, ROOM_ACCOUNTS_MAX, 1),
});

/** What members agree on, whichever form it has. */
export interface RoomContext {
  /** "" in a conversation of two. RM70 */
  readonly name: string;
  readonly about: string;
  readonly keysSince: number;
  /** How long after it was written a message goes; null for never. */
  readonly lifetimeMs: number | null;
  /** What those get who come later; null for nothing. */
  readonly history: RoomHistory | null;
  readonly members: readonly RoomMember[];
}

export type RoomContextError =
  | DecodeError
  /** Members are not in order, or one is there twice; nobody owns the room; it has no name, and is no conversation of two. */
  | { readonly type: "BadRoomContext"; readonly rule: "order" | "owner" | "of-two" };

/** Context of received bytes. */
export function parseRoomContext(bytes: Bytes): Result<RoomContext, RoomContextError> {
  const context = decodeContext(bytes);
  if (!context.ok) return context;
  const { members } = context.value;
  const isAscending = members.every(
    (member, index) => index === 0 || (members[index - 1]?.accountId ?? "") < member.accountId,
  );
  if (!isAscending) return err({ type: "BadRoomContext", rule: "order" });
  if (!members.some(({ role }) => role === "owner")) return err({ type: "BadRoomContext", rule: "owner" });
  if (isOfTwo(context.value) && !isFitForTwo(context.value))
    return err({ type: "BadRoomContext", rule: "of-two" });
  return ok(context.value);
}

/** Whether it is a conversation of two people, and can become nothing else. RM70 */
export function isOfTwo({ name }: Pick<RoomContext, "name">): boolean {
  return name === "";
}

function isFitForTwo({ about, history, members }: RoomContext): boolean {
  const isForBoth =
    members.length <= ROOM_OF_TWO_ACCOUNTS_MAX && members.every(({ role }) => role === "owner");
  return isForBoth && about === "" && history === null;
}

/** RM1: one form says one thing, so bytes and context agree. Its version stands behind the byte that says of how many parts it is. */
function decodeContext(bytes: Bytes): Result<RoomContext, DecodeError> {
  if (bytes[1] === 3) {
    const open = decode(roomContextWithHistoryShape, bytes);
    return open.ok ? ok(unversioned(open.value)) : open;
  }
  if (bytes[1] === 2) {
    const limited = decode(roomContextWithLifetimeShape, bytes);
    return limited.ok ? ok(unversioned({ ...limited.value, history: null })) : limited;
  }
  const plain = decode(roomContextShape, bytes);
  return plain.ok ? ok(unversioned({ ...plain.value, lifetimeMs: null, history: null })) : plain;
}

function unversioned<T extends { readonly version: number }>({
  version: _,
  ...context
}: T): Omit<T, "version"> {
  return context;
}

/** Bytes of a context; members are put in order. */
export function encodeRoomContext({ name, about, keysSince, lifetimeMs, ...context }: RoomContext): Bytes {
  const { history } = context;
  const members = [...context.members].sort((a, b) => (a.accountId < b.accountId ? -1 : 1));
  const parts = { name, about, keysSince, members };
  if (history !== null)
    return encode(roomContextWithHistoryShape, { version: 3, ...parts, lifetimeMs, history });
  return lifetimeMs === null
    ? encode(roomContextShape, { version: 1, ...parts })
    : encode(roomContextWithLifetimeShape, { version: 2, ...parts, lifetimeMs });
}

const membersByList = new WeakMap<RoomContext["members"], ReadonlyMap<AccountId, RoomMember>>();

export function memberOf({ members }: RoomContext, accountId: AccountId): RoomMember | null {
  const known = membersByList.get(members) ?? new Map(members.map((member) => [member.accountId, member]));
  membersByList.set(members, known);
  return known.get(accountId) ?? null;
}

/** How high a role stands. */
export function rankOf(role: RoomRole): number {
  return ROOM_ROLES.indexOf(role);
}

/** A room is the conversation of its log. */
export function roomConversationId(logId: LogId): ConversationId {
  return idFromBytes("conversation", hash(LABEL.roomConversationId, idBytes(logId)));
}
