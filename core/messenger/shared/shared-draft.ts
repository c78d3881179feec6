/**
 * What an edit did, as the payloads of changes: the other way through the gate. Rule SD12.
 *
 * Automerge names operations by counter and actor; here each becomes the op that brought it, and a run of characters one step. An edit
 * that does not fit one op becomes several, each after the one before.
 */
import { assert } from "../../base/assert.ts";
import { type Bytes, toUtf8 } from "../../base/bytes.ts";
import type { OpId } from "../../base/ids.ts";
import {
  SHARED_COUNTER_MAX,
  SHARED_FROM_MAX,
  SHARED_OPERATIONS_PER_CHANGE_MAX,
  SHARED_OVER_MAX,
  SHARED_STEPS_MAX,
  SHARED_TIME_MS_MAX,
  SHARED_VALUE_BYTES_MAX,
} from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { encode } from "../../codec/shape.ts";
import type { ReplicaEdit, ReplicaOperation } from "../../document/shared/shared-replica.ts";
import {
  floatBytes,
  type SharedRef,
  sharedChangePayloadShape,
  type SharedSlot,
  type SharedStep,
  sharedStepShape,
  type SharedValue,
} from "./shared-change.ts";
import type { GatedDocument } from "./shared-gate.ts";
import type { PlacedOperation } from "./shared-steps.ts";

/** What the steps of one op may weigh, so that with its lists it stays an op. */
const STEPS_BYTES_MAX = 49_152;
/** So many characters always fit one step. */
const TYPED_CHARACTERS_MAX = SHARED_VALUE_BYTES_MAX / 4;

/** One op to be: `from` are ops, or by number earlier parts of the same edit. */
export interface SharedPart {
  readonly from: readonly (OpId | number)[];
  readonly steps: readonly SharedStep[];
}

/** Automerge was given something that a shared document does not hold: a mark, a number out of range, a text too long. */
export interface NotShareable {
  readonly type: "EditRefused";
}

/** The parts an edit is sent in, in their order. */
export function draftChanges(
  document: GatedDocument,
  edit: ReplicaEdit,
): Result<readonly SharedPart[], NotShareable> {
  const drafts: PartDraft[] = [];
  const places = createPlaces(document, edit, drafts);
  for (let at = 0; at < edit.operations.length; ) {
    const run = runAt(edit, at, places);
    let part = drafts.at(-1);
    if (part === undefined || !part.hasRoom(run.count)) {
      part = createPart(drafts.length, at);
      drafts.push(part);
    }
    const added = part.add(run, places);
    if (!added) return err({ type: "EditRefused" });
    at += run.count;
  }
  return ok(drafts.map(({ from, steps }) => ({ from, steps })));
}

/** The payload of one part, once the parts before it have their ids. */
export function encodePart(part: SharedPart, after: readonly OpId[], earlier: readonly OpId[]): Bytes {
  const from = part.from.map((one) => {
    const id = typeof one === "number" ? earlier[one] : one;
    assert(id !== undefined, "parts are sent in their order");
    return id;
  });
  return encode(sharedChangePayloadShape, { version: 1, after, from, steps: part.steps });
}

/** Where an operation is: in which op or part, and its number there. */
interface Place {
  readonly change: OpId | number;
  readonly index: number;
}

interface Places {
  of(name: string): Place | null;
  isText(name: string): boolean;
}

/** Operations that become one step. */
interface Run {
  readonly type: "type" | "cut" | "one";
  readonly operations: readonly ReplicaOperation[];
  readonly count: number;
}

function createPlaces({ changes }: GatedDocument, edit: ReplicaEdit, drafts: readonly PartDraft[]): Places {
  const byActor = new Map<string, (typeof changes)[number]>(changes.map((one) => [one.named.id, one]));
  const parsed = (name: string) => {
    const [counter = "", actor = ""] = name.split("@");
    return { counter: Number(counter), actor };
  };
  const placedOf = (name: string): PlacedOperation | undefined => {
    const { counter, actor } = parsed(name);
    const change = byActor.get(actor);
    return change?.placed[counter - change.startOp];
  };
  return {
    of(name) {
      const { counter, actor } = parsed(name);
      if (actor === edit.actor) {
        const index = counter - edit.startOp;
        const part = drafts.findLast(({ start }) => start <= index);
        return part === undefined ? null : { change: part.number, index: index - part.start };
      }
      const change = byActor.get(actor);
      return change === undefined ? null : { change: change.named.id, index: counter - change.startOp };
    },
    isText(name) {
      const { counter, actor } = parsed(name);
      return actor === edit.actor
        ? edit.operations[counter - edit.startOp]?.action === "makeText"
        : placedOf(name)?.makes === "text";
    },
  };
}

function runAt(edit: ReplicaEdit, at: number, places: Places): Run {
  const first = edit.operations[at];
  assert(first !== undefined, "there is an operation");
  if (!places.isText(first.obj)) return { type: "one", operations: [first], count: 1 };
  const type = first.action === "del" ? "cut" : "type";
  const operations = [first];
  const max = type === "type" ? TYPED_CHARACTERS_MAX : SHARED_OPERATIONS_PER_CHANGE_MAX;
  for (let next = at + 1; operations.length < max; next++) {
    const before = operations.at(-1);
    const operation = edit.operations[next];
    if (before === undefined || operation === undefined) break;
    if (operation.obj !== first.obj || operation.action !== first.action) break;
    const isNext =
      type === "type"
        ? operation.elemId === `${edit.startOp + next - 1}@${edit.actor}`
        : operation.elemId === successor(before.elemId ?? "");
    if (!isNext) break;
    operations.push(operation);
  }
  return { type, operations, count: operations.length };
}

