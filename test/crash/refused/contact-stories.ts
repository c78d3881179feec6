/** Asking, accepting and blocking people on a disk that refuses a write. */
import { equal } from "node:assert/strict";
import type { AccountId } from "../../../core/base/ids.ts";
import { present } from "../../../core/base/assert.ts";
import { good, newAccount } from "../../support/client-world.ts";
import { createRefusingDevice } from "../../support/refusing-disk.ts";
import { accountIdOf, type Device, settle } from "../../support/story.ts";
import { expectTexts, plainName, stopped } from "./expect-whole.ts";
import { type RefusedStory, refuseEachWrite } from "./refuse-each-write.ts";

async function stateOf({ client }: Device, accountId: AccountId): Promise<string | null> {
  return good(await client.contacts()).find((one) => one.accountId === accountId)?.state ?? null;
}

/** Both write to each other, besides what is there. */
async function expectFriends(ada: Device, ben: Device, before: readonly string[]): Promise<void> {
  const benId = await accountIdOf(ben);
  equal(await stateOf(ada, benId), "accepted");
  equal(await stateOf(ben, await accountIdOf(ada)), "accepted");
  const contact = good(await ada.client.contacts()).find(({ accountId }) => accountId === benId);
  const { conversationId } = present(contact, "a contact");
  good(await ada.client.send(conversationId, "from ada"));
  good(await ben.client.send(conversationId, "from ben"));
  await settle(ada, ben);
  await expectTexts(conversationId, [...before, "from ada", "from ben"], ada, ben);
}

async function ask(ada: Device, ben: Device) {
  return ada.client.addContact(good(await ben.client.contactLink()), { greeting: "hello" });
}

export const CONTACT_STORIES: readonly RefusedStory[] = [
  {
    name: "[FC6] asking somebody",
    async play(origin, isLong) {
      const disk = createRefusingDevice();
      const first = await newAccount(origin, "ada.ask", disk.boot());
      let ben: Device = first;
      const { device, ...report } = await refuseEachWrite(disk, first, {
        isLong,
        act: {
          async prepare(_, label) {
            ben = await newAccount(origin, plainName("ben.ask", label));
            good(await ben.client.sync());
          },
          act: (ada) => ask(ada, ben),
          async verify(ada, _, told) {
            const isAsked = (await stateOf(ada, await accountIdOf(ben))) !== null;
            // Whoever is asked was greeted, and whoever was greeted is asked: it is one act.
            equal(told.ok, isAsked);
            if (!isAsked) good(await ask(ada, ben));
            await settle(ada, ben);
            good(await ben.client.acceptContact(await accountIdOf(ada)));
            await settle(ada, ben);
            await expectFriends(ada, ben, ["hello"]);
            await ben.client.stop();
          },
        },
      });
      await stopped(device);
      return report;
    },
  },
  {
    name: "[FC6] accepting somebody",
    async play(origin, isLong) {
      const disk = createRefusingDevice();
      const first = await newAccount(origin, "ada.accept", disk.boot());
      let ben: Device = first;
      const { device, ...report } = await refuseEachWrite(disk, first, {
        isLong,
        act: {
          async prepare(ada, label) {
            ben = await newAccount(origin, plainName("ben.accept", label));
            const link = good(await ada.client.contactLink());
            good(await ben.client.addContact(link, { greeting: "hello" }));
            await settle(ada, ben);
          },
          act: async (ada) => ada.client.acceptContact(await accountIdOf(ben)),
          async verify(ada, _, told) {
            const benId = await accountIdOf(ben);
            if ((await stateOf(ada, benId)) === "incoming") {
              equal(told.ok, false);
              good(await ada.client.acceptContact(benId));
            }
            await settle(ada, ben);
            await expectFriends(ada, ben, ["hello"]);
            await ben.client.stop();
          },
        },
      });
      await stopped(device);
      return report;
    },
  },
];
