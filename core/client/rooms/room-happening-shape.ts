/** What can have happened in a room, as a device keeps it. */
import { DISPLAY_NAME_BYTES_MAX, ROOM_NAME_BYTES_MAX } from "../../base/limits.ts";
import { id, integer, nullable, type ShapeOf, struct, text, variants } from "../../codec/shape.ts";
import { roomRoleShape } from "../../messenger/room/room-context.ts";

const who = { accountId: id("account"), name: text(DISPLAY_NAME_BYTES_MAX) };

/** One thing. `name` is what somebody called themselves in the room, or what it was called from then on. */
export const happeningShape = variants({
  founded: [1, {}],
  added: [2, { ...who, role: roomRoleShape }],
  removed: [3, who],
  left: [4, who],
  renamed: [5, { name: text(ROOM_NAME_BYTES_MAX) }],
  role: [6, { ...who, role: roomRoleShape }],
  muted: [7, { ...who, untilMs: nullable(integer(0)) }],
  /** What it is for was written anew. */
  described: [8, {}],
  /** How long messages stay from then on; null for ever. */
  lifetime: [9, { lifetimeMs: nullable(integer(0)) }],
  /** What those get who come later: of so many days, all (null), or nothing. */
  history: [10, { history: nullable(struct({ days: nullable(integer(1)) })) }],
});
export type RoomHappening = ShapeOf<typeof happeningShape>;

export const happeningRow = struct({
  by: nullable(id("account")),
  atMs: integer(0),
  happening: happeningShape,
});
export type HappeningRow = ShapeOf<typeof happeningRow>;
