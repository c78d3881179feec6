/** The server is killed again and again in the middle of its work. What it acknowledged must be there; nothing may be there twice. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Bytes, toHex } from "../../core/base/bytes.ts";
import type { LogId } from "../../core/base/ids.ts";
import { READ_PAGE_ENTRIES_MAX } from "../../core/base/limits.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { chainNext, chainStart, type Entry, entryId } from "../../core/protocol/entry.ts";
import type { ChainWorld } from "../support/chain-world.ts";
import {
  connectSignedIn,
  createWriter,
  expectFrame,
  nextEntry,
  openRequest,
  type RawClient,
  type RawWriter,
} from "../support/raw-client.ts";
import { createAccountLog, registerWorld } from "../support/server-account.ts";
import { startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const KILLS = 20;
const WRITERS = 4;
const OUTSTANDING = 8;

const folder = createTemporaryFolder();
beforeAll(cryptoReady);
afterAll(folder.discard);

interface Author {
  readonly world: ChainWorld;
  readonly logId: LogId;
  readonly pen: RawWriter;
  /** Written and not yet acknowledged, in order: sent again, byte for byte, after every crash. */
  outbox: Entry[];
  /** What was acknowledged where. */
  readonly receipts: Map<number, { readonly id: string; readonly chain: Bytes | null }>;
  duplicates: number;
}

test(`[LG15] ${KILLS} times kill -9 under load: nothing acknowledged is lost, no seq is used twice, every chain holds`, {
  timeout: 300_000,
}, async () => {
  let server = await startServer(folder.path, ["--rate-factor", "1000"]);
  const authors: Author[] = [];
  for (let i = 0; i < WRITERS; i++) {
    const world = await registerWorld(server.origin, `crash ${i}`);
    const client = await connectSignedIn(server.origin, world);
    const logId = await createAccountLog(client, world);
    authors.push({
      world,
      logId,
      pen: createWriter(logId, world.random.bytes(32)),
      outbox: [],
      receipts: new Map(),
      duplicates: 0,
    });
    client.close();
  }
  for (let round = 0; round < KILLS; round++) {
    const running = server;
    const works = authors.map((author) => write(running.origin, author));
    await new Promise((resolve) => setTimeout(resolve, 30 + ((round * 37) % 170)));
    await running.kill();
    await Promise.all(works);
    server = await startServer(folder.path, ["--rate-factor", "1000"]);
    for (const author of authors) await check(server.origin, author);
  }
  expect(authors.reduce((sum, { receipts }) => sum + receipts.size, 0)).toBeGreaterThan(KILLS * WRITERS);
  expect(
    authors.reduce((sum, { duplicates }) => sum + duplicates, 0),
    "some answers were lost after their commit",
  ).toBeGreaterThan(0);
  expect(await server.stop()).toBe(0);
});

/** Appends until the connection breaks, several at a time. */
async function write(origin: string, author: Author): Promise<void> {
  const client = await openWriter(origin, author).catch(() => null);
  if (client === null) return;
  const inFlight: Promise<boolean>[] = [];
  const again = [...author.outbox];
  for (;;) {
    const entry = again.shift() ?? newEntry(author);
    inFlight.push(send(client, author, entry));
    if (inFlight.length >= OUTSTANDING && !(await inFlight.shift())) break;
  }
  await Promise.all(inFlight);
}

function newEntry(author: Author): Entry {
  const entry = nextEntry(author.pen, author.world.random.bytes(20 + author.world.random.below(3_000)), {
    epoch: 1,
  });
  author.outbox.push(entry);
  return entry;
}

async function openWriter(origin: string, author: Author): Promise<RawClient> {
  const client = await connectSignedIn(origin, author.world);
  expectFrame(await client.call(openRequest(client, 1, author.logId, { writer: author.pen })), "opened");
  return client;
}

/** Whether it was answered. */
async function send(client: RawClient, author: Author, entry: Entry): Promise<boolean> {
  const answer = await client.call({ type: "append", channel: 1, entries: [entry], admission: null });
  if (answer.type === "closed") return false;
  const result = expectFrame(answer, "appended").results[0];
  if (result === undefined || result.type === "refused")
    throw new Error(`refused: ${JSON.stringify(result)}`);
  const id = entryId(author.logId, entry);
  const there = author.receipts.get(result.seq);
  if (there !== undefined) expect(there.id, "a seq names one entry").toBe(id);
  if (result.type === "duplicate") author.duplicates += 1;
  author.receipts.set(result.seq, { id, chain: result.type === "accepted" ? result.chain : null });
  author.outbox = author.outbox.filter((waiting) => waiting !== entry);
  return true;
}

/** Reads the whole log and compares it with every receipt. */
async function check(origin: string, author: Author): Promise<void> {
  const client = await connectSignedIn(origin, author.world);
  const opened = expectFrame(
    await client.call(openRequest(client, 1, author.logId, { writer: author.pen })),
    "opened",
  );
  let chain = chainStart(author.logId);
  const ids = new Set<string>();
  for (let after = 0; after < opened.head.seq; ) {
    const page = expectFrame(
      await client.call({ type: "read", channel: 1, after, limit: READ_PAGE_ENTRIES_MAX }),
      "entries",
    );
    for (const { seq, header, sealed } of page.entries) {
      expect(seq).toBe(after + 1);
      after = seq;
      const id = entryId(author.logId, { header, sealed });
      ids.add(id);
      chain = chainNext(chain, id);
      const receipt = author.receipts.get(seq);
      if (receipt !== undefined) expect(receipt.id).toBe(id);
      if (receipt?.chain) expect(toHex(receipt.chain)).toBe(toHex(chain));
    }
  }
  expect(ids.size, "no entry twice").toBe(opened.head.seq);
  expect(toHex(opened.head.chain)).toBe(toHex(chain));
  expect(Math.max(0, ...author.receipts.keys()), "every receipt is covered").toBeLessThanOrEqual(
    opened.head.seq,
  );
  expect(opened.writerSeq, "the writer's counter is its entries").toBe(opened.head.seq);
  client.close();
}
