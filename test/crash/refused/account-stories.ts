/** Reading, revoking a device and beginning an epoch on a disk that refuses a write. */
import { equal, notEqual } from "node:assert/strict";
import { present } from "../../../core/base/assert.ts";
import type { DeviceId } from "../../../core/base/ids.ts";
import { good, linkedDevice } from "../../support/client-world.ts";
import { createRefusingDevice } from "../../support/refusing-disk.ts";
import {
  accountIdOf,
  createFriends,
  type Device,
  engineOf,
  expectSameState,
  settle,
} from "../../support/story.ts";
import { expectTexts, stopped } from "./expect-whole.ts";
import { type RefusedStory, refuseEachWrite } from "./refuse-each-write.ts";

async function deviceIdOf({ client }: Device): Promise<DeviceId> {
  const own = good(await client.devices()).find(({ isThis }) => isThis);
  return present(own, "a device knows itself").id;
}

async function isActive({ client }: Device, id: DeviceId): Promise<boolean> {
  const device = good(await client.devices()).find((one) => one.id === id);
  return present(device, "the device is on the chain").isActive;
}

export const ACCOUNT_STORIES: readonly RefusedStory[] = [
  {
    name: "reading a page of two people's and a sibling's",
    async play(origin, isLong) {
      const disk = createRefusingDevice();
      const { ada, ben, conversationId } = await createFriends(origin, ["ada.page", "ben.page"], {
        ada: disk.boot(),
      });
      const phone = await linkedDevice(ada.client, "phone");
      await settle(ada, phone, ben);
      const sent: string[] = [];
      const { device, ...report } = await refuseEachWrite(disk, ada, {
        isLong,
        act: {
          async prepare(_, label) {
            for (const [author, name] of [
              [ben, "ben"],
              [phone, "phone"],
            ] as const) {
              good(await author.client.send(conversationId, `${name} ${label}`));
              sent.push(`${name} ${label}`);
              good(await author.client.sync());
            }
          },
          act: ({ client }) => client.sync(),
          async verify(now) {
            await settle(now, phone, ben);
            await expectTexts(conversationId, sent, now, phone, ben);
          },
        },
      });
      await expectSameState(device, phone);
      await stopped(device, phone, ben);
      return report;
    },
  },
  {
    name: "[DM17] revoking a device, and telling contacts of another log",
    async play(origin, isLong) {
      const disk = createRefusingDevice();
      const friends = await createFriends(origin, ["ada.revoke", "ben.revoke"], { ada: disk.boot() });
      const { conversationId } = friends;
      await stopped(friends.ben);
      const ben = await engineOf(friends.ben.platform);
      const adaId = await accountIdOf(friends.ada);
      const theirLog = async () => good(await ben.engine.contacts.get(adaId))?.theirs?.logId;
      let phone: Device = friends.ada;
      let isSaid = false;
      let before = await theirLog();
      const sent: string[] = [];
      const { device, ...report } = await refuseEachWrite(disk, friends.ada, {
        isLong,
        act: {
          async prepare(ada, label) {
            phone = await linkedDevice(ada.client, `phone ${label}`);
            await settle(ada, phone, ben);
            before = await theirLog();
          },
          async act({ client }) {
            const revoked = await client.revokeDevice(await deviceIdOf(phone));
            isSaid = revoked.ok;
            return revoked.ok ? client.sync() : revoked;
          },
          async verify(ada, label, told) {
            const id = await deviceIdOf(phone);
            good(await ada.client.sync());
            const isDone = !(await isActive(ada, id));
            equal(isSaid, isDone, told.ok ? "" : told.error.type);
            if (!isDone) {
              good(await ada.client.revokeDevice(id));
            }
            equal(await isActive(ada, id), false);
            good(await ada.client.send(conversationId, `ada ${label}`));
            good(await ben.client.send(conversationId, `ben ${label}`));
            sent.push(`ada ${label}`, `ben ${label}`);
            await settle(ada, ben);
            await expectTexts(conversationId, sent, ada, ben);
            notEqual(await theirLog(), before);
            await phone.client.stop();
          },
        },
      });
      await stopped(device, ben);
      return report;
    },
  },
  {
    name: "beginning an epoch",
    async play(origin, isLong) {
      const disk = createRefusingDevice();
      const { ada, ben, conversationId } = await createFriends(origin, ["ada.rotate", "ben.rotate"], {
        ada: disk.boot(),
      });
      const phone = await linkedDevice(ada.client, "phone");
      await settle(ada, phone, ben);
      const sent: string[] = [];
      let epoch = 0;
      const { device, ...report } = await refuseEachWrite(disk, ada, {
        isLong,
        act: {
          async prepare({ client }) {
            epoch = good(await client.account()).epoch;
          },
          act: ({ client }) => client.rotateEpoch(),
          async verify(now, label, told) {
            good(await now.client.sync());
            const begun = good(await now.client.account()).epoch - epoch;
            equal(begun, told.ok ? 1 : 0, told.ok ? "" : told.error.type);
            for (const [author, name] of [
              [now, "ada"],
              [ben, "ben"],
              [phone, "phone"],
            ] as const) {
              good(await author.client.send(conversationId, `${name} ${label}`));
              sent.push(`${name} ${label}`);
            }
            await settle(now, phone, ben);
            await expectTexts(conversationId, sent, now, phone, ben);
            equal(good(await phone.client.account()).epoch, epoch + begun);
          },
        },
      });
      await expectSameState(device, phone);
      await stopped(device, phone, ben);
      return report;
    },
  },
];
