/**
 * Hybrid logical clock (Kulkarni et al. 2014) as one integer: `milliseconds * 1024 + counter`.
 *
 * An op's time is never altered. A remote time more than `OP_CLOCK_AHEAD_MAX_MS` ahead does not move ours, so one wrong
 * clock cannot drag a conversation into the future. Rule MS2.
 */
import { OP_CLOCK_AHEAD_MAX_MS } from "../base/limits.ts";

export const HLC_TICKS_PER_MS = 1_024;
/** Year 2200: above it a time is malformed, and below it all arithmetic here stays within safe integers. */
export const HLC_MAX: number = 7_258_118_400_000 * HLC_TICKS_PER_MS;

/** The time of a new op: after everything seen, and not before this device's clock. */
export function nextHlc(lastHlc: number, nowMs: number): number {
  return Math.min(Math.max(lastHlc + 1, Math.max(0, nowMs) * HLC_TICKS_PER_MS), HLC_MAX);
}

/** What `lastHlc` becomes on seeing a remote op. */
export function observeHlc(lastHlc: number, remoteHlc: number, nowMs: number): number {
  return isAhead(remoteHlc, nowMs) ? lastHlc : Math.max(lastHlc, remoteHlc);
}

/** Whether an op is kept but not shown yet. */
export function isAhead(hlc: number, nowMs: number): boolean {
  return hlcToMs(hlc) > nowMs + OP_CLOCK_AHEAD_MAX_MS;
}

/** The wall-clock part. */
export function hlcToMs(hlc: number): number {
  return Math.floor(hlc / HLC_TICKS_PER_MS);
}
