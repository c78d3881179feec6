/** A clock, by default the system's, which a test can put ahead or back. What is scheduled runs after as long as it would anyway. */
import { type Clock, createSystemClock } from "../../core/base/clock.ts";

export interface AdjustableClock extends Clock {
  /** From now on it shows this much more, or less. */
  adjust(byMs: number): void;
}

export function createAdjustableClock(base: Clock = createSystemClock()): AdjustableClock {
  let aheadMs = 0;
  return {
    nowMs: () => base.nowMs() + aheadMs,
    schedule: base.schedule,
    adjust: (byMs) => {
      aheadMs += byMs;
    },
  };
}
