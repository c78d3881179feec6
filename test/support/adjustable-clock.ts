/** The system's clock, which a test can put ahead or back. What is scheduled runs after as long as it would anyway. */
import { type Clock, createSystemClock } from "../../core/base/clock.ts";

export interface AdjustableClock extends Clock {
  /** From now on it shows this much more, or less. */
  adjust(byMs: number): void;
}

export function createAdjustableClock(): AdjustableClock {
  const system = createSystemClock();
  let aheadMs = 0;
  return {
    nowMs: () => system.nowMs() + aheadMs,
    schedule: system.schedule,
    adjust: (byMs) => {
      aheadMs += byMs;
    },
  };
}
