/**
 * Where two texts differ, as few and as small places as can be: so that what somebody else wrote leaves the rest of a text,
 * and the caret in it, alone. Myers' greedy algorithm over whole characters.
 */

/** At `at` of the old text `removed` code units are gone, and `inserted` stands there. */
export interface Splice {
  readonly at: number;
  readonly removed: number;
  readonly inserted: string;
}

/** Texts that differ in more characters are taken as changed in one piece: finding out more costs the square of it. */
const STEPS_MAX = 400;

/** In order, none touching another. */
export function splicesBetween(before: string, after: string): readonly Splice[] {
  if (before === after) return [];
  const [start, end] = commonEnds(before, after);
  const removed = before.slice(start, before.length - end);
  const inserted = after.slice(start, after.length - end);
  const whole = { at: start, removed: removed.length, inserted };
  if (removed === "" || inserted === "") return [whole];
  const steps = stepsBetween([...removed], [...inserted]);
  return steps === null ? [whole] : spliced(steps, [...removed], [...inserted], start);
}

/** How much is the same at the start and at the end; never half of a character. */
function commonEnds(before: string, after: string): readonly [start: number, end: number] {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start += 1;
  if (isBroken(before, start) || isBroken(after, start)) start -= 1;
  let end = 0;
  while (end < most - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  if (isBroken(before, before.length - end) || isBroken(after, after.length - end)) end -= 1;
  return [start, end];
}

function isBroken(text: string, at: number): boolean {
  const [first, second] = [text.charCodeAt(at - 1), text.charCodeAt(at)];
  return first >= 0xd8_00 && first <= 0xdb_ff && second >= 0xdc_00 && second <= 0xdf_ff;
}

/** A character that goes or comes, where `from` characters of the old and `to` of the new text are done. */
interface Step {
  readonly from: number;
  readonly to: number;
  readonly isInsert: boolean;
}

/** The fewest; null when there are too many. */
function stepsBetween(before: readonly string[], after: readonly string[]): readonly Step[] | null {
  const middle = STEPS_MAX + 1;
  const furthest = new Int32Array(2 * middle + 1);
  const trace: Int32Array[] = [];
  for (let count = 0; count <= STEPS_MAX; count += 1) {
    trace.push(furthest.slice());
    for (let diagonal = -count; diagonal <= count; diagonal += 2) {
      let from = isDown(furthest, middle, diagonal, count)
        ? (furthest[middle + diagonal + 1] ?? 0)
        : (furthest[middle + diagonal - 1] ?? 0) + 1;
      while (
        from < before.length &&
        from - diagonal < after.length &&
        before[from] === after[from - diagonal]
      )
        from += 1;
      furthest[middle + diagonal] = from;
      if (from >= before.length && from - diagonal >= after.length) return walkBack(trace, before, after);
    }
  }
  return null;
}

/** Whether the way to `diagonal` comes from the one above it, by what is inserted. */
function isDown(furthest: Int32Array, middle: number, diagonal: number, count: number): boolean {
  if (diagonal === -count) return true;
  if (diagonal === count) return false;
  return (furthest[middle + diagonal - 1] ?? 0) < (furthest[middle + diagonal + 1] ?? 0);
}

function walkBack(
  trace: readonly Int32Array[],
  before: readonly string[],
  after: readonly string[],
): readonly Step[] {
  const middle = STEPS_MAX + 1;
  const steps: Step[] = [];
  let diagonal = before.length - after.length;
  for (let count = trace.length - 1; count > 0; count -= 1) {
    const furthest = trace[count] ?? new Int32Array();
    const isInsert = isDown(furthest, middle, diagonal, count);
    diagonal += isInsert ? 1 : -1;
    const from = furthest[middle + diagonal] ?? 0;
    steps.push({ from, to: from - diagonal, isInsert });
  }
  return steps.reverse();
}

/** Steps that follow each other are one splice. */
function spliced(
  steps: readonly Step[],
  before: readonly string[],
  after: readonly string[],
  start: number,
): readonly Splice[] {
  const splices: Splice[] = [];
  /** Code units of the old text that are passed, and the characters they are. */
  let [passed, passedUnits] = [0, start];
  for (let at = 0; at < steps.length; ) {
    const first = steps[at];
    if (first === undefined) break;
    passedUnits += lengthOf(before, passed, first.from);
    let { from, to } = first;
    for (; at < steps.length && steps[at]?.from === from && steps[at]?.to === to; at += 1)
      if (steps[at]?.isInsert === true) to += 1;
      else from += 1;
    const removed = lengthOf(before, first.from, from);
    splices.push({ at: passedUnits, removed, inserted: after.slice(first.to, to).join("") });
    passedUnits += removed;
    passed = from;
  }
  return splices;
}

function lengthOf(characters: readonly string[], from: number, to: number): number {
  let length = 0;
  for (let at = from; at < to; at += 1) length += characters[at]?.length ?? 0;
  return length;
}
