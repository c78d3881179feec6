/** Messages of rooms that go by themselves, over a server whose clock the story sets, with devices whose clocks may be wrong. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import { silentLogger } from "../../core/base/logger.ts";
import type { ConversationId, Platform, RoomView } from "@dovetail/core";
import { ROOM_LIFETIME_MS_MAX, ROOM_LIFETIME_MS_MIN } from "../../core/base/limits.ts";
import { err } from "../../core/base/result.ts";
import { encode } from "../../core/codec/shape.ts";
import { hlcToMs } from "../../core/messenger/hlc.ts";
import { messagePayloadShape, OP_KIND } from "../../core/messenger/op.ts";
import { openSearchDatabase } from "../../cli/platform/search-database.ts";
import { createFts5Index } from "../../core/messenger/search/fts5-index.ts";
import { createMemoryStore } from "../../sync-server/store/memory/memory-store.ts";
import { type AdjustableClock, createAdjustableClock } from "../support/adjustable-clock.ts";
import { bad, engineReady, good, linkedDevice, memoryPlatform } from "../support/client-world.ts";
import { scanDevice } from "../support/scan-device.ts";
import { type LocalServer, startLocalServer } from "../support/server-in-process.ts";
import {
  accountIdOf,
  createFriends,
  expectAtRest,
  type Device,
  engineOf,
  reopened,
  settle,
  stopAll,
  storedOps,
  tablesOf,
  textsOf,
} from "../support/story.ts";

const HOUR_MS = ROOM_LIFETIME_MS_MIN;
const SECRET = "The spare key hangs behind the shed";
/** The right time, which everybody goes by who does not have a clock of their own. */
const time = createAdjustableClock();
let server: LocalServer;
beforeAll(async () => {
  await engineReady();
  server = await startLocalServer({ admissionWorkBits: 4 }, createMemoryStore(), silentLogger, time);
});
afterAll(() => server.close());

const openSearchIndex = () => createFts5Index(openSearchDatabase());
const platform = (clock: AdjustableClock = time) =>
  memoryPlatform({ clock, openSearchIndex, snapshotTailEntries: 4 });
async function roomOf({ client }: Device, roomId: ConversationId): Promise<RoomView> {
  return present(
    good(await client.rooms()).find(({ id }) => id === roomId),
    "the room is there",
  );
}

const unreachable: Platform["connector"] = {
  connect: async (origin) => err({ type: "ServerUnreachable", origin, detail: "on the train" }),
  request: async (origin) => err({ type: "ServerUnreachable", origin, detail: "on the train" }),
};

let stories = 0;
/** Ada's room with Ben in it; what is written there stays an hour. */
async function hourRoom(clocks: { readonly ada?: AdjustableClock } = {}) {
  const n = stories++;
  const { ada, ben } = await createFriends(server.origin, [`ada${n}`, `ben${n}`], {
    ada: platform(clocks.ada),
    ben: platform(),
  });
  const { id } = good(await ada.client.createRoom("Garden"));
  good(await ada.client.inviteToRoom(id, await accountIdOf(ben)));
  await settle(ada, ben);
  good(await ben.client.acceptRoom(id));
  await settle(ada, ben);
  good(await ada.client.send(id, "From before"));
  await settle(ada, ben);
  good(await ada.client.setRoomLifetime(id, HOUR_MS));
  await settle(ada, ben);
  return { ada, ben, id };
}

/** Past the next full hour, when buckets are written anew. */
async function passAndErase(...devices: readonly Device[]): Promise<void> {
  time.adjust(HOUR_MS + 600_000);
  await settle(...devices);
}

