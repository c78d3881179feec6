/**
 * Spans to a collector, over OTLP/HTTP. The only importer of OpenTelemetry here, and not before spans are wanted: it takes
 * a tenth of a second and 20 MB.
 *
 * A collector that is away, slow or hanging costs spans and nothing else: what waits for it is bounded, and so is the end.
 */
import { type Clock, within } from "@dovetail/core/base/clock.ts";
import { SPAN_FLUSH_MS_MAX, SPANS_QUEUED_MAX } from "@dovetail/core/base/limits.ts";
import type { Logger } from "@dovetail/core/base/logger.ts";
import { createExportWatch, createSpanSink, SPAN_EXPORT, type SpanSink } from "@dovetail/core/base/spans.ts";

export interface SpanExport extends SpanSink {
  /** Sends what waits, within a bound. */
  close(): Promise<void>;
}

interface SpanExportOptions {
  readonly url: string;
  readonly service: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** An exporter to the collector at `url`. */
export async function exportSpans({ url, service, clock, logger }: SpanExportOptions): Promise<SpanExport> {
  const [{ BasicTracerProvider, BatchSpanProcessor }, { OTLPTraceExporter }, { resourceFromAttributes }] =
    await Promise.all([
      import("@opentelemetry/sdk-trace-base"),
      import("@opentelemetry/exporter-trace-otlp-http"),
      import("@opentelemetry/resources"),
    ]);
  const { spansPerRequest, delayMs, timeoutMs } = SPAN_EXPORT;
  const exporter = new OTLPTraceExporter({
    url,
    timeoutMillis: timeoutMs,
    // One on its way, and at the end the whole queue at once.
    concurrencyLimit: 1 + SPANS_QUEUED_MAX / spansPerRequest,
  });
  const noteExport = createExportWatch(logger);
  const processor = new BatchSpanProcessor(
    {
      export: (spans, done) =>
        exporter.export(spans, (result) => {
          noteExport(result.error === undefined);
          done(result);
        }),
      shutdown: () => exporter.shutdown(),
    },
    {
      maxQueueSize: SPANS_QUEUED_MAX,
      maxExportBatchSize: spansPerRequest,
      scheduledDelayMillis: delayMs,
      exportTimeoutMillis: timeoutMs,
    },
  );
  const provider = new BasicTracerProvider({
    // The library's own would name the program as it was started, with its path.
    resource: resourceFromAttributes({ "service.name": service }),
    spanProcessors: [processor],
  });
  const sink = createSpanSink(provider.getTracer("dovetail"), {
    nowMs: clock.nowMs,
    monotonicMs: () => performance.now(),
  });
  return {
    ...sink,
    close: () =>
      within(
        clock,
        SPAN_FLUSH_MS_MAX,
        provider.shutdown().catch(() => {}),
      ),
  };
}
