/** What is typed, as the engine is asked. */
import { describe, expect, test } from "vitest";
import { NO_FILTERS, typedQuery } from "../../../app/ui/inbox/typed-query.ts";
import { idFromBytes } from "../../../core/base/ids.ts";
import { parseSearchQuery } from "../../../core/messenger/search/search-query.ts";

const placeId = idFromBytes("account", new Uint8Array(32).fill(10));
const ALL = { placeId, isMine: true, hasLink: true, span: "7d" } as const;

describe("what is typed", () => {
  test.each([
    ["", ""],
    ["  ", ""],
    ["clam", "clam*"],
    ["long clam", "long clam*"],
    ["clamp ", "clamp"],
    ["-clam", "-clam*"],
    ["(a OR clam", "(a OR clam*"],
    ["a OR", "a OR"],
    ['"long clam', '"long clam'],
    ['"long" clam', '"long" clam*'],
    ["from:me", "from:me"],
    ["見つ", "見つ*"],
  ])("%j asks %j", (typed, query) => {
    expect(typedQuery(typed, NO_FILTERS)).toBe(query);
  });

  test.each(["clam", "a OR clam", "", "clamp "])("%j with every filter is a query", (typed) => {
    expect(parseSearchQuery(typedQuery(typed, ALL))).toMatchObject({ ok: true, value: { after: [{}] } });
  });

  test("filters hold for all alternatives", () => {
    expect(typedQuery("a OR b", { ...NO_FILTERS, isMine: true })).toBe("(a OR b*) from:me");
  });
});
