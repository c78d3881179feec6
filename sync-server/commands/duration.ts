/** Times as an operator types and reads them. */
const MS_BY_UNIT: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `30m`, `12h` or `7d`; null for anything else. */
export function parseDuration(text: string): number | null {
  const [, digits = "", unit = ""] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const factor = MS_BY_UNIT[unit];
  return factor === undefined ? null : Number(digits) * factor;
}

/** A moment, in UTC, to the minute. */
export function showTime(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
