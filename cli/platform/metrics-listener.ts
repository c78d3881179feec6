/**
 * A few pages over plain HTTP on a loopback address, for programs of this machine that look after others.
 *
 * There is nothing to ask for but the pages. A web page that had its own name lead here is refused by that name, and what
 * is connected holds up no end.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { err, METRICS_CONNECTIONS_MAX, METRICS_REQUEST_MS_MAX, ok, type Result } from "@dovetail/core";
import type { CommandError } from "../errors/command-error.ts";
import { isLoopbackAddress, type MetricsAddress } from "../metrics-listen.ts";

/** What stands at a path. */
export interface MetricsPage {
  readonly status: 200 | 503;
  readonly contentType: string;
  readonly body: string;
}

export type MetricsPages = Readonly<Record<string, () => Promise<MetricsPage>>>;

export interface MetricsListener {
  readonly port: number;
  /** Ends every connection. */
  close(): Promise<void>;
}

export type MetricsNotServed = Extract<CommandError, { readonly type: "MetricsNotServed" }>;

/** How often a request is looked at that takes too long to come. */
const CHECK_MS = 1_000;

/** Serves `pages` by their paths. `requestMsMax` is how long a request may take to come. */
export async function listenForMetrics(
  { host, port }: MetricsAddress,
  pages: MetricsPages,
  requestMsMax = METRICS_REQUEST_MS_MAX,
): Promise<Result<MetricsListener, MetricsNotServed>> {
  // Not before it is wanted: every command pays for what a file imports.
  const { createServer } = await import("node:http");
  const server = createServer(
    {
      headersTimeout: requestMsMax,
      requestTimeout: requestMsMax,
      connectionsCheckingInterval: Math.min(CHECK_MS, requestMsMax),
    },
    (request, response) => void answer(request, response, pages),
  );
  server.maxConnections = METRICS_CONNECTIONS_MAX;
  return new Promise((resolve) => {
    server.on("error", (error: NodeJS.ErrnoException) =>
      resolve(err({ type: "MetricsNotServed", host, port, detail: error.code ?? error.name })),
    );
    server.listen(port, host, () => resolve(ok({ port: portOf(server, port), close: () => close(server) })));
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  pages: MetricsPages,
): Promise<void> {
  // Who asks again connects again: nothing stays open that would count against the limit.
  response.setHeader("connection", "close");
  const { method, url = "", headers } = request;
  if (!namesLoopback(headers.host)) return void response.writeHead(421).end();
  const page = Object.hasOwn(pages, url) ? pages[url] : undefined;
  if (page === undefined) return void response.writeHead(404).end();
  if (method !== "GET" && method !== "HEAD")
    return void response.writeHead(405, { allow: "GET, HEAD" }).end();
  try {
    const { status, contentType, body } = await page();
    response.writeHead(status, {
      "content-type": contentType,
      "content-length": Buffer.byteLength(body),
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    });
    response.end(method === "HEAD" ? undefined : body);
  } catch {
    response.writeHead(500).end();
  }
}

/** A page of another origin can have its name lead to this machine. It cannot ask by another name than its own. */
function namesLoopback(host: string | undefined): boolean {
  const [, bracketed, plain = ""] =
    /^(?:\[([0-9a-f:]+)\]|([a-z0-9.]+))(?::\d{1,5})?$/i.exec(host ?? "") ?? [];
  const name = (bracketed ?? plain).toLowerCase();
  return name === "localhost" || isLoopbackAddress(name);
}

function portOf(server: Server, port: number): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
