/** A clock that stands still until a test moves it. */
import type { Clock } from "../../core/base/clock.ts";

export interface ManualClock extends Clock {
  /** Moves on and runs what comes due, in order, each at its own time. */
  advance(byMs: number): Promise<void>;
  /** How many tasks are scheduled. */
  scheduledCount(): number;
}

export function createManualClock(startMs = 1_800_000_000_000): ManualClock {
  let nowMs = startMs;
  const tasks = new Set<{ readonly atMs: number; readonly run: () => void }>();
  return {
    nowMs: () => nowMs,
    schedule(delayMs, run) {
      const task = { atMs: nowMs + delayMs, run };
      tasks.add(task);
      return () => tasks.delete(task);
    },
    async advance(byMs) {
      const untilMs = nowMs + byMs;
      for (;;) {
        const next = [...tasks].filter((task) => task.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
        if (next === undefined) break;
        tasks.delete(next);
        nowMs = next.atMs;
        next.run();
        await new Promise((resolve) => setImmediate(resolve));
      }
      nowMs = untilMs;
    },
    scheduledCount: () => tasks.size,
  };
}
