/**
 * Log lines as text or JSON, filtered by part and level. What may be in them is the logger's promise: no ids, no names. A
 * redacted log holds less: figures tell when people are active, and the words of a system can hold a path.
 */
import { type Clock, isoTime } from "./clock.ts";
import type { Logger, LogLevel } from "./logger.ts";

/** Lines below `least` are dropped; a part has its own where it is named. A part is what an event's name begins with. */
export interface LogFilter {
  readonly least: LogLevel;
  readonly leastByPart: ReadonlyMap<string, LogLevel>;
}

export interface LogLineOptions {
  readonly format: "text" | "json";
  readonly filter: LogFilter;
  /** Level and event alone, by the minute. */
  readonly isRedacted: boolean;
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const MINUTE_MS = 60_000;

/** Reads `info`, or `warn,room=debug,store=error`: a level for all, and for parts by name. Null for anything else. */
export function parseLogFilter(text: string): LogFilter | null {
  const [first = "", ...rest] = text.split(",");
  const least = parseLevel(first);
  const parts = rest.map((part) => /^([a-z][a-z-]{0,63})=([a-z]+)$/.exec(part));
  const leastByPart = new Map<string, LogLevel>();
  for (const part of parts) {
    const level = parseLevel(part?.[2] ?? "");
    if (part?.[1] === undefined || level === null) return null;
    leastByPart.set(part[1], level);
  }
  return least === null ? null : { least, leastByPart };
}

/** As `parseLogFilter` reads it. */
export function showLogFilter({ least, leastByPart }: LogFilter): string {
  return [least, ...[...leastByPart].map(([part, level]) => `${part}=${level}`)].join(",");
}

/** A logger that gives each line it does not drop to `write`, with its end. */
export function createLineLogger(
  clock: Clock,
  { format, filter, isRedacted }: LogLineOptions,
  write: (line: string) => void,
): Logger {
  return {
    log(level, event, given = {}) {
      if (RANK[level] < RANK[leastOf(filter, event)]) return;
      const facts = isRedacted ? {} : given;
      const nowMs = clock.nowMs();
      const time = isoTime(isRedacted ? Math.floor(nowMs / MINUTE_MS) * MINUTE_MS : nowMs);
      if (format === "json") return write(`${JSON.stringify({ time, level, event, ...facts })}\n`);
      const words = Object.entries(facts).map(([name, value]) => ` ${name}=${value}`);
      write(`${time} ${level.padEnd(5)} ${event}${words.join("")}\n`);
    },
  };
}

/** The longest part that an event begins with decides. */
function leastOf({ least, leastByPart }: LogFilter, event: string): LogLevel {
  for (let part = event; part !== ""; part = part.slice(0, Math.max(0, part.lastIndexOf("-")))) {
    const own = leastByPart.get(part);
    if (own !== undefined) return own;
  }
  return least;
}

function parseLevel(word: string): LogLevel | null {
  return word === "debug" || word === "info" || word === "warn" || word === "error" ? word : null;
}
