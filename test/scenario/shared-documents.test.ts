/** Stories of documents that the members of a room write together, over the real server program and real sockets. */
import { expect, test } from "vitest";
import type { ConversationId, OpId, Platform, RoomDocumentEdit, RoomDocumentView } from "@dovetail/core";
import { present } from "../../core/base/assert.ts";
import {
  SHARED_DEPTH_MAX,
  SHARED_DOCUMENTS_PER_ACCOUNT_MAX,
  SHARED_ITEM_BYTES_MAX,
  SHARED_NOTE_BYTES_MAX,
  SHARED_OPERATIONS_PER_CHANGE_MAX,
  SHARED_TITLE_BYTES_MAX,
} from "../../core/base/limits.ts";
import { encode } from "../../core/codec/shape.ts";
import { createWebConnector } from "../../core/transport/web-connector.ts";
import { OP_KIND } from "../../core/messenger/op.ts";
import {
  type SharedStep,
  sharedChangePayloadShape,
  sharedRemovalPayloadShape,
} from "../../core/messenger/shared/shared-change.ts";
import { bad, good, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import {
  accountIdOf,
  createFriends,
  type Device,
  engineOf,
  reopened,
  settle,
  stopAll,
} from "../support/story.ts";
import { createSwitchedConnector } from "../support/switched-connector.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();

/** A device's ports, and the switch of its way to servers. */
function switchedPlatform() {
  const way = createSwitchedConnector(createWebConnector());
  return { way, platform: memoryPlatform({ connector: way }) };
}

/** Ada's room with Ben in it. */
async function createRoomOfTwo(
  name: string,
  platforms: { readonly ada?: Platform; readonly ben?: Platform } = {},
) {
  const names = [`ada.${name}`, `ben.${name}`] as const;
  const { ada, ben } = await createFriends(server.origin, names, platforms);
  const { id } = good(await ada.client.createRoom(name));
  good(await ada.client.inviteToRoom(id, await accountIdOf(ben)));
  await settle(ada, ben);
  good(await ben.client.acceptRoom(id));
  await settle(ada, ben);
  return { ada, ben, id };
}

async function documentOf({ client }: Device, roomId: ConversationId, id: OpId): Promise<RoomDocumentView> {
  const all = good(await client.roomDocuments(roomId));
  return present(
    all.find((one) => one.id === id),
    "the document is there",
  );
}

/** The document is the same on all of these. */
async function expectSame(roomId: ConversationId, id: OpId, ...devices: readonly Device[]) {
  const views = await Promise.all(devices.map((device) => documentOf(device, roomId, id)));
  const first = present(views[0], "a device");
  for (const view of views)
    expect({ ...view, version: [...view.version].sort() }).toEqual({
      ...first,
      version: [...first.version].sort(),
    });
  return first;
}

const edit = async ({ client }: Device, roomId: ConversationId, id: OpId, what: RoomDocumentEdit) =>
  good(await client.editRoomDocument(roomId, id, what));

test("[SD10] two people with two devices each write a note and a list apart, and have one of each", async () => {
  const ports = [switchedPlatform(), switchedPlatform(), switchedPlatform(), switchedPlatform()] as const;
  const [ofAda, ofBen, ofAdaPhone, ofBenPhone] = ports;
  const { ada, ben, id } = await createRoomOfTwo("shared", { ada: ofAda.platform, ben: ofBen.platform });
  const adaPhone = await linkedDevice(ada.client, "phone", ofAdaPhone.platform);
  const benPhone = await linkedDevice(ben.client, "phone", ofBenPhone.platform);
  const all = [ada, adaPhone, ben, benPhone];
  await settle(...all);
  const note = good(await ada.client.createRoomDocument(id, "note", "Trip"));
  await edit(ada, id, note.id, { type: "text", text: "Pack the tent" });
  const list = good(await benPhone.client.createRoomDocument(id, "list", "Shopping"));
  await edit(benPhone, id, list.id, { type: "add", text: "Milk" });
  await edit(benPhone, id, list.id, { type: "add", text: "Bread" });
  await settle(...all);
  const [milk, bread] = (await expectSame(id, list.id, ...all)).items;
  for (const { way } of ports) way.switch(false);
  await edit(ada, id, note.id, { type: "text", text: "Pack the big tent" });
  await edit(adaPhone, id, note.id, { type: "text", text: "Pack the tent and food" });
  await edit(ben, id, note.id, { type: "text", text: "Please pack the tent" });
  await edit(benPhone, id, note.id, { type: "title", text: "Trip to the sea" });
  await edit(ada, id, list.id, { type: "check", item: present(milk, "an item").id });
  await edit(adaPhone, id, list.id, { type: "add", text: "Eggs" });
  await edit(ben, id, list.id, { type: "item-text", item: present(milk, "an item").id, text: "Oat milk" });
  await edit(benPhone, id, list.id, { type: "remove", item: present(bread, "an item").id });
  expect(await documentOf(ada, id, list.id)).toMatchObject({ unsentCount: 1, items: [{}, {}] });
  for (const { way } of ports) way.switch(true);
  await settle(...all);
  expect(await expectSame(id, note.id, ...all)).toMatchObject({
    form: "note",
    title: "Trip to the sea",
    text: "Please pack the big tent and food",
    createdBy: await accountIdOf(ada),
    waitingCount: 0,
    unsentCount: 0,
    isFull: false,
  });
  const { items } = await expectSame(id, list.id, ...all);
  expect(items.map(({ text, isDone }) => [text, isDone])).toEqual([
    ["Oat milk", true],
    ["Eggs", false],
  ]);
  // What is taken off comes back to its place; where the item it stood before is gone, to the end.
  const [oatMilk, eggs] = items.map((item) => item.id);
  await edit(ada, id, list.id, { type: "remove", item: present(oatMilk, "an item") });
  await edit(ada, id, list.id, { type: "add", text: "Oat milk", item: present(eggs, "an item") });
  await edit(ben, id, list.id, { type: "add", text: "Salt", item: present(bread, "an item").id });
  await settle(...all);
  const back = await expectSame(id, list.id, ...all);
  expect(back.items.map(({ text }) => text)).toEqual(["Oat milk", "Eggs", "Salt"]);
  // SD12: what came while somebody was looking at an older version stays.
  const seen = await documentOf(ben, id, note.id);
  await edit(ada, id, note.id, { type: "text", text: "Please pack the big tent and food and water" });
  await settle(...all);
  good(await ben.client.editRoomDocument(id, note.id, { type: "text", text: `${seen.text}!` }, seen.version));
  await settle(...all);
  const { text } = await expectSame(id, note.id, ...all);
  expect(text).toContain(" and water");
  expect(text).toContain("!");
  // SD14
  expect(bad(await ada.client.removeRoomDocument(id, list.id))).toEqual({
    type: "RoomDocumentRefused",
    rule: "creator",
  });
  good(await benPhone.client.removeRoomDocument(id, list.id));
  expect(good(await benPhone.client.roomDocuments(id))).toHaveLength(1);
  await settle(...all);
  expect(good(await ada.client.roomDocuments(id)).map(({ title }) => title)).toEqual(["Trip to the sea"]);
  // A device that comes later, and one that starts again, make the same of the ops.
  const tablet = await linkedDevice(ada.client, "tablet");
  await settle(tablet, ada);
  await ben.client.stop();
  const benAgain = await reopened(ben.platform);
  expect((await expectSame(id, note.id, ada, tablet, benAgain)).text).toBe(text);
  await stopAll(ada, adaPhone, benAgain, benPhone, tablet);
});

test("[SD6] what a member with a changed program says harms nobody, and [SD14] only its maker removes a document", async () => {
  const platform = memoryPlatform();
  const { ada, ben, id } = await createRoomOfTwo("hostile", { ben: platform });
  const note = good(await ada.client.createRoomDocument(id, "note", "Rules"));
  await edit(ada, id, note.id, { type: "text", text: "Be kind" });
  await settle(ada, ben);
  await ben.client.stop();
  const eve = await engineOf(platform);
  const say = async (kind: number, payload: Uint8Array) =>
    good(
      await eve.engine.context.serial.run(() =>
        eve.engine.conversations.write({ accountId: null, conversationId: id }, kind, payload, {
          target: note.id,
        }),
      ),
    );
  const change = (steps: readonly SharedStep[], from: readonly OpId[] = [], after = [note.id]) =>
    encode(sharedChangePayloadShape, { version: 1, after, from, steps });
  const map = (key: string, depth: number): SharedStep[] =>
    Array.from({ length: depth }, (_, at) => ({
      type: "make",
      object: at === 0 ? null : { source: 0, index: at - 1 },
      slot: { type: "key", key },
      kind: "map",
      over: [],
    }));
  const text: SharedStep = {
    type: "type",
    object: { source: 1, index: "Rules".length + 1 },
    after: null,
    text: "x".repeat(SHARED_OPERATIONS_PER_CHANGE_MAX),
  };
  const said = [
    new Uint8Array(60_000).fill(0x85),
    new Uint8Array([0x85, 0x6f, 0x4a, 0x83]),
    change(map("a", SHARED_DEPTH_MAX + 1)),
    change(map("__proto__", 1)),
    change([text, text], [note.id]),
    change([{ ...text, object: { source: 1, index: 700 } }], [note.id]),
  ];
  const written: OpId[] = [];
  for (const payload of said) written.push((await say(OP_KIND.sharedChange, payload)).id);
  for (const bad of written) await say(OP_KIND.sharedChange, change(map("b", 1), [], [bad]));
  await say(OP_KIND.sharedRemoval, encode(sharedRemovalPayloadShape, { version: 1 }));
  await settle(ada, eve);
  expect(await expectSame(id, note.id, ada, eve)).toMatchObject({ title: "Rules", text: "Be kind" });
  await edit(eve, id, note.id, { type: "text", text: "Be kind, says Eve" });
  await edit(ada, id, note.id, { type: "text", text: "Please be kind" });
  await settle(ada, eve);
  expect((await expectSame(id, note.id, ada, eve)).text).toBe("Please be kind, says Eve");
  await stopAll(ada, eve);
});

test("[SD15] what was written while muted without knowing is in nobody's document, and stands in no one's way", async () => {
  const { way, platform } = switchedPlatform();
  const { ada, ben, id } = await createRoomOfTwo("muted", { ben: platform });
  const list = good(await ada.client.createRoomDocument(id, "list", "Jobs"));
  await settle(ada, ben);
  way.switch(false);
  good(await ada.client.muteInRoom(id, await accountIdOf(ben), Date.now() + 3_600_000));
  await settle(ada);
  await edit(ben, id, list.id, { type: "add", text: "written while muted" });
  way.switch(true);
  await settle(ada, ben);
  expect((await expectSame(id, list.id, ada, ben)).items).toEqual([]);
  const refusal = await ben.client.editRoomDocument(id, list.id, { type: "add", text: "no" });
  expect(bad(refusal)).toEqual({ type: "RoomDocumentRefused", rule: "muted" });
  good(await ada.client.muteInRoom(id, await accountIdOf(ben), null));
  await settle(ada, ben);
  await edit(ben, id, list.id, { type: "add", text: "Sweep" });
  await settle(ada, ben);
  expect((await expectSame(id, list.id, ada, ben)).items.map(({ text }) => text)).toEqual(["Sweep"]);
  // What has no place before its author is taken out.
  way.switch(false);
  good(await ada.client.removeFromRoom(id, await accountIdOf(ben)));
  await settle(ada);
  await edit(ben, id, list.id, { type: "add", text: "too late" });
  way.switch(true);
  await settle(ada, ben);
  expect((await expectSame(id, list.id, ada, ben)).items.map(({ text }) => text)).toEqual(["Sweep"]);
  expect(bad(await ben.client.createRoomDocument(id, "note", "Mine"))).toEqual({ type: "NotInRoom" });
  await stopAll(ada, ben);
});

test("[SD13] what a document takes, and [SD16] how many an account makes", async () => {
  const ada = await newAccount(server.origin, "ada.limits");
  const { id } = good(await ada.client.createRoom("limits"));
  const refusal = (rule: string) => ({ type: "RoomDocumentRefused", rule });
  const create = (title: string) => ada.client.createRoomDocument(id, "note", title);
  good(await create("t".repeat(SHARED_TITLE_BYTES_MAX - 1)));
  const note = good(await create("t".repeat(SHARED_TITLE_BYTES_MAX)));
  expect(bad(await create("t".repeat(SHARED_TITLE_BYTES_MAX + 1)))).toEqual(refusal("too-long"));
  expect(bad(await create("  "))).toEqual(refusal("empty"));
  const change = (document: { readonly id: OpId }, what: RoomDocumentEdit) =>
    ada.client.editRoomDocument(id, document.id, what);
  const text = (length: number) => change(note, { type: "text", text: "n".repeat(length) });
  good(await text(SHARED_NOTE_BYTES_MAX - 1));
  expect(good(await text(SHARED_NOTE_BYTES_MAX)).text).toHaveLength(SHARED_NOTE_BYTES_MAX);
  expect(bad(await text(SHARED_NOTE_BYTES_MAX + 1))).toEqual(refusal("too-long"));
  expect(bad(await change(note, { type: "text", text: "\ud800" }))).toEqual(refusal("content"));
  expect(bad(await change(note, { type: "add", text: "a" }))).toEqual(refusal("form"));
  const list = good(await ada.client.createRoomDocument(id, "list", "L"));
  const item = (length: number) => change(list, { type: "add", text: "i".repeat(length) });
  good(await item(SHARED_ITEM_BYTES_MAX - 1));
  good(await item(SHARED_ITEM_BYTES_MAX));
  expect(bad(await item(SHARED_ITEM_BYTES_MAX + 1))).toEqual(refusal("too-long"));
  expect(bad(await item(0))).toEqual(refusal("empty"));
  expect(bad(await change(list, { type: "text", text: "a" }))).toEqual(refusal("form"));
  expect(bad(await change(list, { type: "check", item: "1@00" }))).toEqual(refusal("item"));
  const { id: other } = good(await ada.client.createRoom("many"));
  const add = (title: string) => ada.client.createRoomDocument(other, "note", title);
  const first = good(await add("first"));
  for (let count = 1; count < SHARED_DOCUMENTS_PER_ACCOUNT_MAX; count++) good(await add(`${count}`));
  expect(bad(await add("one more"))).toEqual(refusal("too-many"));
  good(await ada.client.removeRoomDocument(other, first.id));
  good(await add("in its place"));
  expect(good(await ada.client.roomDocuments(other))).toHaveLength(SHARED_DOCUMENTS_PER_ACCOUNT_MAX);
  const changeId = present((await documentOf(ada, id, list.id)).version[0], "a head");
  expect(bad(await ada.client.removeRoomDocument(id, changeId))).toEqual({ type: "UnknownRoomDocument" });
  await stopAll(ada);
});
