/** A server inside the test's own process, for what a program's flags do not reach: short deadlines, a store at hand. */
import { type Clock, createSystemClock } from "../../core/base/clock.ts";
import { type Logger, silentLogger } from "../../core/base/logger.ts";
import { createPlatformRandom } from "../../core/base/random.ts";
import {
  createServer,
  DEFAULT_CONFIG,
  type RunningServer,
  type ServerConfig,
} from "../../sync-server/server.ts";
import { createMemoryStore } from "../../sync-server/store/memory/memory-store.ts";
import type { ServerStore } from "../../sync-server/store/server-store.ts";
import { must } from "./chain-world.ts";

export interface LocalServer extends RunningServer {
  readonly origin: string;
  readonly store: ServerStore;
}

/** Starts a server on a free port; rates are out of the way unless `config` brings them back. */
export async function startLocalServer(
  config: Partial<ServerConfig> = {},
  store: ServerStore = createMemoryStore(),
  logger: Logger = silentLogger,
  clock: Clock = createSystemClock(),
): Promise<LocalServer> {
  const deps = { store, clock, random: createPlatformRandom(), logger };
  const server = must(await createServer({ ...DEFAULT_CONFIG, port: 0, rateFactor: 1_000, ...config }, deps));
  return { ...server, origin: server.origins[0] ?? "", store };
}
