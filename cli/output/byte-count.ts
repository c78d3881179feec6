/** Sizes as people read them. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** `bytes` in the largest unit that keeps it above one, with three digits. */
export function byteCount(bytes: number): string {
  let [value, at] = [bytes, 0];
  while (value >= 1_024 && at < UNITS.length - 1) {
    value /= 1_024;
    at += 1;
  }
  return `${at === 0 ? value : value.toPrecision(3)} ${UNITS[at]}`;
}
