/**
 * A room as its members agree on it, told to own devices: a new one shows it before it is in the group, and all after they have left.
 * Told when it changes, and of a large one not at once: every telling holds all members, and stays in the groups document's history. Rule RM48.
 */
import type { AccountId, EntryId } from "../../../base/ids.ts";
import { ROOM_AGREED_BYTES_MAX, ROOM_INSIDE_DEVICES_MAX } from "../../../base/limits.ts";
import type { RoomPart, RoomRecord } from "../../../document/schema/groups.ts";
import { type Group, groupEpoch, isActive, leavesOf } from "../../../group/group.ts";
import {
  encodeRoomContext,
  isOfTwo,
  memberOf,
  type RoomContext,
} from "../../../messenger/room/room-context.ts";
import { isSamePolicy } from "../../../messenger/room/room-history.ts";

/** A room of more members is told anew when more than this share of them is not as it was told. */
export const TOLD_AT_ONCE_MEMBERS_MAX = 64;
export const TOLD_SHARE = 16;

type Info = Extract<RoomPart, { readonly type: "info" }>;
type Member = Info["members"][number];

/**
 * What own devices are to be told of the room as it is after the commit `handshake`, where `room` is what they were told so far. Who is
 * missed there (`lacksKnown`) is told of a large room too, so that they are asked for once (RM72).
 */
export function newsOf(
  room: RoomRecord | null,
  group: Group,
  now: RoomContext,
  {
    handshake,
    self,
    lacksKnown = false,
  }: { readonly handshake: EntryId; readonly self: AccountId; readonly lacksKnown?: boolean },
): ReadonlyMap<string, RoomPart> {
  const parts = new Map<string, RoomPart>();
  const info = infoOf(group, now);
  if (lacksKnown || isNews(room?.info ?? null, info, self)) parts.set("info", info);
  const inside = isActive(group) ? insideOf(group, now, handshake) : null;
  if (inside !== null) parts.set("inside", inside);
  const agreed = agreedOf(group, now, { handshake, self });
  const isKnown = room?.agreed?.handshake === handshake;
  if (agreed !== null && !isKnown && isActive(group)) parts.set("agreed", agreed);
  const { lifetimeMs } = now;
  if ((room?.lifetimeMs ?? null) !== lifetimeMs)
    parts.set("lifetime", { type: "lifetime", epoch: Number(groupEpoch(group)), lifetimeMs });
  const history = now.history && { days: now.history.days };
  if (!isSamePolicy(room?.history ?? null, history))
    parts.set("history", { type: "history", epoch: Number(groupEpoch(group)), history });
  return parts;
}

/** The room as own devices are shown it. */
export function infoOf(group: Group, { name, about, members }: RoomContext): Info {
  return {
    type: "info",
    epoch: Number(groupEpoch(group)),
    name,
    about,
    members: members.map(({ accountId, name: called, role, mutedUntilMs }) => ({
      accountId,
      name: called,
      role,
      mutedUntilMs,
    })),
  };
}

/**
 * What a room is called here: what everybody in it calls it, or, of two, the other one by `nameOf`, told from the conversation with them
 * over the Double Ratchet. RM70
 */
export function shownName(
  { info, standing, intents }: Pick<RoomRecord, "info" | "standing" | "intents">,
  self: AccountId,
  nameOf: (accountId: AccountId) => string | undefined,
): string {
  if (info === null || !isOfTwo(info)) return info?.name ?? "";
  const other = otherOf({ info, standing, intents }, self);
  const known = info.members.find(({ accountId }) => accountId === other);
  const name = other === null ? undefined : (nameOf(other) ?? known?.name);
  return name === undefined ? "MLS" : `${name} (MLS)`;
}

