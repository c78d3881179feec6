/**
 * OpenTelemetry's libraries for the spans of the server. The only importer of them here, and not before spans are wanted: it
 * takes a tenth of a second and 20 MB.
 */
import {
  createSpanExport,
  type SpanExport,
  type SpanExportOptions,
} from "@dovetail/core/base/span-export.ts";

/** An exporter to the collector at `url`. */
export async function exportSpans(options: Omit<SpanExportOptions, "monotonicMs">): Promise<SpanExport> {
  const [{ BasicTracerProvider, BatchSpanProcessor }, { OTLPTraceExporter }, { resourceFromAttributes }] =
    await Promise.all([
      import("@opentelemetry/sdk-trace-base"),
      import("@opentelemetry/exporter-trace-otlp-http"),
      import("@opentelemetry/resources"),
    ]);
  return createSpanExport(
    { BasicTracerProvider, BatchSpanProcessor, OTLPTraceExporter, resourceFromAttributes },
    { ...options, monotonicMs: () => performance.now() },
  );
}
