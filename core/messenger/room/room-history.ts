/**
 * Which history those get who come to a room later, and who was in it meanwhile: parts of the room's context, and what a commit
 * may make of them. Pure. Rules RM39, RM40.
 */
import {
  DISPLAY_NAME_BYTES_MAX,
  ROOM_FORMER_MAX,
  ROOM_HISTORY_DAYS_MAX,
  SERVER_ORIGIN_CHARS_MAX,
} from "../../base/limits.ts";
import { id, integer, list, nullable, type ShapeOf, struct, text } from "../../codec/shape.ts";

/** Somebody who was a member from epoch `since` to before epoch `until`, with the place their chain had in the room then. */
export const formerMemberShape = struct({
  accountId: id("account"),
  name: text(DISPLAY_NAME_BYTES_MAX),
  origin: text(SERVER_ORIGIN_CHARS_MAX),
  since: integer(0),
  until: integer(1),
  seq: integer(1),
  head: id("link"),
});
export type FormerMember = ShapeOf<typeof formerMemberShape>;

/** What newcomers get: of the last `days`, or null for all; never what was written before epoch `since`. */
export const roomHistoryShape = struct({
  days: nullable(integer(1, ROOM_HISTORY_DAYS_MAX)),
  since: integer(1),
  former: list(formerMemberShape, ROOM_FORMER_MAX),
});
export type RoomHistory = ShapeOf<typeof roomHistoryShape>;

/** What people set: the last days, all (null), or with null instead of this nothing. */
export interface RoomHistoryPolicy {
  readonly days: number | null;
}

/** Somebody who is a member; `RoomMember` is one. */
type Leaving = Omit<FormerMember, "since" | "until"> & { readonly sinceEpoch: number };

/** Whether two settings say the same. */
export function isSamePolicy(a: RoomHistoryPolicy | null, b: RoomHistoryPolicy | null): boolean {
  return a === null || b === null ? a === b : a.days === b.days;
}

/** RM39: whether `after` lets newcomers see what `before` would not. */
function isWider(before: RoomHistoryPolicy | null, after: RoomHistoryPolicy): boolean {
  if (before === null) return true;
  if (before.days === null) return false;
  return after.days === null || after.days > before.days;
}

/**
 * The history of a room after the commit that ends `epoch`: with what was wanted, and with who goes. Every member computes the same,
 * so a commit that says otherwise is refused. RM39, RM40
 */
export function historyAfter(
  before: RoomHistory | null,
  wanted: RoomHistoryPolicy | null,
  { epoch, gone }: { readonly epoch: number; readonly gone: readonly Leaving[] },
): RoomHistory | null {
  if (wanted === null) return null;
  const since = before === null || isWider(before, wanted) ? epoch + 1 : before.since;
  const left = gone.map(({ accountId, name, origin, seq, head, sinceEpoch }) => ({
    ...{ accountId, name, origin, since: sinceEpoch, until: epoch + 1, seq, head },
  }));
  const former = [...(before?.former ?? []), ...left]
    .filter(({ until }) => until > since)
    .sort((a, b) => a.until - b.until || (a.accountId < b.accountId ? -1 : 1))
    .slice(-ROOM_FORMER_MAX);
  return { days: wanted.days, since, former };
}
