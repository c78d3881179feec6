/**
 * Fields of state documents: each is one map of the root from ids to one scalar.
 *
 * Nothing is nested: of two objects that two devices make under one key Automerge keeps one and drops what stands in the
 * other. Values whose parts belong together are one byte string, so that no device ever reads a mixture. Rules DC30-DC34.
 */
import { equalBytes } from "../../base/bytes.ts";
import { Automerge } from "../automerge.ts";
import { type DocumentView, type FieldFault, viewOf } from "./document-schema.ts";
import type { KeyCodec, Scalar, ScalarCodec } from "./field-codec.ts";

export interface StateField<K, T> {
  /** Name of the map in the root. */
  readonly map: string;
  readonly key: KeyCodec<K>;
  readonly value: ScalarCodec<T>;
  /**
   * Orders values that devices set without knowing of each other; the highest is read. Without it Automerge's choice is.
   * Either way it is the same one everywhere.
   */
  readonly rank?: (value: T) => number;
  /** Only ever goes up, by `rank`; a lower value is not written. */
  readonly isMonotonic?: boolean;
}

export interface FieldEntry<K, T> {
  readonly key: K;
  readonly value: T;
}

/** Every well-formed entry of a field. Others are counted into `faults` and stay in the document. */
export function readField<K, T>(
  view: DocumentView,
  field: StateField<K, T>,
  faults: FieldFault[],
): readonly FieldEntry<K, T>[] {
  const found = view.entries(field.map);
  const entries: FieldEntry<K, T>[] = [];
  let count = found === null ? 1 : 0;
  for (const [text, shown] of found ?? []) {
    const key = field.key.parse(text);
    const values = field.rank === undefined ? [shown] : view.concurrent(field.map, text);
    const value = highest(
      field,
      values.map((raw) => parseValue(field.value, raw)),
    );
    if (key === null || value === null) count += 1;
    else entries.push({ key, value });
  }
  if (count > 0) faults.push({ field: field.map, count }); // DC33
  return entries;
}

/** Every value devices gave each key without knowing of each other, for fields in which none may go unseen. */
export function readConcurrent<K, T>(
  view: DocumentView,
  field: StateField<K, T>,
  faults: FieldFault[],
): readonly FieldEntry<K, readonly T[]>[] {
  return readField(view, field, faults).map(({ key }) => ({
    key,
    value: view
      .concurrent(field.map, field.key.print(key))
      .map((raw) => parseValue(field.value, raw))
      .filter((value) => value !== null),
  }));
}

/**
 * Sets one entry of a draft, or with null deletes it. Writes nothing when nothing would change.
 *
 * - Fails: throws `RangeError`, which `change` returns as `EditRefused`, for a value the field does not hold.
 */
export function setField<K, T>(
  draft: { [key: string]: unknown },
  field: StateField<K, T>,
  key: K,
  value: T | null,
): void {
  if (value === null) {
    clearField(draft, field, key);
    return;
  }
  const [entries, text] = locate(draft, field, key);
  const scalar = field.value.toScalar(value);
  if (field.value.fromScalar(scalar) === null) throw new RangeError("the value does not fit the field");
  const present = viewOf(draft).concurrent(field.map, text);
  if (field.isMonotonic && field.rank !== undefined) {
    const top = highest(
      field,
      present.map((raw) => parseValue(field.value, raw)),
    );
    if (top !== null && field.rank(top) >= field.rank(value)) return; // DC32
  } else if (present.length === 1 && isSameScalar(scalarOf(present[0]), scalar)) return;
  entries[text] = typeof scalar === "string" ? new Automerge.ImmutableString(scalar) : scalar;
}

/** Deletes one entry of a draft, if it is there. A value that another device sets meanwhile stays. */
export function clearField<K>(
  draft: { [key: string]: unknown },
  field: { readonly map: string; readonly key: KeyCodec<K> },
  key: K,
): void {
  const [entries, text] = locate(draft, field, key);
  if (Object.hasOwn(entries, text)) delete entries[text];
}

function locate<K>(
  draft: { [key: string]: unknown },
  field: { readonly map: string; readonly key: KeyCodec<K> },
  key: K,
): readonly [entries: { [key: string]: unknown }, text: string] {
  const map = draft[field.map];
  if (typeof map !== "object" || map === null) throw new RangeError("the document has no such map");
  const text = field.key.print(key);
  if (field.key.parse(text) === null) throw new RangeError("the key does not fit the field");
  return [map as { [key: string]: unknown }, text];
}

function highest<K, T>(field: StateField<K, T>, values: readonly (T | null)[]): T | null {
  let top: T | null = null;
  for (const value of values) {
    if (value === null) continue;
    if (top === null || (field.rank !== undefined && field.rank(value) > field.rank(top))) top = value;
  }
  return top;
}

function parseValue<T>(codec: ScalarCodec<T>, raw: unknown): T | null {
  const scalar = scalarOf(raw);
  return scalar === null ? null : codec.fromScalar(scalar);
}

function scalarOf(raw: unknown): Scalar | null {
  if (raw instanceof Uint8Array) return raw.slice();
  if (Automerge.isImmutableString(raw)) return raw.toString();
  switch (typeof raw) {
    case "string":
    case "number":
    case "boolean":
      return raw;
    case "bigint":
      // Automerge gives integers from 2^53 - 1 on as bigint, the largest safe one among them.
      return raw === BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : null;
    default:
      return null;
  }
}

function isSameScalar(a: Scalar | null, b: Scalar): boolean {
  return a instanceof Uint8Array && b instanceof Uint8Array ? equalBytes(a, b) : a === b;
}
