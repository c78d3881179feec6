/** Founding, joining, following and leaving a room on a disk that refuses a write. */
import { deepEqual, equal } from "node:assert/strict";
import type { ConversationId } from "../../../core/base/ids.ts";
import { good } from "../../support/client-world.ts";
import { createRefusingDevice } from "../../support/refusing-disk.ts";
import { accountIdOf, createFriends, type Device, roomViewOf, settle } from "../../support/story.ts";
import { expectTexts, stopped } from "./expect-whole.ts";
import { type RefusedStory, refuseEachWrite } from "./refuse-each-write.ts";

/** Both write in the room, and see the same. */
async function expectRoom(
  id: ConversationId,
  { name, ada, ben }: { readonly name: string; readonly ada: Device; readonly ben: Device },
): Promise<void> {
  good(await ada.client.send(id, `ada ${name}`));
  good(await ben.client.send(id, `ben ${name}`));
  await settle(ada, ben);
  await expectTexts(id, [`ada ${name}`, `ben ${name}`], ada, ben);
  for (const each of [ada, ben]) {
    deepEqual(await roomViewOf(each, id), { name, state: "joined", people: 2 });
    equal(good(await each.client.rooms()).filter((room) => room.name === name).length, 1);
  }
}

async function inviteTo(ada: Device, ben: Device, name: string): Promise<ConversationId> {
  const { id } = good(await ada.client.createRoom(name));
  good(await ada.client.inviteToRoom(id, await accountIdOf(ben)));
  await settle(ada, ben);
  return id;
}

async function joined(ada: Device, ben: Device, name: string): Promise<ConversationId> {
  const id = await inviteTo(ada, ben, name);
  good(await ben.client.acceptRoom(id));
  await settle(ada, ben);
  return id;
}

export const ROOM_STORIES: readonly RefusedStory[] = [
  {
    name: "founding a room and inviting to it",
    async play(origin, isLong) {
      const disk = createRefusingDevice();
      const { ada, ben } = await createFriends(origin, ["ada.found", "ben.found"], { ada: disk.boot() });
      const benId = await accountIdOf(ben);
      const { device, ...report } = await refuseEachWrite(disk, ada, {
        isLong,
        act: {
          async act({ client }, label) {
            const made = await client.createRoom(label);
            const invited = made.ok ? await client.inviteToRoom(made.value.id, benId) : made;
            return invited.ok ? client.sync() : invited;
          },
          async verify(now, label, told) {
            let room = good(await now.client.rooms()).find(({ name }) => name === label);
            if (room === undefined) {
              equal(told.ok, false);
              room = good(await now.client.createRoom(label));
            }
            if (room.pending.length === 0 && room.members.length === 1)
              good(await now.client.inviteToRoom(room.id, benId));
            await settle(now, ben);
            good(await ben.client.acceptRoom(room.id));
            await settle(now, ben);
            await expectRoom(room.id, { name: label, ada: now, ben });
          },
        },
      });
      await stopped(device, ben);
      return report;
    },
  },
  {
    name: "joining a room",
    async play(origin, isLong) {
      const disk = createRefusingDevice();
      const { ada, ben } = await createFriends(origin, ["ada.join", "ben.join"], { ben: disk.boot() });
      let id: ConversationId;
      const { device, ...report } = await refuseEachWrite(disk, ben, {
        isLong,
        act: {
          async prepare(now, label) {
            id = await inviteTo(ada, now, label);
          },
          async act({ client }) {
            const accepted = await client.acceptRoom(id);
            return accepted.ok ? client.sync() : accepted;
          },
          async verify(now, label, told) {
            if ((await roomViewOf(now, id)).state === "invited") {
              equal(told.ok, false);
              good(await now.client.acceptRoom(id));
            }
            await settle(ada, now);
            await expectRoom(id, { name: label, ada, ben: now });
          },
        },
      });
      await stopped(device, ada);
      return report;
    },
  },
  {
    name: "following a commit and what was written before and after it",
    async play(origin, isLong) {
      const disk = createRefusingDevice();
      const { ada, ben } = await createFriends(origin, ["ada.follow", "ben.follow"], { ben: disk.boot() });
      const id = await joined(ada, ben, "Garden");
      const sent: string[] = [];
      const { device, ...report } = await refuseEachWrite(disk, ben, {
        isLong,
        act: {
          async prepare({ client }, label) {
            good(await ada.client.send(id, `before ${label}`));
            good(await ada.client.renameRoom(id, label));
            await settle(ada);
            good(await ada.client.send(id, `after ${label}`));
            await settle(ada);
            good(await client.send(id, `ben ${label}`));
            sent.push(`before ${label}`, `after ${label}`, `ben ${label}`);
          },
          act: ({ client }) => client.sync(),
          async verify(now, label) {
            await settle(ada, now);
            await expectTexts(id, sent, ada, now);
            for (const each of [ada, now])
              deepEqual(await roomViewOf(each, id), { name: label, state: "joined", people: 2 });
          },
        },
      });
      await stopped(device, ada);
      return report;
    },
  },
  {
    name: "[RM33] leaving a room",
    async play(origin, isLong) {
      const disk = createRefusingDevice();
      const { ada, ben } = await createFriends(origin, ["ada.leave", "ben.leave"], { ben: disk.boot() });
      let id: ConversationId;
      const { device, ...report } = await refuseEachWrite(disk, ben, {
        isLong,
        act: {
          async prepare(now, label) {
            id = await joined(ada, now, label);
          },
          async act({ client }) {
            const left = await client.leaveRoom(id);
            return left.ok ? client.sync() : left;
          },
          async verify(now, label, told) {
            if ((await roomViewOf(now, id)).state === "joined") {
              equal(told.ok, false);
              good(await now.client.leaveRoom(id));
            }
            await settle(now, ada);
            equal((await roomViewOf(now, id)).state, "left");
            deepEqual(await roomViewOf(ada, id), { name: label, state: "joined", people: 1 });
          },
        },
      });
      await stopped(device, ada);
      return report;
    },
  },
];
