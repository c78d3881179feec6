/** Log lines on standard error, as text or JSON. What may be in them is the port's promise: no ids, no names. */
import type { Clock } from "@dovetail/core/base/clock.ts";
import type { Logger, LogLevel } from "@dovetail/core/base/logger.ts";

export interface LogOptions {
  readonly logFormat: "text" | "json";
  /** Lines below it are dropped. */
  readonly logLevel: LogLevel;
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** A logger that writes each line by `write`. */
export function createOperationalLog(
  clock: Clock,
  { logFormat, logLevel }: LogOptions,
  write: (line: string) => void,
): Logger {
  return {
    log(level, event, facts = {}) {
      if (RANK[level] < RANK[logLevel]) return;
      const time = new Date(clock.nowMs()).toISOString();
      if (logFormat === "json") return write(`${JSON.stringify({ time, level, event, ...facts })}\n`);
      const words = Object.entries(facts).map(([name, value]) => ` ${name}=${value}`);
      write(`${time} ${level.padEnd(5)} ${event}${words.join("")}\n`);
    },
  };
}
