/** Every connection of a server breaks at once; each comes back by itself, as a client's engine does it. */
import { RECONNECT_MAX_MS, RECONNECT_MIN_MS } from "../../core/client/connection/connection.ts";
import type { LogId } from "../../core/base/ids.ts";
import type { ChainWorld } from "../support/chain-world.ts";
import {
  appendOne,
  connectSignedIn,
  createWriter,
  expectFrame,
  nextEntry,
  openRequest,
  type RawClient,
} from "../support/raw-client.ts";
import { createAccountLog } from "../support/server-account.ts";

const WRITE_EVERY_MS = 500;
const SEALED_BYTES = 300;
/** How long the last entries may take to reach everyone. */
const ALL_HAVE_ALL_MS = 120_000;

/** What a restart was like for those who were connected. */
export interface Storm {
  /** From the kill until each was signed in and subscribed again, sorted. */
  readonly backAfterMs: readonly number[];
  /** Entries that were acknowledged from before the kill until all were back. Everyone has them. */
  readonly entries: number;
}

/** Kills and starts the server by `restart` and waits until all of `clients`, which it replaces, are back. - Fails: throws when an entry is missing, doubled or out of order. */
export async function comeBack({
  clients,
  world,
  restart,
}: {
  readonly clients: RawClient[];
  readonly world: ChainWorld;
  readonly restart: () => Promise<void>;
}): Promise<Storm> {
  const [first] = clients;
  if (first === undefined) return { backAfterMs: [], entries: 0 };
  const { origin } = first;
  const logId = await createAccountLog(first, world);
  const author = createAuthor(origin, world, logId);
  await author.hasWritten(4);
  let killedAtMs = Number.POSITIVE_INFINITY;
  const back = clients.map(async (client, index) => {
    await client.whenClosed;
    clients[index] = await again(origin, world, logId);
    return performance.now() - killedAtMs;
  });
  killedAtMs = performance.now();
  await restart();
  const backAfterMs = (await Promise.all(back)).sort((a, b) => a - b);
  const entries = await author.stop();
  for (const client of clients) {
    await client.until(() => client.delivered(logId).length >= entries, ALL_HAVE_ALL_MS);
    client.delivered(logId).forEach(({ seq }, at) => {
      if (seq !== at + 1) throw new Error(`entry ${seq} came as number ${at + 1}`);
    });
  }
  return { backAfterMs, entries };
}

/** A connection, tried again with a client's delays until it reads the log. */
async function again(origin: string, world: ChainWorld, logId: LogId): Promise<RawClient> {
  for (let retryMs = RECONNECT_MIN_MS; ; retryMs = Math.min(RECONNECT_MAX_MS, retryMs * 2)) {
    await sleep(retryMs * (0.5 + (world.random.bytes(1)[0] ?? 0) / 256));
    try {
      const client = await connectSignedIn(origin, world);
      expectFrame(await client.call(openRequest(client, 1, logId, { right: "read" })), "opened");
      expectFrame(await client.call({ type: "subscribe", channel: 1, after: 0 }), "done");
      return client;
    } catch {
      // Not up, or too busy: again later.
    }
  }
}

/** Writes one entry after the other, each until the server has acknowledged it, over as many connections as that takes. */
function createAuthor(origin: string, world: ChainWorld, logId: LogId) {
  const pen = createWriter(logId, world.random.bytes(32));
  let acknowledged = 0;
  let isStopped = false;
  const done = (async () => {
    let client: RawClient | null = null;
    while (!isStopped) {
      const entry = nextEntry(pen, world.random.bytes(SEALED_BYTES), { epoch: 1 });
      for (;;) {
        try {
          client ??= await author();
          const result = await appendOne(client, 1, entry);
          if (result.type !== "accepted") throw new Error(`refused: ${JSON.stringify(result)}`);
          break;
        } catch (error) {
          if (error instanceof Error && error.message.startsWith("refused")) throw error;
          client = null;
          await sleep(RECONNECT_MIN_MS);
        }
      }
      acknowledged++;
      await sleep(WRITE_EVERY_MS);
    }
    client?.close();
  })();
  async function author(): Promise<RawClient> {
    const client = await connectSignedIn(origin, world);
    expectFrame(await client.call(openRequest(client, 1, logId, { writer: pen })), "opened");
    return client;
  }
  return {
    async hasWritten(count: number): Promise<void> {
      while (acknowledged < count) await Promise.race([done, sleep(WRITE_EVERY_MS)]);
    },
    async stop(): Promise<number> {
      isStopped = true;
      await done;
      return acknowledged;
    },
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
