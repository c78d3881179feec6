/** A bar with numbers for what takes long; nothing where nobody watches. */
import type { Output } from "./output.ts";
import { textWidth } from "./text-width.ts";

const BAR_WIDTH = 20;

/** Below this a bar says less than its numbers. */
const BAR_WIDTH_MIN = 4;

/** Shows `done` of `total` on the live line; a narrow line keeps the numbers and lets go of the bar. */
export function showProgress(output: Output, label: string, done: number, total: number): void {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const numbers = `${done.toLocaleString("en")}/${total.toLocaleString("en")}`;
  const room = output.liveWidth - textWidth(label) - numbers.length - 2;
  const width = Math.min(BAR_WIDTH, room);
  if (width < BAR_WIDTH_MIN) {
    output.live(room >= -1 ? `${label} ${numbers}` : numbers);
    return;
  }
  const filled = Math.round(share * width);
  output.live(`${label} ${"█".repeat(filled)}${"░".repeat(width - filled)} ${numbers}`);
}
