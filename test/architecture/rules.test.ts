/** Every numbered rule of docs/protocol has a test that quotes it, and no test quotes a rule that is not there. */
import { describe, expect, test } from "vitest";
import { faultLines, readTree } from "../support/checkout.ts";
import { findRuleFaults } from "../support/rule-coverage.ts";

describe("the protocol documents", () => {
  test("every rule has a test and every quoted rule exists", () => {
    const documents = readTree(["docs/protocol"], [".md"]);
    // Titles here are examples of titles, not quotes.
    // A contract's tests are declared in a file of its own, which a test beside it runs on each adapter.
    const tests = new Map([...readTree(["test"], [".test.ts"]), ...readTree(["test/contract"], [".ts"])]);
    tests.delete("test/architecture/rules.test.ts");
    expect(faultLines(findRuleFaults(documents, tests))).toEqual([]);
  });
});

describe("the comparison itself", () => {
  const documents = new Map([
    [
      "docs/protocol/log.md",
      "# Log\n\n**LG1** Entries are in order.\n- **LG2** Ids are hashes.\nSee **LG9** above.\n",
    ],
  ]);
  const sound = 'test("[LG1] in order", () => {}); test.each([1, (2)])("[LG2] hashed %s", () => {});';

  test("finds nothing when rules and titles agree", () => {
    expect(findRuleFaults(documents, new Map([["test/unit/log.test.ts", sound]]))).toEqual([]);
  });

  test.each([
    ["a rule without a test", 'test("[LG1] in order", f);', /LG2 has no test/],
    ["a rule quoted in a comment only", `${sound.replace("[LG2]", "")} // [LG2]`, /LG2 has no test/],
    ["a rule quoted by a skipped test only", sound.replace("test.each", "test.skip.each"), /LG2 has no test/],
    [
      "a rule quoted by a skipped group only",
      sound.replace("test.each", "describe.skip.each"),
      /LG2 has no test/,
    ],
    ["a quoted rule that is not there", `${sound} it("[LG7] gone", f);`, /quotes LG7/],
  ])("catches %s", (_name, source, says) => {
    const faults = findRuleFaults(documents, new Map([["test/unit/log.test.ts", source]]));
    expect(faults.map((fault) => fault.why).join("\n")).toMatch(says);
  });

  test("catches a rule defined twice", () => {
    const twice = new Map([...documents, ["docs/protocol/other.md", "**LG1** Something else.\n"]]);
    const faults = findRuleFaults(twice, new Map([["test/unit/log.test.ts", sound]]));
    expect(faults.map((fault) => fault.why)).toEqual(["defines LG1 again, after docs/protocol/log.md"]);
  });
});
