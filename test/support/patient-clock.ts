/** A clock of which days pass when a story says so. */
import type { Clock } from "../../core/base/clock.ts";
import { createAdjustableClock } from "./adjustable-clock.ts";

const DAY_MS = 86_400_000;

/** A clock whose long waits are over when the story says so. */
export function createPatientClock() {
  const adjustable = createAdjustableClock();
  const waiting = new Set<{ readonly atMs: number; readonly task: () => void }>();
  const clock: Clock = {
    nowMs: adjustable.nowMs,
    schedule(delayMs, task) {
      if (delayMs < DAY_MS) return adjustable.schedule(delayMs, task);
      const one = { atMs: adjustable.nowMs() + delayMs, task };
      waiting.add(one);
      return () => void waiting.delete(one);
    },
  };
  const pass = (byMs: number): void => {
    adjustable.adjust(byMs);
    for (const one of [...waiting].filter(({ atMs }) => atMs <= adjustable.nowMs())) {
      waiting.delete(one);
      one.task();
    }
  };
  return { clock, pass };
}
