/**
 * Spans of a client: of sending, from taking an op to the server's receipt, and of receiving, from a delivered entry to stored.
 *
 * Between the two an op is known by the key of its row, which goes nowhere. What waits is bounded: beyond the limit an op
 * is sent like any other, without a span.
 */
import { SPANS_OPEN_MAX } from "../base/limits.ts";
import type { Result } from "../base/result.ts";
import type { SpanSink } from "../base/spans.ts";

export interface ClientSpans {
  monotonicMs(): number;
  /** Entries that came at `sinceMs` are stored, or could not be. */
  received(sinceMs: number, result: Result<unknown, { readonly type: string }>): void;
  /** An op is kept to be sent. */
  taken(key: string): void;
  /** It is handed to a server. */
  tried(keys: readonly string[]): void;
  /** The server has it, or never will. */
  ended(key: string, error: string | null): void;
  /** It is taken back: nobody waits for it. */
  dropped(key: string): void;
}

export function createClientSpans(sink: SpanSink): ClientSpans {
  const open = new Map<string, { readonly sinceMs: number; attempts: number }>();
  return {
    monotonicMs: sink.monotonicMs,
    received(sinceMs, result) {
      const error = result.ok ? null : result.error.type;
      sink.record({ name: "receive", durationMs: sink.monotonicMs() - sinceMs, error, attempts: null });
    },
    taken(key) {
      if (open.size < SPANS_OPEN_MAX || open.has(key))
        open.set(key, { sinceMs: sink.monotonicMs(), attempts: 0 });
    },
    tried(keys) {
      for (const key of keys) {
        const one = open.get(key);
        if (one !== undefined) one.attempts += 1;
      }
    },
    ended(key, error) {
      const one = open.get(key);
      if (one === undefined) return;
      open.delete(key);
      const durationMs = sink.monotonicMs() - one.sinceMs;
      sink.record({ name: "send", durationMs, error, attempts: one.attempts });
    },
    dropped: (key) => void open.delete(key),
  };
}
