/** Figures of a benchmark: how they are measured and printed. */
import { readFileSync } from "node:fs";

/** One measured figure, a line of its own with `--json`. */
export interface Figure {
  readonly suite: string;
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly better: "more" | "less";
  readonly peer?: string;
  /** Ours over the peer's, in the direction that is better: over 1 is ahead. */
  readonly ratio?: number;
}

/** Prints a figure. */
export function report(isJson: boolean, figure: Figure): void {
  const value = figure.value >= 100 ? Math.round(figure.value) : Number(figure.value.toPrecision(3));
  if (isJson) console.log(JSON.stringify({ ...figure, value }));
  else
    console.log(
      `${figure.suite.padEnd(10)} ${figure.name.padEnd(36)} ${String(value).padStart(10)} ${figure.unit}${figure.ratio === undefined ? "" : `  (${figure.ratio.toFixed(2)} x ${figure.peer})`}`,
    );
}

/** The value below which `share` of the sorted values lie. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** CPU seconds a process has used. Linux counts them in ticks of 10 ms. */
export function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident bytes of a process. */
export function residentBytesOf(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(line?.[1] ?? 0) * 1_024;
}
