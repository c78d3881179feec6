/** Fresh keys of a device's leaf by the calendar: over the real server program, with clocks the story sets. */
import { expect, test } from "vitest";
import { toHex } from "../../core/base/bytes.ts";
import { present } from "../../core/base/assert.ts";
import type { ConversationId } from "@dovetail/core";
import { ROOM_LEAF_RENEW_MS_MAX, ROOM_LEAF_RENEW_MS_MIN } from "../../core/base/limits.ts";
import { createRoomGroups } from "../../core/client/rooms/membership/room-groups.ts";
import { createGroupCrypto } from "../../core/group/crypto-provider.ts";
import { groupEpoch, ownLeafKey } from "../../core/group/group.ts";
import { createPlatformRandom } from "@dovetail/core";
import { createPatientClock } from "../support/patient-clock.ts";
import { good, linkedDevice, memoryPlatform } from "../support/client-world.ts";
import {
  accountIdOf,
  alarmsOf,
  createFriends,
  type Device,
  expectAtRest,
  reopened,
  settle,
  stopAll,
  tablesOf,
  textsOf,
} from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const DAY_MS = 86_400_000;
const server = useStoryServer();
const suite = createGroupCrypto(createPlatformRandom());
let stories = 0;

/** The epoch a device's group is in, and the key of its own leaf. */
async function standOf(device: Device, id: ConversationId) {
  const group = present(good(await createRoomGroups(tablesOf(device), { suite }).load(id)), "a group");
  return { epoch: Number(groupEpoch(group)), key: toHex(present(ownLeafKey(group), "a leaf")) };
}

/** Ada's room with Ben in it, and time that passes for both. */
async function weekRoom() {
  const n = stories++;
  const time = createPatientClock();
  const on = () => memoryPlatform({ clock: time.clock });
  const { ada, ben } = await createFriends(server.origin, [`week.ada${n}`, `week.ben${n}`], {
    ada: on(),
    ben: on(),
  });
  const { id } = good(await ada.client.createRoom("Weeks"));
  good(await ada.client.inviteToRoom(id, await accountIdOf(ben)));
  await settle(ada, ben);
  good(await ben.client.acceptRoom(id));
  await settle(ada, ben);
  const stands = (...devices: readonly Device[]) => Promise.all(devices.map((one) => standOf(one, id)));
  return { ada, ben, id, on, stands, pass: time.pass };
}

test("[RM71] who is in a room has fresh keys before a week is over, once each, and the room goes on", async () => {
  const { ada, ben, id, stands, pass } = await weekRoom();
  const alarms = [ada, ben].map(alarmsOf);
  const before = await stands(ada, ben);
  pass(ROOM_LEAF_RENEW_MS_MIN - DAY_MS / 2);
  await settle(ada, ben);
  expect(await stands(ada, ben)).toEqual(before);
  pass(ROOM_LEAF_RENEW_MS_MAX - ROOM_LEAF_RENEW_MS_MIN + DAY_MS / 2);
  good(await ben.client.send(id, "written under the old keys"));
  await settle(ada, ben);
  const after = await stands(ada, ben);
  for (const [index, { key, epoch }] of after.entries()) {
    expect(key).not.toBe(before[index]?.key);
    expect(epoch).toBe((before[index]?.epoch ?? 0) + 2);
  }
  good(await ada.client.send(id, "written under the new ones"));
  pass(ROOM_LEAF_RENEW_MS_MIN - DAY_MS / 2);
  await settle(ada, ben);
  expect(await stands(ada, ben)).toEqual(after);
  for (const device of [ada, ben])
    expect([...(await textsOf(device, id))].sort()).toEqual([
      "written under the new ones",
      "written under the old keys",
    ]);
  // Only that the server's clock stands still beside theirs.
  expect(alarms.flat().filter(({ type }) => type !== "ClockDiffers")).toEqual([]);
  await stopAll(ada, ben);
});

