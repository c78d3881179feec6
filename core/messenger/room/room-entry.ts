/**
 * Entries of a room's log: MLS messages inside one more layer under the room's key, so that the server sees neither whose
 * key packages a Welcome names nor the group's epochs. Rules RM11, RM12.
 */
import { type Bytes, concatBytes } from "../../base/bytes.ts";
import { type ConversationId, idBytes, type LogId } from "../../base/ids.ts";
import {
  ENTRY_BYTES_MAX,
  GROUP_CONTEXT_BYTES_MAX,
  LINK_BYTES_MAX,
  OP_BYTES_MAX,
  ROOM_ACCOUNTS_MAX,
  ROOM_COMMIT_PARTS_MAX,
  ROOM_EVIDENCE_LINKS_MAX,
  ROOM_HISTORY_EXCEPT_MAX,
  ROOM_HISTORY_LEFT_MAX,
  ROOM_HISTORY_RUNS_MAX,
} from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Random } from "../../base/random.ts";
import {
  bytes,
  decode,
  encode,
  flag,
  id,
  integer,
  list,
  literal,
  nullable,
  type ShapeOf,
  struct,
  variants,
} from "../../codec/shape.ts";
import { LABEL } from "../../crypto/labels.ts";
import { pad, type Padding, unpad } from "../../crypto/padding.ts";
import { seal, unseal } from "../../crypto/seal.ts";
import { type SignKeyPair, sign } from "../../crypto/sign.ts";
import { SIGNATURE_BYTES, verifySignature } from "../../crypto/verify.ts";
import { logPointShape } from "../../protocol/entry.ts";
import { roomPositionShape } from "./room-position.ts";
import { roomStandShape } from "./room-stand.ts";

/** What padding, sealing and the structure around it may add to an MLS message. */
const OVERHEAD_BYTES = 16_384;
const MLS_BYTES_MAX = ENTRY_BYTES_MAX - OVERHEAD_BYTES;
/** What one entry of a commit that takes several holds of it. */
export const ROOM_PART_BYTES_MAX = 229_376;
/** A commit with all that goes beside it. */
export const ROOM_COMMIT_BYTES_MAX = ROOM_COMMIT_PARTS_MAX * ROOM_PART_BYTES_MAX;
const TOKEN_BYTES = 16;
export const ROOM_LETTER_OPS_MAX = 64;
/** What the ops of one letter may weigh together. */
export const ROOM_LETTER_BYTES_MAX = 131_072;

/** Ops of a device from `start` to before `end`. */
export const opRunShape = struct({ device: id("device"), start: integer(0), end: integer(1) });
export type OpRun = ShapeOf<typeof opRunShape>;
export const ROOM_TOKEN_BYTES: number = TOKEN_BYTES;

/** An account leaves: signed by one of its devices, so that anybody may take it out. */
export const roomDepartureShape = struct({
  accountId: id("account"),
  deviceId: id("device"),
  /** Of the membership that ends. */
  sinceEpoch: integer(0),
  signature: bytes(SIGNATURE_BYTES),
});
export type RoomDeparture = ShapeOf<typeof roomDepartureShape>;

/** A device that cannot follow the group asks to be added again. `token` makes two requests differ. */
export const rejoinRequestShape = struct({
  accountId: id("account"),
  deviceId: id("device"),
  token: bytes(TOKEN_BYTES),
  signature: bytes(SIGNATURE_BYTES),
});
export type RejoinRequest = ShapeOf<typeof rejoinRequestShape>;

/** A commit, the context it makes where that changes or somebody is added, and the Welcome of those it adds. */
export const roomCommitShape = struct({
  commit: bytes(1, ROOM_COMMIT_BYTES_MAX),
  context: nullable(bytes(1, GROUP_CONTEXT_BYTES_MAX)),
  welcome: nullable(bytes(1, ROOM_COMMIT_BYTES_MAX)),
});
export type RoomCommit = ShapeOf<typeof roomCommitShape>;

/**
 * What a room's entry holds. A commit that one entry does not hold comes in several of its writer, one directly after the other:
 * `part`s, counted from 0, and a `commit` with how many they are and the rest.
 */
export const roomBodyShape = variants({
  commit: [1, { parts: integer(0, ROOM_COMMIT_PARTS_MAX - 1), bytes: bytes(1, ROOM_PART_BYTES_MAX) }],
  message: [2, { sealed: bytes(1, MLS_BYTES_MAX) }],
  departure: [3, { departure: roomDepartureShape }],
  rejoin: [4, { request: rejoinRequestShape }],
  stand: [5, { stand: roomStandShape }],
  part: [6, { index: integer(0, ROOM_COMMIT_PARTS_MAX - 2), bytes: bytes(1, ROOM_PART_BYTES_MAX) }],
  position: [7, { position: roomPositionShape }],
});
export type RoomBody = ShapeOf<typeof roomBodyShape>;

/**
 * What justifies a commit, as its authenticated data: the time it was made at, the links that bring each chain to where the
 * new context says it stands, and who has left. So what a commit is worth follows from the group and the entry alone.
 */
export const roomEvidenceShape = struct({
  version: literal(1),
  timeMs: integer(0),
  chains: list(
    struct({
      accountId: id("account"),
      firstSeq: integer(1),
      links: list(bytes(1, LINK_BYTES_MAX), ROOM_EVIDENCE_LINKS_MAX, 1),
    }),
    ROOM_ACCOUNTS_MAX,
  ),
  departures: list(roomDepartureShape, ROOM_ACCOUNTS_MAX),
});
export type RoomEvidence = ShapeOf<typeof roomEvidenceShape>;

