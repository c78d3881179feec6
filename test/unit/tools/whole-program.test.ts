/** When the command line as one file is what the sources say, and when it is not. */
import { mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isCurrent, sourceStamp } from "../../../cli/bin/whole-program.js";
import { createTemporaryFolder } from "../../support/temporary-folder.ts";

let folder: ReturnType<typeof createTemporaryFolder>;
const path = (name: string) => join(folder.path, name);
const made = () => path("cli/dist/dovetail.js");

beforeEach(() => {
  folder = createTemporaryFolder();
  for (const name of ["cli/commands", "cli/dist", "core/base", "node_modules"])
    mkdirSync(path(name), { recursive: true });
  writeFileSync(path("cli/commands/send.ts"), "send");
  writeFileSync(path("core/base/result.ts"), "result");
  writeFileSync(path("node_modules/.package-lock.json"), "{}");
  writeFileSync(made(), `${sourceStamp(folder.path)}the program`);
});
afterEach(() => folder.discard());

const isCurrentHere = () => isCurrent(made(), folder.path);

test("it is current as long as nothing has changed, and where it lies is no source", () => {
  expect(isCurrentHere()).toBe(true);
  writeFileSync(path("cli/dist/other.js"), "");
  expect(isCurrentHere()).toBe(true);
});

test.each([
  ["a source with other bytes", () => writeFileSync(path("cli/commands/send.ts"), "sent, twice")],
  [
    "a source of the same length at another time",
    () => {
      const { atimeMs, mtimeMs } = statSync(path("core/base/result.ts"));
      writeFileSync(path("core/base/result.ts"), "RESULT");
      utimesSync(path("core/base/result.ts"), atimeMs / 1_000, mtimeMs / 1_000 - 3_600);
    },
  ],
  ["a new source", () => writeFileSync(path("core/base/more.ts"), "")],
  ["a source that is gone", () => rmSync(path("cli/commands/send.ts"))],
  ["another set of libraries", () => writeFileSync(path("node_modules/.package-lock.json"), "{ }")],
  ["no installed libraries", () => rmSync(path("node_modules/.package-lock.json"))],
  ["a file that was cut short", () => writeFileSync(made(), sourceStamp(folder.path).slice(0, 20))],
  ["no file", () => rmSync(made())],
])("it is not after %s", (_, change) => {
  change();
  expect(isCurrentHere()).toBe(false);
});
