/** Times as an operator types them. */
import { type Setting, single } from "./setting.ts";

const MS_BY_UNIT: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `30m`, `12h` or `7d`; null for anything else. */
export function parseDuration(text: string): number | null {
  const [, digits = "", unit = ""] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const factor = MS_BY_UNIT[unit];
  return factor === undefined ? null : Number(digits) * factor;
}

/** Milliseconds as an operator types them, in the largest unit that leaves a whole number. */
export function showDuration(ms: number): string {
  const units = Object.entries(MS_BY_UNIT).reverse();
  const [unit = "", factor = 1] = units.find(([, each]) => ms >= each && ms % each === 0) ?? ["ms", 1];
  return `${ms / factor}${unit}`;
}

/** A setting that is a time. */
export function duration(options: {
  readonly name: string;
  readonly help: string;
  readonly first: number;
  readonly min: number;
  readonly max: number;
}): Setting<number> {
  const wants = `a time from ${showDuration(options.min)} to ${showDuration(options.max)}, as 30m, 12h or 7d`;
  return single(options, "TIME", wants, showDuration, (text) => {
    const ms = parseDuration(text);
    return ms !== null && ms >= options.min && ms <= options.max ? ms : null;
  });
}
