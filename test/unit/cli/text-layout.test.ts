import { describe, expect, test } from "vitest";
import { createOutput } from "../../../cli/output/output.ts";
import { type Column, layOutFields, layOutTable } from "../../../cli/output/columns.ts";
import { createPaint, plainPaint } from "../../../cli/output/paint.ts";
import { padText, textWidth, truncateText, wrapText } from "../../../cli/output/text-width.ts";

describe("text width", () => {
  test.each([
    ["Ada", 3],
    ["李小龍", 6],
    ["Zoe\u0308", 3],
    ["👩\u200d👩\u200d👧", 2],
    ["🇮🇹!", 3],
    ["ｆｕｌｌ", 8],
    ["", 0],
  ])("of %s is %i", (text, width) => {
    expect(textWidth(text)).toBe(width);
  });

  test("cuts between characters, never inside one", () => {
    expect(truncateText("李小龍", 5)).toBe("李小…");
    expect(truncateText("👩\u200d👩\u200d👧 family", 4)).toBe("👩\u200d👩\u200d👧…");
    expect(truncateText("Ada", 3)).toBe("Ada");
    expect(padText("李", 4)).toBe("李  ");
    expect(padText("7", 3, "end")).toBe("  7");
  });

  test("wraps between words, and breaks only a word longer than the line", () => {
    expect(wrapText("the quick brown fox", 10)).toEqual(["the quick", "brown fox"]);
    expect(wrapText("dovetail-contact:abcdef ok", 10)).toEqual(["dovetail-c", "ontact:abc", "def ok"]);
    const text = "a few words and averyveryverylongwordindeed, then 李小龍李小龍李小龍 more";
    for (let width = 4; width < 40; width++) {
      const lines = wrapText(text, width);
      expect(Math.max(...lines.map(textWidth))).toBeLessThanOrEqual(width);
      expect(lines.join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
    }
  });
});

const COLUMNS: readonly Column[] = [
  { title: "CONTACT" },
  { title: "NEW", align: "end" },
  { title: "LAST MESSAGE", isFlexible: true },
];
const ROWS = [
  [
    { text: "Ada Nwosu-Lindqvist" },
    { text: "12" },
    { text: "Shall we meet at the station, or at the café by the bridge?" },
  ],
  [{ text: "李小龍" }, { text: "" }, { text: "ok" }],
];

describe("columns", () => {
  test("give way in the flexible one at 80", () => {
    expect(layOutTable(COLUMNS, ROWS, { width: 80, paint: plainPaint })).toEqual([
      "CONTACT              NEW  LAST MESSAGE",
      "Ada Nwosu-Lindqvist   12  Shall we meet at the station, or at the café by the b…",
      "李小龍                    ok",
    ]);
  });

  test("become lines below each other at 40, with nothing cut", () => {
    expect(layOutTable(COLUMNS, ROWS, { width: 40, paint: plainPaint })).toEqual([
      "Ada Nwosu-Lindqvist",
      "  new: 12",
      "  last message: Shall we meet at the",
      "  station, or at the café by the bridge?",
      "李小龍",
      "  last message: ok",
    ]);
  });

  test("are whole where nobody looks: a program reads them", () => {
    const lines = layOutTable(COLUMNS, ROWS, { width: Number.POSITIVE_INFINITY, paint: plainPaint });
    expect(lines[1]?.endsWith("by the bridge?")).toBe(true);
  });

  test("never get wider than the page", () => {
    for (let width = 20; width < 120; width++) {
      const lines = layOutTable(COLUMNS, ROWS, { width, paint: plainPaint });
      expect(Math.max(...lines.map(textWidth))).toBeLessThanOrEqual(width);
    }
  });

  test("leave out a column that says nothing, and cut one with a limit, but not where rows are stacked", () => {
    const columns = [
      { title: "NAME", shareMax: 0.25 },
      { title: "NEW" },
      { title: "TEXT", isFlexible: true },
    ];
    const rows = [[{ text: "Benjamin Adler-Schönfeld" }, { text: "" }, { text: "a text of some length" }]];
    expect(layOutTable(columns, rows, { width: 60, paint: plainPaint })).toEqual([
      "NAME             TEXT",
      "Benjamin Adler…  a text of some length",
    ]);
    expect(layOutTable(columns, rows, { width: 24, paint: plainPaint })[0]).toBe("Benjamin Adler-Schönfeld");
  });

  test("of no rows are nothing", () => {
    expect(layOutTable(COLUMNS, [], { width: 80, paint: plainPaint })).toEqual([]);
  });
});

describe("fields", () => {
  const fields = [
    ["account", "5a".repeat(32)],
    ["server", "https://chat.example.org"],
  ] as const;

  test("continue below their value at 80", () => {
    expect(layOutFields(fields, { width: 60, paint: plainPaint })).toEqual([
      `account  ${"5a".repeat(25)}5`,
      `         ${"a5".repeat(6)}a`,
      "server   https://chat.example.org",
    ]);
  });

  test("stand under their name where there is no room", () => {
    expect(layOutFields(fields, { width: 22, paint: plainPaint })[0]).toBe("account");
  });
});

describe("colour", () => {
  test("is for terminals, and for those who want it", () => {
    const onTerminal = { isTTY: true };
    expect(createPaint(onTerminal, {}, true)("x", "bad")).toBe("\x1b[31mx\x1b[39m");
    expect(createPaint(onTerminal, { NO_COLOR: "1" }, true)("x", "bad")).toBe("x");
    expect(createPaint(onTerminal, {}, false)("x", "bad")).toBe("x");
    expect(createPaint(onTerminal, { TERM: "dumb" }, true)("x", "bad")).toBe("x");
    expect(createPaint({}, {}, true)("x", "bad")).toBe("x");
    expect(createPaint({}, { FORCE_COLOR: "1" }, true)("x", "bad")).toBe("\x1b[31mx\x1b[39m");
  });
});

test.each([0, undefined])(
  "a terminal of %s columns, which does not know its size, is taken for one of 80",
  (columns) => {
    const said: string[] = [];
    const sink = {
      isTTY: true,
      ...(columns === undefined ? {} : { columns }),
      write: (text: string) => said.push(text),
    };
    const options = { isJson: false, isQuiet: false, hasColor: false };
    const output = createOutput({ stdout: sink, stderr: sink, env: {} }, options);
    output.say("Everything stands on one line.");
    expect(said.join("")).toContain("Everything stands on one line.\n");
  },
);
