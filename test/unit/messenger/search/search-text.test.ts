import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LocalCalendar } from "../../../../core/base/clock.ts";
import { systemCalendar } from "../../../../core/base/clock.ts";
import { parseSearchDate, searchDateMs } from "../../../../core/messenger/search/search-date.ts";
import {
  hasLink,
  rangesInText,
  searchWords,
  spaceOut,
} from "../../../../core/messenger/search/search-text.ts";
import { snippetOf } from "../../../../core/messenger/search/snippet.ts";

describe("text as the index sees it", () => {
  test("only spaces are added, and ranges lead back", () => {
    const text = fc
      .array(fc.constantFrom("a", " ", "天", "𠮷", "か", "é", "!", "ห"))
      .map((all) => all.join(""));
    fc.assert(
      fc.property(text, (written) => {
        const spaced = spaceOut(written);
        expect(spaced.replaceAll(" ", "")).toBe(written.replaceAll(" ", ""));
        for (const match of spaced.matchAll(/\S/gu)) {
          const range = { start: match.index, end: match.index + match[0].length };
          const [found] = rangesInText(written, spaced, [range]);
          expect(written.slice(found?.start, found?.end)).toBe(match[0]);
        }
      }),
    );
  });

  test("words are letters and digits", () => {
    expect(searchWords("it's 10:30, 天气!")).toEqual(["it", "s", "10", "30", "天", "气"]);
    expect(searchWords("\u0000\ud800 👍")).toEqual([]);
  });

  test.each([
    ["see https://example.org/a", true],
    ["HTTP://EXAMPLE.ORG", true],
    ["www.example.org", true],
    ["https:// and www. alone", false],
    ["example.org", false],
  ])("a link is in %j: %s", (text, expected) => {
    expect(hasLink(text)).toBe(expected);
  });
});

describe("a date of a search", () => {
  const utc: LocalCalendar = {
    dayStartMs: (year, month, day) => Date.UTC(year, month - 1, day),
    dayOf: (timeMs) => {
      const date = new Date(timeMs);
      return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
    },
  };
  const now = Date.UTC(2026, 2, 1, 15, 30);
  test.each([
    ["2026", "2026-01-01"],
    ["2026-03", "2026-03-01"],
    ["2024-02-29", "2024-02-29"],
    ["today", "2026-03-01"],
    ["yesterday", "2026-02-28"],
    ["7d", "2026-02-22"],
    ["2w", "2026-02-15"],
    ["3m", "2025-12-01"],
    ["1y", "2025-03-01"],
  ])("%s begins on %s", (text, day) => {
    const date = parseSearchDate(text);
    expect(date && new Date(searchDateMs(date, now, utc)).toISOString()).toBe(`${day}T00:00:00.000Z`);
  });

  test.each(["", "2026-13", "2026-02-29", "2026-00", "26", "1x", "99999d", "tomorrow", "2026-1-1", "2200"])(
    "%j is none",
    (text) => {
      expect(parseSearchDate(text)).toBeNull();
    },
  );

  test("days are those of the place", () => {
    const { year, month, day } = systemCalendar.dayOf(now);
    const start = systemCalendar.dayStartMs(year, month, day);
    expect(start).toBeLessThanOrEqual(now);
    expect(now - start).toBeLessThan(25 * 3_600_000);
    expect(new Date(start).getHours()).toBe(0);
  });
});

describe("a snippet", () => {
  test("of a short text is the text", () => {
    expect(snippetOf("good morning", [{ start: 0, end: 4 }])).toEqual({
      text: "good morning",
      ranges: [{ start: 0, end: 4 }],
      isCutBefore: false,
      isCutAfter: false,
    });
  });

  test("is around the first match, cut between words", () => {
    const text = `${"word ".repeat(100)}apple ${"more ".repeat(100)}`;
    const start = text.indexOf("apple");
    const snippet = snippetOf(text, [{ start, end: start + 5 }]);
    expect(snippet.ranges.map((range) => snippet.text.slice(range.start, range.end))).toEqual(["apple"]);
    expect([snippet.isCutBefore, snippet.isCutAfter]).toEqual([true, true]);
    expect(snippet.text).toMatch(/^word .* $/);
    expect(snippet.text.length).toBeLessThan(200);
  });

  test("never splits a character, and keeps what it shows marked", () => {
    const ranges = fc
      .tuple(fc.nat(400), fc.nat(30))
      .map(([start, length]) => ({ start, end: start + length + 1 }));
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 0, maxLength: 400 }), ranges, (written, range) => {
        const text = written.padEnd(432, "𠮷");
        const snippet = snippetOf(text, [range]);
        expect(text).toContain(snippet.text);
        for (const one of snippet.ranges)
          expect(text.slice(range.start, range.end)).toContain(snippet.text.slice(one.start, one.end));
        expect(snippet.ranges).toHaveLength(1);
      }),
    );
  });
});
