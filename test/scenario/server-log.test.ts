/** Sealed logs through the gateway, against the real program over real sockets. */
import { createServer as createTcpServer, connect as connectTcp } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import { idFromBytes, type LogId } from "../../core/base/ids.ts";
import {
  APPEND_BATCH_ENTRIES_MAX,
  ENTRY_BYTES_MAX,
  FRAME_BYTES_MAX,
  FRAME_PADDING_FIXED_BYTES,
  FRAME_PADDING_FLOOR_BYTES,
  READ_PAGE_ENTRIES_MAX,
  SUBSCRIPTIONS_PER_CONNECTION_MAX,
} from "../../core/base/limits.ts";
import { hash } from "../../core/crypto/hash.ts";
import { LABEL } from "../../core/crypto/labels.ts";
import { signKeyPairFromSeed } from "../../core/crypto/sign.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { createReseed } from "../../core/log/create-reseed.ts";
import { chainStart, ENTRY_HEADER_BYTES_MAX, entryId, writerTag } from "../../core/protocol/entry.ts";
import { ROOM_LOG_SALT_BYTES, roomLogId } from "../../core/protocol/room-log-id.ts";
import { leadingZeroBits, workStamp } from "../../sync-server/gateway/append-frame.ts";
import { BUFFERED_BYTES_MAX } from "../../sync-server/limits.ts";
import { activeKeys, addDevice, type ChainWorld, stateOf } from "../support/chain-world.ts";
import { collectGarbage } from "../support/collect-garbage.ts";
import {
  appendOne,
  connectRaw,
  connectSignedIn,
  createWriter,
  entryOf,
  expectFrame,
  nextEntry,
  openRequest,
  type RawClient,
  type RawWriter,
  signInRequest,
} from "../support/raw-client.ts";
import { createAccountLog, createInbound, pushLink, registerWorld } from "../support/server-account.ts";
import { startLocalServer } from "../support/server-in-process.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const folder = createTemporaryFolder();
const WORK_BITS = 8;
let server: ServerProcess;
beforeAll(async () => {
  await cryptoReady();
  server = await startServer(folder.path, ["--rate-factor", "1000", "--work-bits", String(WORK_BITS)]);
});
afterAll(async () => {
  await server.stop();
  folder.discard();
});

/** The id of a room's log that the account of `world` may make. */
function roomLogOf(world: ChainWorld): LogId {
  return roomLogId(stateOf(world).accountId, world.random.bytes(ROOM_LOG_SALT_BYTES));
}

interface Opened {
  readonly world: ChainWorld;
  readonly client: RawClient;
  readonly logId: LogId;
  readonly writer: RawWriter;
}

/** A signed-in connection with its account log open for everything on channel 1. */
async function openAccountLog(name: string, origin = server.origin): Promise<Opened> {
  const world = await registerWorld(origin, name);
  const client = await connectSignedIn(origin, world);
  const logId = await createAccountLog(client, world);
  const writer = createWriter(logId, world.random.bytes(32));
  expectFrame(await client.call(openRequest(client, 1, logId, { writer })), "opened");
  return { world, client, logId, writer };
}

