/** History of a room for who comes later, over a server whose clock the story sets. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import { silentLogger } from "../../core/base/logger.ts";
import type { ConversationId, RoomView } from "@dovetail/core";
import { ROOM_HISTORY_DAYS_MAX } from "../../core/base/limits.ts";
import { createMemoryStore } from "../../sync-server/store/memory-store.ts";
import { createAdjustableClock } from "../support/adjustable-clock.ts";
import { bad, engineReady, good, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import { type LocalServer, startLocalServer } from "../support/server-in-process.ts";
import { type Device, settle, stopAll, textsOf } from "../support/story.ts";

const DAY_MS = 86_400_000;
const time = createAdjustableClock();
let server: LocalServer;
beforeAll(async () => {
  await engineReady();
  server = await startLocalServer({ admissionWorkBits: 4 }, createMemoryStore(), silentLogger, time);
});
afterAll(() => server.close());

const platform = () => memoryPlatform({ clock: time });
const accountOf = async ({ client }: Device) => good(await client.account()).accountId;

async function roomOf({ client }: Device, roomId: ConversationId): Promise<RoomView> {
  return present(
    good(await client.rooms()).find(({ id }) => id === roomId),
    "the room is there",
  );
}

let stories = 0;
/** Ada, and people whom she has accepted. */
async function peopleOf(count: number): Promise<readonly [Device, ...Device[]]> {
  const n = stories++;
  const ada = await newAccount(server.origin, `ada${n}`, platform());
  const others: Device[] = [];
  for (let at = 0; at < count; at++) {
    const other = await newAccount(server.origin, `other${n}.${at}`, platform());
    good(await other.client.addContact(good(await ada.client.contactLink())));
    await settle(other, ada);
    good(await ada.client.acceptContact(await accountOf(other)));
    await settle(ada, other);
    others.push(other);
  }
  return [ada, ...others];
}

async function letIn(host: Device, guest: Device, roomId: ConversationId, ...others: readonly Device[]) {
  good(await host.client.inviteToRoom(roomId, await accountOf(guest)));
  await settle(host, guest, ...others);
  const invitation = await roomOf(guest, roomId);
  good(await guest.client.acceptRoom(roomId));
  await settle(guest, host, ...others);
  return invitation;
}

test("who comes later sees the last days, told at the invitation, and nothing of before", async () => {
  const [ada, ben, eve] = await peopleOf(2);
  const { id } = good(await ada.client.createRoom("Garden"));
  expect((await roomOf(ada, id)).history).toBe(null);
  await letIn(ada, present(ben, "ben"), id);
  good(await ada.client.send(id, "Before there was history"));
  good(await ada.client.setRoomHistory(id, { days: 2 }));
  await settle(ada, ben as Device);
  good(await ada.client.send(id, "Too old"));
  await settle(ada, ben as Device);
  time.adjust(3 * DAY_MS);
  good(await (ben as Device).client.send(id, "Ben yesterday"));
  await settle(ada, ben as Device);
  good(await ada.client.send(id, "Ada today"));
  const { id: taken } = good(await ada.client.send(id, "Never mind"));
  await settle(ada, ben as Device);
  good(await ada.client.redact({ conversationId: id, id: taken }));
  await settle(ada, ben as Device);
  const invitation = await letIn(ada, eve as Device, id, ben as Device);
  expect(invitation).toMatchObject({ state: "invited", history: { days: 2 } });
  expect(await textsOf(eve as Device, id)).toEqual(["Ben yesterday", "Ada today", ""]);
  expect(await roomOf(eve as Device, id)).toMatchObject({ earlier: { state: "done", received: 2, left: 0 } });
  await stopAll(ada, ben as Device, eve as Device);
});
