/**
 * The sealed boxes that travel beside a link: form, hash, and which link needs which. Rules EP1-EP5.
 *
 * Opaque to whoever stores them. Holds no secret: the server imports it to store a link and its boxes as one act.
 */
import type { Bytes } from "../base/bytes.ts";
import { equalBytes } from "../base/bytes.ts";
import type { DeviceId } from "../base/ids.ts";
import { ACTIVE_DEVICES_MAX, EPOCH_BOXES_BYTES_MAX, EPOCH_WALKS_MAX } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import {
  bytes,
  type DecodeError,
  decode,
  encode,
  id,
  integer,
  list,
  literal,
  nullable,
  type ShapeOf,
  struct,
} from "../codec/shape.ts";
import { hash } from "../crypto/hash.ts";
import { LABEL } from "../crypto/labels.ts";
import { type ChainState, currentEpoch } from "./chain-state.ts";
import { deviceIdOf, deviceSigner, type EpochRecord, epochOf, type LinkBody } from "./link.ts";

export const EPOCH_SECRET_BYTES = 32;
const KEM_CIPHERTEXT_BYTES = 1_120;
const SEAL_OVERHEAD_BYTES = 72;
const CUT_SEALED_BYTES_MAX = 512;

/** `ES_e` for one holder: an X-Wing ciphertext and the secret sealed under what it carries. */
export const secretBoxShape = struct({
  to: id("signer"),
  ciphertext: bytes(KEM_CIPHERTEXT_BYTES),
  sealed: bytes(EPOCH_SECRET_BYTES + SEAL_OVERHEAD_BYTES),
});
export type SecretBox = ShapeOf<typeof secretBoxShape>;

/** An earlier secret sealed under this one; normally that of the epoch before. */
export const epochWalkShape = struct({
  number: integer(1),
  sealed: bytes(EPOCH_SECRET_BYTES + SEAL_OVERHEAD_BYTES),
});
export type EpochWalk = ShapeOf<typeof epochWalkShape>;

/** Everything sealed for one epoch. The link that starts it commits to the hash of these bytes. */
export const epochBoxesShape = struct({
  version: literal(1),
  number: integer(1),
  boxes: list(secretBoxShape, ACTIVE_DEVICES_MAX + 1, 1),
  walks: list(epochWalkShape, EPOCH_WALKS_MAX),
  cut: nullable(bytes(SEAL_OVERHEAD_BYTES + 1, CUT_SEALED_BYTES_MAX)),
});
export type EpochBoxes = ShapeOf<typeof epochBoxesShape>;

/** The current epoch's secret for a device that joins without a new epoch. */
export const addedBoxShape = struct({ version: literal(1), number: integer(1), box: secretBoxShape });
export type AddedBox = ShapeOf<typeof addedBoxShape>;

/** What a link commits to about its epoch's boxes, over the received bytes (EP2). */
export function boxesHash(boxesBytes: Bytes): Bytes {
  return hash(LABEL.boxesHash, boxesBytes);
}

export type BoxesError =
  /** The boxes are not those the link commits to. */
  | { readonly type: "BoxesDoNotMatch"; readonly epoch: number }
  | { readonly type: "MalformedBoxes"; readonly cause: DecodeError }
  | { readonly type: "BoxesTooLarge"; readonly bytes: number; readonly bytesMax: number };

/** Reads boxes that the link of `record` commits to. */
export function parseEpochBoxes(record: EpochRecord, boxesBytes: Bytes): Result<EpochBoxes, BoxesError> {
  // EP3
  if (boxesBytes.length > EPOCH_BOXES_BYTES_MAX) {
    return err({ type: "BoxesTooLarge", bytes: boxesBytes.length, bytesMax: EPOCH_BOXES_BYTES_MAX });
  }
  const epoch = record.number;
  if (!equalBytes(boxesHash(boxesBytes), record.boxesHash)) return err({ type: "BoxesDoNotMatch", epoch }); // EP2
  const boxes = decode(epochBoxesShape, boxesBytes);
  if (!boxes.ok) return err({ type: "MalformedBoxes", cause: boxes.error });
  return boxes.value.number === epoch ? boxes : err({ type: "BoxesDoNotMatch", epoch });
}

/** Bytes of boxes to hash, sign for and store. */
export function encodeEpochBoxes(boxes: EpochBoxes): Bytes {
  return encode(epochBoxesShape, boxes);
}

/** Bytes of a box for a device that joins without a new epoch. */
export function encodeAddedBox(box: AddedBox): Bytes {
  return encode(addedBoxShape, box);
}

/** A link with what must be stored in the same transaction. */
export interface LinkAct {
  readonly body: LinkBody;
  readonly boxes: Bytes | null;
  readonly addedBox: Bytes | null;
}

export type LinkActError =
  | BoxesError
  /** The link starts an epoch and came without its boxes. */
  | { readonly type: "MissingBoxes"; readonly epoch: number }
  /** A device would join that could open nothing. */
  | { readonly type: "MissingAddedBox"; readonly deviceId: DeviceId }
  /** The box is for another device or another epoch. */
  | { readonly type: "AddedBoxDoesNotMatch"; readonly epoch: number }
  /** Boxes beside a link that has no use for them. */
  | { readonly type: "UnexpectedBoxes" };

/**
 * Checks that a link comes with exactly the boxes it needs, so that no device and no epoch is ever half there (EP4).
 *
 * `state` is the chain after the link.
 */
export function checkLinkAct(state: ChainState, act: LinkAct): Result<void, LinkActError> {
  const { payload } = act.body;
  const epoch = epochOf(payload);
  if (epoch !== null) {
    if (act.addedBox !== null) return err({ type: "UnexpectedBoxes" });
    if (act.boxes === null) return err({ type: "MissingBoxes", epoch: epoch.number });
    const boxes = parseEpochBoxes(epoch, act.boxes);
    return boxes.ok ? ok() : boxes;
  }
  if (act.boxes !== null) return err({ type: "UnexpectedBoxes" });
  if (payload.type !== "device-add") return act.addedBox === null ? ok() : err({ type: "UnexpectedBoxes" });
  const deviceId = deviceIdOf(payload.device.signKey);
  if (act.addedBox === null) return err({ type: "MissingAddedBox", deviceId });
  const box = decode(addedBoxShape, act.addedBox);
  if (!box.ok) return err({ type: "MalformedBoxes", cause: box.error });
  const { number } = currentEpoch(state);
  const isForIt = box.value.number === number && box.value.box.to === deviceSigner(deviceId);
  return isForIt ? ok() : err({ type: "AddedBoxDoesNotMatch", epoch: number });
}
