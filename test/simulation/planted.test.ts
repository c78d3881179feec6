/** The instrument itself: every fault of the list, planted alone, is found; and without one nothing is. */
import { describe, expect, test } from "vitest";
import { PLANTED_FAULTS } from "./planted/faults.ts";
import { plantIn, sourceOf, textsOf } from "./planted/plant.ts";
import { playPlanted, runPlanted } from "./planted/run-planted.ts";

const JOBS = 2;
/** Two minutes on two idle processors; a machine that has other work takes longer, and no answer is not a fault. */
const PATIENCE_MS = 1_200_000;

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

  test("are none in the code as it is: the stories come to a good end", async () => {
    expect(await playPlanted(null)).toEqual({ caughtBy: null, says: null });
  });

  test(
    "are found, every one",
    async () => {
      const results = await runPlanted(PLANTED_FAULTS, JOBS);
      const missed = [...results].filter(([, { caughtBy }]) => caughtBy === null).map(([name]) => name);
      expect(missed).toEqual([]);
      expect(results.size).toBe(PLANTED_FAULTS.length);
    },
    PATIENCE_MS,
  );
});
