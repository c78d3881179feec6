/**
 * Shapes: one declaration gives the type, the encoder, the strict decoder and a printable form of a wire structure.
 *
 * The printable form of all structures is hashed and pinned beside `PROTOCOL_VERSION`, so no wire change goes unseen.
 * Decoding is total: bad input gives `MalformedShape` with the path to the fault, never a throw.
 */
import { assert, present } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { ID_BYTES, type Id, idBytes, idFromBytes, type IdKind } from "../base/ids.ts";
import { err, ok, type Result } from "../base/result.ts";
import { type CborValue, decodeCbor, decodeCborInPlace, encodeCbor, type MalformedCbor } from "./cbor.ts";

export interface MalformedShape {
  readonly type: "MalformedShape";
  /** Names and positions from the outermost structure to the fault, joined by dots. */
  readonly path: string;
  readonly expected: string;
}

export type DecodeError = MalformedCbor | MalformedShape;

export interface Shape<T> {
  readonly print: string;
  toCbor(value: T): CborValue;
  fromCbor(value: CborValue): Result<T, MalformedShape>;
}

export type ShapeOf<S> = S extends Shape<infer T> ? T : never;

/** Canonical bytes of `value`. */
export function encode<T>(shape: Shape<T>, value: T): Bytes {
  return encodeCbor(shape.toCbor(value));
}

/** Value of exactly these canonical bytes. */
export function decode<T>(shape: Shape<T>, bytes: Bytes): Result<T, DecodeError> {
  const value = decodeCbor(bytes);
  return value.ok ? shape.fromCbor(value.value) : value;
}

/** As `decode`, but byte strings are parts of `bytes`, which nobody may change from then on. */
export function decodeInPlace<T>(shape: Shape<T>, bytes: Bytes): Result<T, DecodeError> {
  const value = decodeCborInPlace(bytes);
  return value.ok ? shape.fromCbor(value.value) : value;
}

/** Integer from `min` to `max`, by default any non-negative safe integer. */
export function integer(min = 0, max: number = Number.MAX_SAFE_INTEGER): Shape<number> {
  const print = `int(${min}..${max})`;
  return leaf(print, (value) =>
    typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max
      ? value
      : undefined,
  );
}

/** Byte string of `min` to `max` bytes, or of exactly `min`. */
export function bytes(min: number, max: number = min): Shape<Bytes> {
  const print = `bytes(${min}..${max})`;
  return leaf(print, (value) =>
    value instanceof Uint8Array && value.length >= min && value.length <= max ? value : undefined,
  );
}

/** UTF-8 text of at most `maxBytes` bytes. Lone surrogates have no UTF-8 form and are refused. */
export function text(maxBytes: number): Shape<string> {
  const print = `text(..${maxBytes})`;
  return leaf(print, (value) =>
    typeof value === "string" && isTextWithin(value, maxBytes) ? value : undefined,
  );
}

function isTextWithin(value: string, maxBytes: number): boolean {
  if (value.length > maxBytes || !value.isWellFormed()) return false;
  return value.length * 3 <= maxBytes || new TextEncoder().encode(value).length <= maxBytes;
}

/** True or false. */
export const flag: Shape<boolean> = leaf("bool", (value) => (typeof value === "boolean" ? value : undefined));

/** One fixed number or word; as first element it tells versions and message types apart. */
export function literal<const L extends number | string>(expected: L): Shape<L> {
  return leaf(JSON.stringify(expected), (value) => (value === expected ? expected : undefined));
}

/** One of a few fixed words. */
export function oneOf<const L extends string>(...words: readonly L[]): Shape<L> {
  return leaf(words.join("|"), (value) => words.find((word) => word === value));
}

/** An id, as bytes on the wire. */
export function id<K extends IdKind>(kind: K): Shape<Id<K>> {
  const print = `id(${kind})`;
  return {
    print,
    toCbor: (value) => idBytes(value),
    fromCbor: (value) =>
      value instanceof Uint8Array && value.length === ID_BYTES[kind]
        ? ok(idFromBytes(kind, value))
        : err(malformed(print)),
  };
}

/** `shape`, or null for absent. */
export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return {
    print: `${shape.print}?`,
    toCbor: (value) => (value === null ? null : shape.toCbor(value)),
    fromCbor: (value) => (value === null ? ok(null) : shape.fromCbor(value)),
  };
}

/** Array of `min` to `max` items of one shape. */
export function list<T>(item: Shape<T>, max: number, min = 0): Shape<readonly T[]> {
  const print = `[${item.print}]{${min}..${max}}`;
  return {
    print,
    toCbor: (values) => values.map((value) => item.toCbor(value)),
    fromCbor(value) {
      if (!isArray(value) || value.length < min || value.length > max) return err(malformed(print));
      const items: T[] = [];
      for (const [index, element] of value.entries()) {
        const decoded = item.fromCbor(element);
        if (!decoded.ok) return err(within(String(index), decoded.error));
        items.push(decoded.value);
      }
      return ok(items);
    },
  };
}

