import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EXIT } from "../../../cli/errors/exit-code.ts";
import { ROOT } from "../../support/checkout.ts";

const manual = readFileSync(join(ROOT, "docs", "CLI.md"), "utf8");

test("every exit code stands in docs/CLI.md, and no other", () => {
  const documented = [...manual.matchAll(/^\| (\d+) +\| /gm)].map(([, code]) => Number(code));
  expect(documented).toEqual(Object.values(EXIT).sort((a, b) => a - b));
});
