/**
 * Port: operational log lines. They never hold plaintext, keys, names, or ids of people; `event` is a fixed word and
 * `facts` are numbers and fixed words.
 */

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface Logger {
  log(level: LogLevel, event: string, facts?: Readonly<Record<string, number | string | boolean>>): void;
}

/** Drops every line. */
export const silentLogger: Logger = { log: () => {} };
