/**
 * Ops: the immutable units conversations consist of. Rules MS1, MS5, MS7, DE1.
 *
 * An op is named by the hash of its canonical bytes, so it means the same by whichever path it comes, and applying it
 * twice changes nothing. Between people only ops travel, never Automerge bytes.
 */
import type { Bytes } from "../base/bytes.ts";
import {
  type AccountId,
  type ConversationId,
  type DeviceId,
  idBytes,
  idFromBytes,
  type OpId,
} from "../base/ids.ts";
import {
  MESSAGE_TEXT_BYTES_MAX,
  OPS_PER_BUCKET_MAX,
  OP_BYTES_MAX,
  SERVER_ORIGIN_CHARS_MAX,
  UNSENT_RUNS_MAX,
} from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import {
  bytes,
  type DecodeError,
  decode,
  decodeInPlace,
  encode,
  flag,
  id,
  integer,
  list,
  literal,
  nullable,
  type ShapeOf,
  struct,
  text,
} from "../codec/shape.ts";
import { hash } from "../crypto/hash.ts";
import { LABEL } from "../crypto/labels.ts";
import type { BucketPlace } from "../log/document-name.ts";
import { HLC_MAX } from "./hlc.ts";
import { inboundKeysShape } from "./inbound-keys.ts";

const OP_KIND_MAX = 65_535;
const OP_EXT_BYTES_MAX = 1_024;
const PAYLOAD_BYTES_MAX = OP_BYTES_MAX - 2_048;
const AUTHOR_DEVICES_PER_MARK_MAX = 1_024;

/** Kinds this version understands. Others are kept and passed on, not shown. */
export const OP_KIND = {
  message: 1,
  introduction: 2,
  mark: 3,
  redaction: 4,
  roomInvitation: 5,
  unsent: 6,
  roomJoin: 7,
  sharedDocument: 8,
  sharedChange: 9,
  sharedRemoval: 10,
  roomOut: 11,
} as const;

/**
 * - `deviceSeq` counts the ops of one device in one conversation from 0; `devicePrev` names the one before.
 * - `hlc` orders the view; `target` is the op this one is about; `expire` a time in ms; `ext` is for later versions.
 */
export const opShape = struct({
  version: literal(1),
  conversationId: id("conversation"),
  author: id("account"),
  device: id("device"),
  deviceSeq: integer(0),
  devicePrev: nullable(id("op")),
  hlc: integer(0, HLC_MAX),
  kind: integer(1, OP_KIND_MAX),
  target: nullable(id("op")),
  payload: bytes(0, PAYLOAD_BYTES_MAX),
  expire: nullable(integer(0)),
  ext: nullable(bytes(0, OP_EXT_BYTES_MAX)),
});
export type Op = ShapeOf<typeof opShape>;

/** An op with its name and exact bytes. */
export interface NamedOp {
  readonly id: OpId;
  readonly op: Op;
  readonly bytes: Bytes;
}

export type OpError =
  | DecodeError
  | { readonly type: "OpTooLarge"; readonly sizeBytes: number; readonly sizeBytesMax: number };

/** Op of received bytes, which nobody changes any more. They are canonical or refused, so bytes, id and op always agree. */
export function parseOp(opBytes: Bytes): Result<NamedOp, OpError> {
  if (opBytes.length > OP_BYTES_MAX)
    return err({ type: "OpTooLarge", sizeBytes: opBytes.length, sizeBytesMax: OP_BYTES_MAX });
  const op = decodeInPlace(opShape, opBytes);
  return op.ok ? ok({ id: opId(opBytes), op: op.value, bytes: opBytes }) : op;
}

/** Op of bytes that are kept with their name: nothing is hashed. */
export function nameOp(id: OpId, opBytes: Bytes): Result<NamedOp, DecodeError> {
  const op = decodeInPlace(opShape, opBytes);
  return op.ok ? ok({ id, op: op.value, bytes: opBytes }) : op;
}

/** Op that this device writes. */
export function createOp(op: Op): NamedOp {
  const opBytes = encode(opShape, op);
  return { id: opId(opBytes), op, bytes: opBytes };
}

/** `opId`: the 32-byte hash of the canonical bytes. */
export function opId(opBytes: Bytes): OpId {
  return idFromBytes("op", hash(LABEL.opId, opBytes));
}

