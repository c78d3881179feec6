/** Worlds from seeds: everything that was promised is kept, and a seed says what happens. */
import { describe, expect, test } from "vitest";
import { PAST_FAILURES } from "./past-failures.ts";
import { playMany, playPast } from "./play-many.ts";

/** All of this folder has five minutes on two processors. */
const WORLDS = 500;
const JOBS = 2;
const PATIENCE_MS = 1_200_000;

describe("stories that failed once", () => {
  test("come to a good end", async () => {
    const played = await playPast(JOBS);
    expect(played.flatMap(({ seed, faults }) => (faults.length > 0 ? [{ seed, faults }] : []))).toEqual([]);
    expect(played.length).toBe(Object.keys(PAST_FAILURES).length);
  });
});

describe("worlds from seeds", () => {
  test(
    "keep every promise, whatever goes wrong in them",
    async () => {
      const survived = await playMany({ from: 1, count: WORLDS, jobs: JOBS });
      expect(survived.failed.map(({ seed, faults }) => ({ seed, faults }))).toEqual([]);
      expect(survived.worlds).toBe(WORLDS);
      expect(survived.events).toBeGreaterThan(WORLDS * 100);
      expect(survived.tally.get("power cuts")).toBeGreaterThan(0);
    },
    PATIENCE_MS,
  );

  test(
    "are the same again, event for event",
    async () => {
      const [once, again] = [
        await playMany({ from: 9_000, count: 6, jobs: 2 }),
        await playMany({ from: 9_000, count: 6, jobs: 1 }),
      ];
      expect(Object.fromEntries(again.hashBySeed)).toEqual(Object.fromEntries(once.hashBySeed));
      expect(new Set(once.hashBySeed.values()).size).toBe(6);
    },
    PATIENCE_MS,
  );
});
