/** What a role lets one do in a room, so that nothing is offered that the room would refuse. The room has the last word. */
import type { RoomMemberView, RoomRole, RoomView } from "@dovetail/core";

/** Lower first. */
export const ROLES: readonly RoomRole[] = ["member", "moderator", "admin", "owner"];

const rank = (role: RoomRole): number => ROLES.indexOf(role);

type Own = Pick<RoomView, "role" | "state" | "isOfTwo">;

function stands({ role, state }: Own, least: RoomRole): boolean {
  return state === "joined" && role !== null && rank(role) >= rank(least);
}

/** Whether one may say how long messages stay. */
export function maySetLifetime(room: Own): boolean {
  return stands(room, "admin");
}

export function mayRename(room: Own): boolean {
  return !room.isOfTwo && stands(room, "admin");
}

/** Whether one may change what the room writes together; why not, if not. */
export type Writing =
  | { readonly type: "open" }
  | { readonly type: "outside" }
  | { readonly type: "muted"; readonly untilMs: number };

export function mayWrite({ state, members }: Pick<RoomView, "state" | "members">, nowMs: number): Writing {
  if (state !== "joined" && state !== "joining") return { type: "outside" };
  const untilMs = members.find(({ isSelf }) => isSelf)?.mutedUntilMs ?? null;
  return untilMs !== null && untilMs > nowMs ? { type: "muted", untilMs } : { type: "open" };
}

/** In which roles one may let people in; none at all below a moderator. */
export function rolesToInvite(room: Own): readonly RoomRole[] {
  const { role } = room;
  if (role === null || room.isOfTwo || !stands(room, "moderator")) return [];
  return ROLES.filter((one) => one === "member" || rank(one) < rank(role));
}

/** Whether one may remove and mute them. */
export function mayRule(room: Own, member: RoomMemberView): boolean {
  const { role } = room;
  return role !== null && !member.isSelf && stands(room, "moderator") && rank(member.role) < rank(role);
}

/** The roles one may give them, theirs included; none where one may not change it. */
export function rolesToGive(room: Own, member: RoomMemberView): readonly RoomRole[] {
  const { role } = room;
  if (role === null || room.isOfTwo || !stands(room, "member")) return [];
  if (member.isSelf) return ROLES.filter((one) => rank(one) <= rank(role));
  if (!stands(room, "admin") || rank(member.role) >= rank(role)) return [];
  return ROLES.filter((one) => role === "owner" || rank(one) < rank(role));
}
