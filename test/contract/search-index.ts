/** What every adapter of the search index has to do. */
import { describe, expect, test } from "vitest";
import type { AccountId, ConversationId, OpId } from "../../core/base/ids.ts";
import { type DeviceId, idFromBytes } from "../../core/base/ids.ts";
import type { Result } from "../../core/base/result.ts";
import { HLC_MAX } from "../../core/messenger/hlc.ts";
import { RECENT_MESSAGES } from "../../core/messenger/search/recent-messages.ts";
import {
  type IndexPage,
  type IndexQuery,
  RANKED_HITS_MAX,
  type SearchDocument,
  type SearchIndex,
  type SearchTerm,
} from "../../core/messenger/search/search-index.ts";
import { searchWords } from "../../core/messenger/search/search-text.ts";

const idBytes = (number: number) => {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(28, number);
  return bytes;
};
export const conversation = (number: number): ConversationId => idFromBytes("conversation", idBytes(number));
export const author = (number: number): AccountId => idFromBytes("account", idBytes(number));
export const op = (number: number): OpId => idFromBytes("op", idBytes(number));
const device: DeviceId = idFromBytes("device", new Uint8Array(16));

/** A message; its number is also its time. */
export function message(number: number, text: string, changes: Partial<SearchDocument> = {}): SearchDocument {
  return {
    conversationId: conversation(1),
    hlc: number,
    device,
    id: op(number),
    author: author(1),
    text,
    ...changes,
  };
}

const words = (text: string, isPrefix = false): SearchTerm => ({
  type: "text",
  words: searchWords(text),
  isPrefix,
});
const EVERYTHING = { fromHlc: 0, toHlc: HLC_MAX + 1, order: "newest", limit: 100, after: null } as const;

