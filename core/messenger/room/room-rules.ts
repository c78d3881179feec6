/**
 * Who may change what in a room: a pure function of the context before, the context after, and the leaves that come and go.
 * Every member judges every commit by it, at the commit's place in the log; what it refuses has no effect anywhere.
 * Rules RM3-RM10, RM70.
 */
import type { AccountId, DeviceId } from "../../base/ids.ts";
import { equalBytes } from "../../base/bytes.ts";
import { encode } from "../../codec/shape.ts";
import { isOfTwo, memberOf, rankOf, type RoomContext, type RoomMember } from "./room-context.ts";
import { historyAfter, isSamePolicy, roomHistoryShape } from "./room-history.ts";

/** A device in a room. */
export interface RoomDevice {
  readonly accountId: AccountId;
  readonly deviceId: DeviceId;
}

export interface RoomChange {
  readonly before: RoomContext;
  readonly after: RoomContext;
  /** Of the group before the change. */
  readonly epoch: number;
  readonly committer: RoomDevice;
  readonly added: readonly RoomDevice[];
  readonly removed: readonly RoomDevice[];
  /** All leaves once the change is made. */
  readonly leaves: readonly RoomDevice[];
  /** Whether the device is active at that place of its account's chain. */
  isActiveAt(device: RoomDevice, seq: number): boolean;
  /** Whether the chain has this link there. */
  isOnChain(member: RoomMember): boolean;
  /** Whether the account has said, signed, that it leaves; `since` is its `sinceEpoch`. */
  hasLeft(accountId: AccountId, since: number): boolean;
}

/** Why a change is refused. */
export type RoomRule =
  /** The committer is no member, or its device is not active. */
  | "committer"
  /** A leaf without its account, or an account's leaf that is not an active device. */
  | "leaf"
  /** A leaf taken away that should stay. */
  | "removal"
  /** Somebody is removed, added, promoted, muted or renamed by one who may not. */
  | "remove-account"
  | "add-account"
  | "role"
  | "mute"
  | "name"
  | "about"
  | "lifetime"
  /** Somebody who may not changes what newcomers get, or it is not what follows from the change. */
  | "history"
  /** The log keeps its keys though somebody goes, or changes them though nobody does. */
  | "keys"
  /** A part of a member that never changes, or a chain that goes back. */
  | "member"
  /** Nobody, or not the heir, owns the room afterwards. */
  | "owner";

/** Judges a change. Null when it is allowed. */
export function judgeRoomChange(change: RoomChange): RoomRule | null {
  const { before, after, committer } = change;
  const by = memberOf(before, committer.accountId);
  if (by === null) return "committer";
  const place = memberOf(after, committer.accountId) ?? by;
  if (!change.isActiveAt(committer, place.seq)) return "committer"; // RM3
  return (
    judgeLeaves(change) ??
    judgeKeys(change) ??
    judgeRoom(by, before, after) ??
    judgeHistory(change) ??
    judgeDepartures(change, by) ??
    judgeArrivals(change, by) ??
    judgeStaying(change, by) ??
    judgeOwners(change)
  );
}

/** RM4: the leaves of a room are devices of its accounts, active where the context says the chains stand. */
function judgeLeaves({ after, added, removed, leaves, isActiveAt }: RoomChange): RoomRule | null {
  const isGood = (device: RoomDevice): boolean => {
    const member = memberOf(after, device.accountId);
    return member !== null && isActiveAt(device, member.seq);
  };
  if (!added.every(isGood)) return "leaf";
  // Of others only that their account is there: a device may have been revoked, and its leaf is still to go.
  if (!leaves.every(({ accountId }) => memberOf(after, accountId) !== null)) return "leaf";
  // RM5: a device goes with its account, when it is revoked, or to be added again in the same change.
  const mayGo = (device: RoomDevice): boolean =>
    !isGood(device) ||
    added.some((one) => one.accountId === device.accountId && one.deviceId === device.deviceId);
  return removed.every(mayGo) ? null : "removal";
}

/** RM29: with whoever goes, the keys of the log go. */
function judgeKeys({ before, after, removed, epoch }: RoomChange): RoomRule | null {
  const since = removed.length > 0 ? epoch + 1 : before.keysSince;
  return after.keysSince === since ? null : "keys";
}

/** RM6, RM70 */
function judgeRoom(by: RoomMember, before: RoomContext, after: RoomContext): RoomRule | null {
  if (isOfTwo(before) !== isOfTwo(after)) return "name";
  const isAdmin = rankOf(by.role) >= rankOf("admin");
  if (before.name !== after.name && !isAdmin) return "name";
  if (before.about !== after.about && !isAdmin) return "about";
  if (before.lifetimeMs !== after.lifetimeMs && !isAdmin) return "lifetime";
  return isSamePolicy(before.history, after.history) || isAdmin ? null : "history";
}

