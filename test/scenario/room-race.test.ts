/** Fifty devices that commit at once, over the real server program and real sockets. */
import { expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import { GROUP_ADDS_PER_COMMIT_MAX } from "../../core/base/limits.ts";
import { createFrameGate, isCommit } from "../support/frame-gate.ts";
import { good, memoryPlatform, newAccount } from "../support/client-world.ts";
import { accountIdOf, alarmsOf, type Device, stopAll, tablesOf, textsOf } from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();
const DEVICES = 50;
const PATIENCE = { timeout: 120_000, interval: 50 };

const sync = (devices: readonly Device[]) =>
  Promise.all(devices.map(async ({ client }) => good(await client.sync())));

test("[RM20] of fifty commits made at once one has its place, and all follow it", {
  timeout: 300_000,
}, async () => {
  const gate = createFrameGate(isCommit);
  const person = (name: string) =>
    newAccount(server.origin, name, memoryPlatform({ connector: gate.connector() }));
  const ada = await person("ada.race");
  const others: Device[] = [];
  for (let n = 0; n < DEVICES; n++) others.push(await person(`guest.${n}`));
  expect(DEVICES).toBe(GROUP_ADDS_PER_COMMIT_MAX);
  for (const { client } of others) {
    good(await client.sync());
    good(await ada.client.addContact(good(await client.contactLink())));
  }
  await sync([ada]);
  await sync(others);
  const adaId = await accountIdOf(ada);
  for (const { client } of others) good(await client.acceptContact(adaId));
  await sync(others);
  await sync([ada]);
  const { id } = good(await ada.client.createRoom("Race"));
  for (const other of others) good(await ada.client.inviteToRoom(id, await accountIdOf(other)));
  await sync([ada]);
  await sync(others);
  for (const { client } of others) good(await client.acceptRoom(id));
  await sync(others);
  const staying = [ada, ...others.slice(1)];
  const alarms = staying.map(alarmsOf);
  const leaver = present(others[0], "who leaves");
  const membersAt = async ({ client }: Device) =>
    present(
      good(await client.rooms()).find((room) => room.id === id),
      "the room",
    ).members.length;
  for (const device of staying) expect(await membersAt(device)).toBe(DEVICES + 1);

  // Whoever reads that somebody leaves takes them out: here all of them, before any has its place.
  const before = good(await tablesOf(ada).handshake.get(id))?.last;
  gate.close();
  good(await leaver.client.leaveRoom(id));
  await sync([leaver]);
  await expect.poll(gate.waiting, PATIENCE).toBe(DEVICES);
  gate.open();
  await sync(staying);
  const lastCommits = async () => {
    const rows = staying.map(async (device) => good(await tablesOf(device).handshake.get(id))?.last);
    return [...new Set(await Promise.all(rows))];
  };
  await expect.poll(lastCommits, PATIENCE).toHaveLength(1);
  expect(await lastCommits()).not.toEqual([before]);
  for (const device of staying) expect(await membersAt(device)).toBe(DEVICES);
  const writers = [0, 17, DEVICES - 1].map((n) => present(staying[n], "who writes"));
  for (const [n, { client }] of writers.entries()) good(await client.send(id, `after the race ${n}`));
  await sync(staying);
  for (const device of staying)
    await expect
      .poll(async () => [...(await textsOf(device, id))].sort(), PATIENCE)
      .toEqual(writers.map((_, n) => `after the race ${n}`));
  expect(alarms).toEqual(staying.map(() => []));
  await stopAll(...staying, leaver);
});
