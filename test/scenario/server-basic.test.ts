/** A day in the life of the server: one process, real sockets. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import {
  appendOne,
  connectRaw,
  connectSignedIn,
  createWriter,
  expectFrame,
  nextEntry,
  openRequest,
} from "../support/raw-client.ts";
import { createAccountLog, createInbound, pushLink, registerWorld } from "../support/server-account.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { addDevice } from "../support/chain-world.ts";
import { chainNext, chainStart, entryId } from "../../core/protocol/entry.ts";

const folder = createTemporaryFolder();
let server: ServerProcess;
beforeAll(async () => {
  await cryptoReady();
  server = await startServer(folder.path);
});
afterAll(async () => {
  await server.stop();
  folder.discard();
});

describe("a server", () => {
  test("keeps what a device appends and delivers it to another", async () => {
    const world = await registerWorld(server.origin, "basic");
    const second = addDevice(world);
    expect(await pushLink(server.origin, world)).toBe(null);
    const one = await connectSignedIn(server.origin, world);
    const two = await connectSignedIn(server.origin, world, second);
    const logId = await createAccountLog(one, world);
    const writer = createWriter(logId, world.random.bytes(32));
    expectFrame(await one.call(openRequest(one, 1, logId, { writer })), "opened");
    expectFrame(await two.call(openRequest(two, 1, logId, { right: "read" })), "opened");
    expectFrame(await two.call({ type: "subscribe", channel: 1, after: 0 }), "done");
    let chain = chainStart(logId);
    for (let i = 1; i <= 20; i++) {
      const entry = nextEntry(writer, world.random.bytes(300), { epoch: 1 });
      chain = chainNext(chain, entryId(logId, entry));
      expect(await appendOne(one, 1, entry)).toEqual({ type: "accepted", seq: i, chain });
    }
    await two.until(() => two.delivered(logId).length === 20);
    const inbound = await createInbound(one, world);
    const stranger = await connectRaw(server.origin);
    const pen = createWriter(inbound.logId, world.random.bytes(32));
    expectFrame(
      await stranger.call(openRequest(stranger, 3, inbound.logId, { capability: inbound.key, writer: pen })),
      "opened",
    );
    expect((await appendOne(stranger, 3, nextEntry(pen, world.random.bytes(100), { kind: 2 }))).type).toBe(
      "accepted",
    );
    for (const client of [one, two, stranger]) client.close();
  });
});
