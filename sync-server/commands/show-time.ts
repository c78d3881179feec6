/** Times as an operator reads them. */
/** A moment, in UTC, to the minute. */
export function showTime(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
