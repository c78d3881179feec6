import { describe, expect, test } from "vitest";
import { jsonLine, plainLine, plainLines } from "../../../cli/output/plain-text.ts";

/** What somebody might call themselves, and what may be left of it. */
const HOSTILE: readonly (readonly [what: string, text: string, plain: string])[] = [
  ["colour", "\x1b[31mBen\x1b[0m", String.raw`\x1b[31mBen\x1b[0m`],
  ["clipboard", "\x1b]52;c;aGk=\x07", String.raw`\x1b]52;c;aGk=\x07`],
  [
    "link with another address",
    "\x1b]8;;https://evil.example\x1b\\bank\x1b]8;;\x1b\\",
    "\\x1b]8;;https://evil.example\\x1b\\bank\\x1b]8;;\\x1b\\",
  ],
  ["one-byte escape", "\u009b31m", String.raw`\x9b31m`],
  ["cursor up and overwrite", "hello\x1b[1A\x1b[2Kerror: none", String.raw`hello\x1b[1A\x1b[2Kerror: none`],
  ["bell, backspace, delete", "a\x07b\x08c\x7f", String.raw`a\x07b\x08c\x7f`],
  ["right-to-left override", "safe\u202etxt.exe", String.raw`safe\u{202e}txt.exe`],
  ["isolates", "\u2066Ada\u2069", String.raw`\u{2066}Ada\u{2069}`],
  ["marks of direction", "a\u200fb\u061cc", String.raw`a\u{200f}b\u{61c}c`],
  ["zero width", "A\u200bda\ufeff", String.raw`A\u{200b}da\u{feff}`],
  ["soft hyphen and hangul filler", "A\u00adda\u3164", String.raw`A\xadda\u{3164}`],
  ["hidden tags", "Ada\u{e0041}\u{e0042}", String.raw`Ada\u{e0041}\u{e0042}`],
  ["half a character", "Ada\ud800", "Ada\ufffd"],
  ["null", "a\0b", String.raw`a\x00b`],
];

/** What terminals act on, or what turns text around. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const ACTED_ON = /[\0-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f\u2028\u2029]/u;

describe("plainLine", () => {
  test.each(HOSTILE)("writes out %s", (_what, text, plain) => {
    expect(plainLine(text)).toBe(plain);
  });

  test("is one line, whatever breaks it", () => {
    expect(plainLine("a\nb\r\nc\u2028d\te")).toBe("a b c d e");
    expect(plainLine("Ben\r\nerror: you are hacked")).toBe("Ben error: you are hacked");
  });

  test("leaves names of all scripts, joiners and emoji as they are", () => {
    for (const name of ["Zoë", "محمد", "दिव्या", "نمی\u200cخواهم", "👩\u200d👩\u200d👧", "李小龍", "𝔄"]) {
      expect(plainLine(name)).toBe(name);
    }
  });
});

describe("plainLines", () => {
  test("keeps lines and indents, and nothing else that moves a cursor", () => {
    expect(plainLines("one\n\ttwo\r\nthree\rfour")).toEqual(["one", "    two", String.raw`three\x0dfour`]);
  });

  test("no byte below space, no C1 and no override is left of any character", () => {
    const everything = Array.from({ length: 0x3000 }, (_, code) => String.fromCodePoint(code)).join("");
    const left = [plainLine(everything), ...plainLines(everything)].join("");
    expect(left.match(ACTED_ON)).toBeNull();
  });
});

describe("jsonLine", () => {
  test("gives every text back, and holds nothing a terminal acts on", () => {
    for (const [, text] of HOSTILE) {
      const line = jsonLine({ name: text });
      expect(JSON.parse(line)).toEqual({ name: text });
      expect(line).toMatch(/^[\x20-\x7e\ufffd]*$/);
    }
  });
});
