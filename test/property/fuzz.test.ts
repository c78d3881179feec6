/**
 * Every parser against inputs that were changed, for a second or two; `npm run fuzz` plays as many as one wants. What
 * broke a promise once is played again, and so are parsers that break each of them.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { automergeReady, cryptoReady } from "@dovetail/core";
import { decode, encode, integer, list } from "../../core/codec/shape.ts";
import { startCoverage } from "../fuzz/coverage.ts";
import { type FuzzTarget, TAKEN, verdictOf } from "../fuzz/fuzz-target.ts";
import { generatorOf } from "../fuzz/generate-shape.ts";
import { runGuided } from "../fuzz/guided.ts";
import { PAST_FINDINGS } from "../fuzz/past-findings.ts";
import { CASE_BYTES_MAX, CASE_CPU_MS_MAX, playInput, runTarget } from "../fuzz/run-target.ts";
import { FUZZ_TARGETS } from "../fuzz/targets.ts";
import { allShapes } from "../fuzz/targets/codec-targets.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const CASES = 40;
const run = { seed: "test", from: 0, cases: CASES, findingsMax: 3 };

beforeAll(async () => {
  await cryptoReady();
  await automergeReady();
});

describe("parsers", () => {
  test.each(FUZZ_TARGETS.map((target) => [target.name, target] as const))(
    "%s: only typed errors, in little time and memory",
    async (_, target) => {
      const report = await runTarget(target, run);
      expect(report.findings).toEqual([]);
      expect(report.cases).toBeGreaterThan(CASES);
      expect(report.tally.size).toBeGreaterThan(1);
    },
  );

  test.each(PAST_FINDINGS.map((finding) => [finding.name, finding] as const))(
    "%s breaks no promise any more",
    async (_, { target: name, of, input }) => {
      const target = FUZZ_TARGETS.find((one) => one.name === name);
      const prepared = await target?.prepare(createSeededRandom(`fuzz ${name}`));
      const seed = prepared?.seeds[of];
      if (seed === undefined) throw new Error("the target is there");
      expect((await playInput(seed, input)).fault).toBe(null);
      await prepared?.close?.();
    },
  );

  test("nearly every structure has valid inputs made from what it prints", async () => {
    const shapes = await allShapes();
    const without = shapes.filter(({ shape }) => {
      const generate = generatorOf(shape.print);
      const value = generate?.(createSeededRandom("valid"));
      return value === undefined || !shape.fromCbor(value).ok;
    });
    expect(shapes.length).toBeGreaterThan(80);
    expect(without.map(({ name }) => name)).toEqual([
      ...["sessionSetShape", "sessionShape", "linkBodyShape"],
    ]);
  });
});

describe("the fuzzer itself", () => {
  const numbers = list(integer(), 8);
  const valid = encode(numbers, [1, 2, 3]);
  const targetOf = (feed: (input: Uint8Array) => string): FuzzTarget => ({
    name: "planted",
    about: "",
    prepare: () => ({ seeds: [{ bytes: valid, form: "cbor", feed }] }),
  });
  const faultOf = async (feed: (input: Uint8Array) => string): Promise<string> =>
    (await runTarget(targetOf(feed), { ...run, cases: 200, findingsMax: 1 })).findings[0]?.why ??
    "nothing found";
  const isLong = (input: Uint8Array): boolean => {
    const decoded = decode(numbers, input);
    return decoded.ok && decoded.value.length > 3;
  };

  test("finds a throw, an error without a name, and a valid input that is refused", async () => {
    expect(
      await faultOf((input) => {
        if (isLong(input)) throw new RangeError("planted");
        return TAKEN;
      }),
    ).toBe("threw RangeError: planted");
    expect(await faultOf((input) => verdictOf({ ok: !isLong(input), error: {} }))).toMatch(/no name/);
    expect(await faultOf(() => "Refused")).toBe("Refused for a valid input");
  });

  test("finds what takes too long, and what takes too much memory", async () => {
    const busy = (): void => {
      const cpu = process.threadCpuUsage();
      while (process.threadCpuUsage(cpu).user < (CASE_CPU_MS_MAX + 5) * 1_000);
    };
    const slow = await faultOf((input) => {
      if (isLong(input)) busy();
      return TAKEN;
    });
    expect(slow).toMatch(/ms of processor/);
    const held: Uint8Array[] = [];
    const large = await faultOf((input) => {
      if (isLong(input)) held.push(new Uint8Array(CASE_BYTES_MAX + 1_000_000));
      return TAKEN;
    });
    expect(held.length).toBeGreaterThan(0);
    expect(large).toMatch(/MiB/);
  });

  test("plays the same cases for the same seed, each one by itself too, and others for another", async () => {
    const inputsOf = async (seed: string, from: number, cases: number): Promise<readonly string[]> => {
      const fed: string[] = [];
      const target = targetOf((input) => {
        // On a busy machine one that took long is played again, to see whether it was the input.
        const hex = Buffer.from(input).toString("hex");
        if (fed.at(-1) !== hex) fed.push(hex);
        return TAKEN;
      });
      await runTarget(target, { ...run, seed, from, cases });
      return fed.slice(1);
    };
    const all = await inputsOf("a", 0, 20);
    expect(await inputsOf("a", 0, 20)).toEqual(all);
    expect(await inputsOf("a", 7, 1)).toEqual([all[7]]);
    expect(await inputsOf("b", 0, 20)).not.toEqual(all);
    expect(new Set(all).size).toBeGreaterThan(15);
  });

  test("guided by coverage, finds behind three doors what it does not find otherwise, and plays it first the next time", async () => {
    const behindDoors = (input: Uint8Array): string => {
      if (input[0] !== 0x9b) return "first door";
      if (input[1] !== 0xbb) return "second door";
      if (input[2] !== 0xc0) return "third door";
      throw new RangeError("planted");
    };
    const target: FuzzTarget = {
      ...targetOf(behindDoors),
      prepare: () => ({
        seeds: [{ bytes: new Uint8Array(8), form: "bytes", answer: "first door", feed: behindDoors }],
      }),
    };
    const doors = { ...run, cases: 20_000, findingsMax: 1, secondsMax: Number.POSITIVE_INFINITY };
    const folder = createTemporaryFolder();
    const coverage = startCoverage((url) => url.includes("fuzz.test.ts"));
    try {
      const found = await runGuided(target, doors, { folder: folder.path, coverage });
      expect(found.findings.map(({ why }) => why)).toEqual(["threw RangeError: planted"]);
      expect(found.kept).toBeGreaterThanOrEqual(2);
      const again = await runGuided(target, { ...doors, cases: 0 }, { folder: folder.path, coverage });
      expect(again.findings.map(({ why }) => why)).toEqual(["threw RangeError: planted"]);
      expect((await runTarget(target, doors)).findings).toEqual([]);
    } finally {
      folder.discard();
    }
  });
});
