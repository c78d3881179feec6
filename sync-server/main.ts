/**
 * The server program: flags in, one running server out. `--help` says how.
 *
 * Exit codes: 0 after a stop that was asked for, 1 when it cannot start or broke, 2 for wrong usage.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { createSystemClock } from "@dovetail/core/base/clock.ts";
import type { Logger } from "@dovetail/core/base/logger.ts";
import { createPlatformRandom } from "@dovetail/core/base/random.ts";
import { HELP, parseConfig, type ProgramConfig } from "./config.ts";
import { createOperationalLog } from "./operational-log.ts";
import { createServer, type RunningServer } from "./server.ts";
import type { OpenStoreError } from "./store/sqlite-schema.ts";
import { openSqliteStore } from "./store/sqlite-store.ts";

const DATABASE_NAME = "server.sqlite";

await main();

async function main(): Promise<void> {
  const config = parseConfig(process.argv.slice(2), process.env);
  if (!config.ok) return stop(`error: ${config.error.message}\nhint: node sync-server/main.ts --help`, 2);
  if (config.value === "help") {
    process.stdout.write(HELP);
    return;
  }
  await run(config.value);
}

async function run(config: ProgramConfig): Promise<void> {
  const clock = createSystemClock();
  const logger = createOperationalLog(clock, config.isJson, (line) => process.stderr.write(line));
  const path = databasePath(config.dataFolder);
  if (path === null) return stop(`error: cannot make the folder ${config.dataFolder}`, 1);
  const store = openSqliteStore(path, logger);
  if (!store.ok) return stop(explain(store.error), 1);
  const server = await createServer(config.server, {
    store: store.value,
    clock,
    random: createPlatformRandom(),
    logger,
  });
  if (!server.ok) {
    return stop(
      `error: cannot listen on port ${server.error.port} (${server.error.detail})\nhint: choose another with --port`,
      1,
    );
  }
  announce(server.value, config);
  stopOnSignal(server.value, logger);
}

/** The database's file with its folder made, or null when that cannot be done. Only its owner may look inside. */
function databasePath(folder: string | null): string | null {
  if (folder === null) return ":memory:";
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return join(folder, DATABASE_NAME);
  } catch {
    return null;
  }
}

function announce(server: RunningServer, config: ProgramConfig): void {
  const { port, host, origins } = server;
  const line = config.isJson
    ? JSON.stringify({ event: "listening", port, host, origins })
    : `Dovetail server listening on ${origins[0]} (${host}:${port}), registration ${config.server.isRegistrationOpen ? "open" : "closed"}`;
  process.stdout.write(`${line}\n`);
}

function stopOnSignal(server: RunningServer, logger: Logger): void {
  let isStopping = false;
  const stopOnce = (): void => {
    if (isStopping) return;
    isStopping = true;
    logger.log("info", "stopping", { connections: server.connectionCount() });
    server.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on("SIGINT", stopOnce);
  process.on("SIGTERM", stopOnce);
}

function explain(error: OpenStoreError): string {
  switch (error.type) {
    case "StoreLocked":
      return `error: another server uses ${error.path}\nhint: stop it, or choose another folder with --data`;
    case "StoreTooNew":
      return `error: ${error.path} was written by a newer server (schema ${error.version})\nhint: run that version`;
    case "StoreUnreadable":
      return `error: cannot open ${error.path}: ${error.detail}\nhint: check the folder's permissions, or restore a backup`;
  }
}

function stop(message: string, code: number): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = code;
}
