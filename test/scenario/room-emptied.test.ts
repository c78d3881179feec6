/** People in rooms whose devices lost all they had, and the devices that take their place. Over the real server and real sockets. */
import { type Client, recoverAccount } from "@dovetail/core";
import { expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import type { ConversationId } from "../../core/base/ids.ts";
import { encode } from "../../core/codec/shape.ts";
import { OP_KIND } from "../../core/messenger/op.ts";
import {
  roomInvitationPayloadShape,
  roomOutPayloadShape,
} from "../../core/messenger/room/room-invitation.ts";
import { ROOM_LINK_SECRET_BYTES, roomJoinPayloadShape } from "../../core/messenger/room/room-link.ts";
import { good, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import { createAdjustableClock } from "../support/adjustable-clock.ts";
import {
  accountIdOf,
  befriend,
  type Device,
  engineOf,
  expectAtRest,
  expectSameState,
  reopened,
  roomViewOf,
  settle,
  stopAll,
  storedOps,
  tablesOf,
  textsOf,
} from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();
/** How long siblings have to bring something, and how often a device asks to come back. */
const MINUTE_MS = 60_000;
const time = createAdjustableClock();
const platform = () => memoryPlatform({ clock: time });
interface Owner extends Device {
  readonly name: string;
  readonly recoveryWords: string;
}

async function ownerOf(name: string): Promise<Owner> {
  return { name, ...(await newAccount(server.origin, name, platform())) };
}

/** All that a device had, which is stopped, is gone for its person; the device that comes by the words takes its place, and nobody revokes it. */
async function replaced({ name, recoveryWords: words }: Owner): Promise<Device> {
  const fresh = platform();
  const back: Client = good(
    await recoverAccount(fresh, {
      ...{ origin: server.origin, account: { type: "handle", handle: name }, words },
      ...{ deviceName: `${name} 2`, keepsDevices: true },
    }),
  );
  return { client: back, platform: fresh };
}

async function letIn(host: Device, guest: Device, id: ConversationId): Promise<void> {
  good(await host.client.inviteToRoom(id, await accountIdOf(guest)));
  await settle(host, guest);
  good(await guest.client.acceptRoom(id));
  await settle(host, guest);
}

test("[RM24] the device that takes an emptied one's place is sent what others wrote while its account had none", async () => {
  const [ada, ben] = [await ownerOf("ada.emptied"), await ownerOf("ben.emptied")];
  await befriend(ada, ben);
  const { id } = good(await ada.client.createRoom("Garden"));
  good(await ada.client.send(id, "before Ben"));
  await letIn(ada, ben, id);
  await settle(ada, ben);
  good(await ben.client.stop());
  good(await ada.client.send(id, "one"));
  good(await ada.client.sync());
  good(await ada.client.send(id, "two"));
  good(await ada.client.sync());
  const back = await replaced(ben);
  await settle(back, ada);
  // The device that is gone may still bring it, for all they know.
  time.adjust(MINUTE_MS);
  await expectAtRest(
    async () => {
      expect(await textsOf(back, id)).toEqual(["one", "two"]);
      expect(good(await tablesOf(back).missed.scan())).toEqual([]);
    },
    back,
    ada,
  );
  await stopAll(ada, back);
});

test("[RM24] a device that is linked asks nobody to send again what its account has", async () => {
  const [ada, ben] = [await ownerOf("ada.linked"), await ownerOf("ben.linked")];
  await befriend(ada, ben);
  const { id } = good(await ada.client.createRoom("Garden"));
  await letIn(ada, ben, id);
  good(await ada.client.send(id, "from Ada"));
  await settle(ada, ben);
  good(await ben.client.send(id, "from Ben"));
  await settle(ada, ben);
  const sentBy = async (device: Device) =>
    good(await tablesOf(device).roomsent.scan()).map(({ value }) => value.entryId);
  const before = [await sentBy(ada), await sentBy(ben)];
  expect(before.map(({ length }) => length)).toEqual([1, 1]);
  const tablet = await linkedDevice(ada.client, "tablet", platform());
  await settle(tablet, ada, ben);
  time.adjust(MINUTE_MS);
  await settle(tablet, ada, ben);
  await settle(tablet, ada, ben);
  expect(await textsOf(tablet, id)).toEqual(["from Ada", "from Ben"]);
  expect([await sentBy(ada), await sentBy(ben)]).toEqual(before);
  await stopAll(ada, ben, tablet);
});

test("[RM64] a room whose only device with its group was emptied is begun anew once nobody answers, and who had it after all comes in again", async () => {
  const ada = await ownerOf("ada.alone");
  const { id } = good(await ada.client.createRoom("Garden"));
  good(await ada.client.send(id, "before"));
  await settle(ada);
  good(await ada.client.stop());
  const back = await replaced(ada);
  await settle(back);
  expect(await roomViewOf(back, id)).toEqual({ name: "Garden", state: "joining", people: 1 });
  time.adjust(MINUTE_MS);
  await settle(back);
  expect(await roomViewOf(back, id)).toEqual({ name: "Garden", state: "joining", people: 1 });
  time.adjust(MINUTE_MS);
  await expectAtRest(async () => {
    expect(await roomViewOf(back, id)).toEqual({ name: "Garden", state: "joined", people: 1 });
  }, back);
  good(await back.client.send(id, "after"));
  await settle(back);
  // It was not emptied: it was away.
  const away = await reopened(ada.platform);
  good(await away.client.send(id, "from who was away"));
  await settle(away, back);
  time.adjust(MINUTE_MS);
  await expectAtRest(
    async () => {
      for (const device of [away, back]) {
        expect(await roomViewOf(device, id)).toEqual({ name: "Garden", state: "joined", people: 1 });
        expect(await textsOf(device, id)).toEqual(["before", "after", "from who was away"]);
      }
    },
    away,
    back,
  );
  await expectSameState(away, back);
  await stopAll(away, back);
});

test("[RM64] somebody who was left alone in a room that another founded begins it anew when their only device is emptied", async () => {
  const [ada, ben] = [await ownerOf("ada.leaver"), await ownerOf("ben.left")];
  await befriend(ada, ben);
  const { id } = good(await ada.client.createRoom("Garden"));
  await letIn(ada, ben, id);
  good(await ada.client.leaveRoom(id));
  await settle(ada, ben);
  good(await ben.client.send(id, "alone"));
  await settle(ben);
  good(await ben.client.stop());
  const back = await replaced(ben);
  await settle(back);
  expect(await roomViewOf(back, id)).toEqual({ name: "Garden", state: "joining", people: 1 });
  for (let minute = 0; minute < 2; minute++) {
    time.adjust(MINUTE_MS);
    await settle(back);
  }
  await expectAtRest(async () => {
    expect(await roomViewOf(back, id)).toEqual({ name: "Garden", state: "joined", people: 1 });
  }, back);
  expect(await textsOf(back, id)).toEqual(["alone"]);
  // They own it now, and ask in whom they like, who founded it too.
  await letIn(back, ada, id);
  good(await back.client.send(id, "again"));
  await expectAtRest(
    async () => {
      expect(await roomViewOf(ada, id)).toEqual({ name: "Garden", state: "joined", people: 2 });
      expect(await textsOf(ada, id)).toContain("again");
    },
    back,
    ada,
  );
  await stopAll(ada, back);
});

/** Ada's room with Ben and Carl in it. */
async function roomOfThree(story: string) {
  const [ada, ben, carl] = [
    await ownerOf(`ada.${story}`),
    await ownerOf(`ben.${story}`),
    await ownerOf(`carl.${story}`),
  ];
  await befriend(ada, ben);
  await befriend(ada, carl);
  const { id } = good(await ada.client.createRoom("Garden"));
  await letIn(ada, ben, id);
  await letIn(ada, carl, id);
  await settle(ada, ben, carl);
  return { ada, ben, carl, id };
}

test("[RM68] a device to which the log gives nothing by the keys there are is told those of now by a contact who is in the room", async () => {
  const { ada, ben, carl, id } = await roomOfThree("shut");
  good(await ben.client.stop());
  // With Carl the keys go, and nobody of Ben's is there to follow.
  good(await ada.client.removeFromRoom(id, await accountIdOf(carl)));
  await settle(ada, carl);
  good(await ada.client.stop());
  const back = await replaced(ben);
  await settle(back);
  expect(await roomViewOf(back, id)).toEqual({ name: "Garden", state: "joining", people: 3 });
  const host = await reopened(ada.platform);
  await settle(host, back);
  await expectAtRest(
    async () => {
      for (const device of [host, back])
        expect(await roomViewOf(device, id)).toEqual({ name: "Garden", state: "joined", people: 2 });
    },
    host,
    back,
  );
  good(await host.client.send(id, "for Ben"));
  good(await back.client.send(id, "for Ada"));
  await expectAtRest(
    async () => {
      for (const device of [host, back])
        expect([...(await textsOf(device, id))].sort()).toEqual(["for Ada", "for Ben"]);
    },
    host,
    back,
  );
  // A device that is linked then needs nobody else.
  good(await host.client.stop());
  const tablet = await linkedDevice(back.client, "tablet", platform());
  await settle(back, tablet);
  await expectAtRest(
    async () => {
      expect(await roomViewOf(tablet, id)).toEqual({ name: "Garden", state: "joined", people: 2 });
    },
    back,
    tablet,
  );
  await stopAll(carl, back, tablet);
});

test("[RM68] a device of somebody who was taken out while they had none is told so, by as many as there are to ask or two", async () => {
  const { ada, ben, carl, id } = await roomOfThree("ousted");
  const benId = await accountIdOf(ben);
  await befriend(ben, carl);
  good(await ben.client.stop());
  good(await ada.client.removeFromRoom(id, benId));
  await settle(ada, carl);
  const back = await replaced(ben);
  // Whichever is asked first: one alone could as well make it up.
  await settle(back, ada, carl, back);
  expect((await roomViewOf(back, id)).state).toBe("joining");
  time.adjust(MINUTE_MS);
  await expectAtRest(
    async () => {
      expect((await roomViewOf(back, id)).state).toBe("removed");
    },
    back,
    ada,
    carl,
  );
  // And they come in again as anybody does.
  good(await ada.client.inviteToRoom(id, benId));
  await settle(ada, back);
  good(await back.client.acceptRoom(id));
  await expectAtRest(
    async () => {
      expect(await roomViewOf(back, id)).toEqual({ name: "Garden", state: "joined", people: 3 });
    },
    ada,
    back,
    carl,
  );
  await stopAll(ada, carl, back);
});

test("[RM68] a device of somebody who was taken out and asked in again while they had none learns so from who is asked, and asks its person", async () => {
  const { ada, ben, carl, id } = await roomOfThree("twice");
  const benId = await accountIdOf(ben);
  await befriend(ben, carl);
  good(await ben.client.stop());
  good(await ada.client.removeFromRoom(id, benId));
  await settle(ada, carl);
  good(await ada.client.inviteToRoom(id, benId));
  await settle(ada, carl);
  const back = await replaced(ben);
  // One alone could as well make it up.
  await settle(back, ada, carl, back);
  expect((await roomViewOf(back, id)).state).toBe("joining");
  time.adjust(MINUTE_MS);
  await expectAtRest(
    async () => {
      expect((await roomViewOf(back, id)).state).toBe("invited");
    },
    back,
    ada,
    carl,
  );
  good(await back.client.acceptRoom(id));
  await expectAtRest(
    async () => {
      expect(await roomViewOf(back, id)).toEqual({ name: "Garden", state: "joined", people: 3 });
    },
    ada,
    back,
    carl,
  );
  good(await ada.client.send(id, "welcome back"));
  await expectAtRest(
    async () => {
      expect(await textsOf(back, id)).toEqual(["welcome back"]);
    },
    ada,
    back,
  );
  await stopAll(ada, carl, back);
});

test("[RM68] who is not in the room is told no keys, and keys of somebody who was not asked are not taken", async () => {
  const { ada, ben, carl, id } = await roomOfThree("curious");
  good(await ada.client.removeFromRoom(id, await accountIdOf(carl)));
  await settle(ada, ben, carl);
  good(await carl.client.stop());
  const changed = await engineOf(carl.platform);
  const { context, conversations, contacts, rooms } = changed.engine;
  const writeTo = (to: Device, kind: number, payload: Uint8Array) =>
    context.serial.run(async () => {
      const contact = present(good(await contacts.get(await accountIdOf(to))), "they are contacts");
      good(await conversations.write(contact, kind, payload));
    });
  const secret = new Uint8Array(ROOM_LINK_SECRET_BYTES);
  await writeTo(ada, OP_KIND.roomJoin, encode(roomJoinPayloadShape, { roomId: id, secret }));
  await settle(changed, ada, changed);
  expect(good(await tablesOf(ada).joinask.scan())).toEqual([]);
  expect(good(await tablesOf(ada).invitee.scan())).toEqual([]);
  expect(good(await tablesOf(changed).invitation.scan())).toEqual([]);
  // What Carl says of the room's keys Ada has not asked him for.
  const before = good(await tablesOf(ada).roomkeys.get(id));
  const { logId, origin } = present(good(await rooms.book.get(id)), "the room is there").keys;
  const keys = { logId, origin, generation: 99, accessSeed: new Uint8Array(32), roomKey: new Uint8Array(32) };
  const from = { incarnation: 0, seq: 0, chain: new Uint8Array(32) };
  const told = { keys: { ...keys, from }, name: "Garden", sinceEpoch: 0, history: null };
  await writeTo(ada, OP_KIND.roomInvitation, encode(roomInvitationPayloadShape, told));
  await settle(changed, ada);
  const out = encode(roomOutPayloadShape, { roomId: id, epoch: 99 });
  await writeTo(ada, OP_KIND.roomOut, out);
  await settle(changed, ada);
  expect(good(await tablesOf(ada).roomkeys.get(id))).toEqual(before);
  expect((await roomViewOf(ada, id)).state).toBe("joined");
  expect(good(await tablesOf(ada).invitation.scan())).toEqual([]);
  await stopAll(ada, ben, changed);
});

/** The program of somebody, who has it changed, and what it says to a contact. */
async function changedProgram(owner: Owner) {
  good(await owner.client.stop());
  const changed = await engineOf(owner.platform);
  const { context, contacts, conversations, rooms } = changed.engine;
  const say = (to: Device, kind: number, payload: Uint8Array) =>
    context.serial.run(async () => {
      const contact = present(good(await contacts.get(await accountIdOf(to))), "they are contacts");
      good(await conversations.write(contact, kind, payload));
    });
  const keysOf = async (id: ConversationId) =>
    present(good(await context.serial.run(() => rooms.book.get(id))), "the room is known").keys;
  return { ...changed, say, keysOf };
}

test("[RM13] who is in a room is asked out of it by no invitation, and in again by one that came before they could know that they were out", async () => {
  const { ada, ben, carl, id } = await roomOfThree("knocked");
  const benId = await accountIdOf(ben);
  await befriend(ben, carl);
  good(await ada.client.removeFromRoom(id, await accountIdOf(carl)));
  await settle(ada, ben, carl);
  const changed = await changedProgram(carl);
  const { logId, origin } = await changed.keysOf(id);
  const from = { incarnation: 0, seq: 0, chain: new Uint8Array(32) };
  const keys = { logId, origin, generation: 99, accessSeed: new Uint8Array(32), roomKey: new Uint8Array(32) };
  for (const sinceEpoch of [98, 99]) {
    const told = { keys: { ...keys, from }, name: "Trap", sinceEpoch, history: null };
    await changed.say(ben, OP_KIND.roomInvitation, encode(roomInvitationPayloadShape, told));
  }
  await settle(changed, ben);
  expect(await roomViewOf(ben, id)).toEqual({ name: "Garden", state: "joined", people: 2 });
  good(await ben.client.send(id, "still here"));
  await settle(ben, ada);
  expect(await textsOf(ada, id)).toEqual(["still here"]);
  expect(good(await tablesOf(ben).invitation.scan())).toHaveLength(1);
  await stopAll(changed, ben);
  good(await ada.client.removeFromRoom(id, benId));
  await settle(ada);
  good(await ada.client.inviteToRoom(id, benId));
  await settle(ada);
  const back = await reopened(ben.platform);
  await expectAtRest(
    async () => {
      expect((await roomViewOf(back, id)).state).toBe("invited");
    },
    back,
    ada,
  );
  await stopAll(ada, back);
});

test("[RM68] who has said yes and was taken out before they had come in is told so by who had asked them in, and can be asked in again", async () => {
  const [ada, ben] = [await ownerOf("ada.early"), await ownerOf("ben.early")];
  await befriend(ada, ben);
  const { id } = good(await ada.client.createRoom("Garden"));
  const benId = await accountIdOf(ben);
  good(await ada.client.inviteToRoom(id, benId));
  await settle(ada, ben);
  good(await ben.client.stop());
  good(await ada.client.removeFromRoom(id, benId));
  await settle(ada);
  good(await ada.client.inviteToRoom(id, benId));
  await settle(ada);
  // Yes, before anything of this was heard: as with a server that is away.
  const { engine, ...early } = await engineOf(ben.platform);
  good(await engine.context.serial.run(() => engine.rooms.accept(id)));
  await stopAll(early);
  const back = await reopened(ben.platform);
  await settle(back, ada);
  time.adjust(MINUTE_MS);
  await expectAtRest(
    async () => {
      expect((await roomViewOf(back, id)).state).toBe("invited");
    },
    back,
    ada,
  );
  good(await back.client.acceptRoom(id));
  await expectAtRest(
    async () => {
      expect(await roomViewOf(back, id)).toEqual({ name: "Garden", state: "joined", people: 2 });
    },
    back,
    ada,
  );
  await stopAll(ada, back);
});

test("[RM68] who was never in a room learns of nobody whether they are, though they know what its log is called", async () => {
  const { ada, ben, carl, id } = await roomOfThree("private");
  const dora = await ownerOf("dora.private");
  await befriend(ben, dora);
  await befriend(ben, carl);
  good(await ada.client.removeFromRoom(id, await accountIdOf(carl)));
  await settle(ada, ben, carl);
  const payload = encode(roomJoinPayloadShape, {
    ...{ roomId: id, secret: new Uint8Array(ROOM_LINK_SECRET_BYTES) },
  });
  for (const [asker, answers] of [
    [carl, 1],
    [dora, 0],
  ] as const) {
    const changed = await changedProgram(asker);
    const outs = async () =>
      (await storedOps(tablesOf(changed))).filter(({ op }) => op.kind === OP_KIND.roomOut).length;
    // Asked twice at once, nobody is answered twice.
    for (let ask = 0; ask < 2; ask++) await changed.say(ben, OP_KIND.roomJoin, payload);
    await settle(changed, ben, changed);
    expect(await outs()).toBe(answers);
    expect(good(await tablesOf(ben).joinask.scan())).toEqual([]);
    await stopAll(changed);
  }
  // A device that came after Carl went knows that its account had let him in.
  const tablet = await linkedDevice(ada.client, "tablet", platform());
  await settle(tablet, ada, ben);
  const changed = await changedProgram(carl);
  await settle(changed, ada);
  good(await ada.client.stop());
  await changed.say(tablet, OP_KIND.roomJoin, payload);
  await settle(changed, tablet, changed);
  const outs = (await storedOps(tablesOf(changed))).filter(({ op }) => op.kind === OP_KIND.roomOut);
  expect(outs).toHaveLength(2);
  await stopAll(changed, ben, tablet);
});

test("[RM69] a room whose founder's only device was emptied, and in which nobody else has come, is begun anew with everybody in it", async () => {
  const [ada, ben] = [await ownerOf("ada.nobody"), await ownerOf("ben.nobody")];
  await befriend(ada, ben);
  const { id } = good(await ada.client.createRoom("Garden"));
  good(await ada.client.inviteToRoom(id, await accountIdOf(ben)));
  await settle(ada, ben);
  good(await ada.client.setRoomRole(id, await accountIdOf(ben), "admin"));
  await settle(ada, ben);
  good(await ada.client.stop());
  const back = await replaced(ada);
  await settle(back);
  time.adjust(MINUTE_MS);
  await settle(back);
  expect((await roomViewOf(back, id)).state).toBe("joining");
  time.adjust(MINUTE_MS);
  await expectAtRest(async () => {
    expect(await roomViewOf(back, id)).toEqual({ name: "Garden", state: "joined", people: 2 });
  }, back);
  good(await ben.client.acceptRoom(id));
  await settle(ben, back);
  await expectAtRest(
    async () => {
      expect(await roomViewOf(ben, id)).toEqual({ name: "Garden", state: "joined", people: 2 });
    },
    ben,
    back,
  );
  const [room] = good(await ben.client.rooms());
  expect(room?.members.map(({ role }) => role).sort()).toEqual(["admin", "owner"]);
  good(await ben.client.send(id, "from Ben"));
  good(await back.client.send(id, "from Ada"));
  await expectAtRest(
    async () => {
      for (const device of [ben, back])
        expect([...(await textsOf(device, id))].sort()).toEqual(["from Ada", "from Ben"]);
    },
    ben,
    back,
  );
  await stopAll(ben, back);
});

test("[RM69] who was away and has the group that was given up for lost keeps it, and who has begun another comes back into that", async () => {
  const [ada, ben] = [await ownerOf("ada.patient"), await ownerOf("ben.patient")];
  await befriend(ada, ben);
  const { id } = good(await ada.client.createRoom("Garden"));
  await letIn(ada, ben, id);
  good(await ben.client.send(id, "before"));
  await settle(ada, ben);
  good(await ben.client.stop());
  good(await ada.client.stop());
  const back = await replaced(ada);
  await settle(back);
  for (let minute = 0; minute < 2; minute++) {
    time.adjust(MINUTE_MS);
    await settle(back);
  }
  await expectAtRest(async () => {
    expect((await roomViewOf(back, id)).state).toBe("joined");
  }, back);
  good(await back.client.send(id, "while Ben was away"));
  await settle(back);
  good(await back.client.stop());
  // Nobody is there but Ben, and the room goes on for him.
  const home = await reopened(ben.platform);
  good(await home.client.send(id, "while Ada was away"));
  await settle(home);
  expect(await roomViewOf(home, id)).toEqual({ name: "Garden", state: "joined", people: 2 });
  good(await home.client.stop());
  const both = [await reopened(back.platform), await reopened(ben.platform)] as const;
  await settle(...both);
  time.adjust(MINUTE_MS);
  await expectAtRest(
    async () => {
      for (const device of both) {
        expect(await roomViewOf(device, id)).toEqual({ name: "Garden", state: "joined", people: 2 });
        expect([...(await textsOf(device, id))].sort()).toEqual([
          "before",
          "while Ada was away",
          "while Ben was away",
        ]);
      }
    },
    ...both,
  );
  await stopAll(...both);
});
