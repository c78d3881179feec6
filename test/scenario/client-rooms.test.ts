/** Stories of rooms, over the real server program and real sockets. */
import { expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import type { ConversationId, RoomView } from "@dovetail/core";
import {
  ROOM_INTENTS_MAX,
  ROOM_LINK_LIFETIME_MS_MAX,
  ROOM_LINK_USES_MAX,
  ROOM_LINKS_MAX,
} from "../../core/base/limits.ts";
import { capabilityKey, writerKey } from "../../core/client/devices/device-identity.ts";
import { createGuestGateways } from "../../core/client/connection/guest-gateways.ts";
import { keysOf } from "../../core/client/rooms/room-book.ts";
import { decodeGroup } from "../../core/group/group-codec.ts";
import { leavesOf } from "../../core/group/group.ts";
import { ENTRY_KIND, parseEntryHeader } from "../../core/protocol/entry.ts";
import { rowKeyParts } from "../../core/store/row-key.ts";
import { bad, good, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import { createFrameGate, isLetter } from "../support/frame-gate.ts";
import { createLyingServer } from "../support/lying-server.ts";
import { createSwitchedConnector } from "../support/switched-connector.ts";
import { createWebConnector } from "../../core/transport/web-connector.ts";
import { scanDevice } from "../support/scan-device.ts";
import {
  accountIdOf,
  alarmsOf,
  befriend,
  createFriends,
  type Device,
  engineOf,
  expectAtRest,
  expectSameState,
  reopened,
  settle,
  stopAll,
  tablesOf,
  textsOf,
} from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();

async function roomOf({ client }: Device, roomId: ConversationId): Promise<RoomView> {
  return present(
    good(await client.rooms()).find(({ id }) => id === roomId),
    "the room is there",
  );
}
/** Devices of a room's group, as this device has stored it. */
async function leavesIn(device: Device, roomId: ConversationId): Promise<readonly string[]> {
  const tables = tablesOf(device);
  const group = present(good(await tables.group.get(roomId)), "a group");
  const rows = good(await tables.ratchet.scan({ under: [roomId] }));
  const ratchets = new Map<number, Map<number, Uint8Array>>();
  for (const { key, value } of rows) {
    const [epoch = 0, part = 0] = rowKeyParts(key).slice(-2).map(Number);
    ratchets.set(epoch, (ratchets.get(epoch) ?? new Map<number, Uint8Array>()).set(part, value.part));
  }
  const stored = { epoch: group.epoch, ratchets, past: new Map() };
  const decoded = good(await decodeGroup({ authenticate: () => true }, stored));
  return good(leavesOf(decoded)).map(({ member }) => member.deviceId);
}

/** Ada's room with Ben in it, who has accepted. */
async function createRoomOfTwo(name: string, platformOfBen = memoryPlatform()) {
  const names = [`ada.${name}`, `ben.${name}`] as const;
  const { ada, ben } = await createFriends(server.origin, names, { ben: platformOfBen });
  const { id } = good(await ada.client.createRoom(name));
  good(await ada.client.inviteToRoom(id, await accountIdOf(ben)));
  await settle(ada, ben);
  good(await ben.client.acceptRoom(id));
  await settle(ada, ben);
  return { ada, ben, id };
}

/** Who is in the room and what is written there are the same on all of these. */
async function expectSameRoom(id: ConversationId, ...devices: readonly Device[]): Promise<RoomView> {
  const [first, ...others] = await Promise.all(
    devices.map(async (device) => {
      const room = await roomOf(device, id);
      const members = room.members.map(({ accountId, role, mutedUntilMs }) => ({
        accountId,
        role,
        mutedUntilMs,
      }));
      members.sort((a, b) => (a.accountId < b.accountId ? -1 : 1));
      return { name: room.name, members, state: room.state, texts: await textsOf(device, id) };
    }),
  );
  for (const other of others) expect(other).toEqual(first);
  return roomOf(present(devices[0], "a device"), id);
}

test("[RM13] a room of two people: founded, invited to, accepted, written in", async () => {
  const { ada, ben } = await createFriends(server.origin, ["ada.room", "ben.room"]);
  const alarms = [ada, ben].map(alarmsOf);
  const { id } = good(await ada.client.createRoom("Garden"));
  good(await ada.client.inviteToRoom(id, await accountIdOf(ben)));
  await settle(ada, ben);
  expect(await roomOf(ben, id)).toMatchObject({
    name: "Garden",
    state: "invited",
    invitedBy: await accountIdOf(ada),
  });
  good(await ada.client.send(id, "before"));
  good(await ben.client.acceptRoom(id));
  await settle(ada, ben);
  expect(await roomOf(ben, id)).toMatchObject({ state: "joined", role: "member" });
  good(await ben.client.send(id, "hello"));
  good(await ada.client.send(id, "hello to you"));
  await settle(ada, ben);
  expect(await textsOf(ada, id)).toEqual(await textsOf(ben, id));
  expect([...(await textsOf(ben, id))].sort()).toEqual(["before", "hello", "hello to you"]);
  expect((await roomOf(ben, id)).members.map(({ name, role }) => [name, role])).toEqual([
    ["ada.room", "owner"],
    ["ben.room", "member"],
  ]);
  expect(alarms).toEqual([[], []]);
  await stopAll(ada, ben);
});

test("[DE2] what is taken back in a room goes from all its members, and [DE4] what is deleted from one's own", async () => {
  const { ada, ben, id } = await createRoomOfTwo("forgetting");
  const secret = "The key is under the third pot";
  const { id: unsent } = good(await ada.client.send(id, `${secret}, not sent`));
  good(await ada.client.redact({ conversationId: id, id: unsent }));
  expect(await scanDevice(ada, secret)).toEqual([]);
  const { id: message } = good(await ada.client.send(id, secret));
  const { id: theirs } = good(await ben.client.send(id, "Which one?"));
  await settle(ada, ben);
  for (const device of [ada, ben]) expect(await scanDevice(device, secret)).toContain("chunk");
  expect(bad(await ben.client.redact({ conversationId: id, id: message }))).toEqual({
    type: "NotYourMessage",
  });
  good(await ada.client.redact({ conversationId: id, id: message }));
  good(await ada.client.deleteMessages(id, [theirs]));
  await settle(ada, ben);
  for (const device of [ada, ben]) expect(await scanDevice(device, secret)).toEqual([]);
  expect([...(await textsOf(ben, id))].sort()).toEqual(["", "", "Which one?"]);
  expect(await textsOf(ada, id)).toEqual(["", ""]);
  good(await ada.client.deleteConversation(id));
  good(await ben.client.send(id, "Still here?"));
  await settle(ada, ben);
  expect(await textsOf(ada, id)).toEqual(["Still here?"]);
  await stopAll(ada, ben);
});

test("[RM25] devices that are linked come in by themselves, and one that is revoked goes", async () => {
  const { ada, ben, id } = await createRoomOfTwo("devices");
  good(await ben.client.send(id, "one"));
  await settle(ada, ben);
  const adaPhone = await linkedDevice(ada.client, "phone");
  const benPhone = await linkedDevice(ben.client, "phone");
  const all = [ada, adaPhone, ben, benPhone];
  good(await adaPhone.client.sync());
  expect((await roomOf(adaPhone, id)).name, "shown at once").toBe("devices");
  await settle(...all);
  for (const [index, device] of all.entries()) good(await device.client.send(id, `from ${index}`));
  await settle(...all);
  const room = await expectSameRoom(id, ...all);
  expect(room.members).toHaveLength(2);
  expect(await textsOf(benPhone, id)).toHaveLength(5);
  await expectSameState(ada, adaPhone);
  const { deviceId } = good(await adaPhone.client.account());
  good(await ada.client.revokeDevice(deviceId));
  await settle(ada, ben, benPhone);
  const leaves = await leavesIn(ada, id);
  expect(leaves).toHaveLength(3);
  expect(leaves).not.toContain(deviceId);
  good(await ben.client.send(id, "after"));
  await settle(ada, ben, benPhone);
  await adaPhone.client.sync();
  expect(await textsOf(adaPhone, id)).not.toContain("after");
  expect(await textsOf(ada, id)).toContain("after");
  await stopAll(ada, ben, benPhone);
});

test("[DM17] a contact whose revocation a room's commit tells of is given another log, before they say so themselves", async () => {
  const gate = createFrameGate(isLetter);
  const { ada, ben, id } = await createRoomOfTwo("told", memoryPlatform({ connector: gate.connector() }));
  const phone = await linkedDevice(ben.client, "phone");
  await settle(ben, phone, ada);
  await stopAll(ada, phone);
  const laptop = await engineOf(ada.platform);
  const benId = await accountIdOf(ben);
  const cutSeq = async () =>
    present(good(await laptop.engine.contacts.get(benId))?.own, "a log for Ben").theirCutSeq;
  await settle(laptop, ben);
  expect([await cutSeq(), (await leavesIn(laptop, id)).length]).toEqual([0, 3]);
  laptop.client.start();
  ben.client.start();
  gate.close();
  const lost = good(await ben.client.devices()).find(({ isThis }) => !isThis);
  good(await ben.client.revokeDevice(present(lost, "the phone").id));
  await expect.poll(async () => (await leavesIn(laptop, id)).length, { timeout: 10_000 }).toBe(2);
  await expect.poll(cutSeq, { timeout: 10_000 }).toBeGreaterThan(0);
  gate.open();
  await settle(laptop, ben);
  await stopAll(laptop, ben);
});

test("[RM25] a device that a commit brings is not taken out by a sibling that has not asked for its own chain since", async () => {
  const { ada, ben, id } = await createRoomOfTwo("newest");
  const phone = await linkedDevice(ada.client, "phone");
  await settle(phone, ada, ben);
  const tablet = await linkedDevice(ada.client, "tablet");
  await settle(tablet, ada);
  const all = [ada, phone, tablet, ben];
  for (const [index, device] of all.entries()) good(await device.client.send(id, `from ${index}`));
  await settle(...all);
  await expectAtRest(
    async () => {
      for (const device of all) expect(await textsOf(device, id)).toHaveLength(4);
      expect(all.map(({ client }) => client.status().pendingCount)).toEqual([0, 0, 0, 0]);
    },
    ...all,
  );
  await expectSameRoom(id, ...all);
  await stopAll(...all);
});

test("[RM7][RM28] who leaves is out at once, and comes back by another invitation; who declines was never in", async () => {
  const { ada, ben, id } = await createRoomOfTwo("leaving");
  good(await ben.client.leaveRoom(id));
  await settle(ada, ben);
  expect((await roomOf(ben, id)).state).toBe("left");
  expect((await roomOf(ada, id)).members).toHaveLength(1);
  expect(bad(await ben.client.send(id, "no"))).toEqual({ type: "NotInRoom" });
  good(await ada.client.send(id, "while away"));
  good(await ada.client.inviteToRoom(id, await accountIdOf(ben)));
  await settle(ada, ben);
  good(await ben.client.acceptRoom(id));
  await settle(ada, ben);
  good(await ben.client.send(id, "back"));
  await settle(ada, ben);
  expect(await textsOf(ben, id)).toEqual(["back"]);
  const both = [await accountIdOf(ada), await accountIdOf(ben)];
  expect(await happeningsAt(ada, id, both)).toEqual(["founded", "added 2", "left 2", "added 2"]);
  expect(await happeningsAt(ben, id, both)).toEqual(["added 2", "added 2"]);
  expect(await textsOf(ada, id)).toEqual(["while away", "back"]);
  const second = good(await ada.client.createRoom("second"));
  good(await ada.client.inviteToRoom(second.id, await accountIdOf(ben)));
  await settle(ada, ben);
  good(await ben.client.leaveRoom(second.id));
  await settle(ada, ben);
  expect((await roomOf(ben, second.id)).state).toBe("declined");
  expect((await roomOf(ada, second.id)).members).toHaveLength(1);
  await stopAll(ada, ben);
});

/** What happened in a room as a device tells it; people by their place in `accounts`, from 1. */
async function happeningsAt(
  { client }: Device,
  roomId: ConversationId,
  accounts: readonly string[],
): Promise<readonly string[]> {
  return good(await client.roomHappenings(roomId)).map(({ happening }) =>
    "accountId" in happening
      ? `${happening.type} ${accounts.indexOf(happening.accountId) + 1}`
      : happening.type,
  );
}

test("[RM7][RM9][RM28] an owner removes, mutes and promotes; a member does none of it", async () => {
  const { ada, ben, id } = await createRoomOfTwo("roles");
  const carl = await newAccount(server.origin, "carl.roles");
  await befriend(ada, carl);
  const [adaId, benId, carlId] = [await accountIdOf(ada), await accountIdOf(ben), await accountIdOf(carl)];
  expect(bad(await ben.client.inviteToRoom(id, adaId))).toMatchObject({ type: "ContactExists" });
  expect(bad(await ben.client.renameRoom(id, "mine"))).toEqual({ type: "RoomForbids", rule: "name" });
  expect(bad(await ben.client.removeFromRoom(id, adaId))).toMatchObject({ rule: "remove-account" });
  expect(bad(await ben.client.setRoomRole(id, adaId, "member"))).toMatchObject({ rule: "role" });
  good(await ada.client.inviteToRoom(id, carlId));
  good(await ada.client.setRoomRole(id, benId, "moderator"));
  await settle(ada, ben, carl);
  good(await carl.client.acceptRoom(id));
  await settle(ada, ben, carl);
  good(await ben.client.muteInRoom(id, carlId, Date.now() + 3_600_000));
  await settle(ada, ben, carl);
  good(await carl.client.send(id, "unheard"));
  await settle(ada, ben, carl);
  expect(await textsOf(ada, id)).toEqual([]);
  good(await ben.client.muteInRoom(id, carlId, null));
  good(await ada.client.renameRoom(id, "Orchard"));
  await settle(ada, ben, carl);
  good(await carl.client.send(id, "heard"));
  await settle(ada, ben, carl);
  expect(await textsOf(ben, id)).toEqual(["heard"]);
  expect((await roomOf(carl, id)).name).toBe("Orchard");
  good(await ben.client.removeFromRoom(id, carlId));
  await settle(ada, ben, carl);
  expect((await roomOf(carl, id)).state).toBe("removed");
  good(await ada.client.send(id, "without carl"));
  await settle(ada, ben, carl);
  expect(await textsOf(carl, id)).not.toContain("without carl");
  await expectSameRoom(id, ada, ben);
  const told = ["founded", "added 2", "added 3", "role 2", "muted 3", "muted 3", "renamed", "removed 3"];
  expect([...(await happeningsAt(ada, id, [adaId, benId, carlId]))].sort()).toEqual([...told].sort());
  expect([...(await happeningsAt(ben, id, [adaId, benId, carlId]))].sort()).toEqual(told.slice(1).sort());
  expect((await happeningsAt(carl, id, [adaId, benId, carlId])).at(-1)).toBe("removed 3");
  const [renamed] = good(await ben.client.roomHappenings(id)).filter(
    ({ happening }) => happening.type === "renamed",
  );
  expect(renamed).toMatchObject({ by: adaId, byName: "ada.roles", happening: { name: "Orchard" } });
  await stopAll(ada, ben, carl);
});

test("a draft and a star in a room stand where those of contacts do", async () => {
  const { ada, ben, id } = await createRoomOfTwo("marks");
  good(await ada.client.setDraft(id, "about the shed"));
  const place = { contact: null, name: "marks" };
  expect(good(await ada.client.drafts())).toEqual([
    { conversationId: id, ...place, text: "about the shed", textCount: 1 },
  ]);
  expect(good(await ada.client.draft(id))?.text).toBe("about the shed");
  const { id: message } = good(await ben.client.send(id, "The shed leaks"));
  await settle(ada, ben);
  good(await ada.client.setStarred({ conversationId: id, id: message }, true));
  expect(good(await ada.client.starred()).messages).toMatchObject([{ ...place, message: { id: message } }]);
  await stopAll(ada, ben);
});

/** Whether this device's keys of a room open its log as it is, up to where, and for writing. */
async function accessOf({ platform }: Device, roomId: ConversationId) {
  const { engine, client } = await engineOf(platform);
  const { context, rooms } = engine;
  const { logId, accessSeed } = keysOf(present(good(await rooms.book.get(roomId)), "the room"));
  const guests = createGuestGateways(context);
  const [capability, writer] = [capabilityKey(accessSeed), writerKey(context.identity.seeds, logId)];
  const opened = good(await guests.open(server.origin, { logId, right: "append", capability, writer }));
  const subscribed = await opened.channel.subscribe(0, () => {});
  const page = good(await opened.channel.read(0));
  await guests.closeAll();
  good(await client.stop());
  return { seq: opened.channel.head.seq, read: page.entries.length, isHeard: subscribed.ok };
}

test("[RM29][RM30] who is removed cannot follow the room's log; all others do, also who was away, and who leaves then", async () => {
  const { ada, ben, id } = await createRoomOfTwo("rekeyed");
  const carl = await newAccount(server.origin, "carl.rekeyed");
  await befriend(ada, carl);
  good(await ada.client.inviteToRoom(id, await accountIdOf(carl)));
  await settle(ada, ben, carl);
  good(await carl.client.acceptRoom(id));
  await settle(ada, ben, carl);
  const phone = await linkedDevice(ada.client, "phone");
  await settle(ada, phone, ben, carl);
  good(await phone.client.stop());
  good(await carl.client.stop());
  const away = await reopened(carl.platform);
  good(await away.client.leaveRoom(id));
  good(await away.client.stop());
  good(await ada.client.removeFromRoom(id, await accountIdOf(ben)));
  await settle(ada, ben);
  expect((await roomOf(ben, id)).state).toBe("removed");
  for (let n = 0; n < 3; n++) {
    good(await ada.client.send(id, `of no concern to Ben ${n}`));
    good(await ada.client.sync());
  }
  good(await ben.client.stop());
  good(await ada.client.stop());
  const [bens, adas] = [await accessOf(ben, id), await accessOf(ada, id)];
  expect(adas).toEqual({ seq: bens.seq + 3, read: bens.read + 3, isHeard: true });
  expect(bens.isHeard).toBe(false);
  // Carl left before he knew of the new keys, and is let go by the others all the same.
  const [back, backPhone] = [await reopened(ada.platform), await reopened(phone.platform)];
  const gone = await reopened(carl.platform);
  await settle(gone, back, backPhone);
  expect(good(await tablesOf(gone).group.scan())).toEqual([]);
  expect((await roomOf(back, id)).members).toHaveLength(1);
  expect(await leavesIn(back, id)).toHaveLength(2);
  good(await backPhone.client.send(id, "from the phone"));
  await settle(back, backPhone);
  await expectSameState(back, backPhone);
  await expectSameRoom(id, back, backPhone);
  // Ben comes in again, by the keys of now.
  const again = await reopened(ben.platform);
  good(await back.client.inviteToRoom(id, await accountIdOf(again)));
  await settle(back, again);
  good(await again.client.acceptRoom(id));
  await settle(back, again, backPhone);
  good(await again.client.send(id, "back"));
  await settle(back, again, backPhone);
  expect(await textsOf(again, id)).toEqual(["back"]);
  expect(await textsOf(backPhone, id)).toContain("back");
  await stopAll(gone, back, backPhone, again);
});

test("[RM31][RM32] a link lets in who has it, so many and so long, and no one else", async () => {
  const ada = await newAccount(server.origin, "ada.links");
  const [carl, dan] = [
    await newAccount(server.origin, "carl.links"),
    await newAccount(server.origin, "dan.links"),
  ];
  await settle(ada, carl, dan);
  const { id } = good(await ada.client.createRoom("Open house"));
  const week = { lifetimeMs: 604_800_000, usesMax: 1 };
  const link = good(await ada.client.createRoomLink(id, week));
  expect(link).toMatchObject({ useCount: 0, usesMax: 1, isLive: true });
  expect(bad(await ada.client.joinRoom(link.code))).toEqual({ type: "BadRoomLink", rule: "own" });
  expect(bad(await carl.client.joinRoom("dovetail-room:AAAA"))).toMatchObject({ type: "BadRoomLink" });
  const asked = good(await carl.client.joinRoom(link.code));
  expect(asked).toEqual({ roomId: id, by: await accountIdOf(ada) });
  await settle(carl, ada);
  expect(await roomOf(carl, id)).toMatchObject({ state: "joined", role: "member", name: "Open house" });
  good(await carl.client.send(id, "hello"));
  await settle(carl, ada);
  expect(await textsOf(ada, id)).toEqual(["hello"]);
  expect(bad(await carl.client.joinRoom(link.code))).toEqual({ type: "BadRoomLink", rule: "joined" });
  // Used up: Dan stays somebody who asks to be a contact.
  good(await dan.client.joinRoom(link.code));
  await settle(dan, ada);
  expect(good(await dan.client.rooms())).toEqual([]);
  const request = good(await ada.client.contacts()).find(({ state }) => state === "incoming");
  expect(request?.accountId).toBe(await accountIdOf(dan));
  expect(good(await ada.client.roomLinks(id))).toMatchObject([{ useCount: 1, isLive: false }]);
  const ended = good(await ada.client.createRoomLink(id, { ...week, usesMax: 5 }));
  expect(good(await ada.client.roomLinks(id)).map((one) => one.id)).toEqual([ended.id]);
  good(await ada.client.revokeRoomLink(id, ended.id));
  good(await ada.client.acceptContact(await accountIdOf(dan)));
  await settle(dan, ada);
  const short = good(await ada.client.createRoomLink(id, { ...week, lifetimeMs: 1 }));
  for (const { code } of [ended, short]) {
    good(await dan.client.joinRoom(code));
    await settle(dan, ada);
    expect(good(await dan.client.rooms())).toEqual([]);
  }
  good(await dan.client.joinRoom(good(await ada.client.createRoomLink(id, week)).code));
  await settle(dan, ada);
  await settle(dan, ada, carl);
  await expectSameRoom(id, ada, carl);
  expect((await roomOf(dan, id)).members).toHaveLength(3);
  expect(bad(await carl.client.createRoomLink(id, week))).toEqual({
    type: "RoomForbids",
    rule: "add-account",
  });
  expect(bad(await ada.client.revokeRoomLink(id, "link-none"))).toEqual({ type: "UnknownRoomLink" });
  await stopAll(ada, carl, dan);
});

test("[RM31] a room has 16 links that work, each for 90 days and 100 people at most", async () => {
  const ada = await newAccount(server.origin, "ada.manylinks");
  const { id } = good(await ada.client.createRoom("Many"));
  const most = { lifetimeMs: ROOM_LINK_LIFETIME_MS_MAX, usesMax: ROOM_LINK_USES_MAX };
  for (const [over, rule] of [
    [{ ...most, lifetimeMs: ROOM_LINK_LIFETIME_MS_MAX + 1 }, "lifetime"],
    [{ ...most, lifetimeMs: 0 }, "lifetime"],
    [{ ...most, usesMax: ROOM_LINK_USES_MAX + 1 }, "uses"],
    [{ ...most, usesMax: 0 }, "uses"],
  ] as const)
    expect(bad(await ada.client.createRoomLink(id, over))).toEqual({ type: "BadRoomLink", rule });
  for (let n = 1; n < ROOM_LINKS_MAX; n++) good(await ada.client.createRoomLink(id, most));
  const last = good(await ada.client.createRoomLink(id, most));
  expect(bad(await ada.client.createRoomLink(id, most))).toEqual({ type: "RoomForbids", rule: "links" });
  good(await ada.client.revokeRoomLink(id, last.id));
  good(await ada.client.createRoomLink(id, most));
  expect(good(await ada.client.roomLinks(id))).toHaveLength(ROOM_LINKS_MAX);
  await stopAll(ada);
});

test("[RM20] of commits made at once one wins, the others follow and commit again; nothing is lost", async () => {
  const { ada, ben, id } = await createRoomOfTwo("race");
  good(await ada.client.setRoomRole(id, await accountIdOf(ben), "admin"));
  const phone = await linkedDevice(ben.client, "phone");
  await settle(ada, ben, phone);
  for (let round = 0; round < 3; round++) {
    good(await ada.client.renameRoom(id, `ada ${round}`));
    good(await ben.client.renameRoom(id, `ben ${round}`));
    good(await phone.client.send(id, `message ${round}`));
    await Promise.all([ada, ben, phone].map(({ client }) => client.sync()));
  }
  await settle(ada, ben, phone);
  const room = await expectSameRoom(id, ada, ben, phone);
  expect(room.name).toMatch(/^(ada|ben) 2$/);
  expect(await textsOf(ada, id)).toEqual(["message 0", "message 1", "message 2"]);
  expect(room.pending).toEqual([]);
  await stopAll(ada, ben, phone);
});

test(`[RM27] a room takes ${ROOM_INTENTS_MAX} things that were asked of it offline, and no more`, async () => {
  const { client } = await newAccount(server.origin, "ada.intents");
  const { id } = good(await client.createRoom("first"));
  for (let n = 0; n < ROOM_INTENTS_MAX; n++) good(await client.renameRoom(id, `name ${n % 2}`));
  expect(bad(await client.renameRoom(id, "one more"))).toEqual({ type: "RoomForbids", rule: "intents" });
  good(await client.sync());
  const [room] = good(await client.rooms());
  expect([room?.name, room?.pending]).toEqual([`name ${(ROOM_INTENTS_MAX - 1) % 2}`, []]);
  good(await client.renameRoom(id, "one more"));
  good(await client.stop());
});

test("[RM27][RM9] who is to be taken out, and on another device is asked in again, goes with one commit and is let in with the next", async () => {
  const { ada, ben } = await createFriends(server.origin, ["ada.twice", "ben.twice"]);
  const benId = await accountIdOf(ben);
  const { id } = good(await ada.client.createRoom("twice"));
  good(await ada.client.inviteToRoom(id, benId));
  await settle(ada, ben);
  good(await ben.client.acceptRoom(id));
  await settle(ada, ben);
  good(await ada.client.stop());
  const back = await engineOf(ada.platform);
  const { context, rooms } = back.engine;
  good(await back.client.removeFromRoom(id, benId));
  const invite = { type: "invite", accountId: benId, role: "member" } as const;
  good(await context.serial.run(() => rooms.ask(id, invite)));
  good(await back.client.renameRoom(id, "thrice"));
  await settle(back, ben);
  const [room] = good(await back.client.rooms());
  expect([room?.name, room?.pending, room?.members.length]).toEqual(["thrice", [], 2]);
  expect(good(await ben.client.rooms()).map(({ state }) => state)).toEqual(["invited"]);
  good(await ben.client.acceptRoom(id));
  await settle(ben, back);
  good(await ben.client.send(id, "in again"));
  await settle(ben, back);
  expect(await textsOf(back, id)).toEqual(["in again"]);
  await stopAll(back, ben);
});

test("sync reads a room to its end, also where nothing was delivered of what came", async () => {
  const lying = createLyingServer();
  const platform = memoryPlatform({ connector: lying.connector });
  const { ada, ben } = await createFriends(server.origin, ["ada.still", "ben.still"], { ben: platform });
  const { id } = good(await ada.client.createRoom("still"));
  good(await ada.client.inviteToRoom(id, await accountIdOf(ben)));
  await settle(ada, ben);
  good(await ben.client.acceptRoom(id));
  await settle(ada, ben);
  lying.lie = (frame) => (frame.type === "deliver" ? [] : [frame]);
  good(await ada.client.send(id, "read, not delivered"));
  good(await ada.client.sync());
  good(await ben.client.sync());
  expect(await textsOf(ben, id)).toEqual(["read, not delivered"]);
  lying.lie = null;
  await stopAll(ada, ben);
});

/** Texts of own messages with what became of them, newest first. */
async function fatesOf({ client }: Device, roomId: ConversationId) {
  const { messages } = good(await client.messages(roomId));
  return messages.map(({ text, state, failure }) => [text, state, failure]);
}

test("[RM33] what cannot come into a room any more has failed, stays failed, and its text goes as another message", async () => {
  const way = createSwitchedConnector(createWebConnector());
  const { ada, ben, id } = await createRoomOfTwo("failing", memoryPlatform({ connector: way }));
  const phone = await linkedDevice(ben.client, "phone");
  await settle(ada, ben, phone);
  way.switch(false);
  good(await ben.client.send(id, "too late"));
  good(await ada.client.removeFromRoom(id, await accountIdOf(phone)));
  await settle(ada);
  expect(await fatesOf(ben, id)).toEqual([["too late", "kept", null]]);
  way.switch(true);
  await settle(ben, ada);
  expect((await roomOf(ben, id)).state).toBe("removed");
  expect(await fatesOf(ben, id)).toEqual([["too late", "failed", "outside"]]);
  expect(ben.client.status().pendingCount).toBe(0);
  good(await ben.client.stop());
  const back = await reopened(ben.platform);
  good(await ada.client.inviteToRoom(id, await accountIdOf(back)));
  await settle(ada, back, phone);
  good(await back.client.acceptRoom(id));
  await settle(ada, back, phone);
  expect(await fatesOf(back, id)).toEqual([["too late", "failed", "outside"]]);
  good(await back.client.send(id, "too late"));
  await settle(back, ada, phone);
  expect(await textsOf(ada, id)).toEqual(["too late"]);
  // Left on the phone while this device is away: what it wrote meanwhile has nowhere to go.
  way.switch(false);
  good(await back.client.send(id, "written while it ended"));
  good(await phone.client.leaveRoom(id));
  await settle(phone, ada);
  way.switch(true);
  await settle(phone, ada, back);
  expect((await fatesOf(back, id))[0]).toEqual(["written while it ended", "failed", "outside"]);
  const [failed] = good(await back.client.messages(id)).messages;
  good(await back.client.deleteMessages(id, [present(failed, "the message").id]));
  const rest = [
    ["too late", "sent", null],
    ["too late", "failed", "outside"],
  ];
  expect(await fatesOf(back, id)).toEqual(rest);
  expect(good(await tablesOf(back).roomfailed.scan())).toHaveLength(1);
  await stopAll(ada, back, phone);
});

test("[RM9][RM33] what everybody leaves out of a letter because its author was muted meanwhile is shown as not sent", async () => {
  const { ada, ben, id } = await createRoomOfTwo("hushed");
  good(await ben.client.send(id, "before"));
  await settle(ben, ada);
  good(await ada.client.muteInRoom(id, await accountIdOf(ben), Date.now() + 86_400_000));
  good(await ada.client.sync());
  good(await ben.client.send(id, "too late"));
  await settle(ben, ada);
  expect(await textsOf(ada, id)).toEqual(["before"]);
  expect(await fatesOf(ben, id)).toEqual([
    ["too late", "failed", "muted"],
    ["before", "sent", null],
  ]);
  await stopAll(ada, ben);
  const again = await reopened(ben.platform);
  expect((await fatesOf(again, id))[0]).toEqual(["too late", "failed", "muted"]);
  await stopAll(again);
});

/** What people read in a room; an empty list of its last states; and what the server counts of this writer, who may come back. */
const LEFT_OF_ROOMS = new Set(["op", "feed", "tally", "happening", "landmark", "writer"]);

test("[RM67] what opens a room goes from the devices of who is out of it, and they come in again by another invitation", async () => {
  const { ada, ben, id } = await createRoomOfTwo("cleared");
  let phone: Device = await linkedDevice(ben.client, "phone");
  await settle(ada, ben, phone);
  await stopAll(phone);
  const { engine, client } = await engineOf(phone.platform);
  const { logId } = keysOf(present(good(await engine.rooms.book.get(id)), "the room"));
  phone = { platform: phone.platform, client };
  const rowsOn = async (device: Device) => {
    const tables = Object.entries(tablesOf(device)).filter(([name]) => !LEFT_OF_ROOMS.has(name));
    const rows = await Promise.all(
      tables.map(async ([, table]) => {
        const all: readonly { readonly key: string }[] = good(await table.scan());
        return all.map(({ key }) => key);
      }),
    );
    return rows.flat().filter((key) => key.includes(id) || key.includes(logId));
  };
  // So that what is asked and handed on of history has rows too.
  good(await ada.client.setRoomHistory(id, { days: null }));
  await settle(ada, ben, phone);
  for (const [index, goes] of [
    async () => good(await ben.client.leaveRoom(id)),
    async () => good(await ada.client.removeFromRoom(id, await accountIdOf(ben))),
  ].entries()) {
    const text = `${index}`;
    good(await ben.client.send(id, text));
    await settle(ada, ben, phone);
    for (const device of [ben, phone]) expect(await rowsOn(device)).not.toEqual([]);
    await goes();
    await settle(ada, ben, phone);
    await expectAtRest(
      async () => {
        for (const device of [ben, phone]) {
          expect(await rowsOn(device)).toEqual([]);
          expect(await textsOf(device, id)).toContain(text);
        }
      },
      ada,
      ben,
      phone,
    );
    good(await ada.client.inviteToRoom(id, await accountIdOf(ben)));
    await settle(ada, ben, phone);
    good(await ben.client.acceptRoom(id));
    await settle(ada, ben, phone);
  }
  good(await phone.client.send(id, "back again"));
  await settle(ada, ben, phone);
  await expectAtRest(
    async () => {
      for (const device of [ada, ben, phone]) expect(await textsOf(device, id)).toContain("back again");
    },
    ada,
    ben,
    phone,
  );
  await stopAll(ada, ben, phone);
});

test("[RM33] what is written as one leaves has failed, and what a server refuses for good is not sent for ever", async () => {
  const lying = createLyingServer();
  const { ada, ben, id } = await createRoomOfTwo("refused", memoryPlatform({ connector: lying.connector }));
  let refused = 0;
  lying.deaf = (frame) => {
    const [entry] = frame.type === "append" ? frame.entries : [];
    if (frame.type !== "append" || entry === undefined) return null;
    if (good(parseEntryHeader(entry.header)).kind !== ENTRY_KIND.roomMessage) return null;
    refused++;
    const results = [{ type: "refused" as const, code: "entry-too-large" as const, writerSeq: null }];
    return [{ type: "appended", requestId: frame.requestId, results }];
  };
  good(await ben.client.send(id, "too large"));
  good(await ben.client.sync());
  expect(await fatesOf(ben, id)).toEqual([["too large", "failed", "refused"]]);
  expect(refused).toBe(1);
  lying.deaf = null;
  good(await ben.client.send(id, "in parts"));
  await settle(ben, ada);
  expect(await textsOf(ada, id)).toEqual(["in parts"]);
  good(await ben.client.send(id, "never mind"));
  good(await ben.client.leaveRoom(id));
  expect((await fatesOf(ben, id))[0]).toEqual(["never mind", "failed", "outside"]);
  await settle(ben, ada);
  expect(await textsOf(ada, id)).toEqual(["in parts"]);
  await stopAll(ada, ben);
});
