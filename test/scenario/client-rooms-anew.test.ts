/** Rooms of which the last device with their group is gone. Over the real server and real sockets. */
import { expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import type { ConversationId } from "../../core/base/ids.ts";
import { bad, good, linkedDevice, newAccount } from "../support/client-world.ts";
import {
  accountIdOf,
  type Device,
  engineOf,
  expectAtRest,
  expectSameState,
  reopened,
  roomViewOf,
  settle,
  stopAll,
  tablesOf,
  textsOf,
} from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();
const deviceOf = async ({ client }: Device) => good(await client.account()).deviceId;

/** What a device has of a room's group is gone, as by a fault of its disk. */
async function withoutGroup(device: Device, id: ConversationId): Promise<Device> {
  good(await device.client.stop());
  good(await device.platform.store.batch([tablesOf(device).group.remove(id)]));
  return reopened(device.platform);
}

test("[RM64] a room whose only device with its group was revoked is begun anew by who is left, and shut to the one that was", async () => {
  const laptop: Device = await newAccount(server.origin, "ada.anew");
  const tablet = await linkedDevice(laptop.client, "tablet");
  const phone = await linkedDevice(laptop.client, "phone");
  await settle(laptop, tablet, phone);
  const [tabletId, phoneId] = [await deviceOf(tablet), await deviceOf(phone)];
  const { id } = good(await tablet.client.createRoom("Garden"));
  good(await tablet.client.send(id, "before"));
  await settle(tablet, laptop, phone);
  good(await tablet.client.stop());
  const founder = await engineOf(tablet.platform);
  const inside = present(present(good(await founder.engine.rooms.book.get(id)), "a room").inside, "told");
  expect(inside.devices).toHaveLength(3);
  await stopAll(founder);
  const [first, second] = [await withoutGroup(laptop, id), await withoutGroup(phone, id)];
  await settle(first, second);
  for (const device of [first, second])
    expect(await roomViewOf(device, id)).toEqual({ name: "Garden", state: "joining", people: 1 });
  // While the phone is there it may be the one that has the group.
  good(await first.client.revokeDevice(tabletId));
  await settle(first, second);
  expect((await roomViewOf(first, id)).state).toBe("joining");
  good(await second.client.stop());
  good(await first.client.revokeDevice(phoneId));
  await settle(first);
  await expectAtRest(async () => {
    expect(await roomViewOf(first, id)).toEqual({ name: "Garden", state: "joined", people: 1 });
  }, first);
  good(await first.client.send(id, "after"));
  const watch = await linkedDevice(first.client, "watch");
  const ben = await newAccount(server.origin, "ben.anew");
  good(await ben.client.sync());
  good(await first.client.addContact(good(await ben.client.contactLink())));
  await settle(first, watch, ben);
  good(await ben.client.acceptContact(await accountIdOf(first)));
  await settle(first, watch, ben);
  good(await first.client.inviteToRoom(id, await accountIdOf(ben)));
  await settle(first, watch, ben);
  good(await ben.client.acceptRoom(id));
  await settle(first, watch, ben);
  good(await ben.client.send(id, "from Ben"));
  await expectAtRest(
    async () => {
      for (const device of [first, watch])
        expect(await textsOf(device, id)).toEqual(["before", "after", "from Ben"]);
      expect(await textsOf(ben, id)).toEqual(["from Ben"]);
    },
    first,
    watch,
    ben,
  );
  await expectSameState(first, watch);
  // Whoever has the revoked tablet has the keys the log had.
  const thief = await engineOf(tablet.platform);
  bad(await thief.client.sync());
  expect(await textsOf(thief, id)).toEqual(["before"]);
  await stopAll(first, watch, ben);
  await thief.client.stop();
});

test("[RM64] of two devices that begin a room's group anew one does, and the other comes in", async () => {
  const laptop: Device = await newAccount(server.origin, "ada.race");
  const tablet = await linkedDevice(laptop.client, "tablet");
  const phone = await linkedDevice(laptop.client, "phone");
  await settle(laptop, tablet, phone);
  const { id } = good(await tablet.client.createRoom("Garden"));
  await settle(tablet, laptop, phone);
  const tabletId = await deviceOf(tablet);
  good(await laptop.client.revokeDevice(tabletId));
  await settle(laptop, phone);
  good(await tablet.client.stop());
  // As it is for devices that are linked while the one that has the group is away, and never comes back.
  const [first, second] = [await withoutGroup(laptop, id), await withoutGroup(phone, id)];
  for (const device of [first, second]) {
    good(await device.client.stop());
    const { engine, client } = await engineOf(device.platform);
    const { context, rooms } = engine;
    const inside = present(present(good(await rooms.book.get(id)), "a room").inside, "who is in it");
    const devices = [tabletId];
    const told = new Map([
      ["inside", { type: "inside", ...inside, epoch: inside.epoch + 1, devices } as const],
    ]);
    good(await context.serial.run(() => rooms.book.set(id, told)));
    good(await client.stop());
  }
  const both = [await reopened(first.platform), await reopened(second.platform)] as const;
  await Promise.all(both.map(async ({ client }) => good(await client.sync())));
  await settle(...both);
  await expectAtRest(
    async () => {
      for (const device of both)
        expect(await roomViewOf(device, id)).toEqual({ name: "Garden", state: "joined", people: 1 });
    },
    ...both,
  );
  for (const device of both) good(await device.client.send(id, "here"));
  await expectAtRest(
    async () => {
      for (const device of both) expect(await textsOf(device, id)).toEqual(["here", "here"]);
    },
    ...both,
  );
  await expectSameState(...both);
  await stopAll(...both);
});

test("[RM64] a room's group is not begun anew while a commit of its log is unknown, or other people are in it", async () => {
  const laptop: Device = await newAccount(server.origin, "ada.other");
  const ben = await newAccount(server.origin, "ben.other");
  good(await ben.client.sync());
  good(await laptop.client.addContact(good(await ben.client.contactLink())));
  await settle(laptop, ben);
  good(await ben.client.acceptContact(await accountIdOf(laptop)));
  await settle(laptop, ben);
  const { id } = good(await laptop.client.createRoom("Garden"));
  await settle(laptop);
  good(await laptop.client.stop());
  const { engine, client } = await engineOf(laptop.platform);
  const alone = present(present(good(await engine.rooms.book.get(id)), "a room").info, "what was told");
  good(await client.inviteToRoom(id, await accountIdOf(ben)));
  good(await client.sync());
  good(await client.stop());
  await settle(ben);
  good(await ben.client.acceptRoom(id));
  good(await ben.client.sync());
  good(await ben.client.stop());
  let again = await withoutGroup(laptop, id);
  await settle(again);
  expect(await roomViewOf(again, id)).toEqual({ name: "Garden", state: "joining", people: 2 });
  // Nor where nobody has told of who was let in.
  good(await again.client.stop());
  const changed = await engineOf(laptop.platform);
  const told = new Map([
    ["info", { ...alone, type: "info", epoch: 9, members: [...alone.members] } as const],
  ]);
  good(await changed.engine.context.serial.run(() => changed.engine.rooms.book.set(id, told)));
  good(await changed.client.stop());
  again = await reopened(laptop.platform);
  await settle(again);
  expect(await roomViewOf(again, id)).toEqual({ name: "Garden", state: "joining", people: 1 });
  // Ben lets the laptop back in.
  const back = await reopened(ben.platform);
  await settle(again, back);
  await expectAtRest(
    async () => {
      for (const device of [again, back])
        expect(await roomViewOf(device, id)).toEqual({ name: "Garden", state: "joined", people: 2 });
    },
    again,
    back,
  );
  await stopAll(again, back);
});
