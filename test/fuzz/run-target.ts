/**
 * Plays cases of one target and judges each: only typed errors, at most 50 ms of processor time, at most 32 MiB.
 *
 * A case is a function of seed, target and number alone. What is slow or large is played again before it is blamed: a
 * collection of garbage or another process is no fault of the parser.
 */
import { getHeapStatistics } from "node:v8";
import type { Bytes } from "../../core/base/bytes.ts";
import { collectGarbage } from "../support/collect-garbage.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { createCaseRandom, pick } from "./case-random.ts";
import { type FuzzSeed, type FuzzTarget, type PreparedTarget, TAKEN } from "./fuzz-target.ts";
import { mutate } from "./mutate.ts";

export const CASE_CPU_MS_MAX = 50;
export const CASE_BYTES_MAX = 33_554_432;
const RANDOM_BYTES_MAX = 300;
const REPEATS = 5;
/** Cases between two turns of the event loop, in which what libraries put off is done. */
const CASES_PER_TURN = 256;

export interface Finding {
  readonly target: string;
  readonly seed: string;
  readonly case: number;
  /** Which of the target's valid inputs it was made of. */
  readonly of: number;
  readonly why: string;
  readonly input: Bytes;
}

export interface TargetReport {
  readonly target: string;
  readonly cases: number;
  readonly seconds: number;
  /** How often each answer came. */
  readonly tally: ReadonlyMap<string, number>;
  /** The longest case. */
  readonly slowestMs: number;
  readonly findings: readonly Finding[];
}

export interface FuzzRun {
  readonly seed: string;
  readonly from: number;
  readonly cases: number;
  /** Findings after which a target is left. */
  readonly findingsMax: number;
  onCase?(number: number): void;
}

/** Runs `run.cases` cases. The valid inputs come first: one that is not taken is a finding too. */
export async function runTarget(target: FuzzTarget, run: FuzzRun): Promise<TargetReport> {
  const prepared = await target.prepare(createSeededRandom(`fuzz ${target.name}`));
  const judge = createJudge(target, prepared, run);
  try {
    await judge.playValid();
    for (let number = run.from; number < run.from + run.cases && !judge.isEnough(); number++) {
      const { of, input } = makeCase(target, prepared, run.seed, number);
      await judge.play(number, of, input);
      if (number % CASES_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    await prepared.close?.();
  }
  return judge.report();
}

/** Plays inputs of a target and keeps what came of them. */
export interface Judge {
  playValid(): Promise<void>;
  /** Says whether the input kept every promise. */
  play(number: number, of: number, input: Bytes): Promise<boolean>;
  /** As many findings as are wanted. */
  isEnough(): boolean;
  report(): TargetReport;
}

/** A judge of a target whose inputs are made as `run` says. */
export function createJudge(
  target: FuzzTarget,
  prepared: PreparedTarget,
  run: Pick<FuzzRun, "seed" | "findingsMax" | "onCase">,
): Judge {
  const startedAtMs = performance.now();
  const tally = new Map<string, number>();
  const findings: Finding[] = [];
  let slowestMs = 0;
  let done = 0;
  const judge = async (number: number, of: number, input: Bytes, isValid: boolean): Promise<boolean> => {
    run.onCase?.(number);
    const seed = seedAt(prepared, of);
    const played = await playInput(seed, input);
    slowestMs = Math.max(slowestMs, played.ms);
    const isOther = isValid && played.verdict !== (seed.answer ?? TAKEN);
    const why = played.fault ?? (isOther ? `${played.verdict} for a valid input` : null);
    if (why === null) tally.set(played.verdict, (tally.get(played.verdict) ?? 0) + 1);
    else findings.push({ target: target.name, seed: run.seed, case: number, of, why, input });
    done++;
    return why === null;
  };
  return {
    async playValid() {
      for (const [of, { bytes }] of prepared.seeds.entries()) await judge(-1, of, bytes, true);
    },
    play: (number, of, input) => judge(number, of, input, false),
    isEnough: () => findings.length >= run.findingsMax,
    report: () => {
      const seconds = (performance.now() - startedAtMs) / 1_000;
      return { target: target.name, cases: done, seconds, tally, slowestMs, findings };
    },
  };
}

/** The input of one case: mostly a valid one that was changed, sometimes nothing but noise. */
function makeCase(target: FuzzTarget, { seeds }: PreparedTarget, seed: string, number: number) {
  const random = createCaseRandom(`${seed}/${target.name}/${number}`);
  const of = random.below(seeds.length);
  const { bytes, form } = seedAt({ seeds }, of);
  if (form !== "tree" && random.chance(4)) return { of, input: random.bytes(random.below(RANDOM_BYTES_MAX)) };
  const others = [pick(random, seeds).bytes, bytes];
  return { of, input: mutate(random, bytes, { form, others, words: target.words ?? [] }) };
}

/** The valid input number `of`. */
export function seedAt({ seeds }: Pick<PreparedTarget, "seeds">, of: number): FuzzSeed {
  const seed = seeds[of];
  if (seed === undefined) throw new Error("a target has the input it names");
  return seed;
}

interface Played {
  readonly verdict: string;
  readonly fault: string | null;
  readonly ms: number;
}

/** Plays one input; `fault` says which promise it broke. */
export async function playInput(seed: FuzzSeed, input: Bytes): Promise<Played> {
  const before = bytesInUse();
  const elapsedMs = startStopwatch();
  let verdict = "";
  try {
    const answer = seed.feed(input);
    verdict = typeof answer === "string" ? answer : await answer;
  } catch (thrown) {
    const why = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
    return { verdict, fault: `threw ${why}`, ms: elapsedMs() };
  }
  const ms = elapsedMs();
  const bytes = bytesInUse() - before;
  if (ms <= CASE_CPU_MS_MAX && bytes <= CASE_BYTES_MAX) return { verdict, fault: null, ms };
  const again = await playAgain(seed, input);
  return { verdict, ...again };
}

/** The least time of several runs, and the middle one of their sizes: what the input itself costs. */
async function playAgain(
  seed: FuzzSeed,
  input: Bytes,
): Promise<{ readonly fault: string | null; readonly ms: number }> {
  let msMin = Number.POSITIVE_INFINITY;
  const sizes: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    collectGarbage();
    const before = bytesInUse();
    const elapsedMs = startStopwatch();
    await seed.feed(input);
    msMin = Math.min(msMin, elapsedMs());
    sizes.push(bytesInUse() - before);
  }
  if (msMin > CASE_CPU_MS_MAX) return { fault: `took ${msMin.toFixed(0)} ms of processor time`, ms: msMin };
  const bytes = sizes.sort((a, b) => a - b)[REPEATS >> 1] ?? 0;
  const fault = bytes > CASE_BYTES_MAX ? `took ${(bytes / 1_048_576).toFixed(0)} MiB` : null;
  return { fault, ms: msMin };
}

/** Of processor time: by a clock, what other processes do is the parser's too. */
function startStopwatch(): () => number {
  const before = process.threadCpuUsage();
  return () => {
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / 1_000;
  };
}

function bytesInUse(): number {
  const { used_heap_size, external_memory, malloced_memory } = getHeapStatistics();
  return used_heap_size + external_memory + malloced_memory;
}
