/**
 * What a change of a shared document says: steps over things that are named by the op that made them. Rules SD1-SD5.
 *
 * Bytes of Automerge never travel between people. A change is a structure of ours, judged whole by the gate, and each device makes
 * the Automerge change of it by itself: counters, actors, hashes and run lengths are nobody's to choose.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { OpId } from "../../base/ids.ts";
import {
  SHARED_AFTER_MAX,
  SHARED_COUNTER_MAX,
  SHARED_FROM_MAX,
  SHARED_KEY_BYTES_MAX,
  SHARED_OPERATIONS_PER_CHANGE_MAX,
  SHARED_OVER_MAX,
  SHARED_STEPS_MAX,
  SHARED_TIME_MS_MAX,
  SHARED_TITLE_BYTES_MAX,
  SHARED_VALUE_BYTES_MAX,
} from "../../base/limits.ts";
import {
  bytes,
  decode,
  flag,
  id,
  integer,
  list,
  literal,
  nullable,
  oneOf,
  type ShapeOf,
  struct,
  text,
  variants,
} from "../../codec/shape.ts";
import { type NamedOp, OP_KIND } from "../op.ts";

const FORM_BYTES_MAX = 32;
const FLOAT_BYTES = 8;

/** Payload of `sharedDocument`: what the document begins with. `form` tells programs how to read it. */
export const sharedDocumentPayloadShape = struct({
  version: literal(1),
  form: text(FORM_BYTES_MAX),
  title: text(SHARED_TITLE_BYTES_MAX),
});

/** One operation: the `index`th of this change, with `source` 0, else of the change that stands at `source - 1` in `from`. */
export const sharedRefShape = struct({
  source: integer(0, SHARED_FROM_MAX),
  index: integer(0, SHARED_OPERATIONS_PER_CHANGE_MAX - 1),
});
export type SharedRef = ShapeOf<typeof sharedRefShape>;

/** Where a value stands: under a key of a map, at an element of a list, or as a new element after one, or first. */
export const sharedSlotShape = variants({
  key: [1, { key: text(SHARED_KEY_BYTES_MAX) }],
  element: [2, { element: sharedRefShape }],
  insert: [3, { after: nullable(sharedRefShape) }],
});
export type SharedSlot = ShapeOf<typeof sharedSlotShape>;

/** So that all that is ever added to a counter is a number every reader can hold, whatever order it comes in. SD7 */
const counted = integer(-SHARED_COUNTER_MAX, SHARED_COUNTER_MAX);

/** A scalar. A float is its eight bytes, big-endian. Byte strings are none: Automerge does not encode them from outside. */
export const sharedValueShape = variants({
  nothing: [1, {}],
  flag: [2, { value: flag }],
  integer: [3, { value: integer(Number.MIN_SAFE_INTEGER) }],
  float: [4, { value: bytes(FLOAT_BYTES) }],
  text: [5, { value: text(SHARED_VALUE_BYTES_MAX) }],
  counter: [6, { value: counted }],
  time: [7, { value: integer(-SHARED_TIME_MS_MAX, SHARED_TIME_MS_MAX) }],
});
export type SharedValue = ShapeOf<typeof sharedValueShape>;

const object = nullable(sharedRefShape);
const over = list(sharedRefShape, SHARED_OVER_MAX);

/**
 * What a change does, one after the other. `object` null is the root; `over` are the values that are replaced.
 *
 * - `type` and `cut` are for texts only: characters after one, or first; and elements that one change has put one after the other.
 */
export const sharedStepShape = variants({
  make: [1, { object, slot: sharedSlotShape, kind: oneOf("map", "list", "text"), over }],
  put: [2, { object, slot: sharedSlotShape, value: sharedValueShape, over }],
  erase: [3, { object, slot: sharedSlotShape, over }],
  add: [4, { object, slot: sharedSlotShape, by: counted, over }],
  type: [5, { object, after: nullable(sharedRefShape), text: text(SHARED_VALUE_BYTES_MAX) }],
  cut: [6, { object, first: sharedRefShape, count: integer(1, SHARED_OPERATIONS_PER_CHANGE_MAX) }],
});
export type SharedStep = ShapeOf<typeof sharedStepShape>;

/** Payload of `sharedChange`, whose target is the document: what it follows, what it names operations of, what it does, if anything. */
export const sharedChangePayloadShape = struct({
  version: literal(1),
  after: list(id("op"), SHARED_AFTER_MAX, 1),
  from: list(id("op"), SHARED_FROM_MAX),
  steps: list(sharedStepShape, SHARED_STEPS_MAX),
});
export type SharedChange = ShapeOf<typeof sharedChangePayloadShape>;

/** Payload of `sharedRemoval`, whose target is the document. */
export const sharedRemovalPayloadShape = struct({ version: literal(1) });

/** SD14: whether one of these takes the document away: only the account that made it does. */
export function isTakenAway(creation: NamedOp, ops: Iterable<NamedOp>): boolean {
  for (const { op } of ops)
    if (
      op.kind === OP_KIND.sharedRemoval &&
      op.author === creation.op.author &&
      decode(sharedRemovalPayloadShape, op.payload).ok
    )
      return true;
  return false;
}

/** The document an op is about; null for ops that are about none. */
export function sharedDocumentOf({ op, id: opId }: NamedOp): OpId | null {
  if (op.kind === OP_KIND.sharedDocument) return opId;
  return op.kind === OP_KIND.sharedChange || op.kind === OP_KIND.sharedRemoval ? op.target : null;
}

export function floatBytes(value: number): Bytes {
  const out = new Uint8Array(FLOAT_BYTES);
  new DataView(out.buffer).setFloat64(0, value);
  return out;
}

export function floatOf(value: Bytes): number {
  return new DataView(value.buffer, value.byteOffset, FLOAT_BYTES).getFloat64(0);
}
