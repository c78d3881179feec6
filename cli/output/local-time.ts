/** Times as people here read them: local, exact, sortable. */

/** `2026-11-17 21:40`. */
export function localTime(timeMs: number): string {
  const date = new Date(timeMs);
  return `${localDay(timeMs)} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** `2026-11-17`. */
export function localDay(timeMs: number): string {
  const date = new Date(timeMs);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** `14:09` on the day of `nowMs`, else the day. */
export function shortTime(timeMs: number, nowMs: number): string {
  return localDay(timeMs) === localDay(nowMs) ? localTime(timeMs).slice(11) : localDay(timeMs);
}

/** What is left until a moment, as `4:31`. */
export function timeLeft(untilMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.ceil((untilMs - nowMs) / 1000));
  return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
}

function two(part: number): string {
  return String(part).padStart(2, "0");
}
