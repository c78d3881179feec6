/** Tells the demo: a line a step with its time, on standard output; all of it once more as one object for `--json`. */
import type { Output } from "../output/output.ts";
import { showProgress } from "../output/progress.ts";
import { wrapText } from "../output/text-width.ts";

export interface StoryStep {
  readonly step: string;
  readonly durationMs: number;
  /** What happened, with its numbers. */
  readonly told: string;
}

export interface StoryTeller {
  readonly steps: readonly StoryStep[];
  /** Runs one step; `tell` makes its sentence from what it gave. */
  step<T>(name: string, work: () => Promise<T>, tell: (facts: T) => string): Promise<T>;
  progress(label: string, done: number, total: number): void;
  elapsedMs(): number;
}

const TIME_WIDTH = 7;
const INDENT = " ".repeat(TIME_WIDTH + 2);

export function createStoryTeller(output: Output): StoryTeller {
  const startedAt = performance.now();
  const steps: StoryStep[] = [];
  const { paint, width } = output.page;
  return {
    steps,
    async step(name, work, tell) {
      output.live(`${name} …`);
      const from = performance.now();
      const facts = await work();
      const durationMs = Math.round(performance.now() - from);
      const told = tell(facts);
      steps.push({ step: name, durationMs, told });
      const [first = "", ...rest] = wrapText(told, width - INDENT.length);
      const time = `${(durationMs / 1000).toFixed(2)} s`.padStart(TIME_WIDTH);
      output.print([`${paint(time, "faint")}  ${first}`, ...rest.map((line) => INDENT + line)]);
      return facts;
    },
    progress: (label, done, total) => showProgress(output, label, done, total),
    elapsedMs: () => Math.round(performance.now() - startedAt),
  };
}