/** The conversation of two people; both compute the same. */
export function directConversationId(a: AccountId, b: AccountId): ConversationId {
  const [first, second] = a < b ? [a, b] : [b, a];
  return idFromBytes("conversation", hash(LABEL.conversationId, idBytes(first), idBytes(second)));
}

/** The bucket an op belongs in, whatever its generation: a function of the op alone. Rule MS5. */
export function bucketPlaceOf(op: Pick<Op, "conversationId" | "device" | "deviceSeq">): BucketPlace {
  return {
    conversationId: op.conversationId,
    device: op.device,
    index: Math.floor(op.deviceSeq / OPS_PER_BUCKET_MAX),
  };
}

/** Payload of `message`. */
export const messagePayloadShape = struct({ text: text(MESSAGE_TEXT_BYTES_MAX) });

/** Payload of `introduction`: who writes, where to write back, and what is needed for it. Not shown. */
export const introductionPayloadShape = struct({
  displayName: text(256),
  origin: text(SERVER_ORIGIN_CHARS_MAX),
  reply: inboundKeysShape,
  isAccept: flag,
});
export type Introduction = ShapeOf<typeof introductionPayloadShape>;

/**
 * Payload of `mark`: of each author device of the other side, how many ops have arrived without a gap.
 * `wantsMissing` asks the author's devices to send again what lies above.
 */
export const markPayloadShape = struct({
  delivered: list(struct({ device: id("device"), next: integer(0) }), AUTHOR_DEVICES_PER_MARK_MAX),
  readUpTo: nullable(integer(0, HLC_MAX)),
  wantsMissing: flag,
});
export type Mark = ShapeOf<typeof markPayloadShape>;

/** Payload of `redaction`: where the message in `target` stands, so that its place is known without it. */
export const redactionPayloadShape = struct({
  device: id("device"),
  deviceSeq: integer(0),
  hlc: integer(0, HLC_MAX),
});

/** Payload of `unsent`: which ops of the writing device before this one never leave its account. */
export const unsentPayloadShape = struct({
  runs: list(struct({ start: integer(0), end: integer(1) }), UNSENT_RUNS_MAX, 1),
});

/** Runs of its own earlier ops that a device says it will not send; none for another op, or one not as it should be. MS8 */
export function unsentRuns({ op }: NamedOp): ShapeOf<typeof unsentPayloadShape>["runs"] {
  const payload = op.kind === OP_KIND.unsent ? decode(unsentPayloadShape, op.payload) : null;
  if (!payload?.ok) return [];
  return payload.value.runs.filter(({ start, end }) => start < end && end <= op.deviceSeq);
}

/** A message that its author has taken back. */
export interface Redacted {
  readonly conversationId: ConversationId;
  readonly author: AccountId;
  readonly id: OpId;
  readonly device: DeviceId;
  readonly deviceSeq: number;
  readonly hlc: number;
  /** When what is left of it goes too, with the redaction. RM34 */
  readonly expire: number | null;
}

/** Where a message stands, whoever it is of. */
export type MessagePlace = Omit<Redacted, "author" | "expire">;

/** What a redaction is about; null for another op, or one that is not as it should be. */
export function redactedBy({ op }: NamedOp): Redacted | null {
  if (op.kind !== OP_KIND.redaction || op.target === null) return null;
  const place = decode(redactionPayloadShape, op.payload);
  return place.ok
    ? {
        conversationId: op.conversationId,
        author: op.author,
        id: op.target,
        expire: op.expire,
        ...place.value,
      }
    : null;
}

/** What is left of a redacted message: its place and its author. The same on every device. Rule DE2. */
export function redactedMessage(target: Redacted): NamedOp {
  const { id: targetId, ...place } = target;
  const op: Op = {
    ...place,
    version: 1,
    devicePrev: null,
    kind: OP_KIND.message,
    target: null,
    payload: new Uint8Array(0),
    ext: null,
  };
  return { id: targetId, op, bytes: encode(opShape, op) };
}

/** Tells what is left of a redacted message from ops: its name is that of bytes that are gone. */
export function isRedacted({ op }: NamedOp): boolean {
  return op.kind === OP_KIND.message && op.payload.length === 0;
}
