/** Durations as people type them. */
const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const LENGTH_MAX = 10_000;

/** Milliseconds of `30m`, `2h`, `7d`; null for anything else. */
export function parseDuration(text: string): number | null {
  const [, digits, unit] = /^([0-9]{1,5})([mhd])$/.exec(text.trim()) ?? [];
  const length = Number(digits);
  const unitMs = UNIT_MS[unit ?? ""];
  return unitMs === undefined || length < 1 || length > LENGTH_MAX ? null : length * unitMs;
}
