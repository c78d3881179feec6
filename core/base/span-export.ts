/**
 * Spans to a collector, over OTLP/HTTP. OpenTelemetry's libraries are handed in: a program imports them itself, when spans are
 * wanted and not before.
 *
 * A collector that is away, slow or hanging costs spans and nothing else: what waits for it is bounded, and so is the end.
 */
import { type Clock, within } from "./clock.ts";
import { SPAN_FLUSH_MS_MAX, SPANS_QUEUED_MAX } from "./limits.ts";
import type { Logger } from "./logger.ts";
import { createSpanSink, type SpanSink, type Tracer } from "./spans.ts";

/** How spans leave: so many in one request, after so long, and how long a collector has for an answer. */
export const SPAN_EXPORT = { spansPerRequest: 512, delayMs: 2_000, timeoutMs: 5_000 } as const;

export interface SpanExport extends SpanSink {
  /** Sends what waits, within a bound. */
  close(): Promise<void>;
}

export interface SpanExportOptions {
  /** The collector's. */
  readonly url: string;
  /** What the program is called there. */
  readonly service: string;
  readonly clock: Clock;
  /** A clock that never goes back. */
  readonly monotonicMs: () => number;
  readonly logger: Logger;
}

/** What is used of the libraries, by their own names; the parameters are types of theirs that nothing here looks into. */
export interface SpanLibraries<Batch, Outcome extends ExportOutcome, Processor, Resource> {
  readonly OTLPTraceExporter: new (options: RequestOptions) => BatchExporter<Batch, Outcome>;
  readonly BatchSpanProcessor: new (
    exporter: BatchExporter<Batch, Outcome>,
    options: QueueOptions,
  ) => Processor;
  readonly BasicTracerProvider: new (options: {
    readonly resource: Resource;
    readonly spanProcessors: Processor[];
  }) => TracerProvider;
  readonly resourceFromAttributes: (attributes: { readonly "service.name": string }) => Resource;
}

interface ExportOutcome {
  readonly error?: Error;
}

interface BatchExporter<Batch, Outcome> {
  export(batch: Batch, done: (outcome: Outcome) => void): void;
  shutdown(): Promise<void>;
}

interface RequestOptions {
  readonly url: string;
  readonly timeoutMillis: number;
  readonly concurrencyLimit: number;
}

interface QueueOptions {
  readonly maxQueueSize: number;
  readonly maxExportBatchSize: number;
  readonly scheduledDelayMillis: number;
  readonly exportTimeoutMillis: number;
}

interface TracerProvider {
  getTracer(name: string): Tracer;
  shutdown(): Promise<void>;
}

/** An exporter to the collector at `url`. */
export function createSpanExport<Batch, Outcome extends ExportOutcome, Processor, Resource>(
  libraries: SpanLibraries<Batch, Outcome, Processor, Resource>,
  { url, service, clock, monotonicMs, logger }: SpanExportOptions,
): SpanExport {
  const { spansPerRequest, delayMs, timeoutMs } = SPAN_EXPORT;
  const exporter = new libraries.OTLPTraceExporter({
    url,
    timeoutMillis: timeoutMs,
    // One on its way, and at the end the whole queue at once.
    concurrencyLimit: 1 + SPANS_QUEUED_MAX / spansPerRequest,
  });
  const processor = new libraries.BatchSpanProcessor(watchExport(exporter, logger), {
    maxQueueSize: SPANS_QUEUED_MAX,
    maxExportBatchSize: spansPerRequest,
    scheduledDelayMillis: delayMs,
    exportTimeoutMillis: timeoutMs,
  });
  const provider = new libraries.BasicTracerProvider({
    // The library's own would name the program as it was started, with its path.
    resource: libraries.resourceFromAttributes({ "service.name": service }),
    spanProcessors: [processor],
  });
  const end = () => provider.shutdown().catch(() => {});
  return {
    ...createSpanSink(provider.getTracer("dovetail"), { nowMs: clock.nowMs, monotonicMs }),
    close: () => within(clock, SPAN_FLUSH_MS_MAX, end()),
  };
}

/** Says in the log when a collector begins to take nothing, and when it is back: once each, not with every attempt. */
export function watchExport<Batch, Outcome extends ExportOutcome>(
  exporter: BatchExporter<Batch, Outcome>,
  logger: Logger,
): BatchExporter<Batch, Outcome> {
  let wasTaken = true;
  return {
    export: (batch, done) =>
      exporter.export(batch, (outcome) => {
        const isTaken = outcome.error === undefined;
        if (wasTaken && !isTaken) logger.log("warn", "span-export-failed");
        if (isTaken && !wasTaken) logger.log("info", "span-export-back");
        wasTaken = isTaken;
        done(outcome);
      }),
    shutdown: () => exporter.shutdown(),
  };
}
