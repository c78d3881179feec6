/** What somebody is told who is let into a room: an op of the direct conversation with whoever let them in. Rule RM13. */
import { ROOM_HISTORY_DAYS_MAX, ROOM_NAME_BYTES_MAX, SERVER_ORIGIN_CHARS_MAX } from "../../base/limits.ts";
import { bytes, id, integer, nullable, type ShapeOf, struct, text } from "../../codec/shape.ts";
import { logPointShape } from "../../protocol/entry.ts";

/**
 * Where a room is and what opens it. `generation` is the epoch its keys began in, `accessSeed` is the key pair of its log, `roomKey` the outer layer, `from` the point of
 * the log the reader may begin at.
 */
export const roomKeysShape = struct({
  logId: id("log"),
  generation: integer(0),
  origin: text(SERVER_ORIGIN_CHARS_MAX),
  accessSeed: bytes(32),
  roomKey: bytes(32),
  from: logPointShape,
});
export type RoomKeys = ShapeOf<typeof roomKeysShape>;

/** Payload of the op `roomInvitation`. `sinceEpoch` is that of the membership it offers. */
export const roomInvitationPayloadShape = struct({
  keys: roomKeysShape,
  name: text(ROOM_NAME_BYTES_MAX),
  sinceEpoch: integer(0),
  /** What this membership sees of before. */
  history: nullable(struct({ days: nullable(integer(1, ROOM_HISTORY_DAYS_MAX)) })),
});
export type RoomInvitation = ShapeOf<typeof roomInvitationPayloadShape>;

/** Payload of the op `roomOut`, to who asks for the keys of a room they are not in: none of theirs is a member in that epoch. Rule RM68. */
export const roomOutPayloadShape = struct({ roomId: id("conversation"), epoch: integer(0) });
export type RoomOut = ShapeOf<typeof roomOutPayloadShape>;
