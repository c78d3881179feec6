/** Spans over OTLP/HTTP, from the server and from the command line: one suite for both, and a collector that hangs. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { exportSpans as exportFromClient } from "../../../cli/platform/export-spans.ts";
import { type Clock, createSystemClock } from "../../../core/base/clock.ts";
import { SPAN_FLUSH_MS_MAX, SPANS_QUEUED_MAX } from "../../../core/base/limits.ts";
import { SPAN_EXPORT } from "../../../core/base/span-export.ts";
import type { Span } from "../../../core/base/spans.ts";
import { exportSpans as exportFromServer } from "../../../sync-server/metrics/export-spans.ts";
import { readTree } from "../../support/checkout.ts";
import { type SpanCollector, startSpanCollector } from "../../support/span-collector.ts";

const SPAN: Span = { name: "append", durationMs: 2.5, error: null, attempts: null };
const collectors: SpanCollector[] = [];
afterEach(async () => {
  for (const collector of collectors.splice(0)) await collector.close();
});

/** However long a machine takes: no bound passes by itself. */
const patient: Clock = { ...createSystemClock(), schedule: () => () => {} };

describe.each([
  ["the server", exportFromServer],
  ["the command line", exportFromClient],
])("%s", (_name, exportSpans) => {
  async function open(clock = patient) {
    const collector = await startSpanCollector();
    collectors.push(collector);
    const log: string[] = [];
    const spans = await exportSpans({
      url: `${collector.origin}/v1/traces`,
      service: "dovetail-test",
      clock,
      logger: { log: (_level, event) => void log.push(event) },
    });
    return { collector, spans, log };
  }

  test("sends what was recorded when it ends, each a trace of its own", async () => {
    const { collector, spans } = await open();
    spans.record(SPAN);
    spans.record({ name: "send", durationMs: 1, error: "rate-limited", attempts: 3 });
    await spans.close();
    const [first, second] = collector.spans();
    expect(first).toMatchObject({ service: "dovetail-test", name: "dovetail.append", isError: false });
    expect(Math.abs((first?.durationNs ?? 0) - 2_500_000)).toBeLessThan(1_000);
    expect(second).toMatchObject({
      name: "dovetail.send",
      isError: true,
      attributes: { "error.type": "rate-limited", "dovetail.attempts": 3 },
    });
    expect(first?.traceId).not.toBe(second?.traceId);
    expect([first?.parentSpanId, second?.parentSpanId]).toEqual([undefined, undefined]);
    expect(Object.keys(JSON.parse(collector.text().split("\n").at(-1) ?? ""))).toEqual(["resourceSpans"]);
    // No program's path, no machine's name.
    expect(collector.text().match(/"(service|host|process|telemetry)\.[a-z.]+"/g)).toEqual([
      '"service.name"',
    ]);
  });

  test("keeps so many for a collector that hangs, and drops the rest", async () => {
    const { collector, spans } = await open(patient);
    collector.turn("hanging");
    // What fills one request is on its way at once; the queue is what waits behind it.
    for (let i = 0; i < SPANS_QUEUED_MAX * 3; i++) spans.record(SPAN);
    await vi.waitFor(() => expect(collector.hangingCount()).toBe(1), { timeout: 20_000, interval: 10 });
    collector.turn("answering");
    await spans.close();
    expect(collector.spans().length).toBe(SPAN_EXPORT.spansPerRequest + SPANS_QUEUED_MAX);
  });

  test("ends within its bound when the collector hangs", async () => {
    const asked: number[] = [];
    const impatient: Clock = {
      ...patient,
      schedule(delayMs, task) {
        asked.push(delayMs);
        queueMicrotask(task);
        return () => {};
      },
    };
    const { collector, spans } = await open(impatient);
    collector.turn("hanging");
    spans.record(SPAN);
    await spans.close();
    expect(asked).toEqual([SPAN_FLUSH_MS_MAX]);
    expect(collector.spans()).toEqual([]);
  });

  test("says once that nobody takes them, and records on", async () => {
    const { collector, spans, log } = await open();
    collector.turn("refusing");
    spans.record(SPAN);
    await spans.close();
    expect(log).toEqual(["span-export-failed"]);
    expect(() => spans.record(SPAN)).not.toThrow();
  });
});

test("the library is read when spans are wanted, and not before", () => {
  const importers = [...readTree(["core", "cli", "sync-server", "app"], [".ts"])].flatMap(([file, text]) =>
    [...text.matchAll(/(\S+?)\s*"@opentelemetry\//g)].map(([, how]) => `${file} ${how}`),
  );
  expect([...new Set(importers)].sort()).toEqual([
    "cli/platform/export-spans.ts import(",
    "sync-server/metrics/export-spans.ts import(",
  ]);
});
