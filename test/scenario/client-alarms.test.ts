/** Alarms through the client: a ghost device, a chain that changes, who is told, what stops, and how it goes on. */
import { describe, expect, test } from "vitest";
import {
  connectClient,
  createPortPair,
  createSystemClock,
  recoverAccount,
  serveClient,
} from "@dovetail/core";
import { present } from "../../core/base/assert.ts";
import { createPlatformRandom } from "../../core/base/random.ts";
import { completeDeviceAdd, proposeDeviceAdd } from "../../core/sigchain/create/device-add.ts";
import { signBody } from "../../core/sigchain/create/sign-link.ts";
import { createDeviceSeeds, deviceKeysFromSeeds } from "../../core/sigchain/keys/device-keys.ts";
import { bad, good, linkedDevice, memoryPlatform } from "../support/client-world.ts";
import {
  createFriends,
  type Device,
  engineOf,
  reopened,
  settle,
  stopAll,
  textsOf,
} from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";
import { createTwoViews } from "../support/two-views.ts";

const server = useStoryServer();

/** A link that puts a device of nobody on the chain of who runs `engine`, made with that device's own keys. */
function ghostLink({ engine }: Awaited<ReturnType<typeof engineOf>>): Uint8Array {
  const { identity, random } = engine.context;
  const state = engine.own.chain();
  const ghost = deviceKeysFromSeeds(createDeviceSeeds(createPlatformRandom()));
  const signer = { signerId: identity.keys.signerId, sign: identity.keys.sign };
  const plan = { state, timeMs: 0, signerId: signer.signerId, device: ghost.record, replaces: null };
  const proposed = good(proposeDeviceAdd(random, plan));
  return good(completeDeviceAdd(state, proposed, signer, signBody(proposed.body, ghost))).link;
}

const contactOf = async ({ client }: Device) => present(good(await client.contacts())[0], "there is one");

/** Ben is shown a ghost device of Ada's, and has written to her since. */
async function ghostStory(names: readonly [string, string]) {
  const friends = await createFriends(server.origin, names);
  await stopAll(friends.ada, friends.ben);
  const ada = await engineOf(friends.ada.platform);
  const views = createTwoViews(friends.ben.platform.connector);
  const ben = await reopened({ ...friends.ben.platform, connector: views.connector });
  views.show(good(await ada.client.account()).accountId, [ghostLink(ada)]);
  good(await ben.client.send(friends.conversationId, "do you see what I see"));
  good(await ben.client.sync());
  return { ada, ben, views, conversationId: friends.conversationId };
}

describe("[AL2] a device of a contact that sees a ghost device", () => {
  test("[AL1] [AL4] stops what is sent to them, says so, also after a restart; it goes on when that device is gone", async () => {
    const { ada, ben, conversationId } = await ghostStory(["ghost.ada", "ghost.ben"]);
    const report = good(await ada.client.sync());
    const benId = (await contactOf(ada)).accountId;
    expect(report.alarms).toEqual([{ type: "ChainsDisagree", accountId: benId }]);
    const [alarm] = good(await ada.client.alarms());
    expect(alarm).toMatchObject({
      alarm: { type: "ChainsDisagree", accountId: benId },
      contact: { accountId: benId, isStopped: true },
      disagreements: [{ chain: "own", seq: 2 }],
      acknowledgedAtMs: null,
      resolvedAtMs: null,
    });
    // Reading goes on.
    expect(await textsOf(ada, conversationId)).toEqual(["do you see what I see"]);
    good(await ada.client.send(conversationId, "for Ben alone"));
    expect(good(await ada.client.sync()).waitingMessages).toBe(1);
    const [near, far] = createPortPair();
    const end = serveClient(far, ada.client, { onFault: (thrown) => expect.unreachable(String(thrown)) });
    const face = good(await connectClient(near, createSystemClock()));
    expect(good(await face.alarms())).toEqual([alarm]);
    good(await face.acknowledgeAlarm(present(alarm, "there is an alarm").id));
    expect(good(await face.deviceNotices(benId))).toEqual([]);
    end();
    expect(bad(await ada.client.acknowledgeAlarm("99"))).toEqual({ type: "UnknownAlarm" });
    expect(bad(await ada.client.acknowledgeAlarm("one"))).toEqual({ type: "UnknownAlarm" });
    await stopAll(ada);

    const again = await reopened(ada.platform);
    expect((await contactOf(again)).isStopped).toBe(true);
    expect(good(await again.client.sync()).waitingMessages).toBe(1);
    expect(good(await again.client.alarms())[0]).toMatchObject({ resolvedAtMs: null });
    expect(good(await again.client.alarms())[0]?.acknowledgedAtMs).not.toBeNull();
    good(await ben.client.sync());
    expect(await textsOf(ben, conversationId)).toEqual(["do you see what I see"]);

    const platform = memoryPlatform();
    const client = good(
      await recoverAccount(platform, {
        origin: server.origin,
        account: { type: "handle", handle: "ghost.ben" },
        words: present(good(await ben.client.recoveryWords()), "the words are kept"),
        deviceName: "new",
        keepsDevices: false,
      }),
    );
    const benAgain = { client, platform };
    await settle(benAgain, again);
    expect((await contactOf(again)).isStopped).toBe(false);
    expect(good(await again.client.alarms())[0]?.resolvedAtMs).not.toBeNull();
    expect(await textsOf(benAgain, conversationId)).toContain("for Ben alone");
    const [notice] = good(await again.client.deviceNotices(benId));
    expect(notice).toMatchObject({ how: "recovered", wasVerified: false, conversationId });
    await stopAll(again, ben, benAgain);
  });
});

