/**
 * The server without a port: directory and gateway over one store, for whoever carries requests and sockets to it.
 *
 * `server.ts` listens for it; the simulator brings a network of its own.
 */
import type { Clock } from "@dovetail/core/base/clock.ts";
import type { Logger } from "@dovetail/core/base/logger.ts";
import type { Random } from "@dovetail/core/base/random.ts";
import { PROTOCOL_VERSION, PROTOCOL_VERSION_MIN } from "@dovetail/core/protocol/version.ts";
import type { RateChanges } from "./config/rate-setting.ts";
import type { ListenAddress } from "./config/setting.ts";
import { createAccountDirectory } from "./directory/account-directory.ts";
import { createRendezvous } from "./directory/rendezvous.ts";
import { createGateway, type Gateway } from "./gateway/gateway.ts";
import { createResumeTokens } from "./gateway/resume-tokens.ts";
import { createSubscriptions } from "./gateway/subscriptions.ts";
import { createReadiness } from "./http/readiness.ts";
import { createRoutes } from "./http/routes.ts";
import type { TlsPaths } from "./http/tls-files.ts";
import { createWebApp } from "./http/web-app.ts";
import { type ServerMetrics, silentMetrics } from "./metrics/server-metrics.ts";
import { createRateLimits } from "./rate-limits.ts";
import { startReclaimer } from "./reclaimer.ts";
import type { Quotas } from "./store/quotas.ts";
import type { ServerStore } from "./store/server-store.ts";

export interface ServerConfig {
  /** 0 takes a free one. */
  readonly port: number;
  readonly host: string;
  /** What clients dial. Empty for the loopback forms of the port. */
  readonly origins: readonly string[];
  /** Sites whose pages may show a frame of this server; others may not. */
  readonly embedOrigins: readonly string[];
  readonly isRegistrationOpen: boolean;
  /** `X-Forwarded-For` is believed. Only behind a proxy that sets it. */
  readonly trustsProxy: boolean;
  readonly socketsPerAddressMax: number;
  /** Multiplies every rate per address. */
  readonly rateFactor: number;
  /** Rates that differ from their first values. */
  readonly rates: RateChanges;
  /** Certificate and key, or null to speak plain HTTP. */
  readonly tls: TlsPaths | null;
  readonly quotas: Quotas;
  /** Where `/metrics` is served, or null for nowhere. */
  readonly metricsListen: ListenAddress | null;
  readonly admissionWorkBits: number;
  readonly heartbeatMs: number;
  readonly resumeTtlMs: number;
  /** How long a snapshot stands before entries go on its strength. */
  readonly snapshotGraceMs: number;
  /** A device away for this long holds no entries back. */
  readonly deviceSilentMs: number;
  /** The built web app, served beside the protocol; a folder that is not there is none. */
  readonly webAppFolder: string;
}

export interface ServerDeps {
  readonly store: ServerStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Nothing is counted without it. */
  readonly metrics?: ServerMetrics;
}

export interface Service {
  readonly gateway: Gateway;
  /** What answers HTTP; made when it is first asked for, because `origins` may not be known before. */
  routes(): ReturnType<typeof createRoutes>;
  subscriptionCount(): number;
}

/** Puts a service together. `origins` may be filled until the first request; the caller has made the cryptography ready. */
export function createService(config: ServerConfig, deps: ServerDeps, origins: readonly string[]): Service {
  const { store, clock, random, logger, metrics = silentMetrics } = deps;
  const rates = createRateLimits(clock, config.rateFactor, config.rates, metrics.rateLimited);
  const directory = createAccountDirectory({ store, clock, isRegistrationOpen: config.isRegistrationOpen });
  const subscriptions = createSubscriptions(store, clock, metrics);
  const gateway = createGateway(
    {
      store,
      directory,
      clock,
      random,
      logger,
      metrics,
      origins,
      workBits: config.admissionWorkBits,
      resumeTtlMs: config.resumeTtlMs,
      rates,
      subscriptions,
      resumeTokens: createResumeTokens(clock, random, config.resumeTtlMs),
      connectionsByDevice: new Map(),
    },
    config,
  );
  const routes = once(() =>
    createRoutes({
      store,
      directory,
      rendezvous: createRendezvous(clock),
      rates,
      clock,
      random,
      logger,
      metrics,
      isReady: createReadiness(store, clock),
      origins,
      trustsProxy: config.trustsProxy,
      info: {
        versionMin: PROTOCOL_VERSION_MIN,
        versionMax: PROTOCOL_VERSION,
        origin: origins[0] ?? "",
        isRegistrationOpen: config.isRegistrationOpen,
        admissionWorkBits: config.admissionWorkBits,
      },
      page: createWebApp(config.webAppFolder, () => origins, config.embedOrigins),
    }),
  );
  const stopReclaiming = startReclaimer(store, clock, config);
  return {
    gateway: {
      ...gateway,
      close() {
        stopReclaiming();
        return gateway.close();
      },
    },
    routes,
    subscriptionCount: subscriptions.count,
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
