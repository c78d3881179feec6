/** History of a room for who comes later, over a server whose clock the story sets. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import { silentLogger } from "../../core/base/logger.ts";
import type { AccountId, ConversationId, RoomView } from "@dovetail/core";
import { ROOM_HISTORY_DAYS_MAX } from "../../core/base/limits.ts";
import type { Engine } from "../../core/client/engine.ts";
import { createRoomAnew } from "../../core/client/rooms/log/room-anew.ts";
import { createRoomSending } from "../../core/client/rooms/sending/room-sending.ts";
import { createRoomMissed } from "../../core/client/rooms/reading/room-missed.ts";
import { encode } from "../../core/codec/shape.ts";
import { createGroupCrypto } from "../../core/group/crypto-provider.ts";
import { createOp, messagePayloadShape, type NamedOp, OP_KIND } from "../../core/messenger/op.ts";
import { createMemoryStore } from "../../sync-server/store/memory/memory-store.ts";
import { createAdjustableClock } from "../support/adjustable-clock.ts";
import { bad, engineReady, good, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import { type LocalServer, startLocalServer } from "../support/server-in-process.ts";
import {
  accountIdOf,
  alarmsOf,
  type Device,
  engineOf,
  reopened,
  settle,
  stopAll,
  storedOps,
  tablesOf,
  textsOf,
} from "../support/story.ts";

const DAY_MS = 86_400_000;
const HISTORY_AGAIN_MS = 3_600_000;
const time = createAdjustableClock();
let server: LocalServer;
beforeAll(async () => {
  await engineReady();
  server = await startLocalServer({ admissionWorkBits: 4 }, createMemoryStore(), silentLogger, time);
});
afterAll(() => server.close());

const platform = () => memoryPlatform({ clock: time });
async function roomOf({ client }: Device, roomId: ConversationId): Promise<RoomView> {
  return present(
    good(await client.rooms()).find(({ id }) => id === roomId),
    "the room is there",
  );
}

let stories = 0;
/** Ada, and people whom she has accepted. */
async function peopleOf(count: 2): Promise<readonly [Device, Device, Device]> {
  const n = stories++;
  const ada = await newAccount(server.origin, `ada${n}`, platform());
  const others: Device[] = [];
  for (let at = 0; at < count; at++) {
    const other = await newAccount(server.origin, `other${n}.${at}`, platform());
    good(await other.client.addContact(good(await ada.client.contactLink())));
    await settle(other, ada);
    good(await ada.client.acceptContact(await accountIdOf(other)));
    await settle(ada, other);
    others.push(other);
  }
  const [ben, eve] = others;
  return [ada, present(ben, "the second"), present(eve, "the third")];
}

async function letIn(host: Device, guest: Device, roomId: ConversationId, ...others: readonly Device[]) {
  good(await host.client.inviteToRoom(roomId, await accountIdOf(guest)));
  await settle(host, guest, ...others);
  const invitation = await roomOf(guest, roomId);
  good(await guest.client.acceptRoom(roomId));
  await settle(guest, host, ...others);
  return invitation;
}

