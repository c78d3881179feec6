/** Dates of a search: a day, month or year of the calendar, or a time that far back from now. */
import type { LocalCalendar } from "../../base/clock.ts";

/** A date as it was written. Which moment it is depends on the person's time zone: see `searchDateMs`. */
export type SearchDate =
  | { readonly type: "calendar"; readonly year: number; readonly month: number; readonly day: number }
  | { readonly type: "back"; readonly unit: "day" | "month" | "year"; readonly count: number };

const CALENDAR = /^(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?$/;
const BACK = /^(\d{1,4})([dwmy])$/;
const DAYS_PER_WEEK = 7;
const YEAR_MIN = 1970;
const YEAR_MAX = 2199;

/** The date `text` is, or null. */
export function parseSearchDate(text: string): SearchDate | null {
  if (text === "today") return { type: "back", unit: "day", count: 0 };
  if (text === "yesterday") return { type: "back", unit: "day", count: 1 };
  const back = BACK.exec(text);
  if (back !== null) {
    const count = Number(back[1]);
    if (back[2] === "m") return { type: "back", unit: "month", count };
    if (back[2] === "y") return { type: "back", unit: "year", count };
    return { type: "back", unit: "day", count: back[2] === "w" ? count * DAYS_PER_WEEK : count };
  }
  const calendar = CALENDAR.exec(text);
  if (calendar === null) return null;
  const [year, month, day] = [Number(calendar[1]), Number(calendar[2] ?? "1"), Number(calendar[3] ?? "1")];
  const isDay = year >= YEAR_MIN && year <= YEAR_MAX && month >= 1 && month <= 12;
  return isDay && day >= 1 && day <= daysOf(year, month) ? { type: "calendar", year, month, day } : null;
}

/** The moment a date begins. */
export function searchDateMs(date: SearchDate, nowMs: number, calendar: LocalCalendar): number {
  if (date.type === "calendar") return calendar.dayStartMs(date.year, date.month, date.day);
  const { year, month, day } = calendar.dayOf(nowMs);
  switch (date.unit) {
    case "day":
      return calendar.dayStartMs(year, month, day - date.count);
    case "month":
      return calendar.dayStartMs(year, month - date.count, day);
    case "year":
      return calendar.dayStartMs(year - date.count, month, day);
  }
}

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}
