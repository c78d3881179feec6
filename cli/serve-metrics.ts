/** What a process that stays connected tells programs of this machine: whether it lives, whether it is ready, what it counted. */
import {
  type ClientMeter,
  type ConnectionStatus,
  fixedWord,
  ok,
  type Result,
  type SpanSink,
  type TxStore,
} from "@dovetail/core";
import type { CommandContext } from "./command-runner.ts";
import type { MetricsAddress } from "./metrics-listen.ts";
import { createClientMetrics, type WatchedClient } from "./platform/client-metrics.ts";
import { listenForMetrics, type MetricsNotServed, type MetricsPage } from "./platform/metrics-listener.ts";

/** How a client does: why it is not ready, in one word, and what that was seen by. */
export interface Readiness {
  readonly status: "ready" | "starting" | "stopping" | "store-unavailable" | "not-connected";
  readonly store: "open" | "unavailable";
  readonly network: ConnectionStatus["state"];
  /** Type of the error for which there is no connection. */
  readonly error: string | null;
  /** Changes and messages that the server has not taken. They make nothing unready: that they wait is what they are for. */
  readonly queue: number;
}

export interface MetricsService {
  readonly spans: SpanSink;
  readonly meter: ClientMeter;
  /** From here on it is told of `client`. Once. */
  watch(client: WatchedClient): void;
  close(): Promise<void>;
}

/** Any key there can be: that it can be looked for is what is asked. */
const PROBE_KEY = "ready";

/** Serves at `address`; until `watch` is called it says that it is starting. - Fails: `MetricsNotServed`. */
export async function serveMetrics(
  { output, logger }: Pick<CommandContext, "output" | "logger">,
  address: MetricsAddress,
  store: Pick<TxStore, "get">,
): Promise<Result<MetricsService, MetricsNotServed>> {
  const metrics = await createClientMetrics();
  let watched: WatchedClient | null = null;
  let stopWatching = (): void => {};
  const listening = await listenForMetrics(address, {
    "/health": async () => json(200, { status: "ok" }),
    "/ready": async () => {
      const isOpen = (await store.get(PROBE_KEY)).ok;
      const readiness = readinessOf(isOpen, watched === null ? null : watched.status());
      return json(readiness.status === "ready" ? 200 : 503, readiness);
    },
    "/metrics": async () => ({ status: 200, contentType: metrics.contentType, body: await metrics.text() }),
  });
  if (!listening.ok) return listening;
  const { port } = listening.value;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  logger.log("info", "metrics-listening", { port });
  output.say(`Health, readiness and metrics are at http://${host}:${port}, for this machine.`);
  return ok({
    spans: metrics,
    meter: metrics.meter,
    watch(client) {
      watched = client;
      stopWatching = metrics.watch(client);
    },
    async close() {
      stopWatching();
      await listening.value.close();
    },
  });
}

/** `status` is the client's; null while there is none yet. */
export function readinessOf(isStoreOpen: boolean, status: ConnectionStatus | null): Readiness {
  const { state, lastError, pendingCount } = status ?? NOT_YET;
  const rest = {
    store: isStoreOpen ? "open" : "unavailable",
    network: state,
    error: lastError === null || state === "online" ? null : fixedWord(lastError.type),
    queue: pendingCount,
  } as const;
  // A client that stops closes its store: that is no fault of the store.
  if (state === "stopped") return { status: "stopping", ...rest };
  if (!isStoreOpen) return { status: "store-unavailable", ...rest };
  if (status === null) return { status: "starting", ...rest };
  return { status: state === "online" ? "ready" : "not-connected", ...rest };
}

const NOT_YET = { state: "offline", lastError: null, pendingCount: 0 } as const;

function json(status: MetricsPage["status"], body: object): MetricsPage {
  return { status, contentType: "application/json", body: `${JSON.stringify(body)}\n` };
}
