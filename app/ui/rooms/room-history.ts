/** What people see of a room who come later: what is offered, and how it is said. */
import type { RoomView } from "@dovetail/core";
import { text } from "../words/say.ts";

type History = RoomView["history"];

/** The choices, with the value each has in a form. */
const CHOICES: readonly (readonly [value: string, history: History])[] = [
  ["none", null],
  ["1", { days: 1 }],
  ["7", { days: 7 }],
  ["30", { days: 30 }],
  ["365", { days: 365 }],
  ["all", { days: null }],
];

/** What newcomers see, in words. */
export function historyWords(history: History): string {
  if (history === null) return text("historyNone");
  return history.days === null ? text("historyAll") : text("historyDays", { count: history.days });
}

/** The value of a setting in a form. */
export function historyValue(history: History): string {
  if (history === null) return "none";
  return history.days === null ? "all" : String(history.days);
}

/** The setting of a value. */
export function historyOf(value: string): History {
  if (value === "none") return null;
  return { days: value === "all" ? null : Number(value) };
}

/** What is offered, and what holds now. */
export function historyChoices(now: History): readonly (readonly [value: string, label: string])[] {
  const isOffered = CHOICES.some(([value]) => value === historyValue(now));
  const all = isOffered ? CHOICES : [...CHOICES, [historyValue(now), now] as const];
  return all.map(([value, history]) => [value, historyWords(history)]);
}
