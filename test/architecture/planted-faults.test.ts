/** Faults that the simulation plants are changes of texts: a source that no longer has its text is noticed here, before it is played. */
import { describe, expect, test } from "vitest";
import { PLANTED_FAULTS } from "../simulation/planted/faults.ts";
import { plantIn, sourceOf, textsOf } from "../simulation/planted/plant.ts";

describe("planted faults", () => {
  test("stand for texts that are in the code, each once", () => {
    expect(PLANTED_FAULTS.length).toBeGreaterThanOrEqual(30);
    expect(new Set(PLANTED_FAULTS.map(({ name }) => name)).size).toBe(PLANTED_FAULTS.length);
    for (const text of PLANTED_FAULTS.flatMap(textsOf))
      expect(plantIn(text, sourceOf(text))).not.toBe(sourceOf(text));
  });

  test("a list that no longer fits the code is noticed", () => {
    const [fault] = PLANTED_FAULTS;
    if (fault === undefined) throw new Error("there is a fault");
    expect(() => plantIn({ ...fault, find: "nobody wrote this" }, sourceOf(fault))).toThrow(/0 times/);
  });
});
