/** Log lines: which are written, in which form, and what a redacted one holds. */
import { expect, test } from "vitest";
import { createLineLogger, parseLogFilter, showLogFilter } from "../../../core/base/log-lines.ts";
import { createManualClock } from "../../support/manual-clock.ts";

function written(filterText: string, options: { readonly format?: "json"; readonly isRedacted?: true } = {}) {
  const lines: string[] = [];
  const filter = parseLogFilter(filterText);
  if (filter === null) throw new Error("a filter");
  const logger = createLineLogger(
    createManualClock(90_500),
    { format: "text", isRedacted: false, ...options, filter },
    (line) => lines.push(line),
  );
  logger.log("debug", "room", { error: "NotOnline" });
  logger.log("info", "store-transaction-failed", { code: 5 });
  logger.log("error", "alarm");
  return lines;
}

test("a level for all, and another for a part, by the longest name that fits", () => {
  expect(written("error")).toEqual(["1970-01-01T00:01:30.500Z error alarm\n"]);
  expect(written("error,room=debug")).toEqual([
    "1970-01-01T00:01:30.500Z debug room error=NotOnline\n",
    "1970-01-01T00:01:30.500Z error alarm\n",
  ]);
  expect(written("error,store=debug,store-transaction=error")).toHaveLength(1);
  expect(written("error,store=error,store-transaction=info")).toHaveLength(2);
});

test("as JSON, a line an object", () => {
  expect(written("info", { format: "json" }).map((line) => JSON.parse(line))).toEqual([
    { time: "1970-01-01T00:01:30.500Z", level: "info", event: "store-transaction-failed", code: 5 },
    { time: "1970-01-01T00:01:30.500Z", level: "error", event: "alarm" },
  ]);
});

test("redacted: level and event, by the minute, and no figure or word of a system", () => {
  expect(written("debug", { isRedacted: true })).toEqual([
    "1970-01-01T00:01:00.000Z debug room\n",
    "1970-01-01T00:01:00.000Z info  store-transaction-failed\n",
    "1970-01-01T00:01:00.000Z error alarm\n",
  ]);
});

test("a filter is shown as it is read, and anything else is none", () => {
  const filter = parseLogFilter("warn,room=debug");
  expect(filter === null ? "" : showLogFilter(filter)).toBe("warn,room=debug");
  for (const text of [
    "",
    "loud",
    "info,",
    "info,room",
    "info,room=loud",
    "room=debug",
    "info, room=debug",
    "info,Room=debug",
  ])
    expect(parseLogFilter(text), text).toBeNull();
});
