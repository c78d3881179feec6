/** What of an operation becomes a span, and where spans go. */
import { describe, expect, test } from "vitest";
import { SPAN_ENDPOINT_CHARS_MAX } from "../../../core/base/limits.ts";
import { parseSpanEndpoint, spanEndpointOf } from "../../../core/base/span-endpoint.ts";
import { watchExport } from "../../../core/base/span-export.ts";
import { createSpanSink, joinSpanSinks, type Span } from "../../../core/base/spans.ts";

function record(span: Partial<Span>) {
  const told: unknown[] = [];
  const tracer = {
    startSpan(name: string, options: object) {
      told.push(name, options);
      return {
        setStatus: (status: object) => void told.push(status),
        end: (endTime: number) => void told.push(endTime),
      };
    },
  };
  const sink = createSpanSink(tracer, { nowMs: () => 5_000, monotonicMs: () => 7 });
  sink.record({ name: "send", durationMs: 250, error: null, attempts: null, ...span });
  return told;
}

describe("an operation", () => {
  test("becomes a span of its own, that ends now and belongs to no other", () => {
    expect(record({ attempts: 2 })).toEqual([
      "dovetail.send",
      { kind: 2, root: true, startTime: 4_750, attributes: { "dovetail.attempts": 2 } },
      5_000,
    ]);
    expect(record({ name: "receive" })[1]).toMatchObject({ kind: 4, attributes: {} });
    expect(record({ name: "append" })[1]).toMatchObject({ kind: 1 });
    expect(record({ durationMs: -3 })[1]).toMatchObject({ startTime: 5_000 });
  });

  test("that failed says the type of its error and nothing that is not a word of ours", () => {
    const attributesOf = (error: string) => record({ error })[1];
    expect(record({ error: "rate-limited" })).toEqual([
      "dovetail.send",
      { kind: 2, root: true, startTime: 4_750, attributes: { "error.type": "rate-limited" } },
      { code: 2 },
      5_000,
    ]);
    expect(attributesOf("ServerUnreachable")).toMatchObject({
      attributes: { "error.type": "ServerUnreachable" },
    });
    for (const strange of ["", "a b", "4f1c9e", "https://a.example", "x".repeat(49), "naïve"])
      expect(attributesOf(strange), strange).toMatchObject({ attributes: { "error.type": "other" } });
  });
});

test("an operation is told to both who ask for it, by one clock", () => {
  const told: string[] = [];
  const sink = (name: string, nowMs: number) => ({
    monotonicMs: () => nowMs,
    record: (span: Span) => void told.push(`${name} ${span.name} ${span.durationMs}`),
  });
  const both = joinSpanSinks(sink("first", 7), sink("second", 8));
  both.record({ name: "send", durationMs: 1, error: null, attempts: 1 });
  expect(told).toEqual(["first send 1", "second send 1"]);
  expect(both.monotonicMs()).toBe(7);
});

test("a collector that takes nothing is told of once, and so is its return", () => {
  const lines: string[] = [];
  const outcomes: unknown[] = [];
  const exporter = watchExport(
    {
      export: (isTaken: boolean, done) => done(isTaken ? {} : { error: new Error("of the library") }),
      shutdown: async () => {},
    },
    { log: (level, event) => void lines.push(`${level} ${event}`) },
  );
  for (const isTaken of [true, false, false, true, true, false])
    exporter.export(isTaken, (outcome) => outcomes.push(outcome));
  expect(lines).toEqual(["warn span-export-failed", "info span-export-back", "warn span-export-failed"]);
  expect(outcomes).toHaveLength(6);
});

describe("the address of a collector", () => {
  test.each([
    ["http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"],
    ["https://traces.example/", "https://traces.example/v1/traces"],
    ["https://traces.example/in/otlp", "https://traces.example/in/otlp"],
  ])("%s is %s", (text, url) => {
    expect(parseSpanEndpoint(text)).toBe(url);
  });

  test.each([
    "",
    "127.0.0.1:4318",
    "ftp://a.example",
    "https://ada:secret@a.example",
    "https://a.example/?key=1",
    "https://a.example/#x",
  ])("%s is none", (text) => {
    expect(parseSpanEndpoint(text)).toBeNull();
  });

  test("has a limit", () => {
    const ofLength = (length: number) => "http://a.example/".padEnd(length, "x");
    expect(parseSpanEndpoint(ofLength(SPAN_ENDPOINT_CHARS_MAX))).not.toBeNull();
    expect(parseSpanEndpoint(ofLength(SPAN_ENDPOINT_CHARS_MAX + 1))).toBeNull();
  });
});

describe("OpenTelemetry's own variables", () => {
  const TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
  const ALL = "OTEL_EXPORTER_OTLP_ENDPOINT";

  test("name the collector: the one for traces as it stands, the one for all with the usual path", () => {
    expect(spanEndpointOf({})).toEqual({ ok: true, value: null });
    expect(spanEndpointOf({ [ALL]: "" })).toEqual({ ok: true, value: null });
    expect(spanEndpointOf({ [ALL]: "http://c.example:4318/in/" })).toEqual({
      ok: true,
      value: { variable: ALL, url: "http://c.example:4318/in/v1/traces" },
    });
    expect(spanEndpointOf({ [ALL]: "http://c.example", [TRACES]: "http://d.example/x" })).toEqual({
      ok: true,
      value: { variable: TRACES, url: "http://d.example/x" },
    });
  });

  test.each([{ OTEL_SDK_DISABLED: "TRUE" }, { OTEL_TRACES_EXPORTER: "none" }])("turn it off: %o", (off) => {
    expect(spanEndpointOf({ [ALL]: "http://c.example", ...off })).toEqual({ ok: true, value: null });
  });

  test("are refused where they ask for what there is not, by name", () => {
    const why = (env: Readonly<Record<string, string>>): string => {
      const asked = spanEndpointOf(env);
      return asked.ok ? "" : asked.error.why;
    };
    expect(why({ [ALL]: "c.example:4317" })).toContain(`${ALL} is none or the address of a collector`);
    expect(why({ [TRACES]: "nonsense" })).toContain(TRACES);
    expect(why({ [ALL]: "http://c.example", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" })).toContain("http/json");
    expect(why({ [ALL]: "http://c.example", OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" })).toBe("");
  });
});
