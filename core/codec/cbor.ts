/**
 * Deterministic CBOR: RFC 8949 section 4.2.1, restricted to what our structures use.
 *
 * Values: integers within ±(2^53 - 1), byte strings, UTF-8 text, arrays, booleans, null. No maps, floats, tags or
 * indefinite lengths: structures are positional arrays. Bytes that are not the one canonical form are refused, so
 * equal values have equal bytes.
 */
import { assert } from "../base/assert.ts";
import { type Bytes, parseUtf8 } from "../base/bytes.ts";
import { CBOR_BYTES_PER_OBJECT, CBOR_DEPTH_MAX, CBOR_OBJECTS_MIN } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";

export type CborValue = number | string | boolean | null | Bytes | readonly CborValue[];

export interface MalformedCbor {
  readonly type: "MalformedCbor";
  readonly why:
    | "empty"
    | "truncated"
    | "trailing"
    | "depth"
    | "too-many-items"
    | "forbidden-type"
    | "not-canonical"
    | "integer-range";
}

/** The one encoding of `value`. Measured first and then written in place: a library's encoder took more than twice as long. */
export function encodeCbor(value: CborValue): Bytes {
  const bytes = new Uint8Array(sizeOf(value));
  write({ bytes, offset: 0 }, value);
  return bytes;
}

/** The one encoding of an array whose items are encoded already. */
export function joinCbor(items: readonly Bytes[]): Bytes {
  const size = items.reduce((sum, item) => sum + item.length, headSize(items.length));
  const cursor = { bytes: new Uint8Array(size), offset: 0 };
  writeHead(cursor, MAJOR_ARRAY, items.length);
  for (const item of items) {
    cursor.bytes.set(item, cursor.offset);
    cursor.offset += item.length;
  }
  return cursor.bytes;
}

function sizeOf(value: CborValue): number {
  if (typeof value === "number") return headSize(value < 0 ? -1 - value : value);
  if (typeof value === "boolean" || value === null) return 1;
  if (typeof value === "string") {
    const size = utf8Size(value);
    return headSize(size) + size;
  }
  if (value instanceof Uint8Array) return headSize(value.length) + value.length;
  let size = headSize(value.length);
  for (const item of value) size += sizeOf(item);
  return size;
}

function headSize(argument: number): number {
  if (argument < 24) return 1;
  if (argument < 0x100) return 2;
  if (argument < 0x1_0000) return 3;
  return argument < 0x1_0000_0000 ? 5 : 9;
}

function utf8Size(text: string): number {
  let size = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    // Half of a pair takes two of its four bytes; a lone one is written as U+FFFD.
    size += code < 0x800 || (isSurrogate(code) && isPaired(text, i)) ? 1 : 2;
  }
  return size;
}

const isSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdfff;

function isPaired(text: string, at: number): boolean {
  const isHigh = text.charCodeAt(at) < 0xdc00;
  const other = text.charCodeAt(isHigh ? at + 1 : at - 1);
  return isHigh ? other >= 0xdc00 && other <= 0xdfff : other >= 0xd800 && other < 0xdc00;
}

const utf8 = new TextEncoder();

function write(cursor: Cursor, value: CborValue): void {
  const { bytes } = cursor;
  if (typeof value === "number") {
    assert(Number.isSafeInteger(value), "an encoded number is an integer that is held exactly");
    if (value < 0) writeHead(cursor, MAJOR_NEGATIVE, -1 - value);
    else writeHead(cursor, MAJOR_UNSIGNED, value);
  } else if (value instanceof Uint8Array) {
    writeHead(cursor, MAJOR_BYTES, value.length);
    bytes.set(value, cursor.offset);
    cursor.offset += value.length;
  } else if (typeof value === "string") {
    writeHead(cursor, MAJOR_TEXT, utf8Size(value));
    cursor.offset += utf8.encodeInto(value, bytes.subarray(cursor.offset)).written;
  } else if (value === null || typeof value === "boolean") {
    bytes[cursor.offset++] = value === null ? SIMPLE_NULL : value ? SIMPLE_TRUE : SIMPLE_FALSE;
  } else {
    writeHead(cursor, MAJOR_ARRAY, value.length);
    for (const item of value) write(cursor, item);
  }
}

