/** Own devices that synchronise with each other while there is no server, and with the server later. */
import { createConnection } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ClientEvent } from "@dovetail/core";
import { present } from "../../core/base/assert.ts";
import { DIRECT_HELLO_BYTES_MAX, DIRECT_SESSIONS_MAX } from "../../core/base/limits.ts";
import { RELAY_DELAY_MS } from "../../core/client/direct/direct-rows.ts";
import { createTcpPeerConnector } from "../../cli/platform/tcp-peer-connector.ts";
import { createWebConnector } from "@dovetail/core";
import { createAdjustableClock } from "../support/adjustable-clock.ts";
import { bad, engineReady, good, linkedDevice, memoryPlatform } from "../support/client-world.ts";
import { type LocalServer, startLocalServer } from "../support/server-in-process.ts";
import { scanDevice } from "../support/scan-device.ts";
import { createSwitchedConnector } from "../support/switched-connector.ts";
import {
  createFriends,
  type Device,
  expectSameState,
  reopened,
  settle,
  stopAll,
  tablesOf,
  textsOf,
  unfinishedRows,
} from "../support/story.ts";

const clock = createAdjustableClock();
const connector = createSwitchedConnector(createWebConnector());
let server: LocalServer;
beforeAll(async () => {
  await engineReady();
  server = await startLocalServer();
});
afterAll(() => server.close());

const platform = () => memoryPlatform({ clock, connector, peerConnector: createTcpPeerConnector() });

/** Runs `story` while Ada's devices reach no server. */
async function withoutServer<T>(story: () => Promise<T>): Promise<T> {
  connector.switch(false);
  try {
    return await story();
  } finally {
    connector.switch(true);
  }
}

async function meet(dialler: Device, listener: Device) {
  const listening = good(await listener.client.listenDirect("127.0.0.1:0"));
  const report = await dialler.client.syncDirect(present(listening.addresses[0], "an address"));
  await listening.close();
  return report;
}

/** Ada with a laptop and a phone, who knows Ben; all at rest. */
async function createHousehold(name: string) {
  const { ada, ben, conversationId } = await createFriends(server.origin, [`${name}.ada`, `${name}.ben`], {
    ada: platform(),
  });
  const phone = await linkedDevice(ada.client, "phone", platform());
  await settle(ada, phone, ben);
  return { laptop: ada, phone, ben, conversationId };
}

const directRows = async (device: Device) => good(await tablesOf(device).direct.scan()).length;
const outRows = async (device: Device) => good(await tablesOf(device).out.scan()).length;
const tagsOf = async (device: Device) => good(await device.client.tags()).map(({ name }) => name);

