/**
 * The gate of shared documents: which changes of a set count, on every device alike, before Automerge is told of any. Rules SD3-SD11.
 *
 * A pure function of the set. What a change may do follows from the changes it says it follows, so a change that counts goes on counting
 * whatever comes later, but where a document is full.
 */
import { present } from "../../base/assert.ts";
import type { OpId } from "../../base/ids.ts";
import {
  SHARED_BYTES_MAX,
  SHARED_CHANGES_MAX,
  SHARED_OPERATIONS_MAX,
  SHARED_OPERATIONS_PER_CHANGE_MAX,
} from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { decode } from "../../codec/shape.ts";
import type { ReplicaChange } from "../../document/shared/shared-replica.ts";
import { isAhead } from "../hlc.ts";
import { type NamedOp, OP_KIND } from "../op.ts";
import { compareOps } from "../timeline.ts";
import {
  type SharedChange,
  sharedChangePayloadShape,
  sharedDocumentPayloadShape,
  type SharedStep,
} from "./shared-change.ts";
import {
  type JudgedSteps,
  judgeSteps,
  operationsOf,
  type PlacedOperation,
  type SharedRule,
} from "./shared-steps.ts";

/** What becomes of a change. `waits`: something it follows is not here. `full`: the document was full before it. */
export type SharedVerdict = "counts" | "waits" | "full" | SharedRule;

/** A change that counts. */
export interface GatedChange {
  readonly named: NamedOp;
  readonly startOp: number;
  readonly placed: readonly PlacedOperation[];
  readonly replica: ReplicaChange;
  /** Which changes it follows, itself included, as bits by their number. */
  readonly past: Uint32Array;
  readonly number: number;
}

/** What the changes of a document come to, whether they count or not. */
export interface SharedSize {
  readonly changes: number;
  readonly operations: number;
  /** Of their payloads. */
  readonly bytes: number;
}

export interface GatedDocument {
  readonly form: string;
  readonly title: string;
  /** Changes that count, the creation first, each after those it follows. */
  readonly changes: readonly GatedChange[];
  readonly verdicts: ReadonlyMap<OpId, SharedVerdict>;
  /** What nothing that counts follows. */
  readonly heads: readonly OpId[];
  /** Of what was looked at. */
  readonly size: SharedSize;
  /** No later change counts. */
  readonly isFull: boolean;
}

/**
 * What was found of changes by their ids. An id fixes all that a change follows, so it is the same in every set, and of a set that has
 * grown only what is new is judged.
 */
export type SharedJudgements = Map<OpId, Judgement>;

interface Judgement {
  readonly after: readonly OpId[];
  readonly operationCount: number;
  readonly outcome: Result<JudgedSteps, SharedRule>;
}

/** A change that was not judged before. */
interface Said {
  readonly after: readonly OpId[];
  readonly operationCount: number;
  readonly said: SharedChange;
}

const BITS = 32;
const PAST_WORDS = Math.ceil((SHARED_CHANGES_MAX + 1) / BITS);

/**
 * Judges the changes of a document. Null when `creation` makes none.
 *
 * - `judgements`: of the same document before; grows.
 * - Cost: what is new, within the three limits of a document, and a decoding of what waits.
 */
export function gateDocument(
  creation: NamedOp,
  changes: readonly NamedOp[],
  nowMs: number,
  judgements: SharedJudgements = new Map(),
): GatedDocument | null {
  const beginning = beginningOf(creation, judgements);
  if (beginning === null) return null;
  const counted = new Map<OpId, GatedChange>([[creation.id, beginning.change]]);
  const verdicts = new Map<OpId, SharedVerdict>();
  // What is ahead of the clock is not here yet, as for messages.
  const timely = changes.filter(({ op }) => !isAhead(op.hlc, nowMs));
  const judging = { counted, verdicts, judgements, known: new Set(timely.map(({ id }) => id)) };
  const followed = new Set<OpId>();
  let size: SharedSize = { changes: 0, operations: beginning.change.placed.length, bytes: 0 };
  let isFull = false;
  for (const named of [...timely].sort(compareOps)) {
    if (verdicts.has(named.id)) continue;
    // SD11: from the first on that would be above nothing is looked at, so nobody pays for more.
    const said = isFull ? null : (judgements.get(named.id) ?? saidBy(creation, named));
    const grown = grownBy(size, named, said);
    isFull ||= isAbove(grown);
    if (isFull) {
      verdicts.set(named.id, "full");
      continue;
    }
    size = grown;
    const judged = said === null ? err("payload" as const) : judgeChange(named, said, judging);
    verdicts.set(named.id, judged.ok ? "counts" : judged.error);
    if (!judged.ok) continue;
    counted.set(named.id, judged.value);
    for (const id of judged.value.replica.after) followed.add(id);
  }
  const heads = [...counted.keys()].filter((id) => !followed.has(id));
  return { ...beginning, changes: [...counted.values()], verdicts, heads, size, isFull };
}

function grownBy(size: SharedSize, { op }: NamedOp, said: Judgement | Said | null): SharedSize {
  return {
    changes: size.changes + 1,
    operations: size.operations + (said?.operationCount ?? 0),
    bytes: size.bytes + op.payload.length,
  };
}

/** Whether a document cannot be so large. SD11 */
export function isAbove({ changes, operations, bytes }: SharedSize): boolean {
  return changes > SHARED_CHANGES_MAX || operations > SHARED_OPERATIONS_MAX || bytes > SHARED_BYTES_MAX;
}

