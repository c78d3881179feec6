/** Values of a shape, made from its printed form: every wire structure has valid inputs without anybody writing one. */
import { ID_BYTES } from "../../core/base/ids.ts";
import type { CborValue } from "../../core/codec/cbor.ts";
import type { SeededRandom } from "../support/seeded-random.ts";
import { pick } from "./case-random.ts";

/** Makes one value. */
export type Generator = (random: SeededRandom) => CborValue;

/** Lengths are mostly far below a large limit, so that cases stay quick; a limit is met by changes to them. */
const EXTRA_BYTES_MAX = 48;
const EXTRA_ITEMS_MAX = 3;

/** A generator of the values that `print` describes; null for a shape that prints itself in another way. */
export function generatorOf(print: string): Generator | null {
  const cursor = { text: print, at: 0 };
  try {
    const generator = readShape(cursor);
    return cursor.at === print.length ? generator : null;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return null;
    throw thrown;
  }
}

interface Cursor {
  readonly text: string;
  at: number;
}

function readShape(cursor: Cursor): Generator {
  const plain = readPlain(cursor);
  if (!take(cursor, "?")) return plain;
  return (random) => (random.chance(30) ? null : plain(random));
}

function readPlain(cursor: Cursor): Generator {
  if (cursor.text[cursor.at] === "(") return readVariants(cursor);
  if (cursor.text[cursor.at] === "[") return isRecord(cursor) ? readRecord(cursor) : readList(cursor);
  const range = match(cursor, /(int|bytes|text)\((-?\d*)\.\.(\d+)\)/y);
  if (range !== null) return rangeOf(range[1] ?? "", Number(range[2] ?? 0), Number(range[3] ?? 0));
  const id = match(cursor, /id\((\w+)\)/y);
  if (id !== null) return idOf(id[1] ?? "");
  if (match(cursor, /bool\b/y) !== null) return (random) => random.chance(50);
  const literal = match(cursor, /-?\d+|"(?:[^"\\]|\\.)*"/y);
  if (literal !== null) {
    const value: unknown = JSON.parse(literal[0]);
    if (typeof value === "number" || typeof value === "string") return () => value;
  }
  const words = match(cursor, /[A-Za-z][\w-]*(?:\|[A-Za-z][\w-]*)*/y);
  if (words === null) throw new SyntaxError(`no shape at ${cursor.at}`);
  const all = words[0].split("|");
  return (random) => pick(random, all);
}

function rangeOf(kind: string, min: number, max: number): Generator {
  if (kind === "int")
    return (random) => pick(random, [min, max, Math.min(max, min + random.below(1_000_000))]);
  const length = (random: SeededRandom): number => Math.min(max, min + random.below(EXTRA_BYTES_MAX));
  if (kind === "bytes") return (random) => random.bytes(length(random));
  return (random) => "dove".repeat(12).slice(0, length(random));
}

function idOf(kind: string): Generator {
  const found = Object.entries(ID_BYTES).find(([name]) => name === kind);
  if (found === undefined) throw new SyntaxError(`no id is called ${kind}`);
  return (random) => random.bytes(found[1]);
}

function isRecord(cursor: Cursor): boolean {
  return /^\[(?:\]|[A-Za-z]\w*:)/.test(cursor.text.slice(cursor.at, cursor.at + 64));
}

function readRecord(cursor: Cursor): Generator {
  expect(cursor, "[");
  const fields = readFields(cursor);
  expect(cursor, "]");
  return (random) => fields.map((field) => field(random));
}

function readFields(cursor: Cursor): readonly Generator[] {
  const fields: Generator[] = [];
  while (match(cursor, /[A-Za-z]\w*:/y) !== null) {
    fields.push(readShape(cursor));
    if (!take(cursor, ",")) break;
  }
  return fields;
}

function readList(cursor: Cursor): Generator {
  expect(cursor, "[");
  const item = readShape(cursor);
  const range = match(cursor, /\]\{(\d+)\.\.(\d+)\}/y);
  if (range === null) throw new SyntaxError("a list says how long it is");
  const [min, max] = [Number(range[1]), Number(range[2])];
  return (random) =>
    Array.from({ length: Math.min(max, min + random.below(EXTRA_ITEMS_MAX)) }, () => item(random));
}

function readVariants(cursor: Cursor): Generator {
  expect(cursor, "(");
  const variants: Generator[] = [];
  do {
    const head = match(cursor, /[A-Za-z][\w-]*=\[(\d+),?/y);
    if (head === null) throw new SyntaxError("a variant has a word and a code");
    const [code, fields] = [Number(head[1]), readFields(cursor)];
    expect(cursor, "]");
    variants.push((random) => [code, ...fields.map((field) => field(random))]);
  } while (take(cursor, " | "));
  expect(cursor, ")");
  return (random) => pick(random, variants)(random);
}

function match(cursor: Cursor, pattern: RegExp): RegExpExecArray | null {
  pattern.lastIndex = cursor.at;
  const found = pattern.exec(cursor.text);
  if (found !== null) cursor.at += found[0].length;
  return found;
}

function take(cursor: Cursor, token: string): boolean {
  if (!cursor.text.startsWith(token, cursor.at)) return false;
  cursor.at += token.length;
  return true;
}

function expect(cursor: Cursor, token: string): void {
  if (!take(cursor, token)) throw new SyntaxError(`"${token}" is missing at ${cursor.at}`);
}
