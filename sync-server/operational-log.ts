/** Log lines on standard error, as text or JSON. What may be in them is the port's promise: no ids, no names. */
import type { Clock } from "@dovetail/core/base/clock.ts";
import type { Logger } from "@dovetail/core/base/logger.ts";

/** A logger that writes each line by `write`. */
export function createOperationalLog(clock: Clock, isJson: boolean, write: (line: string) => void): Logger {
  return {
    log(level, event, facts = {}) {
      const time = new Date(clock.nowMs()).toISOString();
      if (isJson) return write(`${JSON.stringify({ time, level, event, ...facts })}\n`);
      const words = Object.entries(facts).map(([name, value]) => ` ${name}=${value}`);
      write(`${time} ${level.padEnd(5)} ${event}${words.join("")}\n`);
    },
  };
}
