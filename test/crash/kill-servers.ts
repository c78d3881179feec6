/**
 * `kill -9` of the real server program under load, again and again, over a database that may hold a million records.
 *
 * Each round: authors write as fast as they are answered, the program is killed, started again, and everything that is new
 * in their logs is compared with every receipt. What is measured is from the start of the process to a sign-in.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { cryptoReady, silentLogger } from "@dovetail/core";
import { idFromBytes } from "../../core/base/ids.ts";
import { openSqliteStore } from "../../sync-server/store/sqlite/sqlite-store.ts";
import { cpuSecondsOf } from "../bench/figures.ts";
import { good } from "../support/client-world.ts";
import { type Author, checkAuthor, createAuthor, writeUntilCut } from "../support/killed-authors.ts";
import { connectSignedIn } from "../support/raw-client.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { startServer } from "../support/server-process.ts";
import { byDevice, registerAccount, storeEntry } from "../support/store-world.ts";

const WRITERS = 4;
const LOG_ENTRIES = 50_000;
const BATCH_ENTRIES = 100;
const SEALED_BYTES = 300;
const ARGS: readonly string[] = ["--rate-factor", "1000"];

export interface KillReport {
  readonly kills: number;
  readonly records: number;
  readonly acknowledged: number;
  /** Answers that were lost after their commit: sent again, they were known. */
  readonly duplicates: number;
  /** From the start of the process to a sign-in, of each start, ascending. */
  readonly servingMs: readonly number[];
  /** Processor time of the same, which another program's load changes less. */
  readonly servingCpuMs: readonly number[];
}

/** Fills the database with records, a log at a time, through the store's own interface. */
export async function fillServer(folder: string, records: number): Promise<void> {
  await cryptoReady();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const store = good(openSqliteStore(join(folder, "server.sqlite"), silentLogger));
  const random = createSeededRandom("fill");
  for (let left = records; left > 0; left -= LOG_ENTRIES) {
    const { accountId, deviceId } = await registerAccount(store, random);
    const logId = idFromBytes("log", random.bytes(32));
    good(await store.createLog({ logId, ownerId: accountId, kind: "account", appendKey: null }));
    const writerTag = idFromBytes("writerTag", random.bytes(16));
    const appender = byDevice(accountId, deviceId);
    const sealed = random.bytes(SEALED_BYTES);
    for (let seq = 0; seq < Math.min(left, LOG_ENTRIES); seq += BATCH_ENTRIES) {
      const entries = Array.from({ length: BATCH_ENTRIES }, (_, i) =>
        storeEntry(logId, writerTag, seq + i + 1, sealed),
      );
      const results = good(await store.append({ logId, appender, writerTag, entries }));
      if (results.some(({ type }) => type !== "accepted"))
        throw new Error("the store takes what it is filled with");
    }
  }
  await store.close();
}

/** Kills the server of `folder` `kills` times. Throws at the first thing that is not as it was promised. */
export async function killServers(
  folder: string,
  { kills, records }: { readonly kills: number; readonly records: number },
  onKill: (done: number) => void = () => {},
): Promise<KillReport> {
  await cryptoReady();
  const servingMs: number[] = [];
  const servingCpuMs: number[] = [];
  const authors: Author[] = [];

  async function serve() {
    const startedAtMs = performance.now();
    const server = await startServer(folder, ARGS);
    const [first] = authors;
    if (first !== undefined) (await connectSignedIn(server.origin, first.world)).close();
    servingMs.push(performance.now() - startedAtMs);
    servingCpuMs.push(cpuSecondsOf(server.pid) * 1_000);
    return server;
  }

  let server = await serve();
  for (let i = 0; i < WRITERS; i++) authors.push(await createAuthor(server.origin, `killed ${i}`));
  servingMs.length = 0;
  servingCpuMs.length = 0;
  for (let kill = 0; kill < kills; kill++) {
    const { origin } = server;
    const works = authors.map((author) => writeUntilCut(origin, author));
    await new Promise((resolve) => setTimeout(resolve, 20 + ((kill * 37) % 180)));
    await server.kill();
    await Promise.all(works);
    server = await serve();
    for (const author of authors) await checkAuthor(server.origin, author);
    onKill(kill + 1);
  }
  await server.stop();
  return {
    kills,
    records,
    acknowledged: authors.reduce((sum, { receipts }) => sum + receipts.size, 0),
    duplicates: authors.reduce((sum, { duplicates }) => sum + duplicates, 0),
    servingMs: servingMs.sort((a, b) => a - b),
    servingCpuMs: servingCpuMs.sort((a, b) => a - b),
  };
}
