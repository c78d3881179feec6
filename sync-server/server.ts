/**
 * A Dovetail server as a value: HTTP directory and WebSocket gateway on one port over one store.
 *
 * `main.ts` makes one from flags; tests and the demo make one in their own process.
 */
import { createServer as createHttpServer, Server as HttpServer } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { assert } from "@dovetail/core/base/assert.ts";
import { err, ok, type Result } from "@dovetail/core/base/result.ts";
import { cryptoReady } from "@dovetail/core/crypto/sodium.ts";
import {
  ADMISSION_WORK_BITS,
  DEVICE_SILENT_MS,
  HEARTBEAT_MS,
  HTTP_HEADER_BYTES_MAX,
  HTTP_HEADERS_TIMEOUT_MS,
  HTTP_REQUEST_TIMEOUT_MS,
  RESUME_TTL_MS,
  SNAPSHOT_GRACE_MS,
  SOCKETS_PER_ADDRESS_MAX,
} from "./limits.ts";
import { createService, type ServerConfig, type ServerDeps } from "./service.ts";

export type { ServerConfig, ServerDeps };

export interface RunningServer {
  readonly port: number;
  readonly host: string;
  /** What clients dial; the first is the one to show. */
  readonly origins: readonly string[];
  connectionCount(): number;
  /** Ends connections, then the store. */
  close(): Promise<void>;
}

/** The port could not be opened; `detail` is the system's word. */
export interface ListenError {
  readonly type: "ListenError";
  readonly port: number;
  readonly detail: string;
}

/** A configuration in which every field has its first value. */
export const DEFAULT_CONFIG: ServerConfig = {
  port: 8787,
  host: "127.0.0.1",
  origins: [],
  isRegistrationOpen: true,
  trustsProxy: false,
  socketsPerAddressMax: SOCKETS_PER_ADDRESS_MAX,
  rateFactor: 1,
  admissionWorkBits: ADMISSION_WORK_BITS,
  heartbeatMs: HEARTBEAT_MS,
  resumeTtlMs: RESUME_TTL_MS,
  snapshotGraceMs: SNAPSHOT_GRACE_MS,
  deviceSilentMs: DEVICE_SILENT_MS,
};

/** Starts a server; it owns `deps.store` from then on. */
export async function createServer(
  config: ServerConfig,
  deps: ServerDeps,
): Promise<Result<RunningServer, ListenError>> {
  await cryptoReady();
  const { store } = deps;
  // Nothing is served before the port is known, because the origins may name it.
  const origins: string[] = [];
  const { gateway, routes } = createService(config, deps, origins);
  const http = createAdaptorServer({
    createServer: createHttpServer,
    serverOptions: {
      maxHeaderSize: HTTP_HEADER_BYTES_MAX,
      requestTimeout: HTTP_REQUEST_TIMEOUT_MS,
      headersTimeout: HTTP_HEADERS_TIMEOUT_MS,
    },
    fetch: (request, env) => routes().fetch(request, env),
  });
  assert(http instanceof HttpServer, "the adaptor makes the server it was told to");
  gateway.attach(http);
  const port = await listen(http, config);
  if (!port.ok) {
    await gateway.close();
    await store.close();
    return port;
  }
  origins.push(...(config.origins.length > 0 ? config.origins : loopbackOrigins(port.value)));
  return ok({
    port: port.value,
    host: config.host,
    origins,
    connectionCount: () => gateway.connectionCount(),
    async close() {
      const closed = new Promise<void>((resolve) => void http.close(() => resolve()));
      await gateway.close();
      http.closeAllConnections();
      await closed;
      await store.close();
    },
  });
}

function loopbackOrigins(port: number): readonly string[] {
  return ["127.0.0.1", "localhost", "[::1]"].map((host) => `http://${host}${port === 80 ? "" : `:${port}`}`);
}

function listen(http: HttpServer, { port, host }: ServerConfig): Promise<Result<number, ListenError>> {
  return new Promise((resolve) => {
    http.once("error", (error: NodeJS.ErrnoException) =>
      resolve(err({ type: "ListenError", port, detail: error.code ?? error.name })),
    );
    http.listen(port, host, () => {
      const address = http.address();
      resolve(ok(typeof address === "object" && address !== null ? address.port : port));
    });
  });
}