test("[RM39][RM40][RM41][RM43][RM45][RM47] who comes later sees the last days, told before they join, and all their devices; without history nothing", async () => {
  const [ada, ben, eve] = await peopleOf(2);
  const { id } = good(await ada.client.createRoom("Garden"));
  await letIn(ada, ben, id);
  good(await ada.client.send(id, "Before there was history"));
  good(await ada.client.setRoomHistory(id, { days: 2 }));
  expect(bad(await ben.client.setRoomHistory(id, null))).toEqual({ type: "RoomForbids", rule: "history" });
  for (const days of [0, ROOM_HISTORY_DAYS_MAX + 1, 0.5])
    expect(bad(await ada.client.setRoomHistory(id, { days }))).toEqual({ type: "BadRoomHistory" });
  await settle(ada, ben);
  good(await ada.client.send(id, "Too old"));
  await settle(ada, ben);
  time.adjust(3 * DAY_MS);
  good(await ben.client.send(id, "Ben yesterday"));
  await settle(ada, ben);
  good(await ada.client.send(id, "Ada today"));
  const { id: taken } = good(await ada.client.send(id, "Never mind"));
  await settle(ada, ben);
  good(await ada.client.redact({ conversationId: id, id: taken }));
  await settle(ada, ben);
  // Who has left wrote what they wrote.
  good(await ben.client.leaveRoom(id));
  await settle(ben, ada);
  const { id: plain } = good(await ada.client.createRoom("Without"));
  good(await ada.client.send(plain, "Nobody is shown this"));
  await settle(ada);
  expect(await letIn(ada, eve, plain)).toMatchObject({ state: "invited", history: null });
  expect(await letIn(ada, eve, id)).toMatchObject({ state: "invited", history: { days: 2 } });
  expect(await textsOf(eve, id)).toEqual(["Ben yesterday", "Ada today", ""]);
  expect(await roomOf(eve, id)).toMatchObject({
    unreadCount: 0,
    history: { days: 2 },
    former: [{ accountId: await accountIdOf(ben), name: good(await ben.client.account()).displayName }],
    earlier: { state: "done", received: 2, left: 0 },
  });
  expect(await textsOf(eve, plain)).toEqual([]);
  expect(await roomOf(eve, plain)).toMatchObject({ history: null, earlier: null });
  // Only where they are handed on do messages prove who wrote them.
  const proofs = async (roomId: ConversationId) =>
    (await storedOps(tablesOf(ada), roomId)).map(({ op }) => op.ext !== null);
  expect(await proofs(plain)).toEqual([false]);
  // The first was written without; what is left of one that was taken back is nobody's word any more.
  expect(await proofs(id)).toEqual([false, true, true, true, false, true]);
  // A device that is linked later has it from its sibling, and asks nobody.
  const asked = good(await tablesOf(ada).historyask.scan()).map(({ value }) => value.count);
  const phone = await linkedDevice(eve.client, "phone", platform());
  await settle(eve, phone, ada, phone);
  expect(await textsOf(phone, id)).toEqual(["Ben yesterday", "Ada today", ""]);
  expect(good(await tablesOf(ada).historyask.scan()).map(({ value }) => value.count)).toEqual(asked);
  await stopAll(ada, ben, eve, phone);
});

test("[SD17][RM41] who comes later has the notes of before, whole and however old, and writes on in them; not those from before the history, nor what was taken away", async () => {
  const [ada, ben, eve] = await peopleOf(2);
  const { id } = good(await ada.client.createRoom("Garden"));
  await letIn(ada, ben, id);
  const early = good(await ada.client.createRoomDocument(id, "note", "Before there was history"));
  await settle(ada, ben);
  good(await ada.client.setRoomHistory(id, { days: 1 }));
  await settle(ada, ben);
  const note = good(await ada.client.createRoomDocument(id, "note", "Trip"));
  const gone = good(await ada.client.createRoomDocument(id, "list", "Taken away"));
  good(await ada.client.send(id, "Too old"));
  await settle(ada, ben);
  good(await ben.client.editRoomDocument(id, note.id, { type: "text", text: "Pack the tent" }));
  good(await ben.client.editRoomDocument(id, early.id, { type: "text", text: "Not for all" }));
  good(await ben.client.editRoomDocument(id, gone.id, { type: "add", text: "Nobody's business" }));
  await settle(ada, ben);
  good(await ada.client.removeRoomDocument(id, gone.id));
  await settle(ada, ben);
  time.adjust(3 * DAY_MS);
  good(await ada.client.editRoomDocument(id, note.id, { type: "text", text: "Pack the big tent" }));
  await settle(ada, ben);
  // Who has left wrote what they wrote.
  good(await ben.client.leaveRoom(id));
  await settle(ben, ada);
  await letIn(ada, eve, id);
  const view = { id: note.id, title: "Trip", text: "Pack the big tent", waitingCount: 0 };
  expect(good(await eve.client.roomDocuments(id))).toMatchObject([view]);
  expect(await textsOf(eve, id)).toEqual([]);
  expect(await roomOf(eve, id)).toMatchObject({ unreadCount: 0, earlier: { state: "done", received: 0 } });
  const kinds = (await storedOps(tablesOf(eve), id)).map(({ op }) => op.kind);
  expect(kinds.toSorted((a, b) => a - b)).toEqual([
    OP_KIND.sharedDocument,
    OP_KIND.sharedChange,
    OP_KIND.sharedChange,
    OP_KIND.sharedRemoval,
  ]);
  good(await eve.client.editRoomDocument(id, note.id, { type: "text", text: "Pack the big tent and food" }));
  await settle(eve, ada);
  const [, adas] = good(await ada.client.roomDocuments(id));
  expect(adas).toMatchObject({ ...view, text: "Pack the big tent and food" });
  const phone = await linkedDevice(eve.client, "phone", platform());
  await settle(eve, phone, ada, phone);
  expect(good(await phone.client.roomDocuments(id))).toMatchObject([
    { ...view, text: "Pack the big tent and food" },
  ]);
  await stopAll(ada, ben, eve, phone);
});

