/** Rooms whose log has another key than the group gives. Over the real server and real sockets. */
import { expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import { createGuestGateways } from "../../core/client/connection/guest-gateways.ts";
import { capabilityKey, writerKey } from "../../core/client/devices/device-identity.ts";
import { keysOf } from "../../core/client/rooms/room-book.ts";
import { putKey } from "../../core/document/schema/groups.ts";
import { ENTRY_KIND, encodeEntryHeader, writerTag } from "../../core/protocol/entry.ts";
import { good, linkedDevice, memoryPlatform } from "../support/client-world.ts";
import {
  accountIdOf,
  alarmsOf,
  createFriends,
  engineOf,
  expectAtRest,
  reopened,
  roomViewOf,
  settle,
  stopAll,
  textsOf,
} from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();

test("[RM30] a device that the log shuts out goes back to nothing that an elder one set before the keys there were, though it opens all that was read", async () => {
  const { ada, ben } = await createFriends(server.origin, ["ada.former", "ben.former"]);
  const tablet = await linkedDevice(ada.client, "tablet", memoryPlatform());
  await settle(tablet, ada);
  const { id } = good(await ada.client.createRoom("Garden"));
  good(await ada.client.inviteToRoom(id, await accountIdOf(ben)));
  await settle(ada, ben, tablet);
  good(await ben.client.acceptRoom(id));
  await settle(ada, ben, tablet);
  // The elder device has once had to set the key of the log.
  good(await ada.client.stop());
  const elder = await engineOf(ada.platform);
  const { context, rooms } = elder.engine;
  const { accessSeed, roomKey } = present(good(await rooms.book.get(id)), "the room").keys;
  const device = context.identity.deviceId;
  const part = { type: "put", device, count: 1, accessSeed, roomKey } as const;
  good(await context.serial.run(() => rooms.book.set(id, new Map([[putKey(device), part]]))));
  await settle(elder, ben, tablet);
  // It is away when that is replaced, or it would tell by what.
  good(await elder.client.stop());
  good(await tablet.client.removeFromRoom(id, await accountIdOf(ben)));
  await settle(ben, tablet);
  const inside = await roomViewOf(tablet, id);
  expect(inside).toMatchObject({ state: "joined", people: 1 });
  good(await tablet.client.stop());
  const younger = await engineOf(tablet.platform);
  const link = good(await younger.engine.connected());
  const { logId, accessSeed: seedNow } = keysOf(
    present(good(await younger.engine.rooms.book.get(id)), "the room"),
  );
  expect(seedNow).not.toEqual(accessSeed);
  // Nobody knows this one.
  const appendKey = capabilityKey(new Uint8Array(32).fill(7)).publicKey;
  good(await link.gateway.call("done", { type: "setLogKey", logId, appendKey }));
  await expectAtRest(async () => {
    good(await younger.client.sync());
    expect(await roomViewOf(younger, id)).toEqual(inside);
  }, younger);
  good(await younger.client.send(id, "still here"));
  const back = await engineOf(ada.platform);
  await settle(younger, back, younger);
  expect(await textsOf(back, id)).toEqual(["still here"]);
  await stopAll(younger, back, ben);
});

test("[RM30] who reads a commit that replaced the keys, in a log that was set back to those before, reads what stands behind it with the keys it gives, and calls nobody a liar", async () => {
  const { ada, ben } = await createFriends(server.origin, ["ada.behind", "ben.behind"]);
  const tablet = await linkedDevice(ada.client, "tablet", memoryPlatform());
  const { id } = good(await ada.client.createRoom("Garden"));
  good(await ada.client.inviteToRoom(id, await accountIdOf(ben)));
  await settle(ada, ben, tablet);
  good(await ben.client.acceptRoom(id));
  await settle(ada, ben, tablet);
  const { deviceId } = good(await tablet.client.account());
  good(await tablet.client.stop());
  good(await ben.client.stop());
  good(await ada.client.stop());
  const founder = await engineOf(ada.platform);
  const { context, rooms } = founder.engine;
  const link = good(await founder.engine.connected());
  const before = keysOf(present(good(await rooms.book.get(id)), "the room"));
  good(await founder.client.revokeDevice(deviceId));
  await settle(founder);
  const after = keysOf(present(good(await rooms.book.get(id)), "the room"));
  expect(after.accessSeed).not.toEqual(before.accessSeed);
  // The founder's device does not come to setting it again before something stands behind the commit.
  const held = Promise.withResolvers<void>();
  const holding = context.serial.run(() => held.promise);
  const { logId, origin, accessSeed } = before;
  const capability = capabilityKey(accessSeed);
  good(await link.gateway.call("done", { type: "setLogKey", logId, appendKey: capability.publicKey }));
  const writer = writerKey({ ...context.identity.seeds, sign: new Uint8Array(32).fill(7) }, logId);
  const guests = createGuestGateways(context);
  const { channel } = good(await guests.open(origin, { logId, right: "append", capability, writer }));
  const place = { writerTag: writerTag(logId, writer.publicKey), writerSeq: 1, epoch: null, expect: null };
  const header = encodeEntryHeader({ version: 1, kind: ENTRY_KIND.roomMessage, ...place });
  good(await channel.append([{ header, sealed: new Uint8Array(256).fill(1) }]));
  await guests.closeAll();
  const back = await reopened(ben.platform);
  const alarms = alarmsOf(back);
  await settle(back);
  held.resolve();
  await holding;
  good(await back.client.send(id, "not shut out"));
  await expectAtRest(
    async () => {
      expect(await textsOf(founder, id)).toEqual(["not shut out"]);
    },
    founder,
    back,
  );
  expect(alarms).toEqual([]);
  await stopAll(founder, back);
});
