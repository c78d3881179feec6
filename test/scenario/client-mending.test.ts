/** Stories of a disk that changes what is stored: documents are found damaged, named, and brought back from the log. */
import { describe, expect, test } from "vitest";
import type { Platform } from "@dovetail/core";
import { good, linkedDevice, memoryPlatform } from "../support/client-world.ts";
import { createRefusingDevice } from "../support/refusing-disk.ts";
import {
  alarmsOf,
  createFriends,
  type Device,
  expectSameState,
  reopened,
  settle,
  stopAll,
  textsOf,
} from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();

/** Chunks that are damaged in turn, spread over all there are. */
const FLIPS_MAX = 6;

type Chunks = Awaited<ReturnType<Platform["documentStorage"]["loadRange"]>>;

/** Changes what is stored of documents, as a failing disk does. */
async function damage(
  { documentStorage }: Platform,
  change: (chunks: Chunks) => Promise<void>,
): Promise<number> {
  const chunks = await documentStorage.loadRange([]);
  await change(chunks);
  return chunks.length;
}

async function flipByte({ documentStorage }: Platform, chunk: Chunks[number] | undefined): Promise<void> {
  if (chunk?.data === undefined) throw new Error("there is a chunk to damage");
  const bytes = chunk.data.slice();
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 0x10;
  await documentStorage.save(chunk.key, bytes);
}

async function createWorld(name: string) {
  const laptop = memoryPlatform();
  const { ada, ben, conversationId } = await createFriends(server.origin, [`ada.${name}`, `ben.${name}`], {
    ada: laptop,
  });
  const phone = await linkedDevice(ada.client, "phone");
  for (let i = 0; i < 4; i++) {
    good(await ada.client.send(conversationId, `ada ${i}`));
    good(await ben.client.send(conversationId, `ben ${i}`));
  }
  const tag = good(await ada.client.createTag("kin"));
  good(await ada.client.setTagged(conversationId, tag.id, true));
  await settle(ada, phone, ben);
  good(await ada.client.stop());
  return { laptop, phone, ben, conversationId };
}

/** Meets the server until everything that is stored loads. */
async function settleMending({ client }: Device): Promise<void> {
  for (let round = 0; round < 8; round++) {
    good(await client.sync());
    if ((await client.fingerprint()).ok) return;
  }
}

async function expectWhole(
  ada: Device,
  phone: Device,
  conversationId: Parameters<typeof textsOf>[1],
): Promise<void> {
  await expectSameState(ada, phone);
  expect(await textsOf(ada, conversationId)).toEqual(await textsOf(phone, conversationId));
  expect(ada.client.status().pendingCount).toBe(0);
}

describe("a stored document that is damaged", () => {
  test("[AR17] at whatever chunk is named, and whole again after the next meeting with the server", async () => {
    const { laptop, phone, ben, conversationId } = await createWorld("flip");
    for (let n = 0; n < FLIPS_MAX; n++) {
      await damage(laptop, (chunks) => flipByte(laptop, chunks[Math.floor((n * chunks.length) / FLIPS_MAX)]));
      const ada = await reopened(laptop);
      const alarms = alarmsOf(ada);
      good(await ben.client.send(conversationId, `while damaged ${n}`));
      good(await ben.client.sync());
      await settleMending(ada);
      await settle(ada, phone, ben);
      await expectWhole(ada, phone, conversationId);
      // Damage is told where it was noticed: at the start, or by whoever came to need the document.
      const reports = good(await ada.client.sync()).alarms;
      expect([...alarms, ...reports].filter((one) => one.type !== "DocumentDamaged")).toEqual([]);
      good(await ada.client.stop());
    }
    const ada = await reopened(laptop);
    const alarms = alarmsOf(ada);
    await settle(ada, phone);
    expect(alarms).toEqual([]);
    // What is whole again is told to be.
    const told = good(await ada.client.alarms()).filter(({ alarm }) => alarm.type === "DocumentDamaged");
    expect(told.length).toBeGreaterThan(0);
    expect(told.filter(({ resolvedAtMs }) => resolvedAtMs === null)).toEqual([]);
    await stopAll(ada, phone, ben);
  });

  test("[AR17] with every other one gone too comes back, and what was not sent yet is not lost", async () => {
    const { laptop, phone, ben, conversationId } = await createWorld("gone");
    const offline = await reopened(laptop);
    good(await offline.client.send(conversationId, "written offline"));
    good(await offline.client.createTag("made offline"));
    good(await offline.client.stop());
    await damage(laptop, async () => laptop.documentStorage.removeRange([]));
    const ada = await reopened(laptop);
    await settle(ada, phone, ben);
    await expectWhole(ada, phone, conversationId);
    expect(await textsOf(ben, conversationId)).toContain("written offline");
    expect(good(await phone.client.tags()).map((tag) => tag.name)).toEqual(
      expect.arrayContaining(["kin", "made offline"]),
    );
    await stopAll(ada, phone, ben);
  });

  test("[AR17] is whole again by itself where it is found so while the connection is made", async () => {
    const { laptop, phone, ben, conversationId } = await createWorld("itself");
    good(await phone.client.send(conversationId, "while the laptop was away"));
    good(await phone.client.createTag("new"));
    await settle(phone, ben);
    await damage(laptop, async (chunks) => {
      for (const chunk of chunks) await flipByte(laptop, chunk);
    });
    const ada = await reopened(laptop);
    ada.client.start();
    const found = async () =>
      good(await ada.client.alarms()).filter(({ alarm }) => alarm.type === "DocumentDamaged");
    const open = async () => (await found()).filter(({ resolvedAtMs }) => resolvedAtMs === null).length;
    await expect
      .poll(async () => [(await found()).length > 0, await open()], { timeout: 10_000 })
      .toEqual([true, 0]);
    expect(await textsOf(ada, conversationId)).toContain("while the laptop was away");
    expect(good(await ada.client.tags()).map((tag) => tag.name)).toContain("new");
    await stopAll(ada, phone, ben);
  });

  test("[AR17] while no server answers keeps the client open, and says so where the document is needed", async () => {
    const { laptop, phone, ben } = await createWorld("alone");
    await damage(laptop, async (chunks) => {
      for (const chunk of chunks) await flipByte(laptop, chunk);
    });
    const ada = await reopened(laptop);
    const contacts = await ada.client.contacts();
    expect(contacts).toMatchObject({ ok: false, error: { type: "DocumentDamaged" } });
    good(await ada.client.sync());
    expect(good(await ada.client.contacts())).toHaveLength(1);
    // Buckets too, which were found damaged while the connection was made.
    expect((await ada.client.fingerprint()).ok).toBe(true);
    await settle(ada, phone, ben);
    await stopAll(ada, phone, ben);
  });
});

test("[AR7] whichever write the disk refuses while a device reads what a sibling wrote, all of it is taken up once it can be", async () => {
  const disk = createRefusingDevice();
  const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.full", "ben.full"], {
    ada: disk.boot(),
  });
  const phone = await linkedDevice(ada.client, "phone");
  await settle(ada, phone, ben);
  const sent: string[] = [];
  for (let write = 1; write <= 12; write++) {
    disk.refuseAt(write, true);
    good(await phone.client.send(conversationId, `message ${write}`));
    sent.push(`message ${write}`);
    await settle(phone);
    await ada.client.sync();
    disk.allow();
    // Each save that failed is told once more.
    await expect.poll(async () => (await ada.client.sync()).ok).toBe(true);
    expect(await textsOf(ada, conversationId), `all from write ${write} on`).toEqual(sent);
  }
  await expectSameState(ada, phone);
  await stopAll(ada, phone, ben);
});