test("[RM42][RM44][RM46] what a member made up is refused, and the member named; what another has comes all the same", async () => {
  const [ada, ben, eve] = await peopleOf(2);
  const phone = await linkedDevice(eve.client, "phone", platform());
  const { id } = good(await ada.client.createRoom("Garden"));
  await letIn(ada, ben, id);
  good(await ada.client.setRoomHistory(id, { days: null }));
  await settle(ada, ben);
  good(await ada.client.send(id, "As Ada wrote it"));
  await settle(ada, ben);
  // Each has read what was before theirs: that is their order.
  good(await ben.client.send(id, "Ben's own"));
  await settle(ben, ada);
  const { id: taken } = good(await ada.client.send(id, "Taken back since"));
  await settle(ada, ben);
  const kept = (await storedOps(tablesOf(ben), id)).filter((op) => op.id === taken);
  good(await ada.client.redact({ conversationId: id, id: taken }));
  await settle(ada, ben);
  good(await ada.client.inviteToRoom(id, await accountIdOf(eve)));
  await settle(ada, ben, eve);
  await stopAll(ada, ben);
  const alarms = alarmsOf(eve);
  good(await eve.client.acceptRoom(id));
  await settle(eve, phone);
  expect(await roomOf(eve, id)).toMatchObject({ earlier: { state: "asked", received: 0 } });
  // Ben's changed program answers before his own would.
  const changed = await engineOf(ben.platform);
  const token = present(good(await tablesOf(eve).history.get(id))?.ask?.token, "a question");
  await answerForged(changed.engine, id, { asker: await accountIdOf(eve), token }, kept);
  await settle(changed, eve);
  expect(alarms).toEqual([{ type: "HistoryForged", roomId: id, accountId: await accountIdOf(changed) }]);
  expect(await textsOf(eve, id)).toEqual(["Taken back since"]);
  const back = await reopened(ada.platform);
  await settle(back, eve, changed, eve, phone);
  // What its author has taken back goes once somebody tells of it.
  expect(await textsOf(eve, id)).toEqual(["As Ada wrote it", "Ben's own", ""]);
  expect(await roomOf(eve, id)).toMatchObject({ earlier: { state: "done", received: 3 } });
  // Both of her devices came at once; one has asked for both.
  expect(await textsOf(phone, id)).toEqual(["As Ada wrote it", "Ben's own", ""]);
  expect(good(await tablesOf(back).historyask.scan()).map(({ value }) => value.count)).toEqual([2]);
  expect(await roomOf(phone, id)).toMatchObject({ earlier: { state: "done" } });
  await stopAll(back, changed, eve, phone);
});

