/** Rooms in trouble: a member with a changed program, lost state, power cuts. Over the real server and real sockets. */
import { expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import type { AccountId, ConversationId } from "../../core/base/ids.ts";
import { ok } from "../../core/base/result.ts";
import { capabilityKey, writerKey } from "../../core/client/device-identity.ts";
import type { Engine } from "../../core/client/engine.ts";
import { createGuestGateways } from "../../core/client/guest-gateways.ts";
import { keysOf } from "../../core/client/rooms/room-book.ts";
import { createRoomCommits } from "../../core/client/rooms/room-commits.ts";
import { createLogReader } from "../../core/log/log-reader.ts";
import { groupEpoch } from "../../core/group/group.ts";
import { createGroupCrypto } from "../../core/group/crypto-provider.ts";
import { nextHlc } from "../../core/messenger/hlc.ts";
import { createOp, messagePayloadShape, OP_KIND } from "../../core/messenger/op.ts";
import { encode } from "../../core/codec/shape.ts";
import type { RoomContext } from "../../core/messenger/room/room-context.ts";
import { good, linkedDevice, newAccount } from "../support/client-world.ts";
import { createCrashDevice } from "../support/crash-platform.ts";
import {
  alarmsOf,
  createFriends,
  type Device,
  engineOf,
  expectSameState,
  reopened,
  settle,
  stopAll,
  tablesOf,
  textsOf,
} from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();
const accountOf = async ({ client }: Device) => good(await client.account()).accountId;

async function viewOf({ client }: Device, id: ConversationId) {
  const room = present(
    good(await client.rooms()).find((one) => one.id === id),
    "the room is there",
  );
  const roles = new Map(room.members.map(({ accountId, role }) => [accountId, role]));
  return { name: room.name, state: room.state, roles };
}

/** Ada's room with Ben in it. */
async function createRoomOfTwo(name: string, ben = undefined as Parameters<typeof createFriends>[2]) {
  const friends = await createFriends(server.origin, [`ada.${name}`, `ben.${name}`], ben);
  const { id } = good(await friends.ada.client.createRoom(name));
  good(await friends.ada.client.inviteToRoom(id, await accountOf(friends.ben)));
  await settle(friends.ada, friends.ben);
  good(await friends.ben.client.acceptRoom(id));
  await settle(friends.ada, friends.ben);
  return { ...friends, id };
}

/** A commit that this member's role forbids, or whose evidence is none, put into the room's log past their own client. */
async function forge(engine: Engine, roomId: ConversationId, change: (room: RoomContext) => RoomContext) {
  const { context, chains, rooms } = engine;
  const room = present(good(await rooms.book.get(roomId)), "the room");
  const group = present(good(await rooms.groups.load(roomId)), "the group");
  const before = present(good(await rooms.contextOf(roomId)), "its context");
  const known = new Map<AccountId, ReturnType<typeof context.chain>>();
  for (const { accountId } of before.members)
    known.set(accountId, present(good(await context.storedChain(accountId)) ?? context.chain(), "a chain"));
  const commits = createRoomCommits({
    context,
    chains,
    groups: rooms.groups,
    outbox: engine.roomOutbox,
    deps: { suite: createGroupCrypto(context.random) },
    intake: {
      reader: async () => ok(createLogReader(keysOf(room).logId)),
      take: () => Promise.reject(new Error("nothing is read")),
      pass: () => Promise.reject(new Error("nothing is read")),
    },
  });
  const made = await commits.make(roomId, room, {
    epoch: Number(groupEpoch(group)),
    before,
    after: change(before),
    add: [],
    removeLeaves: [],
    departures: [],
    chains: known,
    invitees: [],
    carried: [],
  });
  expect(good(made)).toBe(true);
  const { entry, entryId } = present(good(await engine.tables.commit.get(roomId)), "the commit");
  good(await context.store.batch([engine.tables.commit.remove(roomId)]));
  const guests = createGuestGateways(context);
  const { logId, accessSeed } = keysOf(room);
  const opened = good(
    await guests.open(server.origin, {
      logId,
      right: "append",
      capability: capabilityKey(accessSeed),
      writer: writerKey(context.identity.seeds, logId),
    }),
  );
  expect(good(await opened.channel.append([entry]))).toMatchObject([{ type: "accepted" }]);
  // The next one is to follow this one, which his own program has not read.
  good(await context.store.batch([engine.tables.handshake.put([roomId], { last: entryId })]));
  await guests.closeAll();
}

test("[RM17][RM19][RM21][RM22] a member with a changed program changes nothing for anybody, and the room goes on", async () => {
  const { ada, ben: honest, id } = await createRoomOfTwo("hostile");
  const carl = await newAccount(server.origin, "carl.hostile");
  good(await ada.client.addContact(good(await carl.client.contactLink())));
  await settle(ada, carl);
  good(await carl.client.acceptContact(await accountOf(ada)));
  await settle(ada, carl);
  good(await ada.client.inviteToRoom(id, await accountOf(carl)));
  await settle(ada, honest, carl);
  good(await carl.client.acceptRoom(id));
  await settle(ada, honest, carl);
  const [adaId, benId, carlId] = [await accountOf(ada), await accountOf(honest), await accountOf(carl)];
  good(await honest.client.stop());
  const ben = await engineOf(honest.platform);
  const withRole = (room: RoomContext, accountId: AccountId, role: "owner" | "member") => ({
    ...room,
    members: room.members.map((one) => (one.accountId === accountId ? { ...one, role } : one)),
  });
  const before = await viewOf(ada, id);
  for (const change of [
    (room: RoomContext) => ({ ...room, name: "Ben's" }),
    (room: RoomContext) => withRole(room, benId, "owner"),
    (room: RoomContext) => withRole(room, adaId, "member"),
    (room: RoomContext) => ({
      ...room,
      members: room.members.filter(({ accountId }) => accountId !== carlId),
    }),
  ]) {
    await forge(ben.engine, id, change);
    good(await ada.client.sync());
    good(await carl.client.sync());
    expect(await viewOf(ada, id)).toEqual(before);
    expect(await viewOf(carl, id)).toEqual(before);
  }
  good(await ada.client.renameRoom(id, "Garden"));
  good(await carl.client.send(id, "still here"));
  await settle(ada, carl, ben);
  expect((await viewOf(carl, id)).name).toBe("Garden");
  expect(await textsOf(ada, id)).toEqual(["still here"]);
  // His own device finds that what he did leads nowhere, and is taken back in as what he was.
  expect(await viewOf(ben, id)).toEqual(await viewOf(ada, id));
  // Words in another's name, sealed like any others.
  const { deviceId } = good(await ben.client.account());
  const words = (author: AccountId, text: string) =>
    createOp({
      version: 1,
      conversationId: id,
      author,
      device: deviceId,
      deviceSeq: 50,
      devicePrev: null,
      hlc: nextHlc(0, Date.now()),
      kind: OP_KIND.message,
      target: null,
      payload: encode(messagePayloadShape, { text }),
      expire: null,
      ext: null,
    });
  for (const op of [words(adaId, "I leave it all to Ben"), words(benId, "sorry")]) {
    const put = ben.engine.roomOutbox.put(op);
    good(await ben.engine.context.store.batch([put.write]));
    put.commit();
  }
  await settle(ben, ada, carl);
  for (const device of [ada, carl]) expect(await textsOf(device, id)).toEqual(["still here", "sorry"]);
  await stopAll(ada, carl, ben);
});

test("[RM23] a device that lost its group asks to be added again, and is, with nobody doing anything", async () => {
  const { ada, ben, id } = await createRoomOfTwo("lost");
  const phone = await linkedDevice(ben.client, "phone");
  await settle(ada, ben, phone);
  good(await ben.client.stop());
  good(await phone.client.stop());
  const tables = tablesOf(ben);
  good(await ben.platform.store.batch([tables.group.remove(id), tables.ratchet.remove(id)]));
  good(await ada.client.send(id, "missed by the tablet"));
  good(await ada.client.sync());
  const back = await reopened(ben.platform);
  good(await back.client.send(id, "kept until then"));
  await settle(back, ada);
  expect((await viewOf(back, id)).state).toBe("joined");
  const again = await reopened(phone.platform);
  await settle(ada, back, again);
  good(await ada.client.send(id, "heard again"));
  await settle(ada, back, again);
  const texts = ["missed by the tablet", "kept until then", "heard again"];
  for (const device of [ada, back, again])
    expect([...(await textsOf(device, id))].sort()).toEqual([...texts].sort());
  await expectSameState(back, again);
  await stopAll(ada, back, again);
});

test("[RM18][RM20] power cut at any write: nothing lost, nothing twice, one room", {
  timeout: 120_000,
}, async () => {
  const crashing = createCrashDevice();
  const start = await createRoomOfTwo("cut", { ben: crashing.boot() });
  const { ada, id } = start;
  let ben: Device = start.ben;
  good(await ada.client.setRoomRole(id, await accountOf(ben), "admin"));
  await settle(ada, ben);
  const confirmed: string[] = [];
  const live = async (name: string): Promise<void> => {
    good(await ben.client.renameRoom(id, name));
    good(await ben.client.send(id, name));
    confirmed.push(name);
    good(await ben.client.sync());
  };
  const before = crashing.writeCount();
  await live("whole");
  const writes = crashing.writeCount() - before;
  expect(writes).toBeGreaterThan(8);
  for (const [index, moment] of (["before", "after", "late"] as const).entries()) {
    for (let n = 1 + index; n <= writes; n += 5) {
      good(await ada.client.send(id, `ada ${moment} ${n}`));
      confirmed.push(`ada ${moment} ${n}`);
      good(await ada.client.sync());
      crashing.cutAt(n, moment);
      await Promise.race([live(`${moment} ${n}`), crashing.whenDead]);
      crashing.cutNow();
      ben = await reopened(crashing.boot());
    }
  }
  const alarms = [ada, ben].map(alarmsOf);
  await settle(ada, ben);
  const texts = await textsOf(ada, id);
  expect(new Set(texts).size).toBe(texts.length);
  expect(texts).toEqual(expect.arrayContaining(confirmed));
  expect(await textsOf(ben, id)).toEqual(texts);
  expect(await viewOf(ben, id)).toEqual(await viewOf(ada, id));
  expect(alarms).toEqual([[], []]);
  expect([good(await ben.client.sync()).waitingMessages, ben.client.status().pendingCount]).toEqual([0, 0]);
  for (const table of ["commit", "letter", "roomout", "rejoin"] as const)
    expect(good(await tablesOf(ben)[table].scan()), table).toHaveLength(0);
  await stopAll(ada, ben);
});
