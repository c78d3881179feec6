/** `ServerMetrics` that also gives spans of appending, delivering and replaying. Only made when spans are wanted. */
import type { SpanName, SpanSink } from "@dovetail/core/base/spans.ts";
import type { ServerMetrics } from "./server-metrics.ts";

/** Everything goes on to `metrics` too. */
export function createSpanMetrics(metrics: ServerMetrics, spans: SpanSink): ServerMetrics {
  const record = (name: SpanName, seconds: number, error: string | null): void =>
    spans.record({ name, durationMs: seconds * 1_000, error, attempts: null });
  return {
    ...metrics,
    appended(append) {
      metrics.appended(append);
      record("append", append.seconds, append.error);
    },
    appendRefused(code, seconds) {
      metrics.appendRefused(code, seconds);
      record("append", seconds, code);
    },
    delivered(entries, subscribers, seconds) {
      metrics.delivered(entries, subscribers, seconds);
      record("deliver", seconds, null);
    },
    replayed(entries, seconds) {
      metrics.replayed(entries, seconds);
      // Most that subscribe have nothing to catch up with.
      if (entries > 0) record("replay", seconds, null);
    },
  };
}
