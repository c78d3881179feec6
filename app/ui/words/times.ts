/** Times as people read them: exact, in their own calendar. */
import { inDigits, text } from "./say.ts";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const weekday = new Intl.DateTimeFormat("en", { weekday: "long" });
const dayAndMonth = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const dayAndMonthShort = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long" });
const weekdayShort = new Intl.DateTimeFormat("en", { weekday: "short" });
const fullDay = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const inTenths = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
/** From then on tenths are of no interest. */
const LONG_SECONDS = 10;
const DAY_MS = 86_400_000;
const WEEK_DAYS = 6;

/** `14:09`. */
export function clockTime(timeMs: number): string {
  return clock.format(timeMs);
}

/** A number that is the same for all times of one calendar day. */
export function dayOf(timeMs: number): number {
  const day = new Date(timeMs);
  return Date.UTC(day.getFullYear(), day.getMonth(), day.getDate()) / DAY_MS;
}

/** For a list: the clock today, then `Yesterday`, the weekday within a week, the date. */
export function listTime(timeMs: number, nowMs: number): string {
  const daysAgo = dayOf(nowMs) - dayOf(timeMs);
  if (daysAgo <= 0) return clockTime(timeMs);
  if (daysAgo === 1) return text("yesterday");
  return daysAgo <= WEEK_DAYS ? weekday.format(timeMs) : fullDay.format(timeMs);
}

/** `Sat`, for an axis. */
export function shortDay(timeMs: number): string {
  return weekdayShort.format(timeMs);
}

/** For the line between days: `Today`, `Yesterday`, `Thursday 19 November`, with the year when it is another. */
export function dayName(timeMs: number, nowMs: number): string {
  const daysAgo = dayOf(nowMs) - dayOf(timeMs);
  if (daysAgo === 0) return text("today");
  if (daysAgo === 1) return text("yesterday");
  const isThisYear = new Date(timeMs).getFullYear() === new Date(nowMs).getFullYear();
  return isThisYear ? dayAndMonth.format(timeMs) : fullDay.format(timeMs);
}

/** `2 May`, with the year when it is another; today the clock. */
export function dayInSentence(timeMs: number, nowMs: number): string {
  if (dayOf(timeMs) === dayOf(nowMs)) return clockTime(timeMs);
  const isThisYear = new Date(timeMs).getFullYear() === new Date(nowMs).getFullYear();
  return isThisYear ? dayAndMonthShort.format(timeMs) : fullDay.format(timeMs);
}

/** A moment in a sentence: the clock today, else date and clock. */
export function momentTime(timeMs: number, nowMs: number): string {
  return dayOf(timeMs) === dayOf(nowMs)
    ? clockTime(timeMs)
    : `${listTime(timeMs, nowMs)} ${clockTime(timeMs)}`;
}

/** A moment to come in a sentence: the clock today, else day and clock. */
export function comingTime(timeMs: number, nowMs: number): string {
  const clockThen = clockTime(timeMs);
  return dayOf(timeMs) === dayOf(nowMs) ? clockThen : `${dayAndMonth.format(timeMs)}, ${clockThen}`;
}

/** `0.4`, from ten seconds on `12`. */
export function secondsSince(sinceMs: number, nowMs: number): string {
  const seconds = Math.max(0, nowMs - sinceMs) / 1_000;
  return seconds < LONG_SECONDS ? inTenths.format(seconds) : inDigits(Math.floor(seconds));
}

/** `4:31` from seconds. */
export function minutesAndSeconds(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
