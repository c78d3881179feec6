/** Deterministic CBOR: one form for each value, total decoding, bounded nesting. */
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "../../../core/base/bytes.ts";
import { CBOR_BYTES_PER_OBJECT, CBOR_DEPTH_MAX, CBOR_OBJECTS_MIN } from "../../../core/base/limits.ts";
import { type CborValue, decodeCbor, encodeCbor, joinCbor } from "../../../core/codec/cbor.ts";

const malformed = (why: string) => ({ ok: false, error: { type: "MalformedCbor", why } });

/** A value nested in `depth` arrays. */
function nested(depth: number): CborValue {
  let value: CborValue = 0;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

test("items that are encoded already make the same array", () => {
  for (const count of [0, 1, 23, 24, 255, 256, 65_535, 65_536]) {
    const items = Array.from({ length: count }, (_, at) => [at, "é"]);
    expect(toHex(joinCbor(items.map(encodeCbor)))).toBe(toHex(encodeCbor(items)));
  }
});

describe("decoding", () => {
  test.each([
    ["", "empty"],
    ["18", "truncated"],
    ["1900", "truncated"],
    ["41", "truncated"],
    ["6161ff", "trailing"],
    ["8201", "truncated"],
    ["0000", "trailing"],
    ["9a00ffffff00", "truncated"],
    ["5affffffff00", "truncated"],
    ["5bffffffffffffffff", "integer-range"],
    ["1b0020000000000000", "integer-range"],
  ])("[CR6] %s is %s", (hex, why) => {
    expect(decodeCbor(fromHex(hex))).toEqual(malformed(why));
  });
  test.each([
    ["1800", "an integer in two bytes that fits one"],
    ["1817", "the same at 23"],
    ["190017", "in three bytes"],
    ["1900ff", "in three bytes that fits two"],
    ["1a0000ffff", "in five that fits three"],
    ["1b00000000ffffffff", "in nine that fits five"],
    ["3817", "a negative integer"],
    ["580161", "a length of bytes"],
    ["780161", "a length of text"],
    ["980101", "a length of an array"],
    ["61ff", "text that is not UTF-8"],
    ["62c080", "text with an overlong form"],
    ["63eda080", "text with a lone surrogate"],
  ])("[CR6] %s is not canonical: %s", (hex) => {
    expect(decodeCbor(fromHex(hex))).toEqual(malformed("not-canonical"));
  });
  test.each([
    ["a0", "a map"],
    ["a10101", "a map with an entry"],
    ["c001", "a tag"],
    ["f90000", "a half float"],
    ["fb3ff8000000000000", "a double"],
    ["f7", "undefined"],
    ["e0", "a simple value"],
    ["f818", "a long simple value"],
    ["ff", "a break"],
    ["9f01ff", "an indefinite array"],
    ["5f4101ff", "indefinite bytes"],
    ["7f6161ff", "indefinite text"],
    ["1c", "a reserved head"],
    ["81f7", "undefined inside"],
  ])("[CR6] %s is of a forbidden type: %s", (hex) => {
    expect(decodeCbor(fromHex(hex))).toEqual(malformed("forbidden-type"));
  });
  test.each([-1, 0])("[CR6] arrays nested to the limit %i are taken", (offset) => {
    const value = nested(CBOR_DEPTH_MAX + offset);
    expect(decodeCbor(encodeCbor(value))).toEqual({ ok: true, value });
  });
  test("[CR6] arrays nested deeper are refused, a million deep without a stack overflow", () => {
    expect(decodeCbor(encodeCbor(nested(CBOR_DEPTH_MAX + 1)))).toEqual(malformed("depth"));
    expect(decodeCbor(new Uint8Array(1_000_000).fill(0x81))).toEqual(malformed("depth"));
  });
  test("[CR6] a wide array with many empty ones is taken, each counted at its own depth", () => {
    const value = Array.from({ length: 1_000 }, () => []);
    expect(decodeCbor(encodeCbor(value))).toEqual({ ok: true, value });
  });
  test("[CR6] arrays and strings are as many as the length allows, numbers as many as fit", () => {
    const value = (objects: number): CborValue => Array.from({ length: objects - 1 }, () => "");
    // The outer array has a head of three bytes; each other one is a byte long.
    const most = Math.floor((CBOR_OBJECTS_MIN * CBOR_BYTES_PER_OBJECT + 2) / (CBOR_BYTES_PER_OBJECT - 1));
    for (const [objects, isTaken] of [
      [most - 1, true],
      [most, true],
      [most + 1, false],
    ] as const)
      expect(decodeCbor(encodeCbor(value(objects))).ok, `${objects} objects`).toBe(isTaken);
    expect(decodeCbor(encodeCbor(value(most + 1)))).toEqual(malformed("too-many-items"));
    expect(decodeCbor(encodeCbor(Array.from({ length: 50_000 }, () => 7))).ok).toBe(true);
  });
});

describe("encoding", () => {
  test.each([
    [0, "00"],
    [23, "17"],
    [24, "1818"],
    [255, "18ff"],
    [256, "190100"],
    [65_536, "1a00010000"],
    [4_294_967_296, "1b0000000100000000"],
    [Number.MAX_SAFE_INTEGER, "1b001fffffffffffff"],
    [-1, "20"],
    [-24, "37"],
    [-25, "3818"],
    [Number.MIN_SAFE_INTEGER, "3b001ffffffffffffe"],
    [true, "f5"],
    [false, "f4"],
    [null, "f6"],
    ["", "60"],
    ["ü", "62c3bc"],
    [[], "80"],
    [[1, [2]], "82018102"],
  ])("[CR6] of %j is %s", (value, hex) => {
    expect(toHex(encodeCbor(value))).toBe(hex);
    expect(decodeCbor(fromHex(hex))).toEqual({ ok: true, value });
  });
  test.each([
    ["bytes", (bytes: Uint8Array) => Uint8Array.from(bytes)],
    ["a Buffer of Node, whose slices are none", (bytes: Uint8Array) => Buffer.from(bytes)],
  ])("[CR6] bytes decoded of %s are a plain copy: changing them leaves the input", (_, of) => {
    const input = of(encodeCbor([Uint8Array.of(1, 2, 3)]));
    const decoded = decodeCbor(input);
    if (!decoded.ok || !Array.isArray(decoded.value)) throw new Error("the item is an array");
    const [bytes] = decoded.value;
    if (!(bytes instanceof Uint8Array)) throw new Error("of bytes");
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
    bytes.fill(0);
    expect(toHex(input)).toBe("8143010203");
  });
});
