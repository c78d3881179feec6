/** Conversations of two over MLS, beside those over the Double Ratchet; over the real server program and real sockets. */
import { expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import type { ConversationId, RoomView } from "@dovetail/core";
import { ok } from "../../core/base/result.ts";
import { good, linkedDevice, memoryPlatform } from "../support/client-world.ts";
import {
  accountIdOf,
  alarmsOf,
  createFriends,
  type Device,
  engineOf,
  expectAtRest,
  settle,
  stopAll,
  textsOf,
} from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();

async function roomOf({ client }: Device, roomId: ConversationId): Promise<RoomView> {
  return present(
    good(await client.rooms()).find(({ id }) => id === roomId),
    "it is there",
  );
}

const OF_TWO = { type: "RoomForbids", rule: "of-two" };

test("[RM70] two people write over MLS, on all their devices, and nobody else comes in", async () => {
  const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.two", "ben.two"]);
  const alarms = [ada, ben].map(alarmsOf);
  const [adaId, benId] = [await accountIdOf(ada), await accountIdOf(ben)];
  const made = good(await ada.client.createConversationOfTwo(benId));
  expect(made).toMatchObject({ isOfTwo: true, name: "ben.two (MLS)", state: "joined" });
  const { id } = made;
  expect(good(await ada.client.createConversationOfTwo(benId)).id).toBe(id);
  good(await ada.client.send(id, "before you came"));
  await settle(ada, ben);
  const asked = { isOfTwo: true, name: "ada.two (MLS)", state: "invited", invitedBy: adaId };
  expect(await roomOf(ben, id)).toMatchObject(asked);
  // Who begins one where one is offered has said yes to that.
  expect(good(await ben.client.createConversationOfTwo(adaId)).id).toBe(id);
  await settle(ada, ben);
  good(await ben.client.send(id, "over MLS"));
  good(await ben.client.send(conversationId, "over the ratchet"));
  await settle(ada, ben);
  expect([...(await textsOf(ada, id))].sort()).toEqual(["before you came", "over MLS"]);
  expect(await textsOf(ben, id)).toEqual(await textsOf(ada, id));
  expect(await textsOf(ada, conversationId)).toContain("over the ratchet");

  const phone = await linkedDevice(ada.client, "phone", memoryPlatform());
  await settle(ada, phone, ben);
  expect(await roomOf(phone, id)).toMatchObject({ isOfTwo: true, name: "ben.two (MLS)" });
  good(await phone.client.send(id, "from the phone"));
  await settle(ada, phone, ben);
  expect(await textsOf(ben, id)).toContain("from the phone");
  expect((await roomOf(phone, id)).members.map(({ role }) => role)).toEqual(["owner", "owner"]);

  const refused = [
    await ada.client.inviteToRoom(id, benId),
    await ada.client.renameRoom(id, "Garden"),
    await ada.client.describeRoom(id, "for us"),
    await ada.client.setRoomHistory(id, { days: null }),
    await ada.client.setRoomRole(id, benId, "member"),
    await ada.client.createRoomLink(id, { lifetimeMs: 60_000, usesMax: 1 }),
  ];
  expect(refused).toEqual(refused.map(() => ({ ok: false, error: OF_TWO })));
  good(await ben.client.setRoomLifetime(id, 86_400_000));
  await settle(ada, phone, ben);
  expect((await roomOf(phone, id)).lifetimeMs).toBe(86_400_000);

  good(await ben.client.leaveRoom(id));
  await settle(ada, phone, ben);
  await expectAtRest(
    async () => {
      for (const device of [ada, phone]) {
        const over = await roomOf(device, id);
        expect(over).toMatchObject({ isOfTwo: true, name: "ben.two (MLS)" });
        expect(over.members).toHaveLength(1);
      }
    },
    ada,
    phone,
    ben,
  );
  expect((await roomOf(ben, id)).name).toBe("ada.two (MLS)");
  const another = good(await ada.client.createConversationOfTwo(benId));
  expect(another.id).not.toBe(id);
  await settle(ada, phone, ben);
  expect((await roomOf(ben, another.id)).state).toBe("invited");
  expect(alarms).toEqual([[], []]);
  await stopAll(ada, phone, ben);
});

test("[RM70] who is asked into a conversation of two comes into no room", async () => {
  const { ada, ben } = await createFriends(server.origin, ["ada.trap", "ben.trap"]);
  await ada.client.stop();
  // Ada's program was changed: she says of a room that it is for two.
  const liar = await engineOf(ada.platform);
  const { id } = good(await liar.client.createRoom("Garden"));
  const { book } = liar.engine.rooms;
  const { get } = book;
  Object.assign(book, {
    async get(roomId: ConversationId): ReturnType<typeof get> {
      const room = await get(roomId);
      if (!room.ok || room.value?.info == null) return room;
      return ok({ ...room.value, info: { ...room.value.info, name: "" } });
    },
  });
  good(await liar.client.inviteToRoom(id, await accountIdOf(ben)));
  await settle(liar, ben);
  expect(await roomOf(ben, id)).toMatchObject({ state: "invited", name: "ada.trap (MLS)", members: [] });
  good(await ben.client.acceptRoom(id));
  good(await liar.client.send(id, "for many to read"));
  good(await ben.client.send(id, "for one to read"));
  await settle(liar, ben);
  expect((await roomOf(ben, id)).state).toBe("joining");
  expect(await textsOf(liar, id)).toEqual(["for many to read"]);
  expect(await textsOf(ben, id)).toEqual(["for one to read"]);
  await stopAll(liar, ben);
});