describe("[AL8] a server that shows another chain in place of a contact's", () => {
  test("ends what is sent to them at once, also in the hour after theirs was read; what was written goes when it is theirs again", async () => {
    const {
      ada: first,
      ben,
      conversationId,
    } = await createFriends(server.origin, ["shown.ada", "shown.ben"]);
    await stopAll(first);
    const before = await engineOf(first.platform);
    const foreign = ghostLink(before);
    await stopAll(before);
    const views = createTwoViews(first.platform.connector);
    const ada = await reopened({ ...first.platform, connector: views.connector });
    good(await ada.client.send(conversationId, "with a fresh chain"));
    good(await ada.client.sync());
    const benId = (await contactOf(ada)).accountId;
    views.show(benId, [foreign]);
    const phone = await linkedDevice(ben.client, "phone");
    good(await phone.client.sync());
    good(await phone.client.send(conversationId, "from a device that ada looks for"));
    good(await phone.client.sync());
    await expect
      .poll(async () => {
        good(await ada.client.sync());
        return (await contactOf(ada)).isStopped;
      })
      .toBe(true);
    good(await ada.client.send(conversationId, "for Ben alone"));
    expect(good(await ada.client.sync()).waitingMessages).toBe(1);
    await settle(ben);
    expect(await textsOf(ben, conversationId)).not.toContain("for Ben alone");

    views.show(benId, []);
    await expect.poll(async () => good(await ada.client.sync()).waitingMessages).toBe(0);
    expect((await contactOf(ada)).isStopped).toBe(false);
    await settle(ben, phone);
    for (const device of [ben, phone])
      expect(await textsOf(device, conversationId)).toContain("for Ben alone");
    await stopAll(ada, ben, phone);
  });
});

describe("[AL5] a contact that links a device", () => {
  test("is told of quietly, once, and whether the safety number had been compared", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["linker.ada", "linker.ben"]);
    const benId = (await contactOf(ada)).accountId;
    const number = good(await ada.client.safetyNumber(benId));
    good(await ada.client.verifyContact(benId, number));
    const told: unknown[] = [];
    ada.client.onEvent((event) => void (event.type === "notice" && told.push(event.notice)));
    expect(good(await ada.client.deviceNotices(benId))).toEqual([]);
    const phone = await linkedDevice(ben.client, "phone");
    await settle(ben, phone);
    good(await phone.client.send(conversationId, "from the phone"));
    await settle(phone, ada, ben, phone, ada);
    const notices = good(await ada.client.deviceNotices(benId));
    const { deviceId } = good(await phone.client.account());
    expect(notices).toMatchObject([{ device: deviceId, how: "linked", wasVerified: true, contact: benId }]);
    expect(told).toEqual(notices);
    expect(good(await ada.client.safetyNumber(benId))).toBe(number);
    expect(good(await ada.client.alarms())).toEqual([]);
    await stopAll(ada);
    const again = await reopened(ada.platform);
    await settle(again, ben);
    expect(good(await again.client.deviceNotices(benId))).toEqual(notices);
    await stopAll(again, ben, phone);
  });
});
