import { describe, expect, test } from "vitest";
import { editDistance, findNamed, type Named } from "../../../cli/find-named.ts";

function contact(
  value: string,
  id: string,
  ownNames: readonly string[],
  otherNames: readonly string[],
): Named<string> {
  return { value, id, ownNames, otherNames };
}

const CONTACTS = [
  contact("ben", "aaaa1111", ["Ben"], ["Benjamin K.", "ben.k"]),
  contact("benno", "aaaa2222", [], ["Benno", "benno"]),
  contact("ada", "bbbb3333", [], ["Ada", "ada"]),
  contact("impostor", "cccc4444", [], ["Ben"]),
];

describe("findNamed", () => {
  test.each([
    ["Ben", "ben"],
    ["ben", "ben"],
    ["benno", "benno"],
    ["@ada", "ada"],
    ["ADA", "ada"],
    ["benjamin", "ben"],
    ["bbbb", "ada"],
    ["cccc4444", "impostor"],
  ])("%s is %s", (query, value) => {
    expect(findNamed("contact", CONTACTS, query)).toEqual({ ok: true, value });
  });

  test("a stranger who takes a contact's name does not get what was meant for the contact", () => {
    expect(findNamed("contact", CONTACTS, "Ben")).toEqual({ ok: true, value: "ben" });
  });

  test("two who call themselves the same are ambiguous, and both are named", () => {
    const twins = [contact("a", "aaaa1111", [], ["Lea"]), contact("b", "bbbb2222", [], ["Lea"])];
    const found = findNamed("contact", twins, "lea");
    expect(found).toEqual({
      ok: false,
      error: {
        type: "Ambiguous",
        what: "contact",
        query: "lea",
        candidates: ["Lea (aaaa1111)", "Lea (bbbb2222)"],
      },
    });
  });

  test("an id that fits two is ambiguous; three characters of one are too few", () => {
    expect(findNamed("contact", CONTACTS, "aaaa")).toMatchObject({ error: { type: "Ambiguous" } });
    expect(findNamed("contact", CONTACTS, "bbb")).toMatchObject({ error: { type: "NotFound" } });
  });

  test("a slip of the finger gets a guess, and something else gets none", () => {
    expect(findNamed("contact", CONTACTS, "Bne")).toMatchObject({
      error: { type: "NotFound", similar: ["Ben"] },
    });
    expect(findNamed("contact", CONTACTS, "Zacharias")).toMatchObject({
      error: { type: "NotFound", similar: [] },
    });
    const long = [contact("ben", "aaaa1111", [], ["Benjamin Adler-Schönfeld"])];
    for (const typed of ["Bnjamin", "Adlre", "Schonfeld"])
      expect(findNamed("contact", long, typed)).toMatchObject({
        error: { similar: ["Benjamin Adler-Schönfeld"] },
      });
    expect(findNamed("contact", CONTACTS, "")).toMatchObject({ error: { type: "NotFound", similar: [] } });
  });
});

describe("editDistance", () => {
  test.each([
    ["", "", 0],
    ["ada", "", 3],
    ["ada", "ada", 0],
    ["ada", "aad", 1],
    ["kitten", "sitting", 3],
  ])("of %s and %s is %i", (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });
});
