/** The scanner the other checks of this folder stand on. */
import { expect, test } from "vitest";
import { findImports, findTestTitles, scanSource } from "../support/source-scanner.ts";

test("finds every form of import", () => {
  const source = `#!/usr/bin/env node
    import "./a.ts";
    import b from './b.ts';
    import * as c from "./c.ts";
    import d, { type D, e as f, "odd name" as g } from "./d.ts";
    import type { H } from "./h.ts";
    import type from "./i.ts";
    export { j } from "./j.ts";
    export * from "./k.ts";
    export type * as L from "./l.ts";
    const m = await import("./m.ts");
    type N = import("./n.ts").N;
    const o = require("./o.ts");
    const p = import(\`./\${name}.ts\`);
    import data from "./q.json" with { type: "json" };
  `;
  expect(findImports(source).map(({ specifier }) => specifier)).toEqual([
    "./a.ts",
    "./b.ts",
    "./c.ts",
    "./d.ts",
    "./h.ts",
    "./i.ts",
    "./j.ts",
    "./k.ts",
    "./l.ts",
    "./m.ts",
    "./n.ts",
    "./o.ts",
    undefined,
    "./q.json",
  ]);
  const flagged = (flag: "isTypeOnly" | "isReexport"): readonly unknown[] =>
    findImports(source).flatMap((found) => (found[flag] ? [found.specifier] : []));
  expect(flagged("isTypeOnly")).toEqual(["./h.ts", "./l.ts"]);
  expect(flagged("isReexport")).toEqual(["./j.ts", "./k.ts", "./l.ts"]);
});

test("sees no import in comments, strings, templates, regular expressions, members and declarations", () => {
  const source = `
    // import "./a.ts"
    /* export * from "./b.ts" */
    const s = 'import "./c.ts"', t = "\\"; import './d.ts'";
    const u = \`import "./e.ts" \${f(\`import "./f.ts" \${{ g: "}" }.g}\`)} import "./h.ts"\`;
    const r = /["'\`/*]/.test(s) ? 1 / 2 / 3 : [/[/"]import/g];
    loader.import("./i.ts"); import.meta.url;
    export const from = "./j.ts"; export function k() { return { from: "./l.ts" }; }
    export default class { from = "./m.ts" }
  `;
  expect(findImports(source)).toEqual([]);
});

test("counts lines through comments and templates", () => {
  const tokens = scanSource("/* one\ntwo */ a\n`three\n${b}\n` c");
  expect(tokens.filter(({ kind }) => kind === "word").map(({ text, line }) => [text, line])).toEqual([
    ["a", 2],
    ["b", 4],
    ["c", 5],
  ]);
});

test("finds test titles, but not those of skipped tests", () => {
  const source = `
    test("one", () => { expect("no").toBe(f("no")); });
    it.each([["no"], (1)])(\`two \${x}\`, () => {});
    test.concurrent.each(rows())("three", f);
    test.skip("no", f); it.todo("no"); test.skip.each([])("no", f); describe.skip("no", f); my.test("no");
    describe("four", f);
  `;
  expect(findTestTitles(source)).toEqual(["one", "two ", "three", "four"]);
});
