/**
 * What is known of the time when this device's clock may be wrong: pure functions of its looks at the clock and of what its
 * server says. Nobody is believed alone: what takes effect is the one of the two that can do no harm. Rules CA7-CA10.
 */
import {
  CALENDAR_GAP_MS_MAX,
  CLOCK_ABSENCE_MS_MAX,
  CLOCK_DIFFERS_MS,
  OP_CLOCK_AHEAD_MAX_MS,
} from "../../base/limits.ts";

const HOUR_MS = 3_600_000;

/** What is kept from one look to the next. */
export interface KnownTimes {
  /** Counted time: it begins with this device's clock and then only grows, by what is credible. */
  readonly steadyMs: number;
  /** By this device's clock. */
  readonly lookedAtMs: number;
  /** What the server said the time is, and what this device's clock showed then. */
  readonly told: { readonly serverMs: number; readonly atMs: number; readonly steadyMs: number } | null;
}

/** How this device's clock stands to its server's. */
export interface ClockDifference {
  readonly hours: number;
  /** Whether this device's clock is the later one. */
  readonly isAhead: boolean;
}

/** Time that passed between two looks, as far as an honest gap is long enough for it. CA2 */
export function countedGapMs(lookedAtMs: number, nowMs: number): number {
  const passedMs = nowMs - lookedAtMs;
  return passedMs >= 0 && passedMs <= CALENDAR_GAP_MS_MAX ? passedMs : 0;
}

/** Looks at the clock. CA7 */
export function lookAtTime(before: KnownTimes | null, nowMs: number): KnownTimes {
  if (before === null) return { steadyMs: nowMs, lookedAtMs: nowMs, told: null };
  const steadyMs = before.steadyMs + countedGapMs(before.lookedAtMs, nowMs);
  return { ...before, steadyMs, lookedAtMs: nowMs };
}

/**
 * Takes what the server says. A long absence counts too when both clocks have seen it pass. CA7, CA8
 *
 * Neither clock alone can make anything old.
 */
export function hearTime(before: KnownTimes, serverMs: number, nowMs: number): KnownTimes {
  const { steadyMs } = lookAtTime(before, nowMs);
  const { told } = before;
  const passedMs = told === null ? 0 : Math.min(serverMs - told.serverMs, nowMs - told.atMs);
  const isAgreed =
    told !== null && Math.abs(serverMs - told.serverMs - (nowMs - told.atMs)) <= OP_CLOCK_AHEAD_MAX_MS;
  const agreedMs = told !== null && isAgreed ? told.steadyMs + Math.max(0, passedMs) : 0;
  const now = Math.max(steadyMs, agreedMs);
  return { steadyMs: now, lookedAtMs: nowMs, told: { serverMs, atMs: nowMs, steadyMs: now } };
}

/** What the server said, counted on; null as long as it has said nothing. CA8 */
function toldTime({ told }: KnownTimes, nowMs: number): number | null {
  if (told === null) return null;
  const passedMs = nowMs - told.atMs;
  const isCredible = passedMs >= 0 && passedMs <= CLOCK_ABSENCE_MS_MAX;
  return told.serverMs + (isCredible ? passedMs : 0);
}

/** The time by the server's word; null as long as it has said nothing, or about the same as this clock. CA8 */
function serverTime(times: KnownTimes, nowMs: number): number | null {
  const serverMs = toldTime(times, nowMs);
  if (serverMs === null) return null;
  return Math.abs(serverMs - nowMs) > OP_CLOCK_AHEAD_MAX_MS ? serverMs : null;
}

/** CA9: the time of what is written here. A clock that is ahead would keep it from everybody's sight for as long. */
export function earliestTime(times: KnownTimes, nowMs: number): number {
  return Math.min(nowMs, serverTime(times, nowMs) ?? nowMs);
}

/**
 * CA9: what is of this time or before is shown. A clock that is behind would hide what others wrote.
 *
 * `countedMs` has passed since the server said its time, without a jump. A clock that was behind then and is right now has
 * jumped: counted as time, that would show, and go on from, what another wrong clock dates weeks ahead.
 */
export function latestTime({ told }: KnownTimes, nowMs: number, countedMs: number): number {
  const serverMs = told === null ? nowMs : told.serverMs + countedMs;
  return serverMs - nowMs > OP_CLOCK_AHEAD_MAX_MS ? serverMs : nowMs;
}

/** Of the time between two looks what a clock that was not set can have counted while the program ran. CA9 */
export function countedStepMs(lookedAtMs: number, nowMs: number): number {
  const passedMs = nowMs - lookedAtMs;
  return passedMs >= 0 && passedMs <= CLOCK_DIFFERS_MS ? passedMs : 0;
}

/** CA10: the time for what a server hands out or refuses by its own clock. */
export function likelyTime(times: KnownTimes, nowMs: number): number {
  return serverTime(times, nowMs) ?? nowMs;
}

/** The earlier one of the two, however little they differ: what goes by it is gone. RM36 */
export function surestTime(times: KnownTimes, nowMs: number): number {
  return Math.min(nowMs, toldTime(times, nowMs) ?? nowMs);
}

/** The later one of the two, however little they differ. RM35 */
export function farthestTime(times: KnownTimes, nowMs: number): number {
  return Math.max(nowMs, toldTime(times, nowMs) ?? nowMs);
}

/** By the server's word, however little it differs from this clock; it can put back what is written by a day at most. RM34 */
export function writingTime(times: KnownTimes, nowMs: number): number {
  return Math.max(toldTime(times, nowMs) ?? nowMs, nowMs - OP_CLOCK_AHEAD_MAX_MS);
}

/** CA11: null where the two agree well enough. */
export function clockDifference(serverMs: number, nowMs: number): ClockDifference | null {
  const byMs = nowMs - serverMs;
  if (Math.abs(byMs) < CLOCK_DIFFERS_MS) return null;
  return { hours: Math.round(Math.abs(byMs) / HOUR_MS), isAhead: byMs > 0 };
}

/** Whether a person would call them the same: what is measured again is not the same to the hour. */
export function isSameDifference(a: ClockDifference, b: ClockDifference): boolean {
  return a.isAhead === b.isAhead && Math.abs(a.hours - b.hours) <= 1;
}
