import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { candidateOf, filesFrom } from "../../../cli/complete-names.ts";
import { createTemporaryFolder } from "../../support/temporary-folder.ts";

describe("what the tab key offers", () => {
  test.each(["Ben", "Zoë", "李雷", "ben.adler-2", "0x"])("%s as it is", (name) => {
    expect(candidateOf(name, "0123456789abcdef")).toEqual({ value: name, description: "" });
  });

  test.each([
    "$(x)",
    "`x`",
    "a b",
    "a;b",
    "-x",
    "'",
    '"',
    "a\nb",
    "*",
    "~",
    "!x",
    "#x",
    "a=b",
    "%x",
    "{a,b}",
    "",
  ])("%j is not offered as it is", (name) => {
    expect(candidateOf(name, "0123456789abcdef").value).toBe("01234567");
    expect(candidateOf(name, "0123456789abcdef").description).not.toMatch(/[$()`;|&<>\\'"*~!#=%{}\n]/);
  });

  test("of files those in the folder that is typed, never one that a shell would evaluate", () => {
    const folder = createTemporaryFolder();
    mkdirSync(join(folder.path, "old"));
    for (const name of ["contacts.ndjson", "$(touch pwned)", "a b", "-rf"])
      writeFileSync(join(folder.path, name), "");
    const offered = filesFrom(`${folder.path}/con`).map(({ value }) => value);
    expect(offered.toSorted()).toEqual([`${folder.path}/contacts.ndjson`, `${folder.path}/old/`]);
    expect(filesFrom(`${folder.path}/none/x`)).toEqual([]);
    folder.discard();
  });
});
