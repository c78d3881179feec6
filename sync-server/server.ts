/**
 * A Dovetail server as a value: HTTP directory and WebSocket gateway on one port over one store.
 *
 * `main.ts` makes one from flags; tests and the demo make one in their own process.
 */
import { createServer as createHttpServer, Server as HttpServer } from "node:http";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { assert } from "@dovetail/core/base/assert.ts";
import type { Clock } from "@dovetail/core/base/clock.ts";
import type { Logger } from "@dovetail/core/base/logger.ts";
import type { Random } from "@dovetail/core/base/random.ts";
import { err, ok, type Result } from "@dovetail/core/base/result.ts";
import { cryptoReady } from "@dovetail/core/crypto/sodium.ts";
import { PROTOCOL_VERSION, PROTOCOL_VERSION_MIN } from "@dovetail/core/protocol/version.ts";
import { createAccountDirectory } from "./directory/account-directory.ts";
import { createRendezvous } from "./directory/rendezvous.ts";
import { createGateway } from "./gateway/gateway.ts";
import { createResumeTokens } from "./gateway/resume-tokens.ts";
import { createSubscriptions } from "./gateway/subscriptions.ts";
import { createRoutes } from "./http/routes.ts";
import { createWebApp } from "./http/web-app.ts";
import {
  ADMISSION_WORK_BITS,
  HEARTBEAT_MS,
  HTTP_HEADER_BYTES_MAX,
  HTTP_HEADERS_TIMEOUT_MS,
  HTTP_REQUEST_TIMEOUT_MS,
  RESUME_TTL_MS,
  SOCKETS_PER_ADDRESS_MAX,
} from "./limits.ts";
import { createRateLimits } from "./rate-limits.ts";
import type { ServerStore } from "./store/server-store.ts";

export interface ServerConfig {
  /** 0 takes a free one. */
  readonly port: number;
  readonly host: string;
  /** What clients dial. Empty for the loopback forms of the port. */
  readonly origins: readonly string[];
  readonly isRegistrationOpen: boolean;
  /** `X-Forwarded-For` is believed. Only behind a proxy that sets it. */
  readonly trustsProxy: boolean;
  readonly socketsPerAddressMax: number;
  /** Multiplies every rate per address. */
  readonly rateFactor: number;
  readonly admissionWorkBits: number;
  readonly heartbeatMs: number;
  readonly resumeTtlMs: number;
}

export interface ServerDeps {
  readonly store: ServerStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

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

/** Where a built web app would be. */
const WEB_APP_FOLDER = join(import.meta.dirname, "..", "app", "dist");

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
};

/** Starts a server; it owns `deps.store` from then on. */
export async function createServer(
  config: ServerConfig,
  deps: ServerDeps,
): Promise<Result<RunningServer, ListenError>> {
  await cryptoReady();
  const { store, clock, random, logger } = deps;
  // Nothing is served before the port is known, because the origins may name it.
  const origins: string[] = [];
  const rates = createRateLimits(clock, config.rateFactor);
  const gateway = createGateway(
    {
      store,
      clock,
      random,
      logger,
      origins,
      workBits: config.admissionWorkBits,
      resumeTtlMs: config.resumeTtlMs,
      rates,
      subscriptions: createSubscriptions(store, clock),
      resumeTokens: createResumeTokens(clock, random, config.resumeTtlMs),
      connectionsByDevice: new Map(),
    },
    config,
  );
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
  const routes = once(() =>
    createRoutes({
      store,
      directory: createAccountDirectory({ store, clock, isRegistrationOpen: config.isRegistrationOpen }),
      rendezvous: createRendezvous(clock),
      rates,
      clock,
      random,
      logger,
      origins,
      trustsProxy: config.trustsProxy,
      info: {
        versionMin: PROTOCOL_VERSION_MIN,
        versionMax: PROTOCOL_VERSION,
        origin: origins[0] ?? "",
        isRegistrationOpen: config.isRegistrationOpen,
        admissionWorkBits: config.admissionWorkBits,
      },
      page: createWebApp(WEB_APP_FOLDER, () => origins[0] ?? ""),
    }),
  );
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

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
