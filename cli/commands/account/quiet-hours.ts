/** Hours of the day in which nobody is to be disturbed, by the local clock. */
import { InvalidArgumentError } from "commander";

/** Minutes after midnight; a range may go over midnight. */
export interface QuietHours {
  readonly fromMinute: number;
  readonly toMinute: number;
}

const FORM = /^([01]?\d|2[0-3]):([0-5]\d)-([01]?\d|2[0-3]):([0-5]\d)$/;

/** Reads `22:00-07:30`. Throws commander's error for anything else, and for a range of no length. */
export function parseQuietHours(text: string): QuietHours {
  const [, fromHour, fromMinutes, toHour, toMinutes] = FORM.exec(text) ?? [];
  const fromMinute = Number(fromHour) * 60 + Number(fromMinutes);
  const toMinute = Number(toHour) * 60 + Number(toMinutes);
  if (Number.isNaN(fromMinute) || fromMinute === toMinute)
    throw new InvalidArgumentError("give two times of the day, as 22:00-07:00");
  return { fromMinute, toMinute };
}

/** Whether `at` is in them; they end with their last minute. */
export function isQuiet({ fromMinute, toMinute }: QuietHours, at: Date): boolean {
  const minute = at.getHours() * 60 + at.getMinutes();
  return fromMinute < toMinute
    ? minute >= fromMinute && minute < toMinute
    : minute >= fromMinute || minute < toMinute;
}
