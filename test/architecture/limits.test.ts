/** Every limit of core/base/limits.ts is used by name in a test. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { faultLines, readTree, ROOT } from "../support/checkout.ts";
import { findUntestedLimits } from "../support/limit-coverage.ts";

const LIMITS_FILE = "core/base/limits.ts";

describe("the limits", () => {
  test("each is used by a test", () => {
    const tests = readTree(["test"], [".test.ts"]);
    const source = readFileSync(join(ROOT, LIMITS_FILE), "utf8");
    expect(faultLines(findUntestedLimits(LIMITS_FILE, source, tests))).toEqual([]);
  });
});

describe("the search itself", () => {
  const source =
    "/** One. */\nexport const ONE_MAX = 1;\nexport const TWO_BYTES_MAX: number = 2;\nconst HIDDEN = 3;\n";
  const search = (text: string): readonly string[] =>
    findUntestedLimits("limits.ts", source, new Map([["test/unit/a.test.ts", text]])).map(({ why }) => why);

  test("finds nothing when each is used", () => {
    expect(
      search('import { ONE_MAX } from "./limits.ts"; expect(f(ONE_MAX + 1)); g(`${TWO_BYTES_MAX}`);'),
    ).toEqual([]);
  });

  test.each([
    ["is not there", "expect(ONE_MAX);"],
    ["is imported only", 'import { TWO_BYTES_MAX } from "./limits.ts"; expect(ONE_MAX);'],
    ["stands in a comment or a string only", 'expect(ONE_MAX, "TWO_BYTES_MAX"); // TWO_BYTES_MAX'],
  ])("catches a limit that %s", (_name, text) => {
    expect(search(text)).toEqual(["TWO_BYTES_MAX is used by no test"]);
  });
});
