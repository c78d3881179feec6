/** Hours in which nobody is disturbed. */
import { expect, test } from "vitest";
import { isQuiet, parseQuietHours } from "../../../cli/commands/account/quiet-hours.ts";

const at = (hour: number, minute: number): Date => new Date(2026, 10, 21, hour, minute);

test.each([
  ["22:00-07:00", [22, 0], true],
  ["22:00-07:00", [6, 59], true],
  ["22:00-07:00", [7, 0], false],
  ["22:00-07:00", [21, 59], false],
  ["9:30-12:00", [9, 30], true],
  ["9:30-12:00", [12, 0], false],
] as const)("%s at %s: %s", (text, [hour, minute], expected) => {
  expect(isQuiet(parseQuietHours(text), at(hour, minute))).toBe(expected);
});

test.each(["", "22-7", "24:00-07:00", "22:60-07:00", "22:00", "07:00-07:00", "22:00-07:00 "])(
  "%j is refused with an example",
  (text) => {
    expect(() => parseQuietHours(text)).toThrow(/as 22:00-07:00/);
  },
);
