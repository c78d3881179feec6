/** Warnings of Node that are about a library's habits and say nothing to the person at the terminal. */
import process from "node:process";

/** automerge-repo schedules what is late with a negative delay; Node takes it for 1 ms, and would say so once. */
const HIDDEN = new Set(["TimeoutNegativeWarning"]);

/** Leaves those out; all others are shown as before. */
export function hideLibraryWarnings(): void {
  const shown = process.listeners("warning");
  process.removeAllListeners("warning");
  process.on("warning", (warning) => {
    if (HIDDEN.has(warning.name)) return;
    for (const show of shown) show(warning);
  });
}
