import { expect, test } from "vitest";
import { STORE_KEY_CHARS_MAX } from "../../../core/base/limits.ts";
import { assertRowKey, rowKey, rowKeyNumber, rowKeyParts, rowPrefix } from "../../../core/store/row-key.ts";

test("[ST2] numbers in keys sort as text as they sort as numbers", () => {
  const numbers = [
    0,
    1,
    9,
    10,
    99,
    100,
    65_536,
    2 ** 32,
    2 ** 40,
    Number.MAX_SAFE_INTEGER - 1,
    Number.MAX_SAFE_INTEGER,
  ];
  const keys = numbers.map((number) => rowKey("outbox", number, "x"));
  expect(keys.toSorted()).toEqual(keys);
  expect(keys.map((key) => rowKeyNumber(rowKeyParts(key)[1]))).toEqual(numbers);
});

test("[ST2] a prefix covers the keys under it and no others", () => {
  expect(rowPrefix("a", 1)).toBe("a/0000000000000001/");
  expect(rowKey("a", 1, "b").startsWith(rowPrefix("a", 1))).toBe(true);
  expect(rowKey("a", 1).startsWith(rowPrefix("a", 1))).toBe(false);
  expect(rowKey("a", 10, "b").startsWith(rowPrefix("a", 1))).toBe(false);
  expect(rowKey("ab", 1, "b").startsWith(rowPrefix("a"))).toBe(false);
});

test("text that rowKey did not write is no number", () => {
  for (const text of [
    undefined,
    "",
    "1",
    "00000000000000001",
    "000000000000000x",
    "9007199254740992",
    "-000000000000001",
  ]) {
    expect(rowKeyNumber(text)).toBeNull();
  }
});

test("[ST1] a key is made of ids, fixed words and non-negative numbers, within its length", () => {
  for (const part of ["", "a/b", "a b", "ä", -1, 1.5, Number.NaN, Number.MAX_SAFE_INTEGER + 1])
    expect(() => rowKey("a", part)).toThrow();
  expect(() => rowKey()).toThrow();
  expect(rowKey("k".repeat(STORE_KEY_CHARS_MAX)).length).toBe(STORE_KEY_CHARS_MAX);
  expect(() => rowKey("k".repeat(STORE_KEY_CHARS_MAX), "k")).toThrow();
  expect(() => rowKey("k".repeat(STORE_KEY_CHARS_MAX + 1))).toThrow();
  expect(() => assertRowKey("")).toThrow();
});
