/**
 * Authors who write to a server that is killed: each sends again, byte for byte, what was not acknowledged, and compares
 * what the server has with every receipt it got.
 */
import { expect } from "vitest";
import { type Bytes, toHex } from "../../core/base/bytes.ts";
import type { LogId } from "../../core/base/ids.ts";
import { READ_PAGE_ENTRIES_MAX } from "../../core/base/limits.ts";
import { chainNext, chainStart, type Entry, entryId } from "../../core/protocol/entry.ts";
import type { ChainWorld } from "./chain-world.ts";
import {
  connectSignedIn,
  createWriter,
  expectFrame,
  nextEntry,
  openRequest,
  type RawClient,
  type RawWriter,
} from "./raw-client.ts";
import { createAccountLog, registerWorld } from "./server-account.ts";

const OUTSTANDING = 8;

export interface Author {
  readonly world: ChainWorld;
  readonly logId: LogId;
  readonly pen: RawWriter;
  /** Written and not yet acknowledged, in order: sent again, byte for byte, after every crash. */
  outbox: Entry[];
  /** What was acknowledged where. */
  readonly receipts: Map<number, { readonly id: string; readonly chain: Bytes | null }>;
  duplicates: number;
  /** How far the log was read and found right; the next look goes on there. */
  checked: { readonly seq: number; readonly chain: Bytes };
}

/** An author with an account and a log on the server. */
export async function createAuthor(origin: string, seed: string): Promise<Author> {
  const world = await registerWorld(origin, seed);
  const client = await connectSignedIn(origin, world);
  const logId = await createAccountLog(client, world);
  client.close();
  return {
    world,
    logId,
    pen: createWriter(logId, world.random.bytes(32)),
    outbox: [],
    receipts: new Map(),
    duplicates: 0,
    checked: { seq: 0, chain: chainStart(logId) },
  };
}

/** Appends until the connection breaks, several at a time. */
export async function writeUntilCut(origin: string, author: Author): Promise<void> {
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

/** Reads what is new in the log and compares it with every receipt. */
export async function checkAuthor(origin: string, author: Author): Promise<void> {
  const client = await connectSignedIn(origin, author.world);
  const opened = expectFrame(
    await client.call(openRequest(client, 1, author.logId, { writer: author.pen })),
    "opened",
  );
  let { seq: after, chain } = author.checked;
  const first = after;
  const ids = new Set<string>();
  while (after < opened.head.seq) {
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
  expect(ids.size, "no entry twice").toBe(opened.head.seq - first);
  expect(toHex(opened.head.chain)).toBe(toHex(chain));
  const newest = [...author.receipts.keys()].reduce((most, seq) => Math.max(most, seq), 0);
  expect(newest, "every receipt is covered").toBeLessThanOrEqual(opened.head.seq);
  expect(opened.writerSeq, "the writer's counter is its entries").toBe(opened.head.seq);
  author.checked = { seq: after, chain };
  client.close();
}