describe("an entry", () => {
  test("[LG1] whose header is none, or too long, or of another version, is malformed", async () => {
    const { client, writer, logId } = await openAccountLog("headers");
    const good = nextEntry(writer, new Uint8Array(9), { epoch: 1 });
    const bad = [
      new Uint8Array([0x80]),
      new Uint8Array(ENTRY_HEADER_BYTES_MAX),
      good.header.map((byte, index) => (index === 1 ? 2 : byte)),
    ];
    for (const header of bad) {
      expect(
        await client.call({ type: "append", channel: 1, entries: [{ ...good, header }], admission: null }),
      ).toMatchObject({ type: "failed", code: "malformed" });
    }
    expect(expectFrame(await client.call(openRequest(client, 2, logId)), "opened").head.seq).toBe(0);
    client.close();
  });

  test("[LG1] of the largest size is taken, one byte more ends the connection", async () => {
    const { client, writer } = await openAccountLog("large");
    for (const bytes of [ENTRY_BYTES_MAX - 1, ENTRY_BYTES_MAX]) {
      expect((await appendOne(client, 1, nextEntry(writer, new Uint8Array(bytes), { epoch: 1 }))).type).toBe(
        "accepted",
      );
    }
    const over = nextEntry(writer, new Uint8Array(ENTRY_BYTES_MAX), { epoch: 1 });
    // What no encoder of ours makes: the byte string of the entry one byte longer than its limit.
    const frame = overlongAppend(over.header);
    client.sendBytes(frame);
    await client.whenClosed;
    expect(client.unasked.at(-1)).toEqual({ type: "goodbye", code: "malformed" });
  });

  test("[LG2] has the id of the bytes that came", async () => {
    const { client, writer, logId } = await openAccountLog("ids");
    const entry = nextEntry(writer, new Uint8Array(40), { epoch: 1 });
    await appendOne(client, 1, entry);
    const ask = async (id: typeof logId | string) =>
      expectFrame(
        await client.call({
          type: "lookup",
          channel: 1,
          writerTag: writer.tag,
          writerSeq: 1,
          entryId: idFromBytes("entry", Buffer.from(id, "hex")),
        }),
        "found",
      ).seq;
    expect(await ask(entryId(logId, entry))).toBe(1);
    expect(
      await ask(entryId(idFromBytes("log", new Uint8Array(32)), entry)),
      "the same bytes in another log",
    ).toBe(null);
    client.close();
  });

  test("[LG4] is written under the tag that follows from log and key, proven on this connection", async () => {
    const { client, logId, writer, world } = await openAccountLog("tags");
    expect(writerTag(logId, writer.key.publicKey)).toBe(writer.tag);
    expect(writerTag(idFromBytes("log", new Uint8Array(32)), writer.key.publicKey)).not.toBe(writer.tag);
    const other = createWriter(logId, world.random.bytes(32));
    const forged = {
      ...openRequest(client, 2, logId, { writer: other }),
      writer: { publicKey: writer.key.publicKey, signature: new Uint8Array(64) },
    };
    expect(await client.call(forged)).toMatchObject({ code: "bad-signature" });
    expect(await appendOne(client, 1, nextEntry(other, new Uint8Array(4), { epoch: 1 }))).toEqual({
      type: "refused",
      code: "wrong-writer",
      writerSeq: 0,
    });
    expectFrame(await client.call(openRequest(client, 3, logId)), "opened");
    expect(
      await client.call({
        type: "append",
        channel: 3,
        entries: [entryOf(writer, 1, new Uint8Array(4))],
        admission: null,
      }),
    ).toMatchObject({ code: "wrong-writer" });
    client.close();
  });

  test("[LG15] that was acknowledged is there after kill -9, and its retry is a duplicate", async () => {
    const own = createTemporaryFolder();
    const first = await startServer(own.path);
    const { client, world, logId, writer } = await openAccountLog("durable", first.origin);
    const entry = nextEntry(writer, new Uint8Array(300), { epoch: 1 });
    expect(await appendOne(client, 1, entry)).toMatchObject({ type: "accepted", seq: 1 });
    await first.kill();
    const second = await startServer(own.path);
    const again = await connectSignedIn(second.origin, world);
    expect(expectFrame(await again.call(openRequest(again, 1, logId, { writer })), "opened")).toMatchObject({
      head: { seq: 1 },
      writerSeq: 1,
    });
    expect(await appendOne(again, 1, entry)).toEqual({ type: "duplicate", seq: 1 });
    await second.stop();
    own.discard();
  });

  test("[LG5] sent on a connection that broke in the middle is placed once, whatever became of the first try", async () => {
    const { world, logId, writer, client } = await openAccountLog("cut");
    let cuts = 0;
    for (let i = 0; i < 30; i++) {
      const entry = nextEntry(writer, world.random.bytes(2_000), { epoch: 1 });
      const one = await connectSignedIn(server.origin, world);
      await one.call(openRequest(one, 1, logId, { writer }));
      const answer = one.call({ type: "append", channel: 1, entries: [entry], admission: null });
      setTimeout(() => one.ws.terminate(), world.random.below(4));
      if ((await answer).type === "closed") cuts += 1;
      const two = await connectSignedIn(server.origin, world);
      await two.call(openRequest(two, 1, logId, { writer }));
      expect(["accepted", "duplicate"]).toContain((await appendOne(two, 1, entry)).type);
      two.close();
    }
    expect(cuts).toBeGreaterThan(0);
    expect(expectFrame(await client.call(openRequest(client, 2, logId)), "opened").head.seq).toBe(30);
    client.close();
  });

  test(`[LG1] comes with at most ${APPEND_BATCH_ENTRIES_MAX} of its kind`, async () => {
    const { client, writer } = await openAccountLog("batches");
    const batch = (count: number) =>
      Array.from({ length: count }, () => nextEntry(writer, new Uint8Array(3), { epoch: 1 }));
    for (const count of [APPEND_BATCH_ENTRIES_MAX - 1, APPEND_BATCH_ENTRIES_MAX]) {
      expect(
        expectFrame(
          await client.call({ type: "append", channel: 1, entries: batch(count), admission: null }),
          "appended",
        ).results,
      ).toHaveLength(count);
    }
    const { header, sealed } = nextEntry(writer, new Uint8Array(3), { epoch: 1 });
    const one = Buffer.concat([
      Buffer.from([0x82, 0x58, header.length]),
      header,
      Buffer.from([0x40 + sealed.length]),
      sealed,
    ]);
    const many = Buffer.concat([
      Buffer.from([0x85, 0x08, 0x09, 0x01, 0x98, APPEND_BATCH_ENTRIES_MAX + 1]),
      ...Array.from({ length: APPEND_BATCH_ENTRIES_MAX + 1 }, () => one),
      Buffer.from([0xf6]),
    ]);
    client.sendBytes(many);
    await client.whenClosed;
    expect(client.unasked.at(-1)).toEqual({ type: "goodbye", code: "malformed" });
  });

  test("[GW2] whose frame passes the frame limit ends the connection", async () => {
    const { client } = await openAccountLog("frames");
    client.sendBytes(new Uint8Array(FRAME_BYTES_MAX + 1));
    expect(await client.whenClosed).toBe(1009);
  });
});

