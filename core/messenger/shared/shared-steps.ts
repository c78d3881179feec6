/**
 * The steps of one change of a shared document, judged: each operation has a place that is there, of the kind it is for, and replaces
 * only what stands at that place. What comes out is what Automerge is told. Rules SD6-SD9.
 */
import type { OpId } from "../../base/ids.ts";
import { SHARED_DEPTH_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { unreachable } from "../../base/assert.ts";
import type { ReplicaOperation } from "../../document/shared/shared-replica.ts";
import {
  floatOf,
  type SharedRef,
  type SharedSlot,
  type SharedStep,
  type SharedValue,
} from "./shared-change.ts";

/** Why a change has no effect. */
export type SharedRule =
  /** Bytes that are no change of this version. */
  | "payload"
  /** It says it follows something twice, or does not come later than what it follows. */
  | "order"
  /** It follows a change that has no effect. */
  | "follows"
  /** It names operations of a change it does not follow, or operations that are not there. */
  | "reference"
  /** A place that is not of that object, or not of its kind. */
  | "place"
  /** It replaces what does not stand at that place. */
  | "over"
  | "depth"
  | "name"
  /** A number that is none. */
  | "value"
  | "operations";

type Kind = "map" | "list" | "text";

/** An operation that has passed. */
export interface PlacedOperation {
  readonly name: string;
  /** What it makes, if it makes an object. */
  readonly makes: Kind | null;
  readonly isValue: boolean;
  readonly isCounter: boolean;
  readonly isElement: boolean;
  readonly object: PlacedOperation | null;
  /** Its key, or its element, which of an inserting operation is itself. */
  readonly slot: string | PlacedOperation | null;
  readonly depth: number;
}

export interface JudgedSteps {
  readonly placed: readonly PlacedOperation[];
  readonly operations: readonly ReplicaOperation[];
}

export interface StepsPlace {
  readonly id: OpId;
  readonly startOp: number;
  /** Operations of the changes it names. */
  readonly from: readonly (readonly PlacedOperation[])[];
}

/** Names that are something of their own on objects of this language. */
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

type Judged<T> = Result<T, SharedRule>;

/** How many operations steps are: each character typed or cut is one. Told before any is judged, which costs more. SD8 */
export function operationsOf(steps: readonly SharedStep[]): number {
  let count = 0;
  for (const step of steps) {
    if (step.type === "type") for (const _ of step.text) count++;
    else count += step.type === "cut" ? step.count : 1;
  }
  return count;
}

/** Judges the steps of a change, in their order; none has an effect unless all may. - Cost: what `operationsOf` says. */
export function judgeSteps(steps: readonly SharedStep[], place: StepsPlace): Judged<JudgedSteps> {
  const draft = createDraft(place);
  for (const step of steps) {
    const refusal = takeStep(step, draft);
    if (refusal !== null) return err(refusal);
  }
  return ok({ placed: draft.placed, operations: draft.operations });
}

interface Draft {
  readonly placed: PlacedOperation[];
  readonly operations: ReplicaOperation[];
  find(ref: SharedRef): PlacedOperation | null;
  nextName(): string;
}

function createDraft({ id, startOp, from }: StepsPlace): Draft {
  const placed: PlacedOperation[] = [];
  return {
    placed,
    operations: [],
    find: ({ source, index }) => (source === 0 ? placed : from[source - 1])?.[index] ?? null,
    nextName: () => `${startOp + placed.length}@${id}`,
  };
}

function takeStep(step: SharedStep, draft: Draft): SharedRule | null {
  const object = step.object === null ? null : draft.find(step.object);
  if (step.object !== null && object === null) return "reference";
  const kind = object === null ? "map" : object.makes;
  if (kind === null) return "place";
  if (step.type === "type" || step.type === "cut") {
    if (kind !== "text") return "place";
    return step.type === "type" ? typeText(step, object, draft) : cutText(step, object, draft);
  }
  // A text holds characters and nothing else.
  return kind === "text" ? "place" : takeValue(step, { object, kind }, draft);
}

type ValueStep = Exclude<SharedStep, { readonly type: "type" | "cut" }>;

interface Target {
  readonly object: PlacedOperation | null;
  readonly kind: "map" | "list";
}

function takeValue(step: ValueStep, { object, kind }: Target, draft: Draft): SharedRule | null {
  const slot = findSlot(step.slot, object, kind, draft);
  if (!slot.ok) return slot.error;
  const { isInsert, at, where } = slot.value;
  const replaced = findReplaced(step.over, { object, at }, draft);
  if (replaced === null) return "over";
  const changes = step.type === "erase" || step.type === "add";
  if (changes && (isInsert || replaced.length === 0)) return "over";
  if (step.type === "add" && !replaced.every(({ isCounter }) => isCounter)) return "over";
  if (isInsert && replaced.length > 0) return "over";
  if (step.type === "put" && step.value.type === "float" && !Number.isFinite(floatOf(step.value.value)))
    return "value"; // SD7
  const depth = (object?.depth ?? 0) + 1;
  if (step.type === "make" && depth > SHARED_DEPTH_MAX) return "depth"; // SD9
  add(draft, {
    makes: step.type === "make" ? step.kind : null,
    isValue: !changes,
    isCounter: step.type === "put" && step.value.type === "counter",
    isElement: isInsert,
    object,
    slot: at,
    depth,
    operation: { ...whatOf(step), ...where, obj: nameOf(object), pred: replaced.map(({ name }) => name) },
  });
  return null;
}

function whatOf(step: ValueStep): Pick<ReplicaOperation, "action" | "value" | "datatype"> {
  switch (step.type) {
    case "make":
      return { action: step.kind === "map" ? "makeMap" : step.kind === "list" ? "makeList" : "makeText" };
    case "put":
      return { action: "set", ...scalarOf(step.value) };
    case "erase":
      return { action: "del" };
    case "add":
      return { action: "inc", value: step.by };
    default:
      return unreachable(step);
  }
}

function scalarOf(value: SharedValue): Pick<ReplicaOperation, "value" | "datatype"> {
  switch (value.type) {
    case "nothing":
      return { value: null };
    case "flag":
    case "text":
      return { value: value.value };
    case "integer":
      return { value: value.value, datatype: "int" };
    case "counter":
      return { value: value.value, datatype: "counter" };
    case "time":
      return { value: value.value, datatype: "timestamp" };
    case "float":
      return { value: floatOf(value.value), datatype: "float64" };
    default:
      return unreachable(value);
  }
}

interface FoundSlot {
  readonly isInsert: boolean;
  /** Null for a new element, which is its own. */
  readonly at: string | PlacedOperation | null;
  readonly where: Pick<ReplicaOperation, "key" | "elemId" | "insert">;
}

function findSlot(
  slot: SharedSlot,
  object: PlacedOperation | null,
  kind: "map" | "list",
  draft: Draft,
): Judged<FoundSlot> {
  if ((slot.type === "key") !== (kind === "map")) return err("place");
  if (slot.type === "key") {
    if (slot.key === "" || FORBIDDEN_KEYS.has(slot.key)) return err("name"); // SD7
    return ok({ isInsert: false, at: slot.key, where: { key: slot.key } });
  }
  const ref = slot.type === "element" ? slot.element : slot.after;
  const element = ref === null ? null : draft.find(ref);
  if (ref !== null && element === null) return err("reference");
  if (element !== null && !isElementOf(element, object)) return err("place");
  const elemId = element?.name ?? "_head";
  return slot.type === "insert"
    ? ok({ isInsert: true, at: null, where: { elemId, insert: true } })
    : ok({ isInsert: false, at: element, where: { elemId } });
}

/** The values a step replaces, each once and at its own place. Null when one is not. SD6 */
function findReplaced(
  over: readonly SharedRef[],
  { object, at }: { readonly object: PlacedOperation | null; readonly at: FoundSlot["at"] },
  draft: Draft,
): readonly PlacedOperation[] | null {
  const found: PlacedOperation[] = [];
  for (const ref of over) {
    const value = draft.find(ref);
    if (value === null || !value.isValue || value.object !== object || value.slot !== at) return null;
    if (found.includes(value)) return null;
    found.push(value);
  }
  return found;
}

function typeText(
  step: Extract<SharedStep, { readonly type: "type" }>,
  object: PlacedOperation | null,
  draft: Draft,
): SharedRule | null {
  const first = step.after === null ? null : draft.find(step.after);
  if (step.after !== null && first === null) return "reference";
  if (first !== null && !isElementOf(first, object)) return "place";
  const characters = [...step.text];
  if (characters.length === 0) return "operations";
  let elemId = first?.name ?? "_head";
  for (const value of characters) {
    const operation = { action: "set", obj: nameOf(object), elemId, insert: true, value, pred: [] };
    elemId = draft.nextName();
    const depth = (object?.depth ?? 0) + 1;
    add(draft, { ...CHARACTER, object, depth, operation });
  }
  return null;
}

const CHARACTER = { makes: null, isValue: true, isCounter: false, isElement: true, slot: null } as const;

function cutText(
  step: Extract<SharedStep, { readonly type: "cut" }>,
  object: PlacedOperation | null,
  draft: Draft,
): SharedRule | null {
  const { source, index } = step.first;
  for (let offset = 0; offset < step.count; offset++) {
    const element = draft.find({ source, index: index + offset });
    if (element === null) return "reference";
    if (!isElementOf(element, object)) return "place";
    const { name } = element;
    const operation = { action: "del", obj: nameOf(object), elemId: name, pred: [name] };
    const slot = element;
    const depth = (object?.depth ?? 0) + 1;
    add(draft, {
      makes: null,
      isValue: false,
      isCounter: false,
      isElement: false,
      object,
      slot,
      depth,
      operation,
    });
  }
  return null;
}

function add(
  draft: Draft,
  { operation, ...parts }: Omit<PlacedOperation, "name"> & { readonly operation: ReplicaOperation },
): void {
  const placed = { ...parts, name: draft.nextName() };
  // An element is the place of what it brings.
  draft.placed.push(parts.isElement ? withItself(placed) : placed);
  draft.operations.push(operation);
}

function withItself(parts: PlacedOperation): PlacedOperation {
  const element: { -readonly [K in keyof PlacedOperation]: PlacedOperation[K] } = { ...parts };
  element.slot = element;
  return element;
}

function isElementOf(operation: PlacedOperation, object: PlacedOperation | null): boolean {
  return operation.isElement && operation.object === object;
}

function nameOf(object: PlacedOperation | null): string {
  return object === null ? "_root" : object.name;
}