export function describeSearchIndex(
  name: string,
  open: () => SearchIndex,
  naughtyStrings: readonly string[] = [],
): void {
  const filled = (...documents: readonly SearchDocument[]): SearchIndex => {
    const index = open();
    good(index.add(documents));
    return index;
  };
  const find = (index: SearchIndex, term: SearchTerm, changes: Partial<IndexQuery> = {}): readonly number[] =>
    good(index.query({ ...EVERYTHING, term, ...changes })).found.map(({ hlc }) => hlc);

  describe(`search index ${name}`, () => {
    test("finds words, phrases and beginnings, whatever their case and accents", () => {
      const index = filled(
        message(1, "Good morning, Zürich!"),
        message(2, "morning has been good"),
        message(3, "The MORNINGS after cafe\u0301"),
      );
      expect(find(index, words("good"))).toEqual([2, 1]);
      expect(find(index, words("good morning"))).toEqual([1]);
      expect(find(index, words("morn", true))).toEqual([3, 2, 1]);
      expect(find(index, words("zurich"))).toEqual([1]);
      expect(find(index, words("café"))).toEqual([3]);
      expect(find(index, words("orning"))).toEqual([]);
    });

    test("finds parts of sentences in scripts without spaces", () => {
      const index = filled(
        message(1, "今天天气很好"),
        message(2, "明日は東京で会いましょう"),
        message(3, "วันนี้อากาศดี"),
        message(4, "학교에서 만나요"),
        message(5, "हिन्दी भाषा"),
        message(6, "iPhone手机"),
      );
      expect(find(index, words("天气"))).toEqual([1]);
      expect(find(index, words("气天"))).toEqual([]);
      expect(find(index, words("東京"))).toEqual([2]);
      expect(find(index, words("อากาศ"))).toEqual([3]);
      expect(find(index, words("학교"))).toEqual([4]);
      expect(find(index, words("हिन्दी"))).toEqual([5]);
      expect(find(index, words("手机"))).toEqual([6]);
      expect(find(index, words("iphone"))).toEqual([6]);
    });

    test("joins conditions", () => {
      const index = filled(
        message(1, "red apple"),
        message(2, "green apple", { conversationId: conversation(2) }),
        message(3, "green pear see https://example.org/a", { author: author(2) }),
      );
      const inOne: SearchTerm = { type: "conversation", ids: [conversation(1)] };
      const byTwo: SearchTerm = { type: "author", ids: [author(2), author(3)] };
      const not = (term: SearchTerm): SearchTerm => ({ type: "not", term });
      expect(find(index, { type: "all" })).toEqual([3, 2, 1]);
      expect(find(index, { type: "and", terms: [words("green"), words("apple")] })).toEqual([2]);
      expect(find(index, { type: "or", terms: [words("red"), words("pear")] })).toEqual([3, 1]);
      expect(find(index, { type: "and", terms: [words("apple"), not(words("red"))] })).toEqual([2]);
      expect(find(index, not(words("apple")))).toEqual([3]);
      expect(find(index, not(not(words("apple"))))).toEqual([2, 1]);
      expect(find(index, { type: "and", terms: [not(words("red")), not(byTwo)] })).toEqual([2]);
      expect(find(index, { type: "and", terms: [words("apple"), inOne] })).toEqual([1]);
      expect(find(index, byTwo)).toEqual([3]);
      expect(find(index, { type: "link" })).toEqual([3]);
      expect(find(index, { type: "conversation", ids: [] })).toEqual([]);
      expect(find(index, not({ type: "conversation", ids: [] }))).toEqual([3, 2, 1]);
      expect(find(index, { type: "and", terms: [] })).toEqual([3, 2, 1]);
      expect(find(index, { type: "or", terms: [] })).toEqual([]);
    });

    test("takes thousands of conversations in one condition", () => {
      const index = filled(message(1, "apple", { conversationId: conversation(2_999) }));
      const ids = Array.from({ length: 3_000 }, (_, i) => conversation(i));
      expect(find(index, { type: "and", terms: [words("apple"), { type: "conversation", ids }] })).toEqual([
        1,
      ]);
    });

    test("keeps to a span of time", () => {
      const index = filled(message(10, "a"), message(20, "a"), message(30, "a"), message(HLC_MAX, "a"));
      expect(find(index, words("a"), { fromHlc: 20, toHlc: 30 })).toEqual([20]);
      expect(find(index, words("a"), { fromHlc: 20 })).toEqual([HLC_MAX, 30, 20]);
      expect(find(index, words("a"), { fromHlc: 40, toHlc: 30 })).toEqual([]);
    });

    test.each(["newest", "relevance"] as const)(
      "gives pages by %s without a gap or a repetition",
      (order) => {
        const index = filled(
          ...Array.from({ length: 50 }, (_, i) => message(i + 1, `apple ${"pear ".repeat(i)}`)),
        );
        const seen: number[] = [];
        let after: string | null = null;
        do {
          const page: IndexPage = good(
            index.query({ ...EVERYTHING, term: words("apple"), order, limit: 7, after }),
          );
          seen.push(...page.found.map(({ hlc }) => hlc));
          after = page.next;
        } while (after !== null);
        expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
        expect(seen).toEqual(
          order === "newest" ? seen.toSorted((a, b) => b - a) : seen.toSorted((a, b) => a - b),
        );
      },
    );

    test("by relevance orders the newest hits only, so that a common word costs no more", () => {
      const documents = Array.from({ length: RANKED_HITS_MAX + 1 }, (_, i) => message(i + 1, "apple"));
      const index = filled(...documents);
      const found = find(index, words("apple"), { order: "relevance", limit: RANKED_HITS_MAX + 1 });
      expect(found).toHaveLength(RANKED_HITS_MAX);
      expect(found).not.toContain(1);
    });

    test("by relevance what holds no word to weigh comes newest first, all of it", () => {
      const index = filled(
        ...Array.from({ length: RANKED_HITS_MAX + 2 }, (_, i) => message(i + 1, i === 5 ? "pear" : "apple")),
      );
      const page = { order: "relevance", limit: RANKED_HITS_MAX + 2 } as const;
      const newestFirst = Array.from({ length: RANKED_HITS_MAX + 2 }, (_, i) => RANKED_HITS_MAX + 2 - i);
      expect(find(index, { type: "all" }, page)).toEqual(newestFirst);
      const byOne: SearchTerm = { type: "author", ids: [author(1)] };
      expect(
        find(index, { type: "and", terms: [byOne, { type: "not", term: words("pear") }] }, page),
      ).toEqual(newestFirst.filter((number) => number !== 6));
      // With a word it is that word's business again.
      const weighed = filled(message(1, "apple"), message(2, "pear, and many more words beside it"));
      const either: SearchTerm = { type: "and", terms: [byOne, words("apple")] };
      expect(find(weighed, either, page)).toEqual([1]);
    });

    describe("of more messages than are kept ready", () => {
      const COUNT = 2 * RECENT_MESSAGES + 640;
      /** Every message holds `often`, every 64th `seldom`; the numbers of the latter are found newest first. */
      const crowd = Array.from({ length: COUNT }, (_, i) =>
        message(i + 1, i % 64 === 0 ? `often seldom ${"x ".repeat(i % 7)}` : "often"),
      );
      const seldom = crowd.filter(({ text }) => text.includes("seldom")).map(({ hlc }) => hlc);
      const held = (): SearchIndex => {
        const index = open();
        good(index.hold());
        for (let at = 0; at < COUNT; at += 5_000) good(index.add(crowd.slice(at, at + 5_000)));
        good(index.release());
        return index;
      };
      const grown = (): SearchIndex => {
        const index = open();
        for (let at = 0; at < COUNT; at += 5_000) good(index.add(crowd.slice(at, at + 5_000)));
        return index;
      };

      test.each([
        ["filled at once", held],
        ["grown", grown],
      ])("finds the same as of few: %s", (_, make) => {
        const index = make();
        expect(find(index, words("seldom"), { limit: COUNT })).toEqual(seldom.toReversed());
        expect(find(index, words("sel", true), { limit: COUNT })).toEqual(seldom.toReversed());
        expect(find(index, words("often"), { limit: 3 })).toEqual([COUNT, COUNT - 1, COUNT - 2]);
        // Pages lead across the edge of what is kept ready.
        const seen: number[] = [];
        let after: string | null = null;
        do {
          const page: IndexPage = good(
            index.query({ ...EVERYTHING, term: words("of", true), limit: 5_000, after }),
          );
          seen.push(...page.found.map(({ hlc }) => hlc));
          after = page.next;
        } while (after !== null);
        expect(seen).toEqual(crowd.map(({ hlc }) => hlc).toReversed());
        const ranked = find(index, words("often"), { order: "relevance", limit: COUNT });
        // Of equal weight the newest comes first, and the shortest text weighs most.
        expect(ranked.slice(0, 2)).toEqual([COUNT, COUNT - 1]);
        expect(ranked.toSorted((a, b) => b - a)).toEqual(
          Array.from({ length: RANKED_HITS_MAX }, (_entry, i) => COUNT - i),
        );
        const few = find(index, words("seldom"), { order: "relevance", limit: COUNT });
        expect(few.toSorted((a, b) => a - b)).toEqual(seldom);
        expect(find(index, words("often"), { toHlc: 10, limit: 3 })).toEqual([9, 8, 7]);
        expect(find(index, words("often"), { order: "relevance", fromHlc: 2, toHlc: 4 }).toSorted()).toEqual([
          2, 3,
        ]);
        index.close();
      });

      test.each([
        ["filled at once", held],
        ["grown", grown],
      ])("takes late ones and forgets: %s", (_, make) => {
        const index = make();
        const late = [
          message(5, "late", { id: op(COUNT + 1) }),
          message(COUNT - 5, "late", { id: op(COUNT + 2) }),
          message(COUNT + 5, "late", { id: op(COUNT + 3) }),
        ];
        good(index.add(late));
        expect(find(index, words("late"))).toEqual([COUNT + 5, COUNT - 5, 5]);
        good(index.remove([op(COUNT + 2), op(COUNT), op(1)]));
        expect(find(index, words("late"))).toEqual([COUNT + 5, 5]);
        expect(find(index, words("late"), { order: "relevance" }).toSorted()).toEqual(
          [COUNT + 5, 5].toSorted(),
        );
        expect(find(index, words("often"), { limit: 2 })).toEqual([COUNT - 1, COUNT - 2]);
        expect(find(index, words("seldom"), { limit: COUNT })).toEqual(
          seldom.filter((number) => number !== 1).toReversed(),
        );
        good(index.hold());
        good(index.add([message(COUNT + 9, "late", { id: op(COUNT + 4) })]));
        good(index.add([message(COUNT + 8, "late", { id: op(COUNT + 5) })]));
        good(index.remove([op(COUNT + 4)]));
        good(index.release());
        expect(find(index, words("late"))).toEqual([COUNT + 8, COUNT + 5, 5]);
        index.close();
      });
    });

    test("holds a message once, and forgets it", () => {
      const index = filled(message(1, "apple"), message(2, "apple"));
      good(index.add([message(1, "apple"), message(3, "pear"), message(3, "pear")]));
      expect(find(index, words("apple"))).toEqual([2, 1]);
      good(index.remove([op(1), op(9)]));
      expect(index.has(op(1))).toBe(false);
      expect(index.has(op(2))).toBe(true);
      expect(find(index, { type: "all" })).toEqual([3, 2]);
      good(index.add([message(1, "plum")]));
      expect(find(index, words("plum"))).toEqual([1]);
    });

    test("finds what was added while many were coming, then and afterwards", () => {
      const index = filled(message(1, "apple"));
      good(index.hold());
      good(index.hold());
      good(index.add([message(2, "apple")]));
      good(index.remove([op(1)]));
      expect(find(index, words("apple"))).toEqual([2]);
      good(index.add([message(3, "apple")]));
      good(index.release());
      good(index.release());
      good(index.add([message(4, "apple")]));
      expect(find(index, words("apple"))).toEqual([4, 3, 2]);
    });

    test("takes messages late, and many of one time", () => {
      const index = filled(message(9, "apple"));
      good(index.add([message(5, "apple")]));
      const crowd = Array.from({ length: 3_000 }, (_, i) => message(5, "pear", { id: op(1_000 + i) }));
      good(index.add(crowd));
      good(index.add([message(6, "pear")]));
      expect(find(index, words("apple"))).toEqual([9, 5]);
      expect(good(index.query({ ...EVERYTHING, term: words("pear"), limit: 5_000 })).found).toHaveLength(
        3_001,
      );
    });

    test("many messages of one time cost no more than others", () => {
      const addMs = (hlcOf: (i: number) => number): number => {
        const index = open();
        const crowd = Array.from({ length: 15_000 }, (_, i) => message(hlcOf(i), "pear", { id: op(i) }));
        const startMs = performance.now();
        for (let at = 0; at < crowd.length; at += 500) good(index.add(crowd.slice(at, at + 500)));
        index.close();
        return performance.now() - startMs;
      };
      const apartMs = addMs((i) => i);
      expect(addMs(() => 5)).toBeLessThan(10 * apartMs + 1_000);
    });

    test("tells where a text matches", () => {
      const index = open();
      const located = (text: string, term: SearchTerm): readonly string[] | null =>
        good(index.locate(term, [message(1, text)]))[0]?.map(({ start, end }) => text.slice(start, end)) ??
        null;
      expect(located("An apple, an APPLE, apples", words("apple"))).toEqual(["apple", "APPLE"]);
      expect(located("An apple, apples", words("app", true))).toEqual(["apple", "apples"]);
      expect(located("good morning, good", words("good morning"))).toEqual(["good morning"]);
      expect(located("今天天气很好 ok", { type: "and", terms: [words("天气"), words("ok")] })).toEqual([
        "天气",
        "ok",
      ]);
      expect(located("𠮷野家で牛丼", words("𠮷野家"))).toEqual(["𠮷野家"]);
      expect(located("𠮷野家で牛丼を 食べる", words("牛丼"))).toEqual(["牛丼"]);
      expect(located("pear", words("apple"))).toBeNull();
      expect(located("pear", { type: "link" })).toBeNull();
      expect(located("pear", { type: "all" })).toEqual([]);
      const mark = "\u{e000}0\u{e001}apple\u{e002}0\u{e003} pear";
      expect(located(mark, words("pear"))).toEqual(["pear"]);
    });

    test("what people type is never a statement of the engine", () => {
      const index = filled(message(1, "apple"), message(2, "x"));
      const naughty = [
        '"',
        '" OR "x',
        "apple\u0000",
        '") OR (scope : "a',
        "scope : a",
        "{body scope} : x",
        "^apple",
        "apple NEAR(x, 2)",
        "body:apple",
        "* *",
        "'; DROP TABLE message; --",
        "\\",
        "-- x",
        ...naughtyStrings,
      ];
      for (const text of naughty) {
        for (const isPrefix of [false, true]) {
          const term = { type: "text", words: [text], isPrefix } as const;
          expect(index.query({ ...EVERYTHING, term }).ok, text).toBe(true);
          expect(index.locate(term, [message(1, text)]).ok, text).toBe(true);
        }
      }
      expect(find(index, { type: "text", words: ['" OR "x'], isPrefix: false })).toEqual([]);
      expect(find(index, { type: "all" })).toEqual([2, 1]);
    });

    test("says when a cursor is none", () => {
      const index = filled(message(1, "apple"));
      for (const after of ["", "-1", "1; DROP", "99999999999999999999"])
        expect(index.query({ ...EVERYTHING, term: { type: "all" }, after })).toEqual({
          ok: false,
          error: { type: "BadSearchCursor" },
        });
    });

    test("says when it cannot go on", () => {
      const index = filled(message(1, "apple"));
      index.close();
      expect(index.query({ ...EVERYTHING, term: { type: "all" } })).toMatchObject({
        ok: false,
        error: { type: "SearchUnavailable" },
      });
      expect(index.add([message(2, "pear")])).toMatchObject({ ok: false });
    });
  });
}

function good<T>(result: Result<T, { readonly type: string }>): T {
  if (!result.ok) throw new Error(result.error.type);
  return result.value;
}