describe("two own devices without a server", () => {
  test("[DE12] delete the same, and end with it gone from both", async () => {
    const { laptop, phone, ben, conversationId } = await createHousehold("deleting");
    const secret = "not for long";
    const { id } = good(await laptop.client.send(conversationId, secret));
    good(await laptop.client.send(conversationId, "for longer"));
    await settle(laptop, ben, phone);
    await withoutServer(async () => {
      good(await laptop.client.deleteMessages(conversationId, [id]));
      good(await phone.client.send(conversationId, "from the phone"));
      good(await meet(laptop, phone));
      for (const device of [laptop, phone]) {
        expect(await scanDevice(device, secret)).toEqual([]);
        expect(await textsOf(device, conversationId)).toEqual(["for longer", "from the phone"]);
      }
      await expectSameState(laptop, phone);
    });
    await settle(laptop, phone);
    await expectSameState(laptop, phone);
    await stopAll(laptop, phone, ben);
  });

  test("[DS12] hold the same afterwards, messages and state, whichever dials; later all of it merges with the server, once", async () => {
    const { laptop, phone, ben, conversationId } = await createHousehold("merge");
    const deleted = good(await laptop.client.createTag("to be deleted"));
    await settle(laptop, phone);
    await withoutServer(async () => {
      good(await laptop.client.send(conversationId, "from the laptop"));
      good(await laptop.client.deleteTag(deleted.id));
      good(await phone.client.send(conversationId, "from the phone"));
      good(await phone.client.createTag("made on the phone"));
      const report = good(await meet(laptop, phone));
      expect(report.receivedDocuments).toBeGreaterThan(0);
      await expectSameState(laptop, phone);
      expect(await textsOf(laptop, conversationId)).toEqual(
        expect.arrayContaining(["from the laptop", "from the phone"]),
      );
      expect(await tagsOf(phone)).toEqual(["made on the phone"]);
      // A second meeting finds nothing to do, and the other way round it works as well.
      expect(good(await meet(phone, laptop)).receivedDocuments).toBe(0);
    });
    // [DS14]: the phone does not send what is the laptop's to send.
    expect(await directRows(phone)).toBeGreaterThan(0);
    good(await phone.client.sync());
    expect(await outRows(phone)).toBe(0);
    expect(await directRows(phone)).toBeGreaterThan(0);
    await settle(laptop, phone, ben);
    await expectSameState(laptop, phone);
    const texts = await textsOf(ben, conversationId);
    expect(texts.filter((text) => text.startsWith("from the")).sort()).toEqual([
      "from the laptop",
      "from the phone",
    ]);
    expect(await tagsOf(laptop)).toEqual(["made on the phone"]);
    expect([await directRows(laptop), await directRows(phone)]).toEqual([0, 0]);
    expect([await unfinishedRows(laptop), await unfinishedRows(phone)]).toEqual([{}, {}]);
    await stopAll(laptop, phone, ben);
  });

  test("[DS12] what is written while they are connected goes over at once", async () => {
    const { laptop, phone, ben, conversationId } = await createHousehold("live");
    await withoutServer(async () => {
      const listening = good(await laptop.client.listenDirect("127.0.0.1:0"));
      const address = present(listening.addresses[0], "an address");
      const texts: string[] = [];
      const arrived = Promise.withResolvers<void>();
      laptop.client.onEvent((event: ClientEvent) => {
        if (event.type !== "message") return;
        texts.push(event.message.text);
        if (event.message.text === "while connected") arrived.resolve();
      });
      good(await phone.client.send(conversationId, "before"));
      const connected = new Promise<void>((resolve) =>
        laptop.client.onEvent((event) => event.type === "direct" && event.state === "connected" && resolve()),
      );
      const syncing = phone.client.syncDirect(address);
      await connected;
      good(await phone.client.send(conversationId, "while connected"));
      good(await syncing);
      good(await phone.client.syncDirect(address));
      await arrived.promise;
      expect(texts).toContain("before");
      await expectSameState(laptop, phone);
      await listening.close();
      expect(bad(await phone.client.syncDirect(address)).type).toBe("PeerUnreachable");
    });
    await settle(laptop, phone, ben);
    await expectSameState(laptop, phone);
    await stopAll(laptop, phone, ben);
  });

  test("[DS13] what a device brought that never reaches a server again is not lost: it goes out from where it came to", async () => {
    const { laptop, phone, ben, conversationId } = await createHousehold("lost");
    const tablet = await linkedDevice(laptop.client, "tablet", platform());
    await settle(laptop, phone, tablet, ben);
    await withoutServer(async () => {
      good(await phone.client.createTag("only ever on the phone"));
      good(await phone.client.send(conversationId, "the phone's last words"));
      good(await meet(phone, laptop));
      // Built on what only the phone has made.
      good(await laptop.client.createTag("made after"));
      good(await phone.client.stop());
    });
    await settle(laptop, tablet);
    expect(await tagsOf(tablet)).not.toContain("only ever on the phone");
    clock.adjust(RELAY_DELAY_MS);
    await settle(laptop, tablet);
    expect((await tagsOf(tablet)).sort()).toEqual(["made after", "only ever on the phone"]);
    expect(await textsOf(tablet, conversationId)).toContain("the phone's last words");
    await expectSameState(laptop, tablet);
    expect([await directRows(laptop), await outRows(laptop)]).toEqual([0, 0]);
    await stopAll(laptop, tablet, ben);
  });

  test("[DS13] what came directly outlives the program", async () => {
    const { laptop, phone, ben, conversationId } = await createHousehold("restart");
    const again = await withoutServer(async () => {
      good(await phone.client.send(conversationId, "kept over the restart"));
      good(await meet(laptop, phone));
      good(await laptop.client.stop());
      const opened = await reopened(laptop.platform);
      expect(await textsOf(opened, conversationId)).toContain("kept over the restart");
      expect(await directRows(opened)).toBeGreaterThan(0);
      return opened;
    });
    await settle(again, phone, ben);
    await expectSameState(again, phone);
    expect(await directRows(again)).toBe(0);
    await stopAll(again, phone, ben);
  });
});