test("[RM45] what somebody wrote while they were muted, which no member took, is not handed on by themselves", async () => {
  const [ada, ben, eve] = await peopleOf(2);
  const { id } = good(await ada.client.createRoom("Garden"));
  await letIn(ada, ben, id);
  good(await ada.client.setRoomHistory(id, { days: null }));
  await settle(ada, ben);
  good(await ben.client.send(id, "Before"));
  await settle(ben, ada);
  const muted = await accountIdOf(ben);
  good(await ben.client.stop());
  good(await ada.client.muteInRoom(id, muted, time.nowMs() + DAY_MS));
  await settle(ada);
  const away = await reopened(ben.platform);
  // Ben writes before he hears of it.
  good(await away.client.send(id, "Muted"));
  await settle(away, ada);
  expect(await textsOf(ada, id)).toEqual(["Before"]);
  await letIn(ada, eve, id, away);
  await settle(eve, away, ada);
  expect(await roomOf(eve, id)).toMatchObject({ earlier: { state: "done" } });
  expect(await textsOf(eve, id)).toEqual(["Before"]);
  await stopAll(ada, away, eve);
});

test("[RM42] what somebody wrote whose server is gone holds up nothing else, and is taken over when it is back", async () => {
  const store = createMemoryStore();
  const far = await startLocalServer({ admissionWorkBits: 4 }, store, silentLogger, time);
  const [ada, , eve] = await peopleOf(2);
  const zoe = await newAccount(far.origin, "zoe", platform());
  good(await zoe.client.addContact(good(await ada.client.contactLink())));
  await settle(zoe, ada);
  good(await ada.client.acceptContact(await accountIdOf(zoe)));
  await settle(ada, zoe);
  const { id } = good(await ada.client.createRoom("Garden"));
  await letIn(ada, zoe, id);
  good(await ada.client.setRoomHistory(id, { days: null }));
  await settle(ada, zoe);
  good(await ada.client.send(id, "Ada's own"));
  await settle(ada, zoe);
  good(await zoe.client.send(id, "From far away"));
  await settle(zoe, ada);
  good(await zoe.client.leaveRoom(id));
  await settle(zoe, ada);
  await stopAll(zoe);
  await far.close();
  const alarms = alarmsOf(eve);
  await letIn(ada, eve, id);
  good(await eve.client.send(id, "Hello from Eve"));
  await settle(eve, ada);
  expect(await textsOf(eve, id)).toEqual(["Ada's own", "Hello from Eve"]);
  expect(await textsOf(ada, id)).toContain("Hello from Eve");
  expect(alarms).toEqual([]);
  const back = await startLocalServer({ admissionWorkBits: 4, port: far.port }, store, silentLogger, time);
  time.adjust(HISTORY_AGAIN_MS);
  await settle(eve, ada);
  expect(await textsOf(eve, id)).toEqual(["Ada's own", "From far away", "Hello from Eve"]);
  expect(good(await tablesOf(eve).historyin.scan())).toEqual([]);
  await stopAll(ada, eve);
  await back.close();
});

/** Ada's message with other words under her proof, one in her name without, and what the member has kept. */
async function answerForged(
  { context, rooms, roomOutbox, chains, tables }: Engine,
  roomId: ConversationId,
  to: { readonly asker: AccountId; readonly token: Uint8Array },
  kept: readonly NamedOp[],
): Promise<void> {
  const rows = (await storedOps(tables, roomId)).map(({ op }) => op);
  const real = present(
    rows.find(({ author, ext }) => author !== context.identity.accountId && ext !== null),
    "Ada's message",
  );
  const payload = encode(messagePayloadShape, { text: "As Ada never wrote it" });
  const forged = [createOp({ ...real, payload }), createOp({ ...real, payload, ext: null, deviceSeq: 9 })];
  const never = () => Promise.reject(new Error("nothing is read"));
  const { letters } = createRoomSending({
    ...{ context, chains, groups: rooms.groups, outbox: roomOutbox, missed: createRoomMissed(tables) },
    anew: createRoomAnew(tables),
    deps: { suite: createGroupCrypto(context.random) },
    intake: { place: never, reader: never },
  });
  const record = present(good(await rooms.book.get(roomId)), "the room");
  const ops = [...forged, ...kept].map(({ bytes }) => bytes);
  const letter = { type: "answer" as const, ...to, ops, left: 0, isLast: true };
  expect(good(await context.serial.run(() => letters.sealWord(roomId, record, letter, [])))).toBe(true);
}
