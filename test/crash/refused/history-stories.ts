/** Deleting, making and loading a snapshot, and bringing a backup back, on a disk that refuses a write. */
import { deepEqual, equal, ok as isTrue } from "node:assert/strict";
import { present } from "../../../core/base/assert.ts";
import type { ConversationId } from "../../../core/base/ids.ts";
import { BACKUP_KEY, backUp, readThrough } from "../../support/backup-files.ts";
import { good, linkedDevice, memoryPlatform } from "../../support/client-world.ts";
import { createRefusingDevice } from "../../support/refusing-disk.ts";
import {
  createFriends,
  type Device,
  expectSameState,
  fingerprintOf,
  settle,
  tablesOf,
  textsOf,
} from "../../support/story.ts";
import { expectTexts, stopped } from "./expect-whole.ts";
import { type RefusedStory, refuseEachWrite } from "./refuse-each-write.ts";

const TAIL_ENTRIES = 4;

async function idOf({ client }: Device, id: ConversationId, text: string) {
  const { messages } = good(await client.messages(id, { limit: 100 }));
  return messages.find((one) => one.text === text)?.id ?? null;
}

const bringBack = async ({ client }: Device, file: Uint8Array) =>
  readThrough(await client.restoreBackup(BACKUP_KEY), file);

export const HISTORY_STORIES: readonly RefusedStory[] = [
  {
    name: "deleting a message here, and taking another back for everyone",
    async play(origin, isLong) {
      const disk = createRefusingDevice();
      const { ada, ben, conversationId } = await createFriends(origin, ["ada.delete", "ben.delete"], {
        ada: disk.boot(),
      });
      const phone = await linkedDevice(ada.client, "phone");
      await settle(ada, phone, ben);
      const left: string[] = [];
      const { device, ...report } = await refuseEachWrite(disk, ada, {
        isLong,
        act: {
          async prepare(now, label) {
            for (const word of ["goes", "taken", "stays"])
              good(await now.client.send(conversationId, `${word} ${label}`));
            await settle(now, phone, ben);
            left.push(`stays ${label}`);
          },
          async act(now, label) {
            const goes = present(await idOf(now, conversationId, `goes ${label}`), "a message");
            const taken = present(await idOf(now, conversationId, `taken ${label}`), "a message");
            const deleted = await now.client.deleteMessages(conversationId, [goes]);
            const redacted = deleted.ok ? await now.client.redact({ conversationId, id: taken }) : deleted;
            return redacted.ok ? now.client.sync() : redacted;
          },
          async verify(now, label, told) {
            await settle(now, phone, ben);
            const goes = await idOf(now, conversationId, `goes ${label}`);
            const taken = await idOf(now, conversationId, `taken ${label}`);
            const onPhone = await idOf(phone, conversationId, `goes ${label}`);
            equal(onPhone === null, goes === null, "it is gone on one device and not on the other");
            isTrue(!told.ok || (goes === null && taken === null), "what was said to be gone is there");
            if (goes !== null) good(await now.client.deleteMessages(conversationId, [goes]));
            if (taken !== null) good(await now.client.redact({ conversationId, id: taken }));
            await settle(now, phone, ben);
            for (const each of [now, phone, ben]) {
              const texts = (await textsOf(each, conversationId)).filter((text) => text !== "");
              const others = texts.filter((text) => !text.startsWith("goes"));
              deepEqual(others.toSorted(), left.toSorted());
              if (each !== ben) equal(others.length, texts.length);
            }
          },
        },
      });
      await expectSameState(device, phone);
      await stopped(device, phone, ben);
      return report;
    },
  },
  {
    name: "[SN30] making a snapshot",
    async play(origin, isLong) {
      const disk = createRefusingDevice();
      const boot = () => ({ ...disk.boot(), snapshotTailEntries: TAIL_ENTRIES });
      const { ada, ben, conversationId } = await createFriends(origin, ["ada.snapshot", "ben.snapshot"], {
        ada: boot(),
      });
      const sent: string[] = [];
      const { device, ...report } = await refuseEachWrite({ ...disk, boot }, ada, {
        isLong,
        act: {
          async prepare(_, label) {
            for (let i = 0; i <= TAIL_ENTRIES; i++) {
              good(await ben.client.send(conversationId, `${i} ${label}`));
              sent.push(`${i} ${label}`);
            }
            await settle(ben);
          },
          act: ({ client }) => client.sync(),
          async verify(now) {
            await settle(now, ben);
            await expectTexts(conversationId, sent, now, ben);
          },
        },
      });
      const { upto } = present(good(await tablesOf(device).snapshot.get()), "a snapshot was made");
      isTrue(upto.seq > TAIL_ENTRIES);
      const phone = await linkedDevice(device.client, "phone", memoryPlatform());
      await settle(device, phone);
      await expectSameState(device, phone);
      await stopped(device, phone, ben);
      return report;
    },
  },
  {
    name: "[BK10] bringing a backup back",
    async play(origin, isLong) {
      const disk = createRefusingDevice();
      const { ada, ben, conversationId } = await createFriends(origin, ["ada.backup", "ben.backup"], {
        ada: disk.boot(),
      });
      const phone = await linkedDevice(ada.client, "phone");
      await settle(ada, phone, ben);
      let file = new Uint8Array();
      let view = "";
      let now: Device = ada;
      const { device, ...report } = await refuseEachWrite(disk, ada, {
        isLong,
        act: {
          async prepare(device, label) {
            for (let i = 0; i < 3; i++) good(await ben.client.send(conversationId, `${i} ${label}`));
            await settle(ben, device, phone);
            file = Uint8Array.from(await backUp(device));
            ({ view } = await fingerprintOf(device.client));
            now = device;
          },
          act: () => bringBack(now, file),
          async verify(device, _, told) {
            if (!told.ok) good(await bringBack(device, file));
            equal((await fingerprintOf(device.client)).view, view);
            await settle(device, phone, ben);
            await expectSameState(device, phone);
          },
        },
      });
      await stopped(device, phone, ben);
      return report;
    },
  },
];
