/**
 * The gate of shared documents: which changes of a set count, on every device alike, before Automerge is told of any. Rules SD3-SD11.
 *
 * A pure function of the set. What a change may do follows from the changes it says it follows, so a change that counts goes on counting
 * whatever comes later, but where a document is full.
 */
import { present } from "../../base/assert.ts";
import type { OpId } from "../../base/ids.ts";
import { SHARED_CHANGES_MAX, SHARED_OPERATIONS_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { decode } from "../../codec/shape.ts";
import type { ReplicaChange } from "../../document/shared-replica.ts";
import { isAhead } from "../hlc.ts";
import { type NamedOp, OP_KIND } from "../op.ts";
import { compareOps } from "../timeline.ts";
import { sharedChangePayloadShape, sharedDocumentPayloadShape, type SharedStep } from "./shared-change.ts";
import { judgeSteps, type PlacedOperation, type SharedRule } from "./shared-steps.ts";

/** What becomes of a change. `waits`: something it follows is not here. `full`: the document takes no more. */
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

export interface GatedDocument {
  readonly form: string;
  readonly title: string;
  /** Changes that count, the creation first, each after those it follows. */
  readonly changes: readonly GatedChange[];
  readonly verdicts: ReadonlyMap<OpId, SharedVerdict>;
  /** What nothing that counts follows. */
  readonly heads: readonly OpId[];
  readonly operationCount: number;
}

const BITS = 32;
const PAST_WORDS = Math.ceil((SHARED_CHANGES_MAX + 1) / BITS);

/** Judges the changes of a document. Null when `creation` makes none. */
export function gateDocument(
  creation: NamedOp,
  changes: readonly NamedOp[],
  nowMs: number,
): GatedDocument | null {
  const beginning = beginningOf(creation);
  if (beginning === null) return null;
  const counted = new Map<OpId, GatedChange>([[creation.id, beginning.change]]);
  const verdicts = new Map<OpId, SharedVerdict>();
  // What is ahead of the clock is not here yet, as for messages.
  const timely = changes.filter(({ op }) => !isAhead(op.hlc, nowMs));
  const known = new Set(timely.map(({ id }) => id));
  const followed = new Set<OpId>();
  let operationCount = beginning.change.placed.length;
  for (const named of [...timely].sort(compareOps)) {
    if (verdicts.has(named.id)) continue;
    const judged = judgeChange(creation, named, { counted, known, verdicts });
    if (!judged.ok) {
      verdicts.set(named.id, judged.error);
      continue;
    }
    operationCount += judged.value.placed.length;
    if (counted.size > SHARED_CHANGES_MAX || operationCount > SHARED_OPERATIONS_MAX) {
      operationCount -= judged.value.placed.length;
      verdicts.set(named.id, "full"); // SD11
      continue;
    }
    verdicts.set(named.id, "counts");
    counted.set(named.id, judged.value);
    for (const id of judged.value.replica.after) followed.add(id);
  }
  const heads = [...counted.keys()].filter((id) => !followed.has(id));
  return { ...beginning, changes: [...counted.values()], verdicts, heads, operationCount };
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
): { readonly form: string; readonly title: string; readonly change: GatedChange } | null {
  if (named.op.kind !== OP_KIND.sharedDocument) return null;
  const payload = decode(sharedDocumentPayloadShape, named.op.payload); // SD1
  if (!payload.ok) return null;
  const { form, title } = payload.value;
  const judged = judgeSteps(beginningSteps(form, title), { id: named.id, startOp: 1, from: [] });
  if (!judged.ok) return null;
  const { placed, operations } = judged.value;
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

interface Judging {
  readonly counted: ReadonlyMap<OpId, GatedChange>;
  readonly known: ReadonlySet<OpId>;
  readonly verdicts: ReadonlyMap<OpId, SharedVerdict>;
}

function judgeChange(
  creation: NamedOp,
  named: NamedOp,
  { counted, known, verdicts }: Judging,
): Result<GatedChange, Exclude<SharedVerdict, "counts">> {
  const { op, id } = named;
  if (op.kind !== OP_KIND.sharedChange || op.target !== creation.id) return err("payload");
  const payload = decode(sharedChangePayloadShape, op.payload);
  if (!payload.ok) return err("payload");
  const { after, from, steps } = payload.value;
  if (new Set(after).size !== after.length || new Set(from).size !== from.length) return err("order");
  if (after.some((one) => !counted.has(one) && !known.has(one))) return err("waits"); // SD5
  const number = counted.size;
  const past = new Uint32Array(PAST_WORDS);
  let startOp = 1;
  for (const one of after) {
    const followed = counted.get(one);
    if (followed === undefined) {
      const verdict = verdicts.get(one);
      return err(verdict === "waits" || verdict === "full" ? verdict : "follows");
    }
    if (followed.named.op.hlc >= op.hlc) return err("order"); // SD4
    unite(past, followed.past);
    startOp = Math.max(startOp, followed.startOp + followed.placed.length);
  }
  const sources: (readonly PlacedOperation[])[] = [];
  for (const one of from) {
    const source = counted.get(one);
    if (source === undefined || !isIn(past, source.number)) return err("reference"); // SD6
    sources.push(source.placed);
  }
  const judged = judgeSteps(steps, { id, startOp, from: sources });
  if (!judged.ok) return judged;
  const { placed, operations } = judged.value;
  if (number <= SHARED_CHANGES_MAX) setIn(past, number);
  return ok({ named, startOp, placed, replica: { id, startOp, after, operations }, past, number });
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
