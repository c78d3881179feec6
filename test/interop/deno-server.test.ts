/** The server on Deno: the same program, the same promises. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { addDevice, firstKeys, revokeDevices } from "../support/chain-world.ts";
import {
  appendOne,
  connectRaw,
  connectSignedIn,
  createWriter,
  expectFrame,
  nextEntry,
  openRequest,
  signInRequest,
} from "../support/raw-client.ts";
import { DENO } from "../support/runtimes.ts";
import { createAccountLog, createInbound, pushLink, registerWorld } from "../support/server-account.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const folder = createTemporaryFolder();
const start = (): Promise<ServerProcess> =>
  startServer(folder.path, [], { program: DENO, args: ["run", "--allow-all", "--no-remote"] });
let server: ServerProcess;
beforeAll(async () => {
  await cryptoReady();
  server = await start();
});
afterAll(() => folder.discard());

test("the server in Deno keeps, delivers, holds back, refuses and survives as in Node", async () => {
  const world = await registerWorld(server.origin, "deno");
  const first = firstKeys(world);
  const second = addDevice(world, first);
  expect(await pushLink(server.origin, world)).toBe(null);
  const one = await connectSignedIn(server.origin, world, first);
  const two = await connectSignedIn(server.origin, world, second);
  const logId = await createAccountLog(one, world);
  const writer = createWriter(logId, world.random.bytes(32));
  expectFrame(await one.call(openRequest(one, 1, logId, { writer })), "opened");
  expectFrame(await two.call(openRequest(two, 1, logId, { right: "read" })), "opened");
  expectFrame(await two.call({ type: "subscribe", channel: 1, after: 0 }), "done");

  // A reader that stops for a while, while more is written than all buffers hold.
  two.ws.pause();
  const sealed = world.random.bytes(100_000);
  const entries = Array.from({ length: 150 }, () => nextEntry(writer, sealed, { epoch: 1 }));
  for (const entry of entries) expect((await appendOne(one, 1, entry)).type).toBe("accepted");
  two.ws.resume();
  await two.until(() => two.delivered(logId).length === entries.length);
  expect(two.delivered(logId).map(({ seq }) => seq)).toEqual(entries.map((_, index) => index + 1));

  const inbound = await createInbound(one, world);
  const contact = await connectRaw(server.origin);
  const pen = createWriter(inbound.logId, world.random.bytes(32));
  expectFrame(
    await contact.call(openRequest(contact, 1, inbound.logId, { capability: inbound.key, writer: pen })),
    "opened",
  );
  expect((await appendOne(contact, 1, nextEntry(pen, world.random.bytes(9), { kind: 2 }))).type).toBe(
    "accepted",
  );

  revokeDevices(world, [second.id], first);
  expect(await pushLink(server.origin, world)).toBe(null);
  await two.whenClosed;
  expect(two.unasked.at(-1)).toEqual({ type: "goodbye", code: "revoked-device" });
  const wrong = await connectRaw(server.origin, { claimedOrigin: "https://elsewhere.example" });
  expect(await wrong.call(signInRequest(wrong, world, first))).toMatchObject({ code: "bad-signature" });
  wrong.sendBytes(new Uint8Array([1, 2, 3]));
  await wrong.whenClosed;
  await expect(connectRaw(server.origin, { headers: { origin: "null" } })).rejects.toThrow("403");

  const last = entries.at(-1) ?? nextEntry(writer, sealed);
  await server.kill();
  server = await start();
  const again = await connectSignedIn(server.origin, world, first);
  expect(expectFrame(await again.call(openRequest(again, 1, logId, { writer })), "opened")).toMatchObject({
    head: { seq: entries.length },
    writerSeq: entries.length,
  });
  expect(await appendOne(again, 1, last)).toEqual({ type: "duplicate", seq: entries.length });
  again.close();
  await again.whenClosed;
  expect(await server.stop()).toBe(0);
});
