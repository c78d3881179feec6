/**
 * Port: how long an operation took and how it ended, for who asks for traces of it.
 *
 * A span is a fixed word, a duration, the type of an error and a count: nothing in it can name a person, a device, a log
 * or a message, and no two spans belong together.
 */

/** Which operation it was. Clients send and receive; servers append, deliver and replay. */
export type SpanName = "send" | "receive" | "append" | "deliver" | "replay";

/** An operation that ends now. */
export interface Span {
  readonly name: SpanName;
  readonly durationMs: number;
  /** Type of the error it ended with; null when it was done. */
  readonly error: string | null;
  /** How often it was tried; null where it is tried once. */
  readonly attempts: number | null;
}

export interface SpanSink {
  /** A clock that never goes back; only differences mean something. */
  monotonicMs(): number;
  record(span: Span): void;
}

/** What is used of a tracer. One of OpenTelemetry's fits. */
export interface Tracer {
  startSpan(name: string, options: TracerSpanOptions): TracerSpan;
}

interface TracerSpanOptions {
  readonly kind: number;
  /** Of no other span's trace. */
  readonly root: boolean;
  readonly startTime: number;
  readonly attributes: { readonly [name: string]: string | number };
}

interface TracerSpan {
  setStatus(status: { readonly code: number }): unknown;
  end(endTime: number): void;
}

/** Numbers of OpenTelemetry: a span serves, asks, hands on, or takes what was handed on. */
const KIND = { server: 1, client: 2, producer: 3, consumer: 4 } as const;
const STATUS_ERROR = 2;
const KIND_BY_NAME: Readonly<Record<SpanName, number>> = {
  send: KIND.client,
  receive: KIND.consumer,
  append: KIND.server,
  deliver: KIND.producer,
  replay: KIND.producer,
};

/** Gives finished operations to a tracer. `nowMs` is the time of day. */
export function createSpanSink(
  tracer: Tracer,
  { nowMs, monotonicMs }: { readonly nowMs: () => number; readonly monotonicMs: () => number },
): SpanSink {
  return {
    monotonicMs,
    record({ name, durationMs, error, attempts }) {
      const endMs = nowMs();
      const span = tracer.startSpan(`dovetail.${name}`, {
        kind: KIND_BY_NAME[name],
        root: true,
        startTime: endMs - Math.max(0, durationMs),
        attributes: {
          ...(error === null ? {} : { "error.type": fixedWord(error) }),
          ...(attempts === null ? {} : { "dovetail.attempts": attempts }),
        },
      });
      if (error !== null) span.setStatus({ code: STATUS_ERROR });
      span.end(endMs);
    },
  };
}

/** Gives every operation to both; durations are by the clock of the first. */
export function joinSpanSinks(first: SpanSink, second: SpanSink): SpanSink {
  return {
    monotonicMs: first.monotonicMs,
    record(span) {
      first.record(span);
      second.record(span);
    },
  };
}

/** Types of errors are words of ours. Whatever else might come here one day stays here: it is called `other`. */
export function fixedWord(error: string): string {
  return /^[A-Za-z][A-Za-z-]{0,47}$/.test(error) ? error : "other";
}
