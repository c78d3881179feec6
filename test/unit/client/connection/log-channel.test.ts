/** Appends are split to fit frames; answers that do not match are no receipts. */
import { beforeAll, describe, expect, test } from "vitest";
import {
  APPEND_BATCH_ENTRIES_MAX,
  ENTRY_BYTES_MAX,
  FRAME_BYTES_MAX,
  READ_PAGE_ENTRIES_MAX,
} from "../../../../core/base/limits.ts";
import { connectGateway } from "../../../../core/client/connection/gateway.ts";
import { openLogChannel } from "../../../../core/client/connection/log-channel.ts";
import { encode } from "../../../../core/codec/shape.ts";
import { LABEL } from "../../../../core/crypto/labels.ts";
import { signKeyPairFromSeed } from "../../../../core/crypto/sign.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import { verifySignature } from "../../../../core/crypto/verify.ts";
import { encodeCapabilityClaim, encodeWriterTagClaim } from "../../../../core/protocol/claims.ts";
import { type ClientFrame, clientFrameShape } from "../../../../core/protocol/client-frame.ts";
import { ENTRY_HEADER_BYTES_MAX, type Entry } from "../../../../core/protocol/entry.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { createScriptedServer } from "../../../support/scripted-server.ts";
import { createSeededRandom } from "../../../support/seeded-random.ts";
import { filled, logOf } from "../../../support/messages.ts";

const LOG = logOf(1);
const POINT = { incarnation: 0, seq: 3, chain: filled(1) };
beforeAll(cryptoReady);

type Append = Extract<ClientFrame, { type: "append" }>;

/** An open channel; appends are answered by `results`. */
async function openChannel(
  results: (frame: Append, nth: number) => number = (frame) => frame.entries.length,
) {
  const server = createScriptedServer();
  const appends: Append[] = [];
  server.answer = (frame) => {
    if (frame.type === "openLog")
      return {
        type: "opened",
        requestId: frame.requestId,
        head: POINT,
        reseed: null,
        trimmedUpto: 0,
        writerSeq: 7,
        isClosed: false,
      };
    if (frame.type !== "append")
      return "requestId" in frame ? { type: "done", requestId: frame.requestId } : null;
    appends.push(frame);
    const count = results(frame, appends.length);
    if (count < 0) return { type: "failed", requestId: frame.requestId, code: "rate-limited" };
    return {
      type: "appended",
      requestId: frame.requestId,
      results: Array.from({ length: count }, () => ({ type: "duplicate", seq: appends.length })),
    };
  };
  const gateway = await connectGateway(
    { connector: server.connector, clock: createManualClock(), random: createSeededRandom(1) },
    "https://dove.example",
  );
  if (!gateway.ok) throw new Error(gateway.error.type);
  const key = { capability: signKeyPairFromSeed(filled(2)), writer: signKeyPairFromSeed(filled(3)) };
  const channel = await openLogChannel(gateway.value, 5, { logId: LOG, right: "append", ...key });
  if (!channel.ok) throw new Error(channel.error.type);
  return { server, channel: channel.value, appends, gateway: gateway.value, key };
}

const entry = (bytes: number): Entry => ({
  header: filled(1, ENTRY_HEADER_BYTES_MAX),
  sealed: filled(2, bytes),
});

describe("opening", () => {
  test("proves capability and writer for this connection, log and right, and tells what the server counts", async () => {
    const { server, channel, gateway, key } = await openChannel();
    expect(channel).toMatchObject({ logId: LOG, head: POINT, writerSeq: 7, isClosed: false });
    const open = server.heard.find((frame) => frame.type === "openLog");
    if (open?.capability == null || open.writer == null) throw new Error("both are proven");
    const publicKey = key.capability.publicKey;
    expect(
      verifySignature(
        publicKey,
        LABEL.signCapability,
        encodeCapabilityClaim({ ...gateway.nonces, logId: LOG, right: "append", publicKey }),
        open.capability.signature,
      ).ok,
    ).toBe(true);
    const writer = key.writer.publicKey;
    expect(
      verifySignature(
        writer,
        LABEL.signWriterTag,
        encodeWriterTagClaim({ ...gateway.nonces, logId: LOG, publicKey: writer }),
        open.writer.signature,
      ).ok,
    ).toBe(true);
  });
});

describe("appending", () => {
  test.each([
    [1, [1]],
    [APPEND_BATCH_ENTRIES_MAX, [APPEND_BATCH_ENTRIES_MAX]],
    [APPEND_BATCH_ENTRIES_MAX + 1, [APPEND_BATCH_ENTRIES_MAX, 1]],
  ])("%i small entries go in frames of %j", async (count, frames) => {
    const { channel, appends } = await openChannel();
    expect(await channel.append(Array.from({ length: count }, () => entry(10)))).toMatchObject({
      ok: true,
      value: { length: count },
    });
    expect(appends.map((frame) => frame.entries.length)).toEqual(frames);
  });

  test("the largest entries are split so that every frame fits", async () => {
    const { channel, appends } = await openChannel();
    expect((await channel.append(Array.from({ length: 8 }, () => entry(ENTRY_BYTES_MAX)))).ok).toBe(true);
    expect(appends.map((frame) => frame.entries.length)).toEqual([3, 3, 2]);
    for (const frame of appends)
      expect(encode(clientFrameShape, frame).length).toBeLessThanOrEqual(FRAME_BYTES_MAX);
  });

  test("entries that fill a frame exactly go in one, one byte more makes two, and either fits", async () => {
    const room = FRAME_BYTES_MAX - 4_096;
    const fixed = 3 * (ENTRY_BYTES_MAX + ENTRY_HEADER_BYTES_MAX + 16);
    const last = room - fixed - ENTRY_HEADER_BYTES_MAX - 16;
    for (const [bytes, frames] of [
      [last, [4]],
      [last + 1, [3, 1]],
    ] as const) {
      const { channel, appends } = await openChannel();
      await channel.append([...Array.from({ length: 3 }, () => entry(ENTRY_BYTES_MAX)), entry(bytes)]);
      expect(appends.map((frame) => frame.entries.length)).toEqual(frames);
      for (const frame of appends)
        expect(encode(clientFrameShape, frame).length).toBeLessThanOrEqual(FRAME_BYTES_MAX);
    }
  });

  test("nothing is sent for nothing", async () => {
    const { channel, appends } = await openChannel();
    expect(await channel.append([])).toEqual({ ok: true, value: [] });
    expect(appends).toEqual([]);
  });

  test("a failed frame leaves the results of those before it", async () => {
    const { channel } = await openChannel((frame, nth) => (nth === 2 ? -1 : frame.entries.length));
    expect(await channel.append(Array.from({ length: 250 }, () => entry(10)))).toMatchObject({
      ok: true,
      value: { length: 100 },
    });
    const { channel: other } = await openChannel(() => -1);
    expect(await other.append([entry(10)])).toEqual({
      ok: false,
      error: { type: "Refused", code: "rate-limited" },
    });
  });

  test.each([0, 2])("another number of results (%i for 1) is no receipt", async (count) => {
    const { channel } = await openChannel(() => Math.max(1, count));
    const results = await channel.append(Array.from({ length: count === 0 ? 2 : 1 }, () => entry(10)));
    expect(results).toMatchObject({ ok: false, error: { type: "ServerMisbehaved" } });
  });
});

test("a page asks for as many entries as one may have", async () => {
  const { channel, server } = await openChannel();
  await channel.read(9);
  expect(server.heard.at(-1)).toMatchObject({
    type: "read",
    channel: 5,
    after: 9,
    limit: READ_PAGE_ENTRIES_MAX,
  });
});