type Fields = { readonly [name: string]: Shape<unknown> };
type RecordOf<F extends Fields> = { readonly [K in keyof F]: ShapeOf<F[K]> };

/**
 * Positional array whose elements have names in memory; the order of the fields is the order on the wire.
 *
 * More or fewer elements than fields are refused.
 */
export function struct<const F extends Fields>(fields: F): Shape<RecordOf<F>> {
  const entries = Object.entries(fields);
  const print = `[${entries.map(([name, shape]) => `${name}:${shape.print}`).join(",")}]`;
  return {
    print,
    toCbor: (value) => entries.map(([name, shape]) => shape.toCbor((value as Record<string, unknown>)[name])),
    fromCbor(value) {
      if (!isArray(value) || value.length !== entries.length) return err(malformed(print));
      return fieldsFromCbor(entries, value, 0, {}) as Result<RecordOf<F>, MalformedShape>;
    },
  };
}

type VariantTable = { readonly [word: string]: readonly [code: number, fields: Fields] };
type VariantOf<V extends VariantTable> = {
  readonly [K in keyof V]: { readonly type: K } & RecordOf<V[K][1]>;
}[keyof V];

/**
 * One of several structures. In memory the field `type` holds its word; on the wire the first element is its code.
 */
export function variants<const V extends VariantTable>(table: V): Shape<VariantOf<V>> {
  const words = Object.keys(table);
  const codeByWord = new Map(words.map((word) => [word, variant(table, word)[0]]));
  const wordByCode = new Map(words.map((word) => [variant(table, word)[0], word]));
  assert(wordByCode.size === words.length, "every variant has a code of its own");
  const entriesByWord = new Map(words.map((word) => [word, Object.entries(variant(table, word)[1])]));
  const printOne = (word: string) =>
    `${word}=[${[String(codeByWord.get(word)), ...(entriesByWord.get(word) ?? []).map(([name, shape]) => `${name}:${shape.print}`)].join(",")}]`;
  const print = `(${words.map(printOne).join(" | ")})`;
  return {
    print,
    toCbor(value) {
      const record = value as Record<string, unknown>;
      const entries = present(entriesByWord.get(String(record.type)), "the variant is in the table");
      return [
        present(codeByWord.get(String(record.type)), "the variant has a code"),
        ...entries.map(([name, shape]) => shape.toCbor(record[name])),
      ];
    },
    fromCbor(value) {
      if (!isArray(value) || typeof value[0] !== "number") return err(malformed("a variant"));
      const word = wordByCode.get(value[0]);
      if (word === undefined) return err(malformed("a known variant"));
      const entries = entriesByWord.get(word) ?? [];
      if (value.length !== entries.length + 1)
        return err(within(word, malformed(`${entries.length} fields`)));
      const fields = fieldsFromCbor(entries, value, 1, { type: word });
      return (fields.ok ? fields : err(within(word, fields.error))) as Result<VariantOf<V>, MalformedShape>;
    },
  };
}

function variant(table: VariantTable, word: string): VariantTable[string] {
  return present(table[word], "the word is in the table");
}

function fieldsFromCbor(
  entries: readonly (readonly [string, Shape<unknown>])[],
  value: readonly CborValue[],
  from: number,
  record: Record<string, unknown>,
): Result<Record<string, unknown>, MalformedShape> {
  let index = from;
  for (const [name, shape] of entries) {
    const decoded = shape.fromCbor(value[index++] as CborValue);
    if (!decoded.ok) return err(within(name, decoded.error));
    record[name] = decoded.value;
  }
  return ok(record);
}

/**
 * A structure carried as its own canonical bytes inside a byte string, kept as the bytes that were received.
 *
 * What is signed or hashed travels this way: verification runs over these bytes, never over a re-encoding.
 */
export function embedded(maxBytes: number): Shape<Bytes> {
  return bytes(1, maxBytes);
}

function leaf<T extends CborValue>(print: string, accept: (value: CborValue) => T | undefined): Shape<T> {
  return {
    print,
    toCbor(value) {
      // The message is made only when it is needed: this runs for every field of every frame.
      if (accept(value) === undefined) assert(false, `a value to encode fits ${print}`);
      return value;
    },
    fromCbor(value) {
      const accepted = accept(value);
      return accepted === undefined ? err(malformed(print)) : ok(accepted);
    },
  };
}

function isArray(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value);
}

function malformed(expected: string): MalformedShape {
  return { type: "MalformedShape", path: "", expected };
}

function within(name: string, error: MalformedShape): MalformedShape {
  return { ...error, path: error.path === "" ? name : `${name}.${error.path}` };
}