/**
 * Plaintext of an application message: a letter, a question for history, or a part of an answer to one.
 *
 * - Of a letter `seen` is how its sender sees the log, which all readers compare; `replaces` are entries somebody could not open, whose
 *   ops this one brings again.
 * - Of a question `have` are runs of ops that whoever asks has; `except` who is not to answer it.
 * - Of an answer `left` is how many more its sender has, counted to `ROOM_HISTORY_LEFT_MAX`.
 */
export const roomLetterShape = variants({
  letter: [
    1,
    {
      ops: list(bytes(1, OP_BYTES_MAX), ROOM_LETTER_OPS_MAX),
      seen: logPointShape,
      replaces: list(id("entry"), ROOM_LETTER_OPS_MAX),
    },
  ],
  question: [
    2,
    {
      token: bytes(TOKEN_BYTES),
      have: list(opRunShape, ROOM_HISTORY_RUNS_MAX),
      except: list(id("account"), ROOM_HISTORY_EXCEPT_MAX),
    },
  ],
  answer: [
    3,
    {
      asker: id("account"),
      token: bytes(TOKEN_BYTES),
      ops: list(bytes(1, OP_BYTES_MAX), ROOM_LETTER_OPS_MAX),
      left: integer(0, ROOM_HISTORY_LEFT_MAX),
      isLast: flag,
    },
  ],
});
export type RoomLetter = ShapeOf<typeof roomLetterShape>;
export type RoomQuestion = Extract<RoomLetter, { readonly type: "question" }>;
export type RoomAnswer = Extract<RoomLetter, { readonly type: "answer" }>;

/** The entries of a commit, in order: parts, and what takes effect. - Fails: `TooLarge`. */
export function cutRoomCommit(
  commit: RoomCommit,
  partBytes: number = ROOM_PART_BYTES_MAX,
): Result<readonly RoomBody[], { readonly type: "TooLarge" }> {
  const whole = encode(roomCommitShape, commit);
  if (whole.length > ROOM_COMMIT_PARTS_MAX * partBytes) return err({ type: "TooLarge" });
  const pieces: Bytes[] = [];
  for (let at = 0; at < whole.length; at += partBytes) pieces.push(whole.slice(at, at + partBytes));
  const last = pieces.length - 1;
  return ok(
    pieces.map(
      (piece, index): RoomBody =>
        index < last ? { type: "part", index, bytes: piece } : { type: "commit", parts: last, bytes: piece },
    ),
  );
}

/** The commit of all its bytes; null for what is none. */
export function joinRoomCommit(pieces: readonly Bytes[]): RoomCommit | null {
  const commit = decode(roomCommitShape, concatBytes(...pieces));
  return commit.ok ? commit.value : null;
}

/** Where an entry stands. */
export interface RoomPlace {
  readonly logId: LogId;
  readonly header: Bytes;
}

/** Sealed bytes of an entry. - Fails: `TooLarge`, when it would not fit an entry. */
export function sealRoomEntry(
  random: Random,
  roomKey: Bytes,
  { logId, header }: RoomPlace,
  body: RoomBody,
  padding?: Padding,
): Result<Bytes, { readonly type: "TooLarge" }> {
  const aad = concatBytes(idBytes(logId), header);
  const sealed = seal(
    random,
    { key: roomKey, label: LABEL.sealRoomEntry, aad },
    pad(encode(roomBodyShape, body), padding),
  );
  return sealed.length > ENTRY_BYTES_MAX ? err({ type: "TooLarge" }) : ok(sealed);
}

/** What an entry holds, or null for what nobody with the room's key wrote, or wrote so. */
export function openRoomEntry(roomKey: Bytes, { logId, header }: RoomPlace, sealed: Bytes): RoomBody | null {
  const aad = concatBytes(idBytes(logId), header);
  const padded = unseal({ key: roomKey, label: LABEL.sealRoomEntry, aad }, sealed);
  const plain = padded.ok ? unpad(padded.value) : padded;
  const body = plain.ok ? decode(roomBodyShape, plain.value) : plain;
  return body.ok ? body.value : null;
}

const departureClaim = struct({
  roomId: id("conversation"),
  accountId: id("account"),
  deviceId: id("device"),
  sinceEpoch: integer(0),
});
const rejoinClaim = struct({
  roomId: id("conversation"),
  accountId: id("account"),
  deviceId: id("device"),
  token: bytes(TOKEN_BYTES),
});

export function signDeparture(key: SignKeyPair, claim: ShapeOf<typeof departureClaim>): RoomDeparture {
  const { accountId, deviceId, sinceEpoch } = claim;
  const signature = sign(key, LABEL.signRoomDeparture, encode(departureClaim, claim));
  return { accountId, deviceId, sinceEpoch, signature };
}

/** Whether the device with this key signed the departure from this room. */
export function isDepartureSigned(roomId: ConversationId, departure: RoomDeparture, signKey: Bytes): boolean {
  const claim = encode(departureClaim, { roomId, ...departure });
  return verifySignature(signKey, LABEL.signRoomDeparture, claim, departure.signature).ok;
}

export function signRejoin(
  random: Random,
  key: SignKeyPair,
  claim: Omit<ShapeOf<typeof rejoinClaim>, "token">,
): RejoinRequest {
  const token = random.bytes(TOKEN_BYTES);
  const { accountId, deviceId } = claim;
  const signature = sign(key, LABEL.signRoomRejoin, encode(rejoinClaim, { ...claim, token }));
  return { accountId, deviceId, token, signature };
}

export function isRejoinSigned(roomId: ConversationId, request: RejoinRequest, signKey: Bytes): boolean {
  const claim = encode(rejoinClaim, { roomId, ...request });
  return verifySignature(signKey, LABEL.signRoomRejoin, claim, request.signature).ok;
}
