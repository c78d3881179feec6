/**
 * A stand: a device's signed word on which state of a room's group it has, and which letters it could not open. It travels
 * beside the group, so that devices whose groups have come apart can still hear each other. Rules RM24, RM26, RM72.
 */
import type { Bytes } from "../../base/bytes.ts";
import { type ConversationId, type EntryId, idBytes, idFromBytes } from "../../base/ids.ts";
import { ROOM_MISSED_ASKED_MAX } from "../../base/limits.ts";
import { bytes, encode, id, integer, list, type ShapeOf, struct } from "../../codec/shape.ts";
import { HASH_BYTES, hash } from "../../crypto/hash.ts";
import { LABEL } from "../../crypto/labels.ts";
import { type SignKeyPair, sign } from "../../crypto/sign.ts";
import { SIGNATURE_BYTES, verifySignature } from "../../crypto/verify.ts";
import type { ChainDevice } from "../../sigchain/chain-state.ts";
import type { RoomMember } from "./room-context.ts";

/** The state of a group once everything up to a commit, good or not, was read; equal on all who judged the same. */
const stateFields = { handshake: id("entry"), epoch: integer(0), state: bytes(HASH_BYTES) };
export const roomStateShape = struct(stateFields);
export type RoomStatePlace = ShapeOf<typeof roomStateShape>;

const claimFields = {
  ...stateFields,
  accountId: id("account"),
  deviceId: id("device"),
  /** Letters it could not open, asked for from whoever wrote them. */
  missing: list(id("entry"), ROOM_MISSED_ASKED_MAX),
};
export const roomStandClaimShape = struct({ roomId: id("conversation"), ...claimFields });
export const roomStandShape = struct({ ...claimFields, signature: bytes(SIGNATURE_BYTES) });
export type RoomStand = ShapeOf<typeof roomStandShape>;

/** What a device says that was called into its group: it stands nowhere that others would compare with theirs, and asks where they do. RM72 */
export const NOWHERE: RoomStatePlace = {
  handshake: idFromBytes("entry", new Uint8Array(32).fill(255)),
  epoch: 0,
  state: new Uint8Array(HASH_BYTES),
};

export function isNowhere({ handshake }: RoomStatePlace): boolean {
  return handshake === NOWHERE.handshake;
}

/** What of an epoch's authenticator others are told. */
export function roomStateAt(
  roomId: ConversationId,
  handshake: EntryId,
  group: { readonly epoch: number; readonly authenticator: Bytes },
): RoomStatePlace {
  const state = hash(LABEL.roomState, idBytes(roomId), group.authenticator);
  return { handshake, epoch: group.epoch, state };
}

export function signStand(
  key: SignKeyPair,
  roomId: ConversationId,
  claim: Omit<RoomStand, "signature">,
): RoomStand {
  const signature = sign(key, LABEL.signRoomStand, encode(roomStandClaimShape, { ...claim, roomId }));
  return { ...claim, signature };
}

/** Whether the device with this key signed the stand, in this room. */
export function isStandSigned(roomId: ConversationId, stand: RoomStand, signKey: Bytes): boolean {
  const claim = encode(roomStandClaimShape, { ...stand, roomId });
  return verifySignature(signKey, LABEL.signRoomStand, claim, stand.signature).ok;
}

/** A device of a member, as far as its age in the room goes. */
export interface StandingDevice {
  readonly member: Pick<RoomMember, "accountId" | "sinceEpoch">;
  readonly device: Pick<ChainDevice, "id" | "addedSeq">;
}

/**
 * Whether `one` has been in the room for longer than `other`, whose state it does not share. Who came later follows: a
 * membership's beginning never changes, so both sides come to the same, whatever else they disagree in. RM26
 */
export function isSenior(one: StandingDevice, other: StandingDevice): boolean {
  if (one.member.sinceEpoch !== other.member.sinceEpoch)
    return one.member.sinceEpoch < other.member.sinceEpoch;
  if (one.member.accountId !== other.member.accountId) return one.member.accountId < other.member.accountId;
  if (one.device.addedSeq !== other.device.addedSeq) return one.device.addedSeq < other.device.addedSeq;
  return one.device.id < other.device.id;
}