test("[RM71] a device that stays connected renews though nothing else happens", async () => {
  const { ada, ben, stands, pass } = await weekRoom();
  const before = await stands(ada, ben);
  await stopAll(ben);
  ada.client.start();
  await expect.poll(() => ada.client.status().state, { timeout: 60_000 }).toBe("online");
  pass(ROOM_LEAF_RENEW_MS_MAX);
  await expect
    .poll(async () => (await stands(ada))[0]?.epoch, { timeout: 60_000 })
    .toBe((before[0]?.epoch ?? 0) + 1);
  expect((await stands(ada))[0]?.key).not.toBe(before[0]?.key);
  await stopAll(ada);
});

test("[RM71] days before a restart count; where a profile of before says nothing, it is counted from then", async () => {
  const { ada, ben, id, stands, pass } = await weekRoom();
  const before = await stands(ada, ben);
  pass(4 * DAY_MS);
  await settle(ada, ben);
  await stopAll(ada, ben);
  const tables = tablesOf(ben);
  good(await ben.platform.store.batch([tables.roomleaf.remove(id)]));
  pass(ROOM_LEAF_RENEW_MS_MAX - 4 * DAY_MS);
  const again = { ada: await reopened(ada.platform), ben: await reopened(ben.platform) };
  await settle(again.ada, again.ben);
  const after = await stands(again.ada, again.ben);
  expect(after.map(({ key }, index) => key === before[index]?.key)).toEqual([false, true]);
  expect(after[0]?.epoch).toBe((before[0]?.epoch ?? 0) + 1);
  pass(ROOM_LEAF_RENEW_MS_MIN);
  await settle(again.ada, again.ben);
  pass(ROOM_LEAF_RENEW_MS_MAX - ROOM_LEAF_RENEW_MS_MIN);
  await settle(again.ada, again.ben);
  expect((await stands(again.ben))[0]?.key).not.toBe(before[1]?.key);
  await stopAll(again.ada, again.ben);
});

test("[RM71] each of two own devices renews its own; one that was away for weeks follows all that was made, and renews once", async () => {
  const { ada, ben, id, on, stands, pass } = await weekRoom();
  const tablet = await linkedDevice(ada.client, "tablet", on());
  await settle(ada, tablet, ben);
  await expectAtRest(async () => void (await stands(tablet)), ada, tablet, ben);
  const before = await stands(ada, tablet, ben);
  await stopAll(tablet);
  for (let week = 0; week < 5; week++) {
    pass(ROOM_LEAF_RENEW_MS_MAX);
    await settle(ada, ben);
  }
  const [first] = before;
  const weeks = await stands(ada, ben);
  expect(weeks.map(({ epoch }) => epoch - (first?.epoch ?? 0))).toEqual([10, 10]);
  const back = await reopened(tablet.platform);
  await settle(back, ada, ben);
  const after = await stands(ada, back, ben);
  expect(after.map(({ epoch }) => epoch - (first?.epoch ?? 0))).toEqual([11, 11, 11]);
  expect(after[1]?.key).not.toBe(before[1]?.key);
  expect([after[0]?.key, after[2]?.key]).toEqual(weeks.map(({ key }) => key));
  good(await back.client.send(id, "back again"));
  await settle(back, ada, ben);
  expect(await textsOf(ben, id)).toEqual(["back again"]);
  await stopAll(ada, back, ben);
});

test("[RM71] who is muted renews too", async () => {
  const { ada, ben, id, stands, pass } = await weekRoom();
  good(await ada.client.muteInRoom(id, await accountIdOf(ben), Date.now() + 365 * DAY_MS));
  await settle(ada, ben);
  const [before] = await stands(ben);
  pass(ROOM_LEAF_RENEW_MS_MAX);
  await settle(ada, ben);
  const [hers, his] = await stands(ada, ben);
  expect(his?.key).not.toBe(before?.key);
  expect(hers?.epoch).toBe(his?.epoch);
  await stopAll(ada, ben);
});