/** `append` of one entry whose sealed bytes are one more than allowed. */
function overlongAppend(header: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(ENTRY_BYTES_MAX + 1);
  return Buffer.concat([
    Buffer.from([0x85, 0x08, 0x09, 0x01, 0x81, 0x82, 0x58, header.length]),
    header,
    Buffer.from([0x5a]),
    length,
    Buffer.alloc(ENTRY_BYTES_MAX + 1),
    Buffer.from([0xf6]),
  ]);
}

describe("reading", () => {
  test("[LG16] pages end at a frame's size, and a reader past the head is told so", async () => {
    const { client, writer } = await openAccountLog("pages");
    for (let i = 0; i < 9; i++)
      await appendOne(client, 1, nextEntry(writer, new Uint8Array(200_000), { epoch: 1 }));
    const read = async (after: number, limit: number) =>
      client.call({ type: "read", channel: 1, after, limit });
    const first = expectFrame(await read(0, READ_PAGE_ENTRIES_MAX), "entries");
    expect(first.entries.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    expect(first.head.seq).toBe(9);
    expect(expectFrame(await read(5, 2), "entries").entries.map(({ seq }) => seq)).toEqual([6, 7]);
    expect(expectFrame(await read(9, 1), "entries").entries).toEqual([]);
    expect(await read(10, 1)).toMatchObject({ code: "seq-out-of-range" });
    expect(await client.call({ type: "subscribe", channel: 1, after: 10 })).toMatchObject({
      code: "seq-out-of-range",
    });
    expect(await client.call({ type: "ack", channel: 1, upto: 10 })).toMatchObject({
      code: "seq-out-of-range",
    });
    expectFrame(await client.call({ type: "ack", channel: 1, upto: 9 }), "done");
    client.close();
  });

  test("[GW9] every subscriber gets every entry once and in order, from wherever it begins", async () => {
    const { world, client, logId, writer } = await openAccountLog("subscribers");
    const second = addDevice(world);
    await pushLink(server.origin, world);
    const readers: { readonly client: RawClient; readonly after: number }[] = [];
    const join = async (after: number): Promise<void> => {
      const reader = await connectSignedIn(server.origin, world, second);
      expectFrame(await reader.call(openRequest(reader, 4, logId, { right: "read" })), "opened");
      expectFrame(await reader.call({ type: "subscribe", channel: 4, after }), "done");
      readers.push({ client: reader, after });
    };
    await join(0);
    const sends: Promise<unknown>[] = [];
    for (let i = 1; i <= 400; i++) {
      sends.push(appendOne(client, 1, nextEntry(writer, world.random.bytes(500), { epoch: 1 })));
      if (i % 100 === 50) await Promise.all([...sends, join(0), join(i - 50)]);
    }
    await Promise.all(sends);
    for (const reader of readers) {
      await reader.client.until(() => reader.client.delivered(logId).at(-1)?.seq === 400);
      expect(reader.client.delivered(logId).map(({ seq }) => seq)).toEqual(
        Array.from({ length: 400 - reader.after }, (_, i) => reader.after + i + 1),
      );
      reader.client.close();
    }
    client.close();
  });

  test("[GW9] a log is heard once a connection, and no more after unsubscribing or closing the channel", async () => {
    const { client, logId, writer } = await openAccountLog("once");
    expectFrame(await client.call(openRequest(client, 2, logId, { right: "read" })), "opened");
    for (const channel of [1, 2])
      expectFrame(await client.call({ type: "subscribe", channel, after: 0 }), "done");
    await appendOne(client, 1, nextEntry(writer, new Uint8Array(3), { epoch: 1 }));
    expectFrame(await client.call({ type: "unsubscribe", channel: 2 }), "done");
    await appendOne(client, 1, nextEntry(writer, new Uint8Array(3), { epoch: 1 }));
    expectFrame(await client.call({ type: "subscribe", channel: 2, after: 2 }), "done");
    expectFrame(await client.call({ type: "closeChannel", channel: 2 }), "done");
    expect(await client.call({ type: "closeChannel", channel: 2 })).toMatchObject({
      code: "unknown-channel",
    });
    await appendOne(client, 1, nextEntry(writer, new Uint8Array(3), { epoch: 1 }));
    expectFrame(await client.call({ type: "ping" }), "pong");
    expect(client.delivered(logId).map(({ seq }) => seq)).toEqual([1]);
    client.close();
  });

  test("[GW9] [GW15] subscribers of every padding hear the same entries, each in sizes of its own", async () => {
    const { world, client, logId, writer } = await openAccountLog("paddings");
    const second = addDevice(world);
    await pushLink(server.origin, world);
    const readers = await Promise.all(
      (["off", "padme", "fixed"] as const).map(async (padding) => {
        const reader = await connectSignedIn(server.origin, world, second, { padding });
        expectFrame(await reader.call(openRequest(reader, 4, logId, { right: "read" })), "opened");
        expectFrame(await reader.call({ type: "subscribe", channel: 4, after: 0 }), "done");
        return reader;
      }),
    );
    for (const bytes of [10, 11, 700])
      await appendOne(client, 1, nextEntry(writer, world.random.bytes(bytes), { epoch: 1 }));
    for (const reader of readers) {
      await reader.until(() => reader.delivered(logId).length === 3);
      expect(reader.delivered(logId).map(({ sealed }) => sealed.length)).toEqual([10, 11, 700]);
    }
    // All that came after the challenge: answers and entries.
    const [off, padme, fixed] = readers.map(({ receivedSizes }) => new Set(receivedSizes.slice(1)));
    expect(off?.size).toBeGreaterThan(4);
    expect(padme).toEqual(new Set([FRAME_PADDING_FLOOR_BYTES, 768]));
    expect(fixed).toEqual(new Set([FRAME_PADDING_FIXED_BYTES[0]]));
    for (const one of [client, ...readers]) one.close();
  });

  test("[GW10] a reader that stops holds up nobody and costs little, and loses nothing when it goes on", async () => {
    const local = await startLocalServer();
    const { world, client, logId, writer } = await openAccountLog("stopped", local.origin);
    const slow = await connectSignedIn(local.origin, world);
    expectFrame(await slow.call(openRequest(slow, 1, logId, { right: "read" })), "opened");
    expectFrame(await slow.call({ type: "subscribe", channel: 1, after: 0 }), "done");
    slow.ws.pause();
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    const sealed = world.random.bytes(100_000);
    // Far more than the sockets' own buffers and ours together.
    for (let i = 0; i < 250; i++) await appendOne(client, 1, nextEntry(writer, sealed, { epoch: 1 }));
    // Polled, as V8 gives what was collected back on another thread.
    await expect
      .poll(
        () => {
          collectGarbage();
          return process.memoryUsage().arrayBuffers - before;
        },
        { message: "only the store's copy", timeout: 10_000 },
      )
      .toBeLessThan(250 * 100_000 + 40 * BUFFERED_BYTES_MAX);
    expect(slow.delivered(logId).length).toBeLessThan(250);
    slow.ws.resume();
    await slow.until(() => slow.delivered(logId).length === 250);
    expect(slow.delivered(logId).map(({ seq }) => seq)).toEqual(Array.from({ length: 250 }, (_, i) => i + 1));
    await local.close();
  });

  test(`[GW11] at most ${SUBSCRIPTIONS_PER_CONNECTION_MAX} channels, numbered by the client`, async () => {
    const { client, logId } = await openAccountLog("channels");
    const last = openRequest(client, SUBSCRIPTIONS_PER_CONNECTION_MAX, logId, { right: "read" });
    expectFrame(await client.call(last), "opened");
    expect(await client.call(last), "one that is open").toMatchObject({ code: "malformed" });
    expect(
      await client.call({ type: "read", channel: SUBSCRIPTIONS_PER_CONNECTION_MAX - 1, after: 0, limit: 1 }),
    ).toMatchObject({ code: "unknown-channel" });
    // [openLog, requestId, 4097, …]
    client.sendBytes(Uint8Array.from([0x87, 0x06, 0x01, 0x19, 0x10, 0x01, 0x40, 0x40, 0xf6, 0xf6]));
    await client.whenClosed;
    expect(client.unasked.at(-1)).toEqual({ type: "goodbye", code: "malformed" });
  });
});

describe("a connection", () => {
  test("[GW8] that went silent is pinged, and closed when nothing comes back", async () => {
    const local = await startLocalServer({ heartbeatMs: 300 });
    const world = await registerWorld(local.origin, "half open");
    // A wire that can be cut without either end noticing.
    let isCut = false;
    const wire = createTcpServer((near) => {
      const far = connectTcp(local.port, "127.0.0.1");
      near.on("data", (data) => isCut || far.write(data)).on("error", () => {});
      far.on("data", (data) => isCut || near.write(data)).on("error", () => {});
    });
    await new Promise<void>((resolve) => wire.listen(0, "127.0.0.1", () => resolve()));
    const address = wire.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const healthy = await connectSignedIn(local.origin, world);
    const client = await connectRaw(`http://127.0.0.1:${port}`, { claimedOrigin: local.origin });
    expectFrame(await client.call(signInRequest(client, world)), "signedIn");
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(local.connectionCount(), "pongs keep a silent connection").toBe(2);
    isCut = true;
    await expect.poll(() => local.connectionCount()).toBe(1);
    expectFrame(await healthy.call({ type: "ping" }), "pong");
    client.ws.terminate();
    wire.close();
    await local.close();
  });

  test("[GW11] gets its answers in the order of its requests, however they are piled up", async () => {
    const { client, logId, writer, world } = await openAccountLog("piled up");
    const order: number[] = [];
    const note = (n: number) => (frame: unknown) => {
      order.push(n);
      return frame;
    };
    const entry = nextEntry(writer, world.random.bytes(9), { epoch: 1 });
    const answers = await Promise.all([
      client.call(openRequest(client, 5, logId, { writer })).then(note(1)),
      client.call({ type: "subscribe", channel: 5, after: 0 }).then(note(2)),
      client.call({ type: "heads", logIds: [logId] }).then(note(3)),
      client.call({ type: "closeChannel", channel: 5 }).then(note(4)),
      client.call({ type: "read", channel: 5, after: 0, limit: 1 }).then(note(5)),
      client.call({ type: "append", channel: 1, entries: [entry], admission: null }),
    ]);
    expect(order).toEqual([1, 2, 3, 4, 5]);
    expect(answers.map((frame) => (frame as { readonly type: string }).type)).toEqual([
      "opened",
      "done",
      "heads",
      "done",
      "failed",
      "appended",
    ]);
    client.close();
  });
});

describe("a request log", () => {
  async function openRequestLog(name: string) {
    const world = await registerWorld(server.origin, name);
    const owner = await connectSignedIn(server.origin, world);
    const logId = idFromBytes("log", world.random.bytes(32));
    expectFrame(await owner.call({ type: "createLog", logId, kind: "request", appendKey: null }), "done");
    const stranger = await connectRaw(server.origin);
    const pen = createWriter(logId, world.random.bytes(32));
    expectFrame(await stranger.call(openRequest(stranger, 1, logId, { writer: pen })), "opened");
    return { world, owner, logId, stranger, pen };
  }

  test("[LG12] takes an entry with enough work over its id, and with no less", async () => {
    const { stranger, pen, logId } = await openRequestLog("work");
    const entry = nextEntry(pen, new Uint8Array(50), { kind: 3 });
    const nonces = Array.from({ length: 20_000 }, (_, n) =>
      present(
        new Uint8Array(8).map((_, i) => (n >> (8 * i)) & 255),
        "bytes",
      ),
    );
    const bitsOf = (nonce: Uint8Array): number =>
      leadingZeroBits(workStamp(logId, entryId(logId, entry), nonce));
    const nonceOf = (bits: number): Uint8Array =>
      present(
        nonces.find((nonce) => bitsOf(nonce) === bits),
        "20,000 nonces have it",
      );
    const append = (nonce: Uint8Array) =>
      stranger.call({ type: "append", channel: 1, entries: [entry], admission: { type: "work", nonce } });
    expect(await append(nonceOf(WORK_BITS - 1))).toMatchObject({ code: "not-admitted" });
    expect(await append(nonceOf(WORK_BITS))).toMatchObject({ results: [{ type: "accepted" }] });
    expect(await append(nonceOf(WORK_BITS + 1)), "more is enough, and the entry is known").toMatchObject({
      results: [{ type: "duplicate" }],
    });
    const other = nextEntry(pen, new Uint8Array(51), { kind: 3 });
    const transferred = {
      type: "append",
      channel: 1,
      entries: [other],
      admission: { type: "work", nonce: nonceOf(WORK_BITS) },
    } as const;
    if (leadingZeroBits(workStamp(logId, entryId(logId, other), nonceOf(WORK_BITS))) < WORK_BITS) {
      expect(await stranger.call(transferred), "work for one entry is none for another").toMatchObject({
        code: "not-admitted",
      });
    }
    stranger.close();
  });

  test("[LG12] takes an entry with a ticket its owner set, one at a time, until the owner takes it back", async () => {
    const { owner, stranger, pen, logId, world } = await openRequestLog("tickets");
    const secret = world.random.bytes(16);
    const append = (count: number) =>
      stranger.call({
        type: "append",
        channel: 1,
        entries: Array.from({ length: count }, () => nextEntry(pen, new Uint8Array(5), { kind: 3 })),
        admission: { type: "ticket", secret },
      });
    expect(await append(1)).toMatchObject({ code: "not-admitted" });
    pen.seq = 0;
    expectFrame(
      await owner.call({ type: "setTickets", logId, ticketHashes: [hash(LABEL.ticket, secret)] }),
      "done",
    );
    expect(await append(2)).toMatchObject({ code: "batch-too-large" });
    pen.seq = 0;
    expect(await append(1)).toMatchObject({ results: [{ type: "accepted" }] });
    expect(
      await stranger.call({
        type: "append",
        channel: 1,
        entries: [nextEntry(pen, new Uint8Array(5))],
        admission: null,
      }),
    ).toMatchObject({ code: "not-admitted" });
    pen.seq = 1;
    expectFrame(await owner.call({ type: "setTickets", logId, ticketHashes: [] }), "done");
    expect(await append(1)).toMatchObject({ code: "not-admitted" });
    for (const client of [owner, stranger]) client.close();
  });

  test("[LG12] does not tell strangers how many requests it holds", async () => {
    const { owner, stranger, pen, logId, world } = await openRequestLog("counted");
    const secret = world.random.bytes(16);
    await owner.call({ type: "setTickets", logId, ticketHashes: [hash(LABEL.ticket, secret)] });
    await appendOne(stranger, 1, nextEntry(pen, new Uint8Array(5), { kind: 3 }), { type: "ticket", secret });
    const other = await connectRaw(server.origin);
    expect(expectFrame(await other.call(openRequest(other, 1, logId)), "opened").head.seq).toBe(0);
    expect(await other.call(openRequest(other, 2, logId, { right: "read" }))).toMatchObject({
      code: "forbidden",
    });
    expect(
      expectFrame(await owner.call(openRequest(owner, 1, logId, { right: "read" })), "opened").head.seq,
    ).toBe(1);
    for (const client of [owner, stranger, other]) client.close();
  });

  test("[LG14] that its owner closed takes nothing, and so does an inbound log; an account log cannot be closed", async () => {
    const { owner, stranger, pen, logId, world } = await openRequestLog("closed");
    const secret = world.random.bytes(16);
    await owner.call({ type: "setTickets", logId, ticketHashes: [hash(LABEL.ticket, secret)] });
    expectFrame(await owner.call({ type: "closeLog", logId }), "done");
    expect(
      await stranger.call({
        type: "append",
        channel: 1,
        entries: [nextEntry(pen, new Uint8Array(5))],
        admission: { type: "ticket", secret },
      }),
    ).toMatchObject({ code: "log-closed" });
    const inbound = await createInbound(owner, world);
    const contact = await connectRaw(server.origin);
    const contactPen = createWriter(inbound.logId, world.random.bytes(32));
    await contact.call(
      openRequest(contact, 1, inbound.logId, { capability: inbound.key, writer: contactPen }),
    );
    expect((await appendOne(contact, 1, nextEntry(contactPen, new Uint8Array(5), { kind: 2 }))).type).toBe(
      "accepted",
    );
    expectFrame(await owner.call({ type: "closeLog", logId: inbound.logId }), "done");
    expect(
      await contact.call({
        type: "append",
        channel: 1,
        entries: [nextEntry(contactPen, new Uint8Array(5))],
        admission: null,
      }),
    ).toMatchObject({ code: "log-closed" });
    expect(
      expectFrame(
        await contact.call(openRequest(contact, 2, inbound.logId, { capability: inbound.key })),
        "opened",
      ).isClosed,
    ).toBe(true);
    const accountLog = await createAccountLog(owner, world);
    expect(await owner.call({ type: "closeLog", logId: accountLog })).toMatchObject({ code: "forbidden" });
    for (const client of [owner, stranger, contact]) client.close();
  });

  test("[LG17] tells who may only append what became of an entry", async () => {
    const { stranger, pen, logId, owner, world } = await openRequestLog("lookup");
    const secret = world.random.bytes(16);
    await owner.call({ type: "setTickets", logId, ticketHashes: [hash(LABEL.ticket, secret)] });
    const entry = nextEntry(pen, new Uint8Array(5), { kind: 3 });
    const ask = async (
      changes: Partial<{
        writerTag: typeof pen.tag;
        writerSeq: number;
        entryId: ReturnType<typeof entryId>;
      }> = {},
    ) =>
      expectFrame(
        await stranger.call({
          type: "lookup",
          channel: 1,
          writerTag: pen.tag,
          writerSeq: 1,
          entryId: entryId(logId, entry),
          ...changes,
        }),
        "found",
      ).seq;
    expect(await ask()).toBe(null);
    await appendOne(stranger, 1, entry, { type: "ticket", secret });
    expect(await ask()).toBe(1);
    expect(await ask({ writerSeq: 2 })).toBe(null);
    expect(await ask({ writerTag: createWriter(logId, world.random.bytes(32)).tag })).toBe(null);
    expect(await ask({ entryId: entryId(logId, nextEntry(pen, new Uint8Array(5))) })).toBe(null);
    for (const client of [owner, stranger]) client.close();
  });

  test("[LG19] a room's log is read and written by whoever has its key, and by nobody as an account's", async () => {
    const world = await registerWorld(server.origin, "room");
    const owner = await connectSignedIn(server.origin, world);
    const logId = roomLogOf(world);
    const key = signKeyPairFromSeed(world.random.bytes(32));
    expectFrame(
      await owner.call({ type: "createLog", logId, kind: "room", appendKey: key.publicKey }),
      "done",
    );
    expect(await owner.call(openRequest(owner, 1, logId, {}))).toMatchObject({ code: "forbidden" });
    const [ann, bob] = [await connectRaw(server.origin), await connectRaw(server.origin)];
    const pen = createWriter(logId, world.random.bytes(32));
    expectFrame(await ann.call(openRequest(ann, 1, logId, { capability: key, writer: pen })), "opened");
    expectFrame(await bob.call(openRequest(bob, 1, logId, { capability: key, right: "read" })), "opened");
    expectFrame(await bob.call({ type: "subscribe", channel: 1, after: 0 }), "done");
    const entry = nextEntry(pen, new Uint8Array(5));
    expect((await appendOne(ann, 1, entry)).type).toBe("accepted");
    await bob.until(() => bob.delivered(logId).length === 1);
    expectFrame(await ann.call({ type: "read", channel: 1, after: 0, limit: 9 }), "entries");
    const foreign = nextEntry(pen, new Uint8Array(5));
    expect(await bob.call({ type: "append", channel: 1, entries: [foreign], admission: null })).toMatchObject(
      { code: "forbidden" },
    );
    expect(await ann.call({ type: "ack", channel: 1, upto: 1 })).toMatchObject({ code: "forbidden" });
    const other = signKeyPairFromSeed(world.random.bytes(32));
    for (const right of ["read", "append"] as const)
      expect(await bob.call(openRequest(bob, 2, logId, { capability: other, right }))).toMatchObject({
        code: "forbidden",
      });
    for (const client of [owner, ann, bob]) client.close();
  });

  test("[LG22] the id of a room's log is its founder's: nobody else makes it, nor begins it anew, also where it is lost", async () => {
    const founder = await registerWorld(server.origin, "founder");
    const member = await registerWorld(server.origin, "member");
    const client = await connectSignedIn(server.origin, member);
    const { publicKey: appendKey } = signKeyPairFromSeed(member.random.bytes(32));
    const { accountId, seq: chainSeq, head: chainHead } = stateOf(member);
    const device = present(activeKeys(member)[0], "a device");
    const make = (logId: LogId) => client.call({ type: "createLog", logId, kind: "room", appendKey });
    const begin = (logId: LogId) => {
      const after = { incarnation: 0, seq: 7, chain: chainStart(logId) };
      const place = { accountId, logId, incarnation: 1, after, device: device.id, chainSeq, chainHead };
      const reseed = createReseed(device.sign, { version: 1, ...place });
      return client.call({ type: "reseedLog", logId, kind: "room", appendKey, reseed });
    };
    for (const logId of [roomLogOf(founder), idFromBytes("log", member.random.bytes(32))]) {
      expect(await make(logId)).toMatchObject({ code: "forbidden" });
      expect(await begin(logId)).toMatchObject({ code: "forbidden" });
    }
    expectFrame(await make(roomLogOf(member)), "done");
    expectFrame(await begin(roomLogOf(member)), "done");
    client.close();
  });

  test("[LG21] a room's key is replaced as one act with an entry: the former one reads up to it, and nothing more", async () => {
    const world = await registerWorld(server.origin, "rekeyed");
    const owner = await connectSignedIn(server.origin, world);
    const logId = roomLogOf(world);
    const [key, next, lost] = [0, 1, 2].map(() => signKeyPairFromSeed(world.random.bytes(32)));
    if (key === undefined || next === undefined || lost === undefined) throw new Error("three keys");
    const create = { type: "createLog", logId, kind: "room", appendKey: key.publicKey } as const;
    expectFrame(await owner.call(create), "done");
    const came: number[][] = [];
    const onDelivered = (_: LogId, entries: readonly { readonly seq: number }[]) =>
      void came.push(entries.map(({ seq }) => seq));
    const [ann, bob, carl] = [
      await connectRaw(server.origin),
      await connectRaw(server.origin, { onDelivered }),
      await connectRaw(server.origin, { onDelivered }),
    ];
    const pen = createWriter(logId, world.random.bytes(32));
    const bobs = createWriter(logId, world.random.bytes(32));
    expectFrame(await ann.call(openRequest(ann, 1, logId, { capability: key, writer: pen })), "opened");
    expectFrame(await bob.call(openRequest(bob, 1, logId, { capability: key, writer: bobs })), "opened");
    expectFrame(await bob.call({ type: "subscribe", channel: 1, after: 0 }), "done");
    expect((await appendOne(ann, 1, nextEntry(pen, new Uint8Array(5)))).type).toBe("accepted");
    const entry = nextEntry(pen, new Uint8Array(6));
    const rekey = { type: "appendAndRekey", channel: 1, entry, appendKey: next.publicKey } as const;
    expect(await ann.call(rekey)).toMatchObject({ type: "appended", results: [{ seq: 2 }] });
    // Who has it open is told that nothing more comes.
    await bob.until(() => came.length === 3);
    expect(came).toEqual([[1], [2], []]);
    const former = async (client: typeof bob, channel: number) => {
      expect(await client.call({ type: "read", channel, after: 0, limit: 9 })).toMatchObject({
        type: "entries",
        entries: [{ seq: 1 }, { seq: 2 }],
        head: { seq: 2 },
      });
      for (const [after, count] of [
        [0, 2],
        [1, 1],
        [2, 0],
        [3, 0],
      ] as const) {
        const page = expectFrame(await client.call({ type: "readIds", channel, after, limit: 9 }), "ids");
        expect(page).toMatchObject({ kept: [], head: { seq: 2 } });
        expect(page.ids).toHaveLength(32 * count);
      }
      for (const request of [
        { type: "subscribe", channel, after: 2 },
        { type: "append", channel, entries: [nextEntry(bobs, new Uint8Array(5))], admission: null },
        { type: "appendAndRekey", channel, entry, appendKey: lost.publicKey },
      ] as const)
        expect(await client.call(request), request.type).toMatchObject({ code: "forbidden" });
    };
    await former(bob, 1);
    expectFrame(await carl.call(openRequest(carl, 1, logId, { capability: next, writer: pen })), "opened");
    expect((await appendOne(carl, 1, nextEntry(pen, new Uint8Array(7)))).type).toBe("accepted");
    expect(await carl.call({ type: "read", channel: 1, after: 2, limit: 9 })).toMatchObject({
      entries: [{ seq: 3 }],
    });
    // A new connection with the former key sees the log as it was then.
    const again = await connectRaw(server.origin);
    const opened = await again.call(openRequest(again, 1, logId, { capability: key, writer: bobs }));
    expect(opened).toMatchObject({ type: "opened", head: { seq: 2 } });
    await former(again, 1);
    expect(came).toHaveLength(3);
    // Its founder sets another, should nobody know the one that is set.
    expectFrame(await carl.call({ type: "subscribe", channel: 1, after: 3 }), "done");
    expect(await carl.call({ type: "setLogKey", logId, appendKey: lost.publicKey })).toMatchObject({
      code: "not-signed-in",
    });
    expectFrame(await owner.call({ type: "setLogKey", logId, appendKey: lost.publicKey }), "done");
    await carl.until(() => came.length === 4);
    expect(came.at(-1)).toEqual([]);
    expect(
      await carl.call({
        type: "append",
        channel: 1,
        entries: [nextEntry(pen, new Uint8Array(5))],
        admission: null,
      }),
    ).toMatchObject({ code: "forbidden" });
    const stranger = await registerWorld(server.origin, "rekeyed stranger");
    const other = await connectSignedIn(server.origin, stranger);
    const foreign = { type: "setLogKey", logId, appendKey: key.publicKey } as const;
    expect(await other.call(foreign)).toMatchObject({ code: "forbidden" });
    for (const client of [owner, ann, bob, carl, again, other]) client.close();
  });

  test("[LG20] what of a room's log nobody needs its founder's device says, no further than it goes, and nobody else", async () => {
    const world = await registerWorld(server.origin, "releasing");
    const stranger = await registerWorld(server.origin, "releasing stranger");
    const [owner, other, anybody] = [
      await connectSignedIn(server.origin, world),
      await connectSignedIn(server.origin, stranger),
      await connectRaw(server.origin),
    ];
    const logId = roomLogOf(world);
    const key = signKeyPairFromSeed(world.random.bytes(32));
    const create = { type: "createLog", logId, kind: "room", appendKey: key.publicKey } as const;
    expectFrame(await owner.call(create), "done");
    const pen = createWriter(logId, world.random.bytes(32));
    expectFrame(
      await anybody.call(openRequest(anybody, 1, logId, { capability: key, writer: pen })),
      "opened",
    );
    expect((await appendOne(anybody, 1, nextEntry(pen, new Uint8Array(5)))).type).toBe("accepted");
    const release = { type: "releaseLog", logId, incarnation: 0, upto: 1 } as const;
    expectFrame(await owner.call(release), "done");
    expect(await owner.call({ ...release, upto: 2 })).toMatchObject({ code: "seq-out-of-range" });
    expect(await owner.call({ ...release, incarnation: 1 })).toMatchObject({ code: "seq-out-of-range" });
    expect(await other.call(release)).toMatchObject({ code: "forbidden" });
    expect(await anybody.call(release)).toMatchObject({ code: "not-signed-in" });
    const unknown = { ...release, logId: idFromBytes("log", world.random.bytes(32)) };
    expect(await owner.call(unknown)).toMatchObject({ code: "unknown-log" });
    const requests = idFromBytes("log", world.random.bytes(32));
    const asking = { type: "createLog", logId: requests, kind: "request", appendKey: null } as const;
    expectFrame(await owner.call(asking), "done");
    expect(await owner.call({ ...release, logId: requests })).toMatchObject({ code: "forbidden" });
    for (const client of [owner, other, anybody]) client.close();
  });

  test("[LG13] a log has the key its kind needs and no other", async () => {
    const world = await registerWorld(server.origin, "kinds");
    const owner = await connectSignedIn(server.origin, world);
    const make = (kind: "account" | "request" | "inbound" | "room", appendKey: Uint8Array | null) =>
      owner.call({ type: "createLog", logId: idFromBytes("log", world.random.bytes(32)), kind, appendKey });
    expect(await make("inbound", null)).toMatchObject({ code: "malformed" });
    expect(await make("room", null)).toMatchObject({ code: "malformed" });
    expect(await make("account", new Uint8Array(32))).toMatchObject({ code: "malformed" });
    expect(await make("request", new Uint8Array(32))).toMatchObject({ code: "malformed" });
    expectFrame(await make("request", null), "done");
    expect(await make("request", null)).toMatchObject({ code: "log-exists" });
    owner.close();
  });
});