function writeHead(cursor: Cursor, major: number, argument: number): void {
  const { bytes } = cursor;
  const size = headSize(argument);
  const info = size === 1 ? argument : size === 2 ? 24 : size === 3 ? 25 : size === 5 ? 26 : 27;
  bytes[cursor.offset] = (major << 5) | info;
  let rest = argument;
  for (let at = cursor.offset + size - 1; at > cursor.offset; at--) {
    bytes[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  cursor.offset += size;
}

/**
 * Decodes one canonical item that fills `bytes` exactly.
 *
 * The whole structure is scanned first: what passes has the shortest heads, bounded depth and only our types, so that
 * building the values needs no further check but that of UTF-8. (A library's decoder and the comparison with a second
 * encoding took three times as long.)
 *
 * A megabyte of one-byte items would become a hundred megabytes of objects, so their number is bounded by the length.
 *
 * - Fails: `MalformedCbor`; never throws.
 * - Limits: `CBOR_DEPTH_MAX` nested arrays; `CBOR_OBJECTS_MIN` arrays and strings and one more per `CBOR_BYTES_PER_OBJECT`.
 */
export function decodeCbor(bytes: Bytes): Result<CborValue, MalformedCbor> {
  return decodeWith(bytes, true);
}

/** As `decodeCbor`, but byte strings are parts of `bytes`, which nobody may change from then on: what is kept of one keeps all. */
export function decodeCborInPlace(bytes: Bytes): Result<CborValue, MalformedCbor> {
  return decodeWith(bytes, false);
}

function decodeWith(bytes: Bytes, isCopied: boolean): Result<CborValue, MalformedCbor> {
  const fault = scan(bytes);
  if (fault !== undefined) return err({ type: "MalformedCbor", why: fault });
  // A subclass of a platform may not copy where `slice` says it does, as Node's Buffer.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const value = build({ bytes: plain, offset: 0 }, isCopied);
  return value === undefined ? err({ type: "MalformedCbor", why: "not-canonical" }) : ok(value);
}

interface Cursor {
  readonly bytes: Bytes;
  offset: number;
}

/** The next value of scanned bytes; undefined for text that is not UTF-8. */
function build(cursor: Cursor, isCopied: boolean): CborValue | undefined {
  const head = cursor.bytes[cursor.offset] as number;
  const major = head >> 5;
  if (major > MAJOR_ARRAY) {
    cursor.offset += 1;
    return head === SIMPLE_NULL ? null : head === SIMPLE_TRUE;
  }
  const argument = takeArgument(cursor, head & 31);
  if (major === MAJOR_UNSIGNED) return argument;
  if (major === MAJOR_NEGATIVE) return -1 - argument;
  if (major === MAJOR_ARRAY) return buildArray(cursor, argument, isCopied);
  const { bytes, offset: from } = cursor;
  const end = from + argument;
  cursor.offset = end;
  // Copied at once, and not a part of it first: of many short strings the parts are as much as the copies.
  if (major === MAJOR_BYTES) return isCopied ? bytes.slice(from, end) : bytes.subarray(from, end);
  const text = parseUtf8(bytes.subarray(from, end));
  return text.ok ? text.value : undefined;
}

function buildArray(cursor: Cursor, length: number, isCopied: boolean): CborValue | undefined {
  const items: CborValue[] = [];
  for (let i = 0; i < length; i++) {
    const item = build(cursor, isCopied);
    if (item === undefined) return undefined;
    items.push(item);
  }
  return items;
}

function takeArgument(cursor: Cursor, info: number): number {
  cursor.offset += 1;
  if (info < 24) return info;
  let value = 0;
  for (const end = cursor.offset + (1 << (info - 24)); cursor.offset < end; cursor.offset++) {
    value = value * 256 + (cursor.bytes[cursor.offset] as number);
  }
  return value;
}

const MAJOR_UNSIGNED = 0;
const MAJOR_NEGATIVE = 1;
const MAJOR_BYTES = 2;
const MAJOR_TEXT = 3;
const MAJOR_ARRAY = 4;
const SIMPLE_FALSE = 0xf4;
const SIMPLE_TRUE = 0xf5;
const SIMPLE_NULL = 0xf6;

/** Walks the item heads without recursion and names the first fault. */
function scan(bytes: Bytes): MalformedCbor["why"] | undefined {
  if (bytes.length === 0) return "empty";
  const left: number[] = [1];
  let offset = 0;
  let objectsLeft = CBOR_OBJECTS_MIN + Math.floor(bytes.length / CBOR_BYTES_PER_OBJECT);
  while (left.length > 0) {
    const open = left.length - 1;
    const items = left[open] as number;
    if (items === 0) {
      left.pop();
      continue;
    }
    left[open] = items - 1;
    const head = bytes[offset];
    if (head === undefined) return "truncated";
    if (head === SIMPLE_FALSE || head === SIMPLE_TRUE || head === SIMPLE_NULL) {
      offset += 1;
      continue;
    }
    const major = head >> 5;
    if (major > MAJOR_ARRAY) return "forbidden-type";
    const argument = readArgument(bytes, offset);
    if (typeof argument === "string") return argument;
    offset += headBytes(head);
    // -1 - value must be safe too.
    if (major === MAJOR_NEGATIVE && argument === Number.MAX_SAFE_INTEGER) return "integer-range";
    if (major === MAJOR_UNSIGNED || major === MAJOR_NEGATIVE) continue;
    objectsLeft -= 1;
    if (objectsLeft < 0) return "too-many-items";
    if (major === MAJOR_BYTES || major === MAJOR_TEXT) {
      if (argument > bytes.length - offset) return "truncated";
      offset += argument;
      continue;
    }
    if (argument > bytes.length - offset) return "truncated";
    if (left.length > CBOR_DEPTH_MAX) return "depth";
    left.push(argument);
  }
  return offset === bytes.length ? undefined : "trailing";
}

const headBytes = (head: number): number => ((head & 31) < 24 ? 1 : 1 + (1 << ((head & 31) - 24)));

/** The argument of the head at `offset`, or what is wrong with it: of many small items an object for each would be most of what is used. */
function readArgument(bytes: Bytes, offset: number): number | MalformedCbor["why"] {
  const head = bytes[offset] as number;
  const info = head & 31;
  if (info < 24) return info;
  if (info > 27) return "forbidden-type";
  const end = offset + headBytes(head);
  if (end > bytes.length) return "truncated";
  let value = 0;
  for (let at = offset + 1; at < end; at++) value = value * 256 + (bytes[at] as number);
  if (value > Number.MAX_SAFE_INTEGER) return "integer-range";
  const least = info === 24 ? 24 : info === 25 ? 0x100 : info === 26 ? 0x1_0000 : 0x1_0000_0000;
  return value < least ? "not-canonical" : value;
}
