/** The instrument itself: every fault of the list, planted alone, is found; and without one nothing is. */
import { describe, expect, test } from "vitest";
import { PLANTED_FAULTS } from "./planted/faults.ts";
import { playPlanted, runPlanted } from "./planted/run-planted.ts";

const JOBS = 2;
/** Two minutes on two idle processors; a machine that has other work takes longer, and no answer is not a fault. */
const PATIENCE_MS = 1_200_000;

describe("planted faults", () => {
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
