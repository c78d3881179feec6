/** Clocks wrong by ten years, either way, on every sort of device: nobody loses anything, and the person is told. */
import { describe, expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import { recoverAccount } from "@dovetail/core";
import { createAdjustableClock } from "../support/adjustable-clock.ts";
import { good, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import {
  accountIdOf,
  createFriends,
  type Device,
  reopened,
  settle,
  stopAll,
  textsOf,
} from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const TEN_YEARS_MS = 3_652 * 86_400_000;
const DIRECTIONS = [
  ["ahead", TEN_YEARS_MS],
  ["behind", -TEN_YEARS_MS],
] as const;
const server = useStoryServer();

/** Alarms about clocks that are not over. */
async function clockAlarmsOf({ client }: Device): Promise<readonly string[]> {
  return good(await client.alarms()).flatMap(({ alarm, resolvedAtMs }) => {
    if (resolvedAtMs !== null) return [];
    if (alarm.type === "ClockDiffers") return [alarm.isAhead ? "ahead" : "behind"];
    return alarm.type === "DeviceClockWrong" ? ["sibling"] : [alarm.type];
  });
}

describe.each(DIRECTIONS)("[PK12] [CA11] a clock that goes ten years %s", (what, byMs) => {
  test("after prekeys were published: who has fetched one can write, the person is told until it is right", async () => {
    const clock = createAdjustableClock();
    const ada = await newAccount(server.origin, `pre.${what}`, memoryPlatform({ clock }));
    good(await ada.client.sync());
    const link = good(await ada.client.contactLink());
    await stopAll(ada);
    clock.adjust(byMs);
    // What is over is erased by the second connection after it was found to be.
    for (let start = 0; start < 2; start++) {
      const early = await reopened(ada.platform);
      good(await early.client.sync());
      await stopAll(early);
    }
    const wrong = await reopened(ada.platform);
    const cleo = await newAccount(server.origin, `cleo.${what}`);
    good(await cleo.client.addContact(link, { greeting: "can you open this?" }));
    await settle(cleo, wrong);
    const request = present(good(await wrong.client.contacts())[0], "the request has opened");
    good(await wrong.client.acceptContact(request.accountId));
    await settle(wrong, cleo);
    good(await wrong.client.send(request.conversationId, "written under a wrong clock"));
    await settle(wrong, cleo);
    good(await cleo.client.send(request.conversationId, "an answer"));
    await settle(cleo, wrong);
    const all = ["can you open this?", "written under a wrong clock", "an answer"];
    for (const device of [wrong, cleo]) expect(await textsOf(device, request.conversationId)).toEqual(all);
    expect(await clockAlarmsOf(wrong)).toEqual([what]);
    expect(await clockAlarmsOf(cleo)).toEqual([]);
    clock.adjust(-byMs);
    await stopAll(wrong);
    const right = await reopened(ada.platform);
    await settle(right, cleo);
    expect(await clockAlarmsOf(right)).toEqual([]);
    for (const device of [right, cleo]) expect(await textsOf(device, request.conversationId)).toEqual(all);
    await stopAll(right, cleo);
  });

  test("[CA9] on a first device, from the start: it links, is written to, writes, and is in rooms", async () => {
    const clock = createAdjustableClock();
    clock.adjust(byMs);
    const ada = await newAccount(server.origin, `first.${what}`, memoryPlatform({ clock }));
    const tablet = await linkedDevice(ada.client, "tablet");
    const ben = await newAccount(server.origin, `ben.${what}`);
    const { conversationId } = good(
      await ben.client.addContact(good(await ada.client.contactLink()), { greeting: "hello" }),
    );
    await settle(ben, ada, tablet);
    good(await ada.client.acceptContact(await accountIdOf(ben)));
    await settle(ada, tablet, ben);
    for (const [device, text] of [
      [ada, "from the wrong clock"],
      [tablet, "from the tablet"],
      [ben, "from ben"],
      [ada, "and once more"],
    ] as const) {
      good(await device.client.send(conversationId, text));
      await settle(device, ada, tablet, ben);
    }
    const texts = ["hello", "from the wrong clock", "from the tablet", "from ben", "and once more"];
    for (const device of [ada, tablet, ben]) expect(await textsOf(device, conversationId)).toEqual(texts);
    const { id } = good(await ben.client.createRoom("room"));
    good(await ben.client.inviteToRoom(id, await accountIdOf(ada)));
    await settle(ben, ada, tablet);
    good(await ada.client.acceptRoom(id));
    await settle(ada, ben, tablet);
    good(await ada.client.send(id, "in the room"));
    await settle(ada, ben, tablet);
    for (const device of [ada, tablet, ben]) expect(await textsOf(device, id)).toEqual(["in the room"]);
    expect(await clockAlarmsOf(ada)).toEqual([what]);
    expect(await clockAlarmsOf(ben)).toEqual([]);
    await stopAll(ada, tablet, ben);
  });

  test("[CA11] on a linked one and on one that recovers: they take part, and siblings tell what they see", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, [`link.${what}`, `peer.${what}`]);
    const clock = createAdjustableClock();
    const tablet = await linkedDevice(ada.client, "tablet", memoryPlatform({ clock }));
    await settle(tablet, ada);
    clock.adjust(byMs);
    good(await tablet.client.send(conversationId, "from the tablet"));
    await stopAll(tablet);
    const wrong = await reopened(tablet.platform);
    await settle(wrong, ada, ben);
    for (const device of [ada, wrong, ben])
      expect(await textsOf(device, conversationId)).toEqual(["from the tablet"]);
    expect(await clockAlarmsOf(wrong)).toEqual([what]);
    expect(await clockAlarmsOf(ada)).toEqual(["sibling"]);
    clock.adjust(-byMs);
    await stopAll(wrong);
    const right = await reopened(tablet.platform);
    good(await right.client.createTag("later"));
    await settle(right, ada);
    expect([await clockAlarmsOf(right), await clockAlarmsOf(ada)]).toEqual([[], []]);
    const words = present(good(await ada.client.recoveryWords()), "not confirmed yet");
    await stopAll(ada, right);
    const late = createAdjustableClock();
    late.adjust(byMs);
    const platform = memoryPlatform({ clock: late });
    const client = good(
      await recoverAccount(platform, {
        origin: server.origin,
        words,
        account: { type: "handle", handle: `link.${what}` },
        deviceName: "new",
        keepsDevices: false,
      }),
    );
    const again = { client, platform };
    await settle(again, ben);
    good(await again.client.send(conversationId, "after recovering"));
    good(await ben.client.send(conversationId, "welcome back"));
    await settle(again, ben, again);
    for (const device of [again, ben])
      expect((await textsOf(device, conversationId)).toSorted()).toEqual(
        ["from the tablet", "after recovering", "welcome back"].toSorted(),
      );
    expect(await clockAlarmsOf(again)).toEqual([what]);
    await stopAll(again, ben);
  });
});

test.each(DIRECTIONS)(
  "[CA10] a clock that is ten years %s asks somebody for the first time",
  async (what, byMs) => {
    const clock = createAdjustableClock();
    const ada = await newAccount(server.origin, `ask.${what}`, memoryPlatform({ clock }));
    const ben = await newAccount(server.origin, `asked.${what}`);
    good(await ben.client.sync());
    good(await ada.client.sync());
    clock.adjust(byMs);
    const { conversationId } = good(
      await ada.client.addContact(good(await ben.client.contactLink()), { greeting: "hello" }),
    );
    await settle(ada, ben);
    expect(await textsOf(ben, conversationId)).toEqual(["hello"]);
    await stopAll(ada, ben);
  },
);
