/**
 * A Dovetail server as a value: HTTP directory and WebSocket gateway on one port over one store.
 *
 * `main.ts` makes one from flags; tests and the demo make one in their own process.
 */
import { createServer as createHttpServer, Server as HttpServer } from "node:http";
import { createServer as createHttpsServer, Server as HttpsServer } from "node:https";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { assert } from "@dovetail/core/base/assert.ts";
import { err, ok, type Result } from "@dovetail/core/base/result.ts";
import { cryptoReady } from "@dovetail/core/crypto/sodium.ts";
import {
  readTlsPair,
  TLS_VERSION_MIN,
  type TlsFault,
  type TlsPair,
  watchTlsFiles,
} from "./http/tls-files.ts";
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
import { FIRST_QUOTAS } from "./store/quotas.ts";
import { createService, type ServerConfig, type ServerDeps } from "./service.ts";

export type { ServerConfig, ServerDeps };

export interface RunningServer {
  readonly port: number;
  readonly host: string;
  /** What clients dial; the first is the one to show. */
  readonly origins: readonly string[];
  connectionCount(): number;
  subscriptionCount(): number;
  /** Takes a renewed certificate now; without TLS, or when there is none, nothing happens. */
  reloadCertificate(): void;
  /** Ends connections, then the store. */
  close(): Promise<void>;
}

/** The port could not be opened; `detail` is the system's word. */
export interface ListenError {
  readonly type: "ListenError";
  readonly port: number;
  readonly detail: string;
}

type Listener = HttpServer | HttpsServer;
type FetchCallback = Parameters<typeof createAdaptorServer>[0]["fetch"];

/** A configuration in which every field has its first value. */
export const DEFAULT_CONFIG: ServerConfig = {
  port: 8787,
  host: "127.0.0.1",
  origins: [],
  embedOrigins: [],
  isRegistrationOpen: true,
  trustsProxy: false,
  socketsPerAddressMax: SOCKETS_PER_ADDRESS_MAX,
  rateFactor: 1,
  rates: new Map(),
  tls: null,
  quotas: FIRST_QUOTAS,
  metricsListen: null,
  admissionWorkBits: ADMISSION_WORK_BITS,
  heartbeatMs: HEARTBEAT_MS,
  resumeTtlMs: RESUME_TTL_MS,
  snapshotGraceMs: SNAPSHOT_GRACE_MS,
  deviceSilentMs: DEVICE_SILENT_MS,
  webAppFolder: join(import.meta.dirname, "..", "app", "dist"),
};

/** Starts a server; it owns `deps.store` from then on. */
export async function createServer(
  config: ServerConfig,
  deps: ServerDeps,
): Promise<Result<RunningServer, ListenError | TlsFault>> {
  await cryptoReady();
  const { store, logger } = deps;
  const pair = config.tls === null ? ok(null) : readTlsPair(config.tls);
  if (!pair.ok) {
    await store.close();
    return pair;
  }
  // Nothing is served before the port is known, because the origins may name it.
  const origins: string[] = [];
  const { gateway, routes, subscriptionCount } = createService(config, deps, origins);
  const http = createListener(pair.value, (request, env) => routes().fetch(request, env));
  gateway.attach(http);
  const port = await listen(http, config);
  if (!port.ok) {
    await gateway.close();
    await store.close();
    return port;
  }
  const scheme = pair.value === null ? "http" : "https";
  origins.push(...(config.origins.length > 0 ? config.origins : loopbackOrigins(scheme, port.value)));
  const certificate =
    config.tls === null || pair.value === null || !(http instanceof HttpsServer)
      ? null
      : watchTlsFiles({ paths: config.tls, inUse: pair.value, logger }, http);
  return ok({
    port: port.value,
    host: config.host,
    origins,
    connectionCount: () => gateway.connectionCount(),
    subscriptionCount,
    reloadCertificate: () => void certificate?.check(),
    async close() {
      certificate?.stop();
      // Nobody new is let in while the others are told to come again.
      const closed = new Promise<void>((resolve) => void http.close(() => resolve()));
      await gateway.close();
      http.closeAllConnections();
      await closed;
      await store.close();
    },
  });
}

/** The server on the port, over TLS when there is a certificate. */
function createListener(tls: TlsPair | null, fetch: FetchCallback): Listener {
  const options = {
    maxHeaderSize: HTTP_HEADER_BYTES_MAX,
    requestTimeout: HTTP_REQUEST_TIMEOUT_MS,
    headersTimeout: HTTP_HEADERS_TIMEOUT_MS,
  };
  const server =
    tls === null
      ? createAdaptorServer({ createServer: createHttpServer, serverOptions: options, fetch })
      : createAdaptorServer({
          createServer: createHttpsServer,
          serverOptions: { ...options, cert: tls.cert, key: tls.key, minVersion: TLS_VERSION_MIN },
          fetch,
        });
  assert(
    server instanceof HttpServer || server instanceof HttpsServer,
    "the adaptor makes the server it was told to",
  );
  return server;
}

function loopbackOrigins(scheme: "http" | "https", port: number): readonly string[] {
  const suffix = port === (scheme === "http" ? 80 : 443) ? "" : `:${port}`;
  return ["127.0.0.1", "localhost", "[::1]"].map((host) => `${scheme}://${host}${suffix}`);
}

function listen(http: Listener, { port, host }: ServerConfig): Promise<Result<number, ListenError>> {
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