/** Whom a conversation of two is with, as far as own devices were told; null when nobody is in it, or asked in. RM70 */
export function otherOf(
  { info, standing, intents }: Pick<RoomRecord, "info" | "standing" | "intents">,
  self: AccountId,
): AccountId | null {
  const member = info?.members.find(({ accountId }) => accountId !== self);
  const asked = intents.map(({ intent }) => intent).find(({ type }) => type === "invite");
  return member?.accountId ?? standing.by ?? (asked?.type === "invite" ? asked.accountId : null);
}

/** Whether a group is what was offered: who is asked into a conversation of two has it with whoever asked, and with nobody else. RM70 */
export function isAsOffered(
  { info, standing }: Pick<RoomRecord, "info" | "standing">,
  room: RoomContext,
): boolean {
  if (info === null || !isOfTwo(info)) return true;
  return isOfTwo(room) && (standing.by === null || memberOf(room, standing.by) !== null);
}

/** Which own devices were in the group after that commit; null while somebody else is in it, who can let others in. RM64 */
export function insideOf(
  group: Group,
  { members }: RoomContext,
  handshake: EntryId,
): Extract<RoomPart, { readonly type: "inside" }> | null {
  const leaves = leavesOf(group);
  if (members.length > 1 || !leaves.ok || leaves.value.length > ROOM_INSIDE_DEVICES_MAX) return null;
  const devices = leaves.value.map(({ member }) => member.deviceId);
  return { type: "inside", epoch: Number(groupEpoch(group)), handshake, devices };
}

/** Whether this account has been in the room for longest; of two that came at once the lower id counts. */
export function isEldest({ members }: RoomContext, self: AccountId): boolean {
  const [eldest] = members.toSorted(
    (a, b) => a.sinceEpoch - b.sinceEpoch || (a.accountId < b.accountId ? -1 : 1),
  );
  return eldest?.accountId === self;
}

/** What the members agree on after that commit, for own devices of the eldest to begin the group anew with; null for everybody else. RM69 */
export function agreedOf(
  group: Group,
  now: RoomContext,
  { handshake, self }: { readonly handshake: EntryId; readonly self: AccountId },
): Extract<RoomPart, { readonly type: "agreed" }> | null {
  if (now.members.length < 2 || !isEldest(now, self)) return null;
  const context = encodeRoomContext(now);
  if (context.length > ROOM_AGREED_BYTES_MAX) return null;
  return { type: "agreed", epoch: Number(groupEpoch(group)), handshake, context };
}

/** Whether the group has this account's devices alone, though others are in the room: who has theirs may have another. RM69 */
export function isBegunAlone(group: Group, { members }: RoomContext, self: AccountId): boolean {
  const leaves = leavesOf(group);
  return members.length > 1 && leaves.ok && leaves.value.every(({ member }) => member.accountId === self);
}

/** Whether `info` is to be told, where `told` was last; `self` reads it. RM48 */
export function isNews(told: RoomRecord["info"], info: Info, self: AccountId): boolean {
  if (told === null || told.name !== info.name || told.about !== info.about) return true;
  // RM70: with whom a conversation of two was stays known.
  if (isOfTwo(info) && info.members.length < told.members.length) return false;
  const changed = changedMembers(told.members, info.members);
  const count = Math.max(told.members.length, info.members.length);
  const changedMax = count > TOLD_AT_ONCE_MEMBERS_MAX ? count / TOLD_SHARE : 0;
  return changed.has(self) || changed.size > changedMax;
}

/** Who came, went, or is not what they were. */
function changedMembers(before: readonly Member[], after: readonly Member[]): ReadonlySet<AccountId> {
  const left = new Map(before.map((member) => [member.accountId, member]));
  const changed = new Set<AccountId>();
  for (const member of after) {
    const known = left.get(member.accountId);
    left.delete(member.accountId);
    if (known === undefined || !isSame(known, member)) changed.add(member.accountId);
  }
  for (const accountId of left.keys()) changed.add(accountId);
  return changed;
}

function isSame(a: Member, b: Member): boolean {
  return a.name === b.name && a.role === b.role && a.mutedUntilMs === b.mutedUntilMs;
}
