/**
 * A position: how far a device had read a room's log when it came into a later incarnation of it. Who wrote what lies beyond sends it
 * again; the founder's says that the log has begun. Rules RM61, RM63.
 */
import type { ConversationId } from "../../base/ids.ts";
import type { Bytes } from "../../base/bytes.ts";
import { ROOM_PAST_COMMITS_MAX } from "../../base/limits.ts";
import { encode, id, integer, list, type ShapeOf, bytes, struct } from "../../codec/shape.ts";
import { HASH_BYTES, hash } from "../../crypto/hash.ts";
import { LABEL } from "../../crypto/labels.ts";
import { type SignKeyPair, sign } from "../../crypto/sign.ts";
import { SIGNATURE_BYTES, verifySignature } from "../../crypto/verify.ts";
import { type LogPoint, logPointShape } from "../../protocol/entry.ts";

const claimFields = {
  accountId: id("account"),
  deviceId: id("device"),
  /** The one that was entered. */
  incarnation: integer(1),
  /** The last point that was read of an earlier one. */
  upto: logPointShape,
  /** Of its group. */
  epoch: integer(0),
  /** Of who began the log: the commits that led there from an earlier epoch, oldest first, each by `pastCommitHash`. */
  commits: list(bytes(HASH_BYTES), ROOM_PAST_COMMITS_MAX),
};
export const roomPositionClaimShape = struct({ roomId: id("conversation"), ...claimFields });
export const roomPositionShape = struct({ ...claimFields, signature: bytes(SIGNATURE_BYTES) });
export type RoomPosition = ShapeOf<typeof roomPositionShape>;

/** What stands for a commit, as it was sent with all that went beside it. */
export function pastCommitHash(commit: Bytes): Bytes {
  return hash(LABEL.roomPastCommit, commit);
}

export function signPosition(
  key: SignKeyPair,
  roomId: ConversationId,
  claim: Omit<RoomPosition, "signature">,
): RoomPosition {
  const signature = sign(key, LABEL.signRoomPosition, encode(roomPositionClaimShape, { ...claim, roomId }));
  return { ...claim, signature };
}

/** Whether the device with this key signed the position, in this room. */
export function isPositionSigned(
  roomId: ConversationId,
  position: RoomPosition,
  signKey: Uint8Array,
): boolean {
  const claim = encode(roomPositionClaimShape, { ...position, roomId });
  return verifySignature(signKey, LABEL.signRoomPosition, claim, position.signature).ok;
}

/** Whether `place` lies behind `upto`, in the same incarnation or a later one. */
export function isBeyond(
  place: Pick<LogPoint, "incarnation" | "seq">,
  upto: Pick<LogPoint, "incarnation" | "seq">,
): boolean {
  return place.incarnation === upto.incarnation ? place.seq > upto.seq : place.incarnation > upto.incarnation;
}