describe("who is not let in", () => {
  test("[DS7] a revoked device, which says so on both sides, and it gets nothing", async () => {
    const { laptop, phone, ben, conversationId } = await createHousehold("revoked");
    good(await laptop.client.revokeDevice(good(await phone.client.account()).deviceId));
    good(await laptop.client.sync());
    await withoutServer(async () => {
      good(await laptop.client.send(conversationId, "not for the phone"));
      const events: ClientEvent[] = [];
      laptop.client.onEvent((event) => events.push(event));
      expect(bad(await meet(phone, laptop))).toEqual({ type: "DirectRefusedByPeer", why: "revoked-device" });
      expect(events).toContainEqual({
        type: "direct",
        state: "refused",
        device: null,
        why: "revoked-device",
      });
      // Dialled by the laptop the phone is shown the newer chain, and finds that it is revoked.
      expect(bad(await meet(laptop, phone))).toEqual({ type: "DirectRefusedByPeer", why: "revoked-device" });
      expect(await textsOf(phone, conversationId)).not.toContain("not for the phone");
    });
    await stopAll(laptop, phone, ben);
  });

  test("[DS3] a device of another account, also a contact's", async () => {
    const { laptop, phone, ben } = await createHousehold("stranger");
    const other = { ...ben, platform: platform() };
    const direct = await createFriends(server.origin, ["stranger.eve", "stranger.fay"], {
      ada: other.platform,
    });
    expect(bad(await meet(direct.ada, laptop))).toEqual({ type: "DirectStranger" });
    expect(bad(await meet(laptop, direct.ada))).toEqual({ type: "DirectStranger" });
    await stopAll(laptop, phone, ben, direct.ada, direct.ben);
  });

  test("[DS16] where the platform has no sockets, and where nobody listens, it says so", async () => {
    const { laptop, phone, ben } = await createHousehold("absent");
    expect(bad(await ben.client.listenDirect("127.0.0.1:0"))).toEqual({ type: "DirectUnavailable" });
    expect(bad(await ben.client.syncDirect("127.0.0.1:1"))).toEqual({ type: "DirectUnavailable" });
    for (const address of ["127.0.0.1:1", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", ""])
      expect(bad(await laptop.client.syncDirect(address)).type).toBe("PeerUnreachable");
    await stopAll(laptop, phone, ben);
  });
});

/** A raw stream to a listening device; resolves how long it stayed open. */
function dialRaw(address: string, bytes: Uint8Array): Promise<{ closed: Promise<void>; end(): void }> {
  const [host = "", port = ""] = address.split(":");
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host, port: Number(port) });
    const closed = new Promise<void>((done) => socket.once("close", () => done()));
    socket.on("error", reject);
    socket.resume();
    socket.once("connect", () => {
      socket.write(bytes);
      resolve({ closed, end: () => socket.destroy() });
    });
  });
}

function length(bytes: number): Uint8Array {
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, bytes);
  return head;
}

test("[DS9] a stranger gets room for a hello of DIRECT_HELLO_BYTES_MAX, not one byte more", async () => {
  const { laptop, phone, ben } = await createHousehold("room");
  const listening = good(await laptop.client.listenDirect("127.0.0.1:0"));
  const address = present(listening.addresses[0], "an address");
  const over = await dialRaw(address, length(DIRECT_HELLO_BYTES_MAX + 1));
  await over.closed;
  const at = await dialRaw(address, length(DIRECT_HELLO_BYTES_MAX));
  const first = await Promise.race([
    at.closed.then(() => "closed"),
    new Promise((r) => setTimeout(r, 300, "open")),
  ]);
  expect(first).toBe("open");
  at.end();
  await listening.close();
  await stopAll(laptop, phone, ben);
});

test("[DS9] DIRECT_SESSIONS_MAX streams at once; one more is closed", async () => {
  const { laptop, phone, ben } = await createHousehold("many");
  const listening = good(await laptop.client.listenDirect("127.0.0.1:0"));
  const address = present(listening.addresses[0], "an address");
  const open = [];
  for (let count = 0; count < DIRECT_SESSIONS_MAX; count++) open.push(await dialRaw(address, length(1)));
  await new Promise((resolve) => setTimeout(resolve, 200));
  const over = await dialRaw(address, length(1));
  await over.closed;
  for (const one of open) one.end();
  await expect
    .poll(async () => (await phone.client.syncDirect(address)).ok, { timeout: 30_000, interval: 200 })
    .toBe(true);
  await listening.close();
  await stopAll(laptop, phone, ben);
});
