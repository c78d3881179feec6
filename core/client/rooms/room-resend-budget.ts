/** How much of its own words a device sends again for one account: who asks without end gets no more than that. Rule RM24. */
import { ROOM_RESENT_OPS_MAX } from "../../base/limits.ts";

const HOUR_MS = 3_600_000;

export interface ResendBudget {
  /** Whether so many more may go, and takes them off. - Limits: `ROOM_RESENT_OPS_MAX` in an hour for each `whom`. */
  take(whom: string, count: number): boolean;
}

export function createResendBudget(nowMs: () => number): ResendBudget {
  const spent = new Map<string, { readonly sinceMs: number; readonly count: number }>();
  return {
    take(whom, count) {
      const known = spent.get(whom);
      const isOver = known === undefined || Math.abs(nowMs() - known.sinceMs) >= HOUR_MS;
      const before = isOver ? { sinceMs: nowMs(), count: 0 } : known;
      if (before.count + count > ROOM_RESENT_OPS_MAX) return false;
      spent.set(whom, { ...before, count: before.count + count });
      return true;
    },
  };
}