/** RM39, RM40: since when, and who was there, follows from the change alone. */
function judgeHistory({ before, after, epoch }: RoomChange): RoomRule | null {
  const gone = before.members.filter(({ accountId, sinceEpoch }) => {
    const now = memberOf(after, accountId);
    return now === null || now.sinceEpoch !== sinceEpoch;
  });
  const follows = historyAfter(before.history, after.history, { epoch, gone });
  const isSame =
    after.history === null || follows === null
      ? after.history === follows
      : equalBytes(encode(roomHistoryShape, after.history), encode(roomHistoryShape, follows));
  return isSame ? null : "history";
}

/** RM7: who leaves says so, signed; others are removed by a moderator or above, who stands above them. */
function judgeDepartures({ before, after, hasLeft }: RoomChange, by: RoomMember): RoomRule | null {
  const gone = before.members.filter(({ accountId }) => memberOf(after, accountId) === null);
  const mayGo = (member: RoomMember): boolean =>
    hasLeft(member.accountId, member.sinceEpoch) || mayGovern(by, member);
  return gone.every(mayGo) ? null : "remove-account";
}

/** RM8: a moderator or above lets in, below their own role, with a device at least. RM70: of two each owns it. */
function judgeArrivals(
  { before, after, added, epoch, isOnChain }: RoomChange,
  by: RoomMember,
): RoomRule | null {
  const come = after.members.filter(({ accountId }) => memberOf(before, accountId) === null);
  const mayCome = (member: RoomMember): boolean =>
    rankOf(by.role) >= rankOf("moderator") &&
    (isOfTwo(after) || member.role === "member" || rankOf(member.role) < rankOf(by.role)) &&
    member.sinceEpoch === epoch + 1 &&
    member.mutedUntilMs === null &&
    isOnChain(member) &&
    added.some(({ accountId }) => accountId === member.accountId);
  return come.every(mayCome) ? null : "add-account";
}

/** RM9: roles by an admin who stands above both, an owner by an owner; mutes by a moderator who stands above. */
function judgeStaying(change: RoomChange, by: RoomMember): RoomRule | null {
  for (const now of change.after.members) {
    const was = memberOf(change.before, now.accountId);
    if (was === null) continue;
    const isSelf = now.accountId === by.accountId;
    const goesBack = now.seq < was.seq || (now.seq === was.seq && now.head !== was.head);
    if (now.sinceEpoch !== was.sinceEpoch || now.origin !== was.origin || goesBack) return "member";
    if (!change.isOnChain(now)) return "member";
    if (now.name !== was.name && !isSelf) return "member";
    if (now.mutedUntilMs !== was.mutedUntilMs && !mayGovern(by, was)) return "mute";
    if (now.role !== was.role && !mayPromote(by, was, now) && !isHeir(change, now)) return "role";
  }
  return null;
}

function mayPromote(by: RoomMember, was: RoomMember, now: RoomMember): boolean {
  // Who is above steps down by themselves only; an owner may share what they have.
  if (by.role === "owner") return was.role !== "owner" || was.accountId === by.accountId;
  if (was.accountId === by.accountId) return rankOf(now.role) < rankOf(was.role);
  return by.role === "admin" && rankOf(was.role) < rankOf(by.role) && rankOf(now.role) < rankOf(by.role);
}

function mayGovern(by: RoomMember, member: RoomMember): boolean {
  return rankOf(by.role) >= rankOf("moderator") && rankOf(by.role) > rankOf(member.role);
}

/** RM10 */
function judgeOwners({ after }: RoomChange): RoomRule | null {
  return after.members.some(({ role }) => role === "owner") ? null : "owner";
}

function isHeir({ before, after }: RoomChange, now: RoomMember): boolean {
  const staying = before.members.filter(({ accountId }) => memberOf(after, accountId) !== null);
  return now.role === "owner" && heirOf(staying)?.accountId === now.accountId;
}

/** Who owns a room whose last owner leaves: of the highest role who came first, and of those the lowest id. Null with an owner. RM10 */
export function heirOf(staying: readonly RoomMember[]): RoomMember | null {
  if (staying.some(({ role }) => role === "owner")) return null;
  const [first] = [...staying].sort(
    (a, b) =>
      rankOf(b.role) - rankOf(a.role) || a.sinceEpoch - b.sinceEpoch || (a.accountId < b.accountId ? -1 : 1),
  );
  return first ?? null;
}
