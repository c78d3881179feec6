/** The text forms of keys and the scalar forms of values in state documents. */
import type { Bytes } from "../../base/bytes.ts";
import { type Id, type IdKind, ID_BYTES, idBytes, idFromBytes, parseId } from "../../base/ids.ts";
import { decode, encode, type Shape } from "../../codec/shape.ts";

/** What a field holds in the document. Text is one value here, not a text that devices edit together. */
export type Scalar = string | number | boolean | Bytes;

/** The text form of a key. It is made of ids and fixed words only, so it is never `__proto__` or the like. */
export interface KeyCodec<K> {
  print(key: K): string;
  parse(text: string): K | null;
}

export interface ScalarCodec<T> {
  toScalar(value: T): Scalar;
  /** Null for what is no such value. */
  fromScalar(scalar: Scalar): T | null;
}

/** Key of one id. */
export function idKey<K extends IdKind>(kind: K): KeyCodec<Id<K>> {
  return {
    print: (id) => id,
    parse(text) {
      const id = parseId(kind, text);
      return id.ok ? id.value : null;
    },
  };
}

/** Key of two parts, joined by `/`. */
export function pairKey<A extends string, B extends string>(
  first: KeyCodec<A>,
  second: KeyCodec<B>,
): KeyCodec<readonly [A, B]> {
  return {
    print: ([a, b]) => `${first.print(a)}/${second.print(b)}`,
    parse(text) {
      const parts = text.split("/");
      const a = first.parse(parts[0] ?? "");
      const b = second.parse(parts[1] ?? "");
      return parts.length === 2 && a !== null && b !== null ? [a, b] : null;
    },
  };
}

/** Key out of a few fixed words. */
export function wordKey<const W extends string>(...words: readonly W[]): KeyCodec<W> {
  return { print: (word) => word, parse: (text) => words.find((word) => word === text) ?? null };
}

/** True or false. */
export const flagScalar: ScalarCodec<boolean> = {
  toScalar: (value) => value,
  fromScalar: (scalar) => (typeof scalar === "boolean" ? scalar : null),
};

/** An entry that is there or not; its value says nothing. */
export const presenceScalar: ScalarCodec<true> = {
  toScalar: () => true,
  fromScalar: (scalar) => (scalar === true ? true : null),
};

/** Non-negative safe integer. */
export const countScalar: ScalarCodec<number> = {
  toScalar: (value) => value,
  fromScalar: (scalar) =>
    typeof scalar === "number" && Number.isSafeInteger(scalar) && scalar >= 0 ? scalar : null,
};

/** Text of at most `maxBytes` bytes of UTF-8. */
export function textScalar(maxBytes: number): ScalarCodec<string> {
  const fits = (value: string): boolean =>
    value.length <= maxBytes &&
    value.isWellFormed() &&
    (value.length * 3 <= maxBytes || new TextEncoder().encode(value).length <= maxBytes);
  return {
    toScalar: (value) => value,
    fromScalar: (scalar) => (typeof scalar === "string" && fits(scalar) ? scalar : null),
  };
}

/** One of a few fixed words. */
export function wordScalar<const W extends string>(...words: readonly W[]): ScalarCodec<W> {
  return {
    toScalar: (value) => value,
    fromScalar: (scalar) => words.find((word) => word === scalar) ?? null,
  };
}

/** An id, as bytes. */
export function idScalar<K extends IdKind>(kind: K): ScalarCodec<Id<K>> {
  return {
    toScalar: (id) => idBytes(id),
    fromScalar: (scalar) =>
      scalar instanceof Uint8Array && scalar.length === ID_BYTES[kind] ? idFromBytes(kind, scalar) : null,
  };
}

/** A structure whose parts belong together, as its canonical bytes. */
export function shapeScalar<T>(shape: Shape<T>): ScalarCodec<T> {
  return {
    toScalar: (value) => encode(shape, value),
    fromScalar(scalar) {
      const value = scalar instanceof Uint8Array ? decode(shape, scalar) : null;
      return value?.ok ? value.value : null;
    },
  };
}