test("[RM34][RM36][RM37] what is written goes after its time from every device of everybody, from every row and chunk", async () => {
  const { ada, ben, id } = await hourRoom();
  const phone = await linkedDevice(ada.client, "phone", platform());
  await settle(ada, phone, ben);
  for (const device of [ada, phone, ben])
    expect(await roomOf(device, id)).toMatchObject({ lifetimeMs: HOUR_MS });
  const { id: message } = good(await ada.client.send(id, SECRET));
  good(await ada.client.setStarred({ conversationId: id, id: message }, true));
  good(await ben.client.send(id, `${SECRET}, says Ben`));
  await settle(ada, ben, phone);
  for (const device of [ada, ben, phone]) {
    expect(await textsOf(device, id)).toHaveLength(3);
    expect(await scanDevice(device, SECRET)).toContain("chunk");
    expect(good(await device.client.search("spare key")).hits).toHaveLength(2);
  }
  const stored = await storedOps(tablesOf(ben), id);
  expect(stored.map(({ op: { hlc, expire } }) => expire && expire - hlcToMs(hlc))).toEqual([
    null,
    HOUR_MS,
    HOUR_MS,
  ]);
  time.adjust(HOUR_MS + 1_000);
  for (const device of [ada, ben, phone]) {
    // At once, and before anything was erased.
    expect(await textsOf(device, id)).toEqual(["From before"]);
    expect(good(await device.client.search("spare key")).hits).toEqual([]);
  }
  await settle(ada, ben, phone);
  for (const device of [ada, ben, phone]) {
    const rows = await scanDevice(device, SECRET);
    expect(rows.filter((key) => key.startsWith("op/") || key.startsWith("search/"))).toEqual([]);
    expect(await roomOf(device, id)).toMatchObject({ messageCount: 1, starredCount: 0 });
  }
  await passAndErase(ada, ben, phone);
  // What was under way when the time came erases nothing: the next does.
  await expectAtRest(
    async () => {
      for (const device of [ada, ben, phone]) expect(await scanDevice(device, SECRET)).toEqual([]);
    },
    ada,
    ben,
    phone,
  );
  const tablet = await linkedDevice(ada.client, "tablet", platform());
  await settle(ada, tablet);
  expect(await textsOf(tablet, id)).toEqual(["From before"]);
  expect(await scanDevice(tablet, SECRET)).toEqual([]);
  await stopAll(ada, phone, ben, tablet);
});

/** A message of a program that knows nothing of the room's lifetime, or does not want to. */
async function writeWithout(
  { engine }: Awaited<ReturnType<typeof engineOf>>,
  id: ConversationId,
  text: string,
) {
  const { context, conversations } = engine;
  const payload = encode(messagePayloadShape, { text });
  const to = { accountId: null, conversationId: id };
  return good(await context.serial.run(() => conversations.write(to, OP_KIND.message, payload))).op;
}

test("[RM35] a changed program's words stay no longer than the room lets them, and do not come back", async () => {
  const { ada, ben, id } = await hourRoom();
  const phone = await linkedDevice(ada.client, "phone", platform());
  await settle(ada, phone, ben);
  good(await ben.client.stop());
  const changed = await engineOf(ben.platform);
  expect(await writeWithout(changed, id, SECRET)).toMatchObject({ expire: null });
  await settle(changed, ada, phone, changed);
  // Linked later, it sees nothing but what its siblings have put down.
  const tablet = await linkedDevice(ada.client, "tablet", platform());
  await settle(tablet, ada);
  for (const device of [ada, phone, changed, tablet])
    expect(await textsOf(device, id)).toEqual(["From before", SECRET]);
  good(await phone.client.stop());
  await passAndErase(ada, tablet, changed);
  await passAndErase(ada, tablet, changed);
  for (const device of [ada, tablet, changed]) {
    expect(await textsOf(device, id)).toEqual(["From before"]);
    expect(await scanDevice(device, SECRET)).toEqual([]);
  }
  const back = await reopened(phone.platform);
  await settle(back, ada, tablet);
  await passAndErase(back, ada, tablet);
  for (const device of [back, ada, tablet]) {
    expect(await textsOf(device, id)).toEqual(["From before"]);
    expect(await scanDevice(device, SECRET)).toEqual([]);
  }
  await stopAll(ada, back, tablet, changed);
});

