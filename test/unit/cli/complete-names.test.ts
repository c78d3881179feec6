import { describe, expect, test } from "vitest";
import { candidateOf } from "../../../cli/complete-names.ts";

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
});
