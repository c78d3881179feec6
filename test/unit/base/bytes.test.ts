/** Bytes and their text forms: one text for each value, everything else refused. */
import { describe, expect, test } from "vitest";
import {
  concatBytes,
  equalBytes,
  fromHex,
  parseBase64Url,
  parseHex,
  parseUtf8,
  toBase64Url,
  toHex,
  toUtf8,
} from "../../../core/base/bytes.ts";

const malformed = (expected: string) => ({ ok: false, error: { type: "MalformedText", expected } });

describe("joining and comparing", () => {
  test("concatBytes joins in order and copies", () => {
    const part = Uint8Array.of(1, 2);
    const joined = concatBytes(part, new Uint8Array(0), Uint8Array.of(3));
    part[0] = 9;
    expect(joined).toEqual(Uint8Array.of(1, 2, 3));
    expect(concatBytes()).toEqual(new Uint8Array(0));
  });
  test("equalBytes looks at every byte and at the length", () => {
    const bytes = Uint8Array.of(1, 2, 3);
    expect(equalBytes(bytes, Uint8Array.of(1, 2, 3))).toBe(true);
    for (let i = 0; i < 3; i++) expect(equalBytes(bytes, bytes.with(i, 0))).toBe(false);
    expect(equalBytes(bytes, bytes.slice(0, 2))).toBe(false);
    expect(equalBytes(bytes, Uint8Array.of(1, 2, 3, 0))).toBe(false);
  });
});

describe("hexadecimal", () => {
  test("of every byte is read again", () => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(toHex(all)).toHaveLength(512);
    expect(fromHex(toHex(all))).toEqual(all);
    expect(parseHex(toHex(all))).toEqual({ ok: true, value: all });
    expect(parseHex("")).toEqual({ ok: true, value: new Uint8Array(0) });
  });
  test.each(["0", "abc", "AB", "0x", "g0", "0 ", " 00", "00\n", "é0", "00-1"])("%j is refused", (text) => {
    expect(parseHex(text)).toEqual(malformed("hex"));
  });
});

describe("base64url", () => {
  test.each([
    ["", ""],
    ["66", "Zg"],
    ["666f", "Zm8"],
    ["666f6f", "Zm9v"],
    ["fbff", "-_8"],
    ["ffffff", "____"],
  ])("of %s is %s", (hex, text) => {
    expect(toBase64Url(fromHex(hex))).toBe(text);
    expect(parseBase64Url(text)).toEqual({ ok: true, value: fromHex(hex) });
  });
  test.each(["A", "AAAAA", "Zg==", "Zh", "Zm9", "+w", "/w", "Z g", "Zé", "Zg\n"])("%j is refused", (text) => {
    expect(parseBase64Url(text)).toEqual(malformed("base64url"));
  });
  test("has one text for each value: of all two-letter texts, 256 are taken", () => {
    const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"];
    const taken = letters.flatMap((a) => letters.map((b) => a + b)).filter((text) => parseBase64Url(text).ok);
    expect(taken).toHaveLength(256);
  });
});

describe("UTF-8", () => {
  test("of a text is read again, with a leading mark kept", () => {
    for (const text of ["", "abc", "ü €", "\u{1F600}", "\uFEFFmark", "\0"])
      expect(parseUtf8(toUtf8(text))).toEqual({ ok: true, value: text });
  });
  test.each(["80", "c3", "c080", "eda080", "f4908080", "ff", "e282", "61ff62"])(
    "bytes %s are refused",
    (hex) => {
      expect(parseUtf8(fromHex(hex))).toEqual(malformed("utf8"));
    },
  );
});
