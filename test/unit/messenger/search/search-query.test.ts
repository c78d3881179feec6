import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SEARCH_DEPTH_MAX, SEARCH_QUERY_CHARS_MAX, SEARCH_TERMS_MAX } from "../../../../core/base/limits.ts";
import {
  parseSearchQuery,
  type SearchNode,
  type SearchQuery,
} from "../../../../core/messenger/search/search-query.ts";
import { bad, good } from "../../../support/client-world.ts";

/** A query as one line, to compare with. */
function print(query: SearchQuery): string {
  const date = ({ before, after }: SearchQuery) =>
    [
      ...before.map((one) => `<${JSON.stringify(one)}`),
      ...after.map((one) => `>=${JSON.stringify(one)}`),
    ].join(" ");
  return `${query.node === null ? "-" : printNode(query.node)} ${date(query)}`.trim();
}

function printNode(node: SearchNode): string {
  switch (node.type) {
    case "text":
      return node.words.join("_") + (node.isPrefix ? "*" : "");
    case "named":
      return `${node.filter}=${node.name}`;
    case "link":
      return "link";
    case "not":
      return `!${printNode(node.node)}`;
    default:
      return `(${node.nodes.map(printNode).join(node.type === "and" ? " & " : " | ")})`;
  }
}

const parsed = (text: string): string => print(good(parseSearchQuery(text)));

describe("a search query", () => {
  test.each([
    ["lunch", "lunch"],
    ["lunch today", "(lunch & today)"],
    ["lunch AND today", "(lunch & today)"],
    ["a b OR c d", "((a & b) | (c & d))"],
    ["a (b OR c)", "(a & (b | c))"],
    ["lunch -dinner", "(lunch & !dinner)"],
    ["-(a OR b)", "!(a | b)"],
    ['"good morning"', "good_morning"],
    ['"good morn"*', "good_morn*"],
    ["meet*", "meet*"],
    ["well-known", "well_known"],
    ["it's 10:30", "(it_s & 10_30)"],
    ["https://example.org", "https_example_org"],
    ["天气", "天_气"],
    ["or and Or", "(or & and & Or)"],
    ["in:Ben", "in=Ben"],
    ['from:"Ben Adler" x', "(from=Ben Adler & x)"],
    ["-tag:work", "!tag=work"],
    ["has:link", "link"],
    ["from:me", "from=me"],
    ['"in:Ben"', "in_Ben"],
    ["in:Ben OR in:Ada", "(in=Ben | in=Ada)"],
  ])("%s", (text, expected) => {
    expect(parsed(text)).toBe(expected);
  });

  test("takes dates beside anything that holds for the whole query", () => {
    expect(parsed("after:2026-03")).toBe('- >={"type":"calendar","year":2026,"month":3,"day":1}');
    expect(parsed("x before:2026-03-31 after:2w")).toBe(
      'x <{"type":"calendar","year":2026,"month":3,"day":31} >={"type":"back","unit":"day","count":14}',
    );
    expect(parsed("(x OR y) after:1d")).toBe('(x | y) >={"type":"back","unit":"day","count":1}');
    expect(parsed("x after:yesterday")).toBe('x >={"type":"back","unit":"day","count":1}');
  });

  test.each([
    ["", "Empty", 0],
    ["   ", "Empty", 0],
    ['say "good', "QuoteOpen", 4],
    ['from:"Ben', "QuoteOpen", 5],
    ["(a OR b", "GroupOpen", 0],
    ["a)", "GroupNotOpen", 1],
    ["a ()", "GroupEmpty", 3],
    ["OR a", "OperandMissing", 0],
    ["a OR", "OperandMissing", 4],
    ["a OR OR b", "OperandMissing", 5],
    ["AND a", "OperandMissing", 0],
    ["a AND", "OperandMissing", 2],
    ["--a", "OperandMissing", 0],
    ["a -OR", "OperandMissing", 3],
    ["!!!", "NothingToFind", 0],
    ["a *", "NothingToFind", 2],
    ["👍", "NothingToFind", 0],
    ["me*t", "StarMisplaced", 2],
    ["form:Ben", "UnknownFilter", 0],
    ["in:", "FilterEmpty", 0],
    ['in:" "', "FilterEmpty", 0],
    ["before:soon", "BadDate", 0],
    ["before:2026-02-30", "BadDate", 0],
    ["after:1969", "BadDate", 0],
    ["has:cheese", "BadHas", 0],
    ["a OR after:2026", "DateMisplaced", 5],
    ["after:2026 OR a", "DateMisplaced", 0],
    ["-after:2026", "DateMisplaced", 1],
    ["(after:2026)", "DateMisplaced", 1],
  ])("%s is refused: %s at %i", (text, rule, position) => {
    expect(bad(parseSearchQuery(text))).toMatchObject({ rule, position });
  });

  test("has at most SEARCH_QUERY_CHARS_MAX characters", () => {
    expect(parseSearchQuery("x".repeat(SEARCH_QUERY_CHARS_MAX - 1)).ok).toBe(true);
    expect(parseSearchQuery("x".repeat(SEARCH_QUERY_CHARS_MAX)).ok).toBe(true);
    expect(bad(parseSearchQuery("x".repeat(SEARCH_QUERY_CHARS_MAX + 1))).rule).toBe("TooLong");
  });

  test("has at most SEARCH_TERMS_MAX words and filters", () => {
    const query = (terms: number) => parseSearchQuery("x ".repeat(terms));
    expect(query(SEARCH_TERMS_MAX - 1).ok).toBe(true);
    expect(query(SEARCH_TERMS_MAX).ok).toBe(true);
    expect(bad(query(SEARCH_TERMS_MAX + 1))).toMatchObject({
      rule: "TooManyTerms",
      position: 2 * SEARCH_TERMS_MAX,
    });
  });

  test("has at most SEARCH_DEPTH_MAX groups within each other", () => {
    const query = (depth: number) => parseSearchQuery(`${"(".repeat(depth)}x${")".repeat(depth)}`);
    expect(query(SEARCH_DEPTH_MAX - 1).ok).toBe(true);
    expect(query(SEARCH_DEPTH_MAX).ok).toBe(true);
    expect(bad(query(SEARCH_DEPTH_MAX + 1)).rule).toBe("TooDeep");
  });

  test("is parsed or refused with a position in it, whatever it is", () => {
    const piece = fc.oneof(
      fc.string({ unit: "binary", maxLength: 4 }),
      fc.constantFrom("(", ")", '"', "-", "*", " OR ", " AND ", "in:", "before:", "2026", " ", "a", "天"),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const text = pieces.join("");
        const query = parseSearchQuery(text);
        if (!query.ok) expect(query.error.position).toBeLessThanOrEqual(text.length);
      }),
      { numRuns: 2_000 },
    );
  });
});
