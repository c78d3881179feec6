/**
 * Cases that are guided by coverage: an input that reaches what none before it reached is kept, and others are made of it.
 *
 * What is kept lies in a folder, `<target>/<number of the valid input it comes from>-<hash>`, and is played first the next time; a finding
 * lies beside it as `found-…`. Coverage is taken for many cases at once, because that takes some milliseconds; when it has news, the cases are
 * played once more one by one, to see which it was.
 */
import { hash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bytes } from "../../core/base/bytes.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { createCaseRandom, pick } from "./case-random.ts";
import type { Coverage } from "./coverage.ts";
import type { FuzzTarget, PreparedTarget } from "./fuzz-target.ts";
import { mutate } from "./mutate.ts";
import { createJudge, type FuzzRun, playInput, seedAt, type TargetReport } from "./run-target.ts";

const CASES_PER_TAKE = 64;
/** Of a hundred inputs, how many are made of what was kept last. */
const NEWEST_PERCENT = 30;
const NEWEST = 16;
const FOUND = "found-";

/** An input that is made others of, and the valid one it comes from, which says what is fed. */
interface Kept {
  readonly of: number;
  readonly input: Bytes;
}

export interface GuidedReport extends TargetReport {
  /** Inputs that are kept, those from earlier runs among them. */
  readonly kept: number;
  /** Functions that ran, and characters of them that did not. */
  readonly functions: number;
  readonly charactersLeft: number;
}

/** Runs `run.cases` cases beside what `folder` has. */
export async function runGuided(
  target: FuzzTarget,
  run: FuzzRun & { readonly secondsMax: number },
  { folder, coverage }: { readonly folder: string; readonly coverage: Coverage },
): Promise<GuidedReport> {
  const prepared = await target.prepare(createSeededRandom(`fuzz ${target.name}`));
  const judge = createJudge(target, prepared, run);
  const corpus = createCorpus(join(folder, target.name), prepared);
  try {
    coverage.take();
    await judge.playValid();
    for (const { of, input } of corpus.fromBefore) await judge.play(-1, of, input);
    coverage.add(coverage.take());
    for (let number = run.from; number < run.from + run.cases; number += CASES_PER_TAKE) {
      if (judge.isEnough() || judge.report().seconds > run.secondsMax) break;
      const last = Math.min(number + CASES_PER_TAKE, run.from + run.cases);
      const batch = makeBatch({ target, prepared, corpus, seed: run.seed }, number, last);
      for (const [at, { of, input }] of batch.entries()) await judge.play(number + at, of, input);
      const ran = coverage.take();
      if (coverage.isNews(ran)) await keepNews({ prepared, corpus, coverage }, batch);
      // What came of all of them together, and of none alone, is no news the next time.
      coverage.add(ran);
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    await prepared.close?.();
  }
  const report = judge.report();
  for (const { of, input } of report.findings) corpus.write(FOUND, of, input);
  return { ...report, kept: corpus.all.length - prepared.seeds.length, ...coverage.reached() };
}

/** Inputs that others are made of, and the folder they are kept in. */
interface Corpus {
  readonly all: Kept[];
  readonly fromBefore: readonly Kept[];
  keep(kept: Kept): void;
  write(prefix: string, of: number, input: Bytes): void;
}

function createCorpus(folder: string, { seeds }: PreparedTarget): Corpus {
  mkdirSync(folder, { recursive: true });
  const fromBefore = readdirSync(folder).flatMap((name): readonly Kept[] => {
    const of = Number(name.replace(FOUND, "").split("-")[0]);
    const isOfHere = Number.isInteger(of) && of < seeds.length;
    return isOfHere ? [{ of, input: new Uint8Array(readFileSync(join(folder, name))) }] : [];
  });
  const all: Kept[] = [...seeds.map(({ bytes }, of) => ({ of, input: bytes })), ...fromBefore];
  const write = (prefix: string, of: number, input: Bytes): void =>
    writeFileSync(join(folder, `${prefix}${of}-${hash("sha256", input, "hex").slice(0, 32)}`), input);
  return {
    all,
    fromBefore,
    keep(kept) {
      all.push(kept);
      write("", kept.of, kept.input);
    },
    write,
  };
}

interface Making {
  readonly target: FuzzTarget;
  readonly prepared: PreparedTarget;
  readonly corpus: Corpus;
  readonly seed: string;
}

function makeBatch({ target, prepared, corpus, seed }: Making, first: number, last: number): readonly Kept[] {
  return Array.from({ length: last - first }, (_, at) => {
    const random = createCaseRandom(`${seed}/${target.name}/guided/${first + at}`);
    const { of, input } = pick(
      random,
      random.chance(NEWEST_PERCENT) ? corpus.all.slice(-NEWEST) : corpus.all,
    );
    const others = [pick(random, corpus.all).input, input];
    const { form } = seedAt(prepared, of);
    return { of, input: mutate(random, input, { form, others, words: target.words ?? [] }) };
  });
}

interface Looking {
  readonly prepared: PreparedTarget;
  readonly corpus: Corpus;
  readonly coverage: Coverage;
}

/** Plays them once more, one by one, and keeps those that reach what none before them did. */
async function keepNews({ prepared, corpus, coverage }: Looking, batch: readonly Kept[]): Promise<void> {
  for (const kept of batch) {
    const { fault } = await playInput(seedAt(prepared, kept.of), kept.input);
    const ran = coverage.take();
    if (fault === null && coverage.isNews(ran)) corpus.keep(kept);
    coverage.add(ran);
  }
}
