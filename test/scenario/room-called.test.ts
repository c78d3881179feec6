/** Devices that are in no group, and a member with a changed program who calls them into one of their own making. Over the real server and real sockets. */
import { expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import type { ConversationId } from "../../core/base/ids.ts";
import { keysOf } from "../../core/client/rooms/room-book.ts";
import type { GroupMember } from "../../core/group/group-member.ts";
import { createAdjustableClock } from "../support/adjustable-clock.ts";
import { good, memoryPlatform, newAccount } from "../support/client-world.ts";
import { callInto } from "../support/room-forger.ts";
import {
  accountIdOf,
  befriend,
  type Device,
  engineOf,
  expectAtRest,
  reopened,
  settle,
  stopAll,
  tablesOf,
  textsOf,
} from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();
const MINUTE_MS = 60_000;
const time = createAdjustableClock();

async function deviceOf(name: string): Promise<Device> {
  return newAccount(server.origin, name, memoryPlatform({ clock: time }));
}

/** A room of Ada's with Ben, whose program is changed, Carl, and those others. */
async function roomOf(story: string, ...others: readonly string[]) {
  const [ada, ben, carl] = [
    await deviceOf(`ada.${story}`),
    await deviceOf(`ben.${story}`),
    await deviceOf(`carl.${story}`),
  ];
  const more: Device[] = [];
  for (const name of others) more.push(await deviceOf(`${name}.${story}`));
  const { id } = good(await ada.client.createRoom("Garden"));
  for (const guest of [ben, carl, ...more]) {
    await befriend(ada, guest);
    good(await ada.client.inviteToRoom(id, await accountIdOf(guest)));
    await settle(ada, guest);
    good(await guest.client.acceptRoom(id));
    await settle(ada, guest);
  }
  await settle(ada, ben, carl, ...more);
  good(await ben.client.stop());
  return { ada, ben: await engineOf(ben.platform), carl, more, id };
}

/** What a device had of its group is lost, and it is started again once `meanwhile` is over. */
async function emptied(
  device: Device,
  id: ConversationId,
  meanwhile: (lost: GroupMember) => Promise<void> = async () => {},
): Promise<Device & { readonly lost: GroupMember }> {
  const { accountId, deviceId } = good(await device.client.account());
  good(await device.client.stop());
  const { group, landmark } = tablesOf(device);
  good(await device.platform.store.batch([group.remove(id), landmark.remove(id)]));
  await meanwhile({ accountId, deviceId });
  return { ...(await reopened(device.platform)), lost: { accountId, deviceId } };
}

/** Ben's role, as those devices have it: in the group of his own he owns the room. */
async function rolesOfBen(id: ConversationId, ben: Device, ...devices: readonly Device[]) {
  const benId = await accountIdOf(ben);
  const roles: (string | undefined)[] = [];
  for (const { client } of devices) {
    const room = good(await client.rooms()).find((one) => one.id === id);
    roles.push(room?.members.find(({ accountId }) => accountId === benId)?.role);
  }
  return roles;
}

/** A device whose groups are watched: how often it has given one up. */
async function watched(device: Device) {
  good(await device.client.stop());
  const running = await engineOf(device.platform);
  const { groups } = running.engine.rooms;
  const { forget } = groups;
  let count = 0;
  Object.assign(groups, {
    forget: (...args: Parameters<typeof forget>) => {
      count++;
      return forget(...args);
    },
  });
  return { ...running, gaveUp: () => count };
}

/** Fails unless all of them come to have what each of them has written, in the group in which Ben is a member. */
async function expectTogether(
  id: ConversationId,
  ben: Device,
  texts: readonly string[],
  ...devices: readonly Device[]
): Promise<void> {
  await expectAtRest(
    async () => {
      const read = await Promise.all(devices.map(async (one) => [...(await textsOf(one, id))].sort()));
      expect(read).toEqual(devices.map(() => [...texts].sort()));
      expect(await rolesOfBen(id, ben, ...devices)).toEqual(devices.map(() => "member"));
    },
    ...devices,
  );
}

test("[RM72] a founder who is called into a group of a member's own before others could answer comes back to theirs, and nobody follows", async () => {
  const { ada, ben, carl, id } = await roomOf("founder");
  good(await carl.client.stop());
  const back = await emptied(ada, id);
  await settle(back);
  await callInto(ben.engine, id, [back.lost]);
  await settle(back);
  // What is said there nobody else can open.
  good(await back.client.send(id, "from Ada"));
  await settle(back);
  expect(await rolesOfBen(id, ben, back)).toEqual(["owner"]);
  const others = await watched(await reopened(carl.platform));
  good(await others.client.send(id, "from Carl"));
  await settle(back, others);
  time.adjust(MINUTE_MS);
  await expectTogether(id, ben, ["from Ada", "from Carl"], back, others);
  expect(others.gaveUp()).toBe(0);
  await stopAll(back, others, ben);
});

test("[RM72] who finds such a call before they have asked to come back asks where others stand, and leaves it when those say otherwise", async () => {
  const { ada, ben, carl, id } = await roomOf("silent");
  const others = await watched(carl);
  const back = await emptied(ada, id, (lost) => callInto(ben.engine, id, [lost]));
  await settle(back);
  expect(await rolesOfBen(id, ben, back)).toEqual(["owner"]);
  // Nobody has written anything.
  await settle(others, back);
  time.adjust(MINUTE_MS);
  await expectTogether(id, ben, [], back, others);
  good(await back.client.send(id, "from Ada"));
  await settle(back, others);
  good(await others.client.send(id, "from Carl"));
  await expectTogether(id, ben, ["from Ada", "from Carl"], back, others);
  expect(others.gaveUp()).toBe(0);
  await stopAll(back, others, ben);
});

test("[RM72] who is called into a group without somebody who was in the room asks to come in once more", async () => {
  const { ada, ben, carl, id } = await roomOf("alone");
  const carlId = await accountIdOf(carl);
  const others = await watched(carl);
  const isIn = ({ accountId }: { readonly accountId: string }) => accountId !== carlId;
  const back = await emptied(ada, id, (lost) =>
    callInto(ben.engine, id, [lost], (room) => ({ ...room, members: room.members.filter(isIn) })),
  );
  await settle(back);
  expect(await rolesOfBen(id, ben, back)).toEqual(["owner"]);
  await settle(others, back);
  good(await back.client.send(id, "from Ada"));
  good(await others.client.send(id, "from Carl"));
  await settle(back, others);
  await expectTogether(id, ben, ["from Ada", "from Carl"], back, others);
  expect(others.gaveUp()).toBe(0);
  await stopAll(back, others, ben);
});

test("[RM72] who was called away and is back goes nowhere once somebody else has said that they see the same", async () => {
  const { ada, ben, carl, more, id } = await roomOf("again", "dora", "eve");
  const [dora, mallory] = more;
  if (dora === undefined || mallory === undefined) throw new Error("they are there");
  await stopAll(ada, carl, mallory);
  const eve = await engineOf(mallory.platform);
  const back = await emptied(dora, id);
  await settle(back);
  await callInto(eve.engine, id, [back.lost]);
  await settle(back);
  expect(await rolesOfBen(id, eve, back)).toEqual(["owner"]);
  good(await back.client.send(id, "from Dora"));
  await settle(back);
  // Carl alone says that it is another.
  const others = await watched(await reopened(carl.platform));
  await settle(others, back);
  await expectTogether(id, ben, ["from Dora"], back, others);
  const founder = await watched(await reopened(ada.platform));
  time.adjust(MINUTE_MS);
  await expectTogether(id, ben, ["from Dora"], founder, back, others, ben);
  await callInto(ben.engine, id, [back.lost]);
  await settle(back);
  expect(await rolesOfBen(id, ben, back)).toEqual(["member"]);
  good(await founder.client.send(id, "from Ada"));
  await expectTogether(id, ben, ["from Ada", "from Dora"], back, founder, others);
  expect([founder.gaveUp(), others.gaveUp()]).toEqual([0, 0]);
  await stopAll(back, founder, others, ben, eve);
});

test("[RM72] two who were called by the same member, while nobody else is there, do not ask each other without end", async () => {
  const { ada, ben, carl: first, more, id } = await roomOf("chatter", "dora");
  await stopAll(ada);
  const [carl, dora] = [await emptied(first, id), await emptied(more[0] as Device, id)];
  const headOf = async () => {
    const rows = good(await tablesOf(carl).reader.scan());
    const { logId } = keysOf(present(good(await ben.engine.rooms.book.get(id)), "the room"));
    return present(
      rows.find(({ key }) => key.includes(logId)),
      "the log was read",
    ).value.point.seq;
  };
  for (let minute = 0; minute < 3; minute++) {
    await settle(carl, dora, ben);
    time.adjust(MINUTE_MS);
  }
  const before = await headOf();
  for (let minute = 0; minute < 4; minute++) {
    await settle(carl, dora, ben);
    time.adjust(MINUTE_MS);
  }
  expect(await headOf()).toBe(before);
  for (const device of [carl, dora]) {
    const room = good(await device.client.rooms()).find((one) => one.id === id);
    expect(room?.state).toBe("joined");
  }
  await stopAll(carl, dora, ben);
});
