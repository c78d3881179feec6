/** Shapes: what each takes, what it refuses, and that it names the place of the fault. */
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "../../../core/base/bytes.ts";
import { idFromBytes } from "../../../core/base/ids.ts";
import { type CborValue, encodeCbor } from "../../../core/codec/cbor.ts";
import {
  bytes,
  decode,
  embedded,
  encode,
  flag,
  id,
  integer,
  list,
  literal,
  nullable,
  oneOf,
  type Shape,
  struct,
  text,
  variants,
} from "../../../core/codec/shape.ts";

const error = (path: string, expected?: string) => ({
  ok: false,
  error: { type: "MalformedShape", path, ...(expected === undefined ? {} : { expected }) },
});

/** What `shape` makes of a value of CBOR. */
const read = <T>(shape: Shape<T>, value: CborValue) => decode(shape, encodeCbor(value));

describe("leaves", () => {
  const cases: readonly (readonly [string, Shape<unknown>, readonly CborValue[], readonly CborValue[]])[] = [
    ["integer()", integer(), [0, 1, Number.MAX_SAFE_INTEGER], [-1, "1", true, null]],
    ["integer(-2, 5)", integer(-2, 5), [-2, 0, 5], [-3, 6]],
    ["bytes(2)", bytes(2), [Uint8Array.of(1, 2)], [Uint8Array.of(1), Uint8Array.of(1, 2, 3), "ab", [1, 2]]],
    [
      "bytes(1, 3)",
      bytes(1, 3),
      [Uint8Array.of(1), Uint8Array.of(1, 2, 3)],
      [new Uint8Array(0), new Uint8Array(4)],
    ],
    ["text(4)", text(4), ["", "abcd", "éé"], ["abcde", "ééa", Uint8Array.of(97)]],
    ["flag", flag, [true, false], [0, 1, null, "true"]],
    ["literal(1)", literal(1), [1], [0, 2, "1", true]],
    ["literal('x')", literal("x"), ["x"], ["X", "", null]],
    ["oneOf", oneOf("a", "b"), ["a", "b"], ["c", "A", 0, "toString", "__proto__"]],
    ["nullable", nullable(integer()), [null, 3], ["", false]],
    ["embedded(2)", embedded(2), [Uint8Array.of(1)], [new Uint8Array(0), new Uint8Array(3)]],
  ];
  describe.each(cases)("%s", (_name, shape, taken, refused) => {
    test.each(taken)("takes %j", (value) => {
      expect(read(shape, value)).toEqual({ ok: true, value });
      expect(toHex(encode(shape, value))).toBe(toHex(encodeCbor(value)));
    });
    test.each(refused)("refuses %j", (value) => {
      expect(read(shape, value)).toMatchObject(error(""));
    });
  });
  test("text with a lone surrogate is not encoded", () => {
    expect(() => encode(text(10), "\ud800")).toThrow("a value to encode fits");
  });
  test("encoding a value that does not fit is our own mistake", () => {
    expect(() => encode(integer(0, 5), 6)).toThrow("a value to encode fits int(0..5)");
    expect(() => encode(bytes(2), new Uint8Array(3))).toThrow("a value to encode fits");
  });
  test("an id has its length on the wire and is text in memory", () => {
    const device = idFromBytes("device", new Uint8Array(16).fill(0xab));
    expect(toHex(encode(id("device"), device))).toBe(`50${"ab".repeat(16)}`);
    expect(read(id("device"), new Uint8Array(16).fill(0xab))).toEqual({ ok: true, value: device });
    for (const value of [new Uint8Array(15), new Uint8Array(17), "ab", null])
      expect(read(id("device"), value)).toMatchObject(error(""));
  });
});

describe("a list", () => {
  const shape = list(integer(), 3, 1);
  test("has its bounds, and names the place of a wrong item", () => {
    expect(read(shape, [1])).toEqual({ ok: true, value: [1] });
    expect(read(shape, [1, 2, 3])).toEqual({ ok: true, value: [1, 2, 3] });
    expect(read(shape, [])).toMatchObject(error(""));
    expect(read(shape, [1, 2, 3, 4])).toMatchObject(error(""));
    expect(read(shape, [1, "2"])).toMatchObject(error("1"));
    expect(read(shape, 1)).toMatchObject(error(""));
  });
});

describe("a struct", () => {
  const shape = struct({ version: literal(1), name: text(5), inner: struct({ items: list(flag, 4) }) });
  const value = { version: 1, name: "abc", inner: { items: [true, false] } } as const;

  test("is an array in the order of its fields", () => {
    expect(toHex(encode(shape, value))).toBe(toHex(encodeCbor([1, "abc", [[true, false]]])));
    expect(decode(shape, encode(shape, value))).toEqual({ ok: true, value });
  });
  test("names the whole path to a fault", () => {
    expect(read(shape, [1, "abc", [[true, 0]]])).toEqual(error("inner.items.1", "bool"));
    expect(read(shape, [2, "abc", [[]]])).toEqual(error("version", "1"));
  });
  test("refuses fewer and more elements", () => {
    expect(read(shape, [1, "abc"])).toMatchObject(error(""));
    expect(read(shape, [1, "abc", [[]], 0])).toMatchObject(error(""));
    expect(read(shape, null)).toMatchObject(error(""));
  });
  test("refuses what is not canonical CBOR, or not alone", () => {
    const encoded = encode(shape, value);
    expect(decode(shape, Uint8Array.from([...encoded, 0]))).toMatchObject({
      error: { type: "MalformedCbor", why: "trailing" },
    });
    expect(decode(shape, fromHex("9801"))).toMatchObject({ error: { type: "MalformedCbor" } });
  });
  test("prints itself, so that a change of the wire is seen", () => {
    expect(shape.print).toBe("[version:1,name:text(..5),inner:[items:[bool]{0..4}]]");
  });
  test("a field called __proto__ is a field like others", () => {
    const odd = struct({ ["__proto__"]: integer(), other: integer() });
    const decoded = read(odd, [7, 8]);
    expect(decoded.ok && Object.getPrototypeOf(decoded.value)).toBe(Object.prototype);
  });
});

describe("variants", () => {
  const shape = variants({ add: [1, { left: integer(), right: integer() }], stop: [7, {}] });

  test("carry the code of their word first", () => {
    expect(toHex(encode(shape, { type: "add", left: 2, right: 3 }))).toBe(toHex(encodeCbor([1, 2, 3])));
    expect(read(shape, [1, 2, 3])).toEqual({ ok: true, value: { type: "add", left: 2, right: 3 } });
    expect(read(shape, [7])).toEqual({ ok: true, value: { type: "stop" } });
  });
  test("refuse unknown codes, wrong counts and wrong fields, by word", () => {
    expect(read(shape, [2, 2, 3])).toEqual(error("", "a known variant"));
    expect(read(shape, ["add", 2, 3])).toEqual(error("", "a variant"));
    expect(read(shape, [])).toEqual(error("", "a variant"));
    expect(read(shape, [1, 2])).toEqual(error("add", "2 fields"));
    expect(read(shape, [7, 0])).toEqual(error("stop", "0 fields"));
    expect(read(shape, [1, 2, "3"])).toMatchObject(error("add.right"));
  });
  test("with one code for two words are our own mistake", () => {
    expect(() => variants({ a: [1, {}], b: [1, {}] })).toThrow("a code of its own");
  });
});
