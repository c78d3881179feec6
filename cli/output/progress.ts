/** A bar with numbers for what takes long; nothing where nobody watches. */
import type { Output } from "./output.ts";

const BAR_WIDTH = 20;

/** Shows `done` of `total` on the live line. */
export function showProgress(output: Output, label: string, done: number, total: number): void {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.round(share * BAR_WIDTH);
  const bar = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
  output.live(`${label} ${bar} ${done.toLocaleString("en")}/${total.toLocaleString("en")}`);
}
