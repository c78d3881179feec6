/** `start`: one running server, until it is told to stop. */
import process from "node:process";
import { type Clock, createSystemClock } from "@dovetail/core/base/clock.ts";
import { createLineLogger } from "@dovetail/core/base/log-lines.ts";
import type { Logger } from "@dovetail/core/base/logger.ts";
import { createPlatformRandom } from "@dovetail/core/base/random.ts";
import type { ProgramConfig } from "../config/read-config.ts";
import { ok } from "@dovetail/core/base/result.ts";
import { exportSpans } from "../metrics/export-spans.ts";
import { listenForMetrics } from "../metrics/metrics-listener.ts";
import { createPrometheusMetrics } from "../metrics/prometheus-metrics.ts";
import { createSpanMetrics } from "../metrics/span-metrics.ts";
import { createOperatorDesk, type OperatorDesk } from "../operator/operator-desk.ts";
import { serveOperator } from "../operator/operator-socket.ts";
import { haveCertificate } from "./have-certificate.ts";
import { explainTlsFault, type TlsFault } from "../http/tls-files.ts";
import { createServer, type ListenError, type RunningServer } from "../server.ts";
import type { ServerStore } from "../store/server-store.ts";
import { openSqliteStore } from "../store/sqlite/sqlite-store.ts";
import {
  databasePath,
  EXIT,
  fail,
  failToOpen,
  makeDataFolder,
  print,
  type ServerCommand,
} from "./command.ts";
import { printInvitation } from "./invite.ts";
import { printQr } from "./print-qr.ts";

const FIRST_INVITATION_TTL_MS = 604_800_000;
/** A stop that takes longer ends without the rest. */
const STOP_TIMEOUT_MS = 10_000;

export const startCommand: ServerCommand = {
  name: "start",
  usage: "",
  help: "run the server until SIGINT or SIGTERM; the command when none is named",
  options: {},
  positionals: 0,
  async run({ config }) {
    const clock = createSystemClock();
    const logger = createLineLogger(clock, config.log, (line) => process.stderr.write(line));
    const { dataFolder } = config;
    if (dataFolder !== null && !makeDataFolder(dataFolder))
      return fail(`cannot make the folder ${dataFolder}`, "choose another with --data");
    const path = dataFolder === null ? ":memory:" : databasePath(dataFolder);
    const prometheus = createPrometheusMetrics();
    const { traceEndpoint: url } = config;
    const spans = url === null ? null : await exportSpans({ url, service: "dovetail-server", clock, logger });
    const metrics = spans === null ? prometheus : createSpanMetrics(prometheus, spans);
    const store = openSqliteStore(path, logger, { quotas: config.server.quotas, metrics });
    if (!store.ok) return failToOpen(store.error);
    const certificate =
      config.acme === null ? null : await haveCertificate(config.acme, config, clock, logger);
    if (certificate !== null && !certificate.ok) {
      await store.value.close();
      return fail(
        `cannot listen on port ${certificate.error.port} (${certificate.error.detail}), where the certificate authority asks`,
        "choose another with --acme-listen, and let port 80 of the name lead there",
      );
    }
    const random = createPlatformRandom();
    const server = await createServer(config.server, {
      store: store.value,
      clock,
      random,
      logger,
      metrics,
    });
    if (!server.ok) {
      // What is left running keeps a program from ending that has failed.
      await certificate?.value.close();
      return failToStart(server.error);
    }
    const running = server.value;
    certificate?.value.use(running);
    prometheus.watch({
      connections: running.connectionCount,
      subscriptions: running.subscriptionCount,
      queueDepth: () => store.value.load().queueDepth,
      databaseBytes: () => store.value.load().databaseBytes,
    });
    const { metricsListen } = config.server;
    const listener = metricsListen === null ? ok(null) : await listenForMetrics(metricsListen, prometheus);
    if (!listener.ok) {
      await Promise.all([running.close(), certificate?.value.close()]);
      return fail(
        `cannot serve metrics on port ${listener.error.port} (${listener.error.detail})`,
        "choose another with --metrics-listen",
      );
    }
    const desk = createOperatorDesk({
      store: store.value,
      clock,
      random,
      logger,
      server: {
        origin: running.origins[0] ?? "",
        connectionCount: running.connectionCount,
        metricsText: prometheus.text,
      },
    });
    const socket = dataFolder === null ? null : await serveOperator(dataFolder, desk, logger);
    const close = () => running.close().then(() => spans?.close());
    stopOnSignal({ ...running, close }, logger, () =>
      Promise.all([socket?.close(), listener.value?.close(), certificate?.value.close()]),
    );
    announce(running, config, listener.value?.port ?? null);
    const hasInvited = await inviteFirstOwner({ config, store: store.value, desk, clock });
    // The invitation has the address in it. What only this machine reaches is not for a phone.
    const [address] = config.server.origins;
    if (!hasInvited && !config.isJson && address !== undefined) await printQr(address);
    return EXIT.ok;
  },
};

function failToStart(error: ListenError | TlsFault): number {
  if (error.type === "ListenError")
    return fail(`cannot listen on port ${error.port} (${error.detail})`, "choose another with --port");
  return fail(explainTlsFault(error), "openssl x509 -in CERT -noout -text shows what is in it");
}

function announce(
  { port, host, origins }: RunningServer,
  config: ProgramConfig,
  metricsPort: number | null,
): void {
  print(
    config.isJson
      ? JSON.stringify({ event: "listening", port, host, origins, metricsPort })
      : `Dovetail server listening on ${origins[0]} (${host}:${port}), registration ${config.server.isRegistrationOpen ? "open" : "by invitation"}`,
  );
}

interface FirstOwner {
  readonly config: ProgramConfig;
  readonly store: ServerStore;
  readonly desk: OperatorDesk;
  readonly clock: Clock;
}

/**
 * On a closed server without accounts nobody could ever come in: whoever starts it gets the first invitation. Tells whether
 * they did.
 */
async function inviteFirstOwner({ config, store, desk, clock }: FirstOwner): Promise<boolean> {
  if (config.server.isRegistrationOpen) return false;
  const figures = await store.figures();
  if (!figures.ok || figures.value.accounts > 0) return false;
  const waiting = await store.listInvitations(clock.nowMs());
  if (!waiting.ok) return false;
  if (waiting.value.length > 0) {
    if (!config.isJson) print("Nobody has an account yet. For another invitation: dovetail server invite");
    return false;
  }
  const invited = await desk({ type: "invite", uses: 1, ttlMs: FIRST_INVITATION_TTL_MS });
  if (invited.type !== "invited") return false;
  await printInvitation(invited, config.isJson, 1);
  return true;
}

/** The first signal stops in order and in bounded time, a second one at once. */
function stopOnSignal(server: RunningServer, logger: Logger, closeRest: () => Promise<unknown>): void {
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) process.exit(EXIT.failed);
    isStopping = true;
    logger.log("info", "stopping", { connections: server.connectionCount() });
    setTimeout(() => {
      logger.log("error", "stop-timed-out");
      process.exit(EXIT.failed);
    }, STOP_TIMEOUT_MS).unref();
    Promise.all([server.close(), closeRest()]).then(
      () => process.exit(EXIT.ok),
      () => process.exit(EXIT.failed),
    );
  };
  process.on("SIGHUP", () => server.reloadCertificate());
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}