function successor(name: string): string {
  const [counter = "", actor = ""] = name.split("@");
  return `${Number(counter) + 1}@${actor}`;
}

type PartDraft = ReturnType<typeof createPart>;

function createPart(number: number, start: number) {
  const from: (OpId | number)[] = [];
  const steps: SharedStep[] = [];
  let size = 0;
  let operationCount = 0;

  function ref({ change, index }: Place): SharedRef | null {
    if (change === number) return { source: 0, index };
    const known = from.indexOf(change);
    if (known < 0) from.push(change);
    return { source: known < 0 ? from.length : known + 1, index };
  }

  function add(run: Run, places: Places): boolean {
    const refOf = (name: string): SharedRef | null => {
      const place = places.of(name);
      return place === null ? null : ref(place);
    };
    const step = stepOf(run, refOf);
    if (step === null) return false;
    const weight = encode(sharedStepShape, step).length;
    steps.push(step);
    size += weight;
    operationCount += run.count;
    return true;
  }

  return {
    number,
    from,
    steps,
    add,
    /** The number of its first operation in the edit. */
    start,
    hasRoom: (count: number) =>
      steps.length < SHARED_STEPS_MAX &&
      size < STEPS_BYTES_MAX - SHARED_VALUE_BYTES_MAX &&
      // A step names few others: its object, its place, what it replaces.
      from.length < SHARED_FROM_MAX - 64 &&
      operationCount + count <= SHARED_OPERATIONS_PER_CHANGE_MAX,
  };
}

type RefOf = (name: string) => SharedRef | null;

function stepOf(run: Run, refOf: RefOf): SharedStep | null {
  const [first] = run.operations;
  if (first === undefined) return null;
  const object = first.obj === "_root" ? null : refOf(first.obj);
  if (object === null && first.obj !== "_root") return null;
  if (run.type === "type") return typeStep(run, object, refOf);
  if (run.type === "cut") return cutStep(run, object, refOf);
  return valueStep(first, object, refOf);
}

function typeStep({ operations }: Run, object: SharedRef | null, refOf: RefOf): SharedStep | null {
  const [first] = operations;
  const isTyped = operations.every(
    ({ action, value, insert }) => action === "set" && insert === true && typeof value === "string",
  );
  if (first === undefined || !isTyped) return null;
  const text = operations.map(({ value }) => value).join("");
  // One operation for each character, or the numbers of the others would not be theirs.
  if ([...text].length !== operations.length || !text.isWellFormed()) return null;
  const after = first.elemId === "_head" ? null : refOf(first.elemId ?? "");
  if (after === null && first.elemId !== "_head") return null;
  return { type: "type", object, after, text };
}

function cutStep({ operations, count }: Run, object: SharedRef | null, refOf: RefOf): SharedStep | null {
  const isCut = operations.every(({ elemId, pred }) => pred.length === 1 && pred[0] === elemId);
  const first = refOf(operations[0]?.elemId ?? "");
  return isCut && first !== null ? { type: "cut", object, first, count } : null;
}

function valueStep(operation: ReplicaOperation, object: SharedRef | null, refOf: RefOf): SharedStep | null {
  const slot = slotOf(operation, refOf);
  // Somebody may have written more at one place than a step replaces: what is written last is seen all the same.
  const replaced = operation.pred.slice(-SHARED_OVER_MAX);
  const over = replaced.map(refOf).filter((one) => one !== null);
  if (slot === null || over.length !== replaced.length) return null;
  switch (operation.action) {
    case "makeMap":
      return { type: "make", object, slot, kind: "map", over };
    case "makeList":
      return { type: "make", object, slot, kind: "list", over };
    case "makeText":
      return { type: "make", object, slot, kind: "text", over };
    case "del":
      return { type: "erase", object, slot, over };
    case "inc":
      return isWithin(operation.value, SHARED_COUNTER_MAX)
        ? { type: "add", object, slot, by: operation.value, over }
        : null;
    case "set": {
      const value = scalarOf(operation);
      return value === null ? null : { type: "put", object, slot, value, over };
    }
    default:
      return null;
  }
}

function slotOf({ key, elemId, insert }: ReplicaOperation, refOf: RefOf): SharedSlot | null {
  if (key !== undefined) return { type: "key", key };
  if (elemId === undefined) return null;
  if (elemId === "_head") return insert === true ? { type: "insert", after: null } : null;
  const element = refOf(elemId);
  if (element === null) return null;
  return insert === true ? { type: "insert", after: element } : { type: "element", element };
}

function scalarOf({ value, datatype }: ReplicaOperation): SharedValue | null {
  if (value === null) return { type: "nothing" };
  if (typeof value === "boolean") return { type: "flag", value };
  if (typeof value === "string")
    return value.isWellFormed() && toUtf8(value).length <= SHARED_VALUE_BYTES_MAX
      ? { type: "text", value }
      : null;
  if (typeof value === "number") return numberOf(value, datatype);
  return null;
}

function numberOf(value: number, datatype: string | undefined): SharedValue | null {
  if (datatype === "float64")
    return Number.isFinite(value) ? { type: "float", value: floatBytes(value) } : null;
  if (!Number.isSafeInteger(value)) return null;
  if (datatype === "counter") return isWithin(value, SHARED_COUNTER_MAX) ? { type: "counter", value } : null;
  if (datatype === "timestamp") return isWithin(value, SHARED_TIME_MS_MAX) ? { type: "time", value } : null;
  return { type: "integer", value };
}

function isWithin(value: unknown, most: number): value is number {
  return Number.isSafeInteger(value) && Math.abs(Number(value)) <= most;
}
