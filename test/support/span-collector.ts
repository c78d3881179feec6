/** A collector of spans on loopback: keeps every body it takes, and can hang, refuse or go away. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { present } from "../../core/base/assert.ts";

/** A span as it came. */
export interface CollectedSpan {
  readonly service: string;
  readonly name: string;
  readonly kind: number;
  readonly durationNs: number;
  readonly traceId: string;
  readonly parentSpanId: string | undefined;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
}

type Turn = "answering" | "refusing" | "hanging";

export interface SpanCollector {
  readonly origin: string;
  /** Everything it took, headers and bodies, as text. */
  text(): string;
  spans(): readonly CollectedSpan[];
  /** Requests that are not answered. */
  hangingCount(): number;
  /** From now on requests are answered, refused for good, or kept waiting. Those that wait are answered when others are. */
  turn(to: Turn): void;
  /** Nothing listens any more. */
  close(): Promise<void>;
}

interface OtlpSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code: number };
  readonly attributes: readonly OtlpAttribute[];
}
interface OtlpAttribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}
interface OtlpBody {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly OtlpAttribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

export async function startSpanCollector(): Promise<SpanCollector> {
  const bodies: string[] = [];
  const heads: string[] = [];
  let state: Turn = "answering";
  let waiting: (() => void)[] = [];
  const server = createServer((request, response) => void take(request, response));
  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    try {
      for await (const part of request) parts.push(part);
    } catch {
      // Whoever sent it has ended.
      return;
    }
    const answer = (): void => {
      heads.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`);
      bodies.push(Buffer.concat(parts).toString("utf8"));
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    };
    if (state === "hanging") waiting.push(answer);
    else if (state === "refusing") response.writeHead(400).end();
    else answer();
  }
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? present(address, "it listens").port : 0;
  return {
    origin: `http://127.0.0.1:${port}`,
    text: () => [...heads, ...bodies].join("\n"),
    spans: () => bodies.flatMap((body) => spansOf(JSON.parse(body))),
    hangingCount: () => waiting.length,
    turn(to) {
      state = to;
      if (to !== "answering") return;
      for (const answer of waiting) answer();
      waiting = [];
    },
    async close() {
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function spansOf(body: OtlpBody): readonly CollectedSpan[] {
  return body.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        service: String(recordOf(resource.attributes)["service.name"]),
        name: span.name,
        kind: span.kind,
        durationNs: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)),
        traceId: span.traceId,
        parentSpanId: span.parentSpanId,
        isError: span.status.code === 2,
        attributes: recordOf(span.attributes),
      })),
    ),
  );
}

function recordOf(attributes: readonly OtlpAttribute[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