test("[RM35] a message of a clock that is ahead goes as if it was written when it was read", async () => {
  const late = createAdjustableClock();
  const { ada, ben, id } = await hourRoom({ ada: late });
  late.adjust(time.nowMs() - late.nowMs() + 20 * HOUR_MS);
  good(await ada.client.send(id, SECRET));
  await settle(ada, ben);
  expect(await textsOf(ben, id)).toEqual(["From before", SECRET]);
  time.adjust(HOUR_MS + 600_000);
  expect(await textsOf(ben, id)).toEqual(["From before"]);
  await settle(ben);
  time.adjust(HOUR_MS + 600_000);
  await settle(ben);
  expect(await scanDevice(ben, SECRET)).toEqual([]);
  await stopAll(ada, ben);
});

test("[RM36] a clock that is ahead hides until the server has said the time, and erases nothing", async () => {
  const wrong = createAdjustableClock();
  wrong.adjust(time.nowMs() - wrong.nowMs());
  const { ada, ben, id } = await hourRoom({ ada: wrong });
  good(await ben.client.send(id, "Still here"));
  await settle(ben, ada);
  await stopAll(ada);
  wrong.adjust(5 * HOUR_MS);
  const offline = await reopened({ ...ada.platform, connector: unreachable });
  expect(await textsOf(offline, id)).toEqual(["From before"]);
  await stopAll(offline);
  const online = await reopened(ada.platform);
  await settle(online, ben);
  expect(await textsOf(online, id)).toEqual(["From before", "Still here"]);
  await stopAll(online, ben);
});

test("[RM6][RM34][RM36] what is taken back goes with what is left of it, what waited too long is not sent, and an admin ends it", async () => {
  const { ada, ben, id } = await hourRoom();
  const { id: message } = good(await ada.client.send(id, SECRET));
  await settle(ada, ben);
  good(await ada.client.redact({ conversationId: id, id: message }));
  await settle(ada, ben);
  for (const device of [ada, ben]) expect(await textsOf(device, id)).toEqual(["From before", ""]);
  await stopAll(ada);
  const offline = await reopened({ ...ada.platform, connector: unreachable });
  good(await offline.client.send(id, SECRET));
  await stopAll(offline);
  time.adjust(HOUR_MS + 600_000);
  const online = await reopened(ada.platform);
  await settle(online, ben);
  expect(good(await tablesOf(online).roomout.scan())).toEqual([]);
  for (const device of [online, ben]) {
    expect(await textsOf(device, id)).toEqual(["From before"]);
    const left = await storedOps(tablesOf(device), id);
    expect(left.map(({ op }) => op.kind)).toEqual([OP_KIND.message]);
  }
  expect(bad(await ben.client.setRoomLifetime(id, null))).toEqual({ type: "RoomForbids", rule: "lifetime" });
  for (const lifetimeMs of [ROOM_LIFETIME_MS_MIN - 1, ROOM_LIFETIME_MS_MAX + 1, 0.5])
    expect(bad(await online.client.setRoomLifetime(id, lifetimeMs))).toEqual({ type: "BadRoomLifetime" });
  for (const lifetimeMs of [ROOM_LIFETIME_MS_MAX, null]) {
    good(await online.client.setRoomLifetime(id, lifetimeMs));
    await settle(online, ben);
  }
  const told = good(await ben.client.roomHappenings(id)).map(({ happening }) => happening);
  expect(told.filter(({ type }) => type === "lifetime")).toEqual(
    [HOUR_MS, ROOM_LIFETIME_MS_MAX, null].map((lifetimeMs) => ({ type: "lifetime", lifetimeMs })),
  );
  good(await ben.client.send(id, "For ever"));
  await settle(online, ben);
  await passAndErase(online, ben);
  expect(await textsOf(online, id)).toEqual(["From before", "For ever"]);
  await stopAll(online, ben);
});
