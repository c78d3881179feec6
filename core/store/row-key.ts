/**
 * Row keys of a TxStore: parts joined by `/`, numbers in a fixed width, so that key order is the order of the parts.
 *
 * Parts are ids, fixed words and numbers; never names or plaintext, because a sealed store leaves its keys readable.
 * Rules ST1, ST2.
 */
import { assert } from "../base/assert.ts";
import { STORE_KEY_CHARS_MAX } from "../base/limits.ts";

export type RowKeyPart = string | number;

/** Decimal digits of the largest safe integer: every number a key can hold sorts as text like as a number. */
const NUMBER_DIGITS = 16;
const WORD = /^[0-9A-Za-z._:~-]+$/;
const KEY = /^[\x20-\x7e]*$/;

/** Key of one row. */
export function rowKey(...parts: readonly RowKeyPart[]): string {
  assert(parts.length > 0, "a row key has a part");
  const key = parts.map(printPart).join("/");
  // What the parts are made of is printable.
  assertKeyLength(key);
  return key;
}

/** Prefix of the keys that begin with exactly these parts and have more. */
export function rowPrefix(...parts: readonly RowKeyPart[]): string {
  return `${rowKey(...parts)}/`;
}

/** The parts of `key` as they are written. */
export function rowKeyParts(key: string): readonly string[] {
  return key.split("/");
}

/** The number `rowKey` wrote as `part`; null when it is none. */
export function rowKeyNumber(part: string | undefined): number | null {
  if (part === undefined || part.length !== NUMBER_DIGITS || !/^[0-9]+$/.test(part)) return null;
  const value = Number(part);
  return Number.isSafeInteger(value) ? value : null;
}

/** The number an own row's key ends in. */
export function rowKeyLastNumber(key: string): number {
  const number = rowKeyNumber(rowKeyParts(key).at(-1));
  assert(number !== null, "the row's key ends in a number");
  return number;
}

/** Checks what every store asks of a key: printable ASCII, whose order is the same in SQLite, IndexedDB and text. */
export function assertRowKey(key: string): void {
  assertKeyLength(key);
  assert(KEY.test(key), "a row key is printable ASCII"); // ST1
}

/** Checks the prefix of a scan; it may be empty. */
export function assertRowPrefix(prefix: string): void {
  assert(prefix.length <= STORE_KEY_CHARS_MAX && KEY.test(prefix), "a row prefix is printable ASCII");
}

function assertKeyLength(key: string): void {
  assert(
    key.length > 0 && key.length <= STORE_KEY_CHARS_MAX,
    `a row key has 1 to ${STORE_KEY_CHARS_MAX} characters`,
  );
}

function printPart(part: RowKeyPart): string {
  if (typeof part === "string") {
    assert(WORD.test(part), "a part of a row key is an id or a fixed word");
    return part;
  }
  assert(Number.isSafeInteger(part) && part >= 0, "a number in a row key is a non-negative safe integer");
  return String(part).padStart(NUMBER_DIGITS, "0");
}