/** The changes that `heads` follow, themselves included. Null when one of them does not count. */
export function changesUpTo(
  { changes }: GatedDocument,
  heads: readonly OpId[],
): readonly GatedChange[] | null {
  const past = new Uint32Array(PAST_WORDS);
  for (const head of heads) {
    const found = changes.find(({ named }) => named.id === head);
    if (found === undefined) return null;
    unite(past, found.past);
  }
  return changes.filter(({ number }) => isIn(past, number));
}

/** The first change, which follows from the form and the title alone. SD2 */
function beginningOf(
  named: NamedOp,
  judgements: SharedJudgements,
): { readonly form: string; readonly title: string; readonly change: GatedChange } | null {
  if (named.op.kind !== OP_KIND.sharedDocument) return null;
  const payload = decode(sharedDocumentPayloadShape, named.op.payload); // SD1
  if (!payload.ok) return null;
  const { form, title } = payload.value;
  const before = judgements.get(named.id)?.outcome;
  const judged = before ?? judgeSteps(beginningSteps(form, title), { id: named.id, startOp: 1, from: [] });
  if (!judged.ok) return null;
  const { placed, operations } = judged.value;
  judgements.set(named.id, { after: [], operationCount: placed.length, outcome: judged });
  const past = new Uint32Array(PAST_WORDS);
  setIn(past, 0);
  const replica = { id: named.id, startOp: 1, after: [], operations };
  return { form, title, change: { named, startOp: 1, placed, replica, past, number: 0 } };
}

function beginningSteps(form: string, title: string): readonly SharedStep[] {
  const make = (key: string, kind: "list" | "text"): SharedStep => ({
    type: "make",
    object: null,
    slot: { type: "key", key },
    kind,
    over: [],
  });
  const words: readonly SharedStep[] =
    title === "" ? [] : [{ type: "type", object: { source: 0, index: 0 }, after: null, text: title }];
  const body = form === "note" ? [make("text", "text")] : form === "list" ? [make("items", "list")] : [];
  return [make("title", "text"), ...words, ...body];
}

/** What a change says. Null when that is nothing of this document. */
function saidBy(creation: NamedOp, { op }: NamedOp): Said | null {
  if (op.kind !== OP_KIND.sharedChange || op.target !== creation.id) return null;
  const payload = decode(sharedChangePayloadShape, op.payload);
  if (!payload.ok) return null;
  const { after, steps } = payload.value;
  const operationCount = operationsOf(steps);
  // Steps over the limit are not judged, so they take no room either.
  return {
    after,
    operationCount: operationCount > SHARED_OPERATIONS_PER_CHANGE_MAX ? 0 : operationCount,
    said: payload.value,
  };
}

interface Judging {
  readonly counted: ReadonlyMap<OpId, GatedChange>;
  readonly known: ReadonlySet<OpId>;
  readonly verdicts: ReadonlyMap<OpId, SharedVerdict>;
  readonly judgements: SharedJudgements;
}

function judgeChange(
  named: NamedOp,
  said: Judgement | Said,
  judging: Judging,
): Result<GatedChange, Exclude<SharedVerdict, "counts">> {
  const { counted, known, verdicts, judgements } = judging;
  const { op, id } = named;
  const { after, operationCount } = said;
  if (new Set(after).size !== after.length) return err("order");
  if (after.some((one) => !counted.has(one) && !known.has(one))) return err("waits"); // SD5
  const number = counted.size;
  const past = new Uint32Array(PAST_WORDS);
  let startOp = 1;
  for (const one of after) {
    const followed = counted.get(one);
    if (followed === undefined) return err(verdicts.get(one) === "waits" ? "waits" : "follows");
    if (followed.named.op.hlc >= op.hlc) return err("order"); // SD4
    unite(past, followed.past);
    startOp = Math.max(startOp, followed.startOp + followed.placed.length);
  }
  const outcome = "outcome" in said ? said.outcome : judgeSaid(said.said, { id, startOp, past, counted });
  judgements.set(id, { after, operationCount, outcome });
  if (!outcome.ok) return outcome;
  const { placed, operations } = outcome.value;
  setIn(past, number);
  return ok({ named, startOp, placed, replica: { id, startOp, after, operations }, past, number });
}

function judgeSaid(
  { from, steps }: SharedChange,
  place: {
    readonly id: OpId;
    readonly startOp: number;
    readonly past: Uint32Array;
    readonly counted: ReadonlyMap<OpId, GatedChange>;
  },
): Result<JudgedSteps, SharedRule> {
  if (new Set(from).size !== from.length) return err("order");
  const sources: (readonly PlacedOperation[])[] = [];
  for (const one of from) {
    const source = place.counted.get(one);
    if (source === undefined || !isIn(place.past, source.number)) return err("reference"); // SD6
    sources.push(source.placed);
  }
  if (operationsOf(steps) > SHARED_OPERATIONS_PER_CHANGE_MAX) return err("operations"); // SD8
  return judgeSteps(steps, { id: place.id, startOp: place.startOp, from: sources });
}

function unite(into: Uint32Array, other: Uint32Array): void {
  for (const [index, word] of other.entries()) into[index] = (into[index] ?? 0) | word;
}

function setIn(bits: Uint32Array, number: number): void {
  const word = Math.floor(number / BITS);
  bits[word] = present(bits[word], "a document has so many changes at most") | (1 << (number % BITS));
}

function isIn(bits: Uint32Array, number: number): boolean {
  return ((bits[Math.floor(number / BITS)] ?? 0) & (1 << (number % BITS))) !== 0;
}
