/** No file under version control names a machine or a registry, leaves work open, or silences a check. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { faultLines, listVersioned, ROOT } from "../support/checkout.ts";
import { FORBIDDEN, findForbidden } from "../support/forbidden.ts";

/** What each pattern must catch and must let pass; the pieces keep this file itself free of it. */
const EXAMPLES: Readonly<
  Record<string, { readonly caught: readonly string[]; readonly fine: readonly string[] }>
> = {
  "a path of one machine": {
    caught: [`cd /${"tmp"}/x`, `"/${"home"}/ada/code"`, `(/${"root"}/.config)`, `/${"work"}/main`],
    fine: ["./tmp/x", "https://example.org/work/one", "/var/lib/dovetail", "src/work/list.ts"],
  },
  "the address of a package registry": {
    caught: [`https://registry.${"npm"}${"js"}.org/lit`, `https://www.npm${"js"}.com/package/lit`],
    fine: ["https://docs.npm.example/", "the npm registry"],
  },
  "work left open": {
    caught: [`// ${"TO"}DO: later`, `# ${"FIX"}ME`],
    fine: ["a to-do list", "fixme is a word here"],
  },
  "a cast to any": {
    caught: [`x as ${"any"};`, `(x as ${"any"})`, `x as ${"any"} as T`, `<${"any"}>x`],
    fine: ["the same as any other device", "as anything"],
  },
  "a silenced type check": {
    caught: [`// @${"ts"}-ignore`, `// @${"ts"}-nocheck`],
    fine: ["// ts-mls ignores it"],
  },
  "a random number that can be guessed": {
    caught: [`Math.${"random"}()`],
    fine: ["random.bytes(16)", "Math.floor(x)"],
  },
};

describe("the checkout", () => {
  test("contains nothing forbidden", () => {
    const files = new Map(
      listVersioned()
        .map((path) => [path, readFileSync(join(ROOT, path))] as const)
        // Images, fonts and archives have zero bytes; text has none.
        .filter(([, bytes]) => !bytes.includes(0))
        .map(([path, bytes]) => [path, bytes.toString("utf8")]),
    );
    expect(files.size).toBeGreaterThan(20);
    expect(faultLines(findForbidden(files))).toEqual([]);
  });
});

describe("the patterns themselves", () => {
  test.each(FORBIDDEN.map(({ name }) => name))("catch %s and let harmless lines pass", (name) => {
    const examples = EXAMPLES[name];
    expect(examples, "every pattern has examples").toBeDefined();
    for (const line of examples?.caught ?? []) {
      const found = findForbidden(new Map([["core/planted.ts", `export {};\n${line}\n`]]));
      expect(found, line).toEqual([{ file: "core/planted.ts", why: `line 2 contains ${name}` }]);
    }
    for (const line of examples?.fine ?? [])
      expect(findForbidden(new Map([["a.ts", line]])), line).toEqual([]);
  });
});
