/** `/metrics` on an address of its own: what is for the operator is not on the port that everybody reaches. */
import { createServer, type Server } from "node:http";
import { err, ok, type Result } from "@dovetail/core/base/result.ts";
import type { ListenAddress } from "../config/setting.ts";
import type { PrometheusMetrics } from "./prometheus-metrics.ts";

export interface MetricsListener {
  readonly port: number;
  close(): Promise<void>;
}

/** The address could not be opened; `detail` is the system's word. */
export interface MetricsListenError {
  readonly type: "MetricsListenError";
  readonly port: number;
  readonly detail: string;
}

/** Serves `metrics` at `address`. */
export function listenForMetrics(
  { host, port }: ListenAddress,
  metrics: Pick<PrometheusMetrics, "text" | "contentType">,
): Promise<Result<MetricsListener, MetricsListenError>> {
  const server = createServer((request, response) => {
    const isAsked = request.method === "GET" && request.url === "/metrics";
    if (!isAsked) {
      response.writeHead(404).end();
      return;
    }
    void metrics.text().then(
      (text) => response.writeHead(200, { "content-type": metrics.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  return new Promise((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      resolve(err({ type: "MetricsListenError", port, detail: error.code ?? error.name })),
    );
    server.listen(port, host, () => resolve(ok({ port: portOf(server, port), close: () => close(server) })));
  });
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
