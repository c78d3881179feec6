/** How long messages of a room stay: what is offered, and how it is said. */
import type { MessageKey } from "../words/en.ts";
import { text } from "../words/say.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** The choices; null is for ever. */
export const LIFETIMES: readonly (readonly [lifetimeMs: number | null, label: MessageKey])[] = [
  [null, "lifetimeOff"],
  [DAY_MS, "lifetime1d"],
  [7 * DAY_MS, "lifetime1w"],
  [28 * DAY_MS, "lifetime4w"],
  [90 * DAY_MS, "lifetime90d"],
];

/** A lifetime in words, also one that is not offered here. */
export function lifetimeSpan(lifetimeMs: number): string {
  const offered = LIFETIMES.find(([ms]) => ms === lifetimeMs);
  if (offered !== undefined) return text(offered[1]);
  if (lifetimeMs % DAY_MS === 0) return text("spanDays", { count: lifetimeMs / DAY_MS });
  const hours = Math.round(lifetimeMs / HOUR_MS);
  return text(hours === 1 ? "spanHour" : "spanHours", { count: hours });
}
