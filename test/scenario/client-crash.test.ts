/** Stories of power cuts: of a server in mid-conversation, and of a client at every write of its store. */
import { cpSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { ConversationId } from "../../core/base/ids.ts";
import { bad, good, linkedDevice } from "../support/client-world.ts";
import { createCrashDevice, type CutMoment } from "../support/crash-platform.ts";
import { startServer } from "../support/server-process.ts";
import { startLocalServer } from "../support/server-in-process.ts";
import {
  alarmsOf,
  createFriends,
  type Device,
  engineOf,
  expectAtRest,
  expectSameState,
  reopened,
  settle,
  settleAfterOutage,
  stopAll,
  textsOf,
} from "../support/story.ts";
import { STORY_ARGS, useStoryServer } from "../support/story-server.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const server = useStoryServer();

test("what is written while a device stops is kept or refused, and nothing that was refused is there", async () => {
  const stopping = createCrashDevice();
  const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.stops", "ben.stays"], {
    ada: stopping.boot(),
  });
  await stopAll(ada);
  const { client, engine } = await engineOf(stopping.boot());
  const { documents } = engine;
  const close = documents.close;
  const late: ReturnType<typeof client.send>[] = [];
  Object.assign(documents, {
    close() {
      late.push(client.send(conversationId, "as it closes"));
      return close();
    },
  });
  const stopped = client.stop();
  const early = await client.send(conversationId, "in time");
  good(await stopped);
  late.push(client.send(conversationId, "too late"));
  const refused = await Promise.all(late);
  expect([early.ok, ...refused.map(({ ok }) => ok)]).toEqual([true, false, false]);
  const again = await reopened(stopping.boot());
  expect(await textsOf(again, conversationId)).toEqual(["in time"]);
  await stopAll(again, ben);
});

describe("a server that is killed", () => {
  test("loses nothing it has given a receipt for, and nobody sees a message twice", async () => {
    const data = createTemporaryFolder();
    let mortal = await startServer(data.path, STORY_ARGS);
    const port = new URL(mortal.origin).port;
    const { ada, ben, conversationId } = await createFriends(mortal.origin, ["ada.kill", "ben.kill"]);
    const phone = await linkedDevice(ada.client, "phone");
    await settle(ada, phone, ben);
    const alarms = [ada, phone, ben].map(alarmsOf);
    for (const { client } of [ada, phone, ben]) client.start();
    const sent: string[] = [];
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 20; i++) {
        const text = `${round}.${i}`;
        good(await (i % 3 === 0 ? ada : i % 3 === 1 ? phone : ben).client.send(conversationId, text));
        sent.push(text);
        if (i === 10) await mortal.kill();
      }
      mortal = await startServer(data.path, [...STORY_ARGS, "--port", port]);
    }
    await settleAfterOutage(ada, phone, ben);
    const expected = await textsOf(ada, conversationId);
    expect([...expected].sort()).toEqual([...sent].sort());
    for (const device of [phone, ben]) expect(await textsOf(device, conversationId)).toEqual(expected);
    await expectSameState(ada, phone);
    expect(alarms.flat()).toEqual([]);
    await stopAll(ada, phone, ben);
    await mortal.stop();
    data.discard();
  });

  test("and comes back with less than it had is found out, by name", async () => {
    const data = createTemporaryFolder();
    const first = await startServer(data.path, STORY_ARGS);
    const port = new URL(first.origin).port;
    const { ada, ben, conversationId } = await createFriends(first.origin, ["ada.back", "ben.back"]);
    await stopAll(ben);
    await first.stop();
    const copy = createTemporaryFolder();
    cpSync(data.path, copy.path, { recursive: true });
    const second = await startServer(data.path, [...STORY_ARGS, "--port", port]);
    good(await ada.client.send(conversationId, "forgotten"));
    await settle(ada);
    await second.stop();
    const restored = await startServer(copy.path, [...STORY_ARGS, "--port", port]);
    const alarms = alarmsOf(ada);
    expect(bad(await ada.client.sync())).toMatchObject({
      type: "LogDistrusted",
      fault: { type: "LogRolledBack" },
    });
    expect(alarms).toMatchObject([{ type: "LogDistrusted", fault: { type: "LogRolledBack" } }]);
    expect(await textsOf(ada, conversationId)).toEqual(["forgotten"]);
    await stopAll(ada);
    await restored.stop();
    data.discard();
    copy.discard();
  });
});

/** Nothing of what was said to be kept is lost, nothing is there twice, and all devices show and hold the same. */
async function expectWhole(
  { ada, phone, ben }: { readonly ada: Device; readonly phone: Device; readonly ben: Device },
  conversationId: ConversationId,
  confirmed: readonly string[],
): Promise<void> {
  const texts = await textsOf(ada, conversationId);
  expect(new Set(texts).size).toBe(texts.length);
  expect(texts).toEqual(expect.arrayContaining([...confirmed]));
  for (const device of [phone, ben]) expect(await textsOf(device, conversationId)).toEqual(texts);
  await expectSameState(ada, phone);
}

/** What a device does while its power may go at any write. Tells each text whose sending was confirmed. */
async function live(
  device: Device,
  conversationId: ConversationId,
  confirmed: string[],
  round: string,
): Promise<void> {
  for (let i = 0; i < 3; i++) {
    good(await device.client.send(conversationId, `${round}.${i}`));
    confirmed.push(`${round}.${i}`);
  }
  const tag = good(await device.client.createTag(`tag ${round}`));
  good(await device.client.setTagged(conversationId, tag.id, true));
  good(await device.client.sync());
}

describe("a client whose power is cut", () => {
  test.each<CutMoment>(["before", "after", "late"])(
    "%s any write of its store is whole again when it starts: nothing lost, nothing twice",
    async (moment) => {
      const crashing = createCrashDevice();
      const start = await createFriends(server.origin, [`ada.cut.${moment}`, `ben.cut.${moment}`], {
        ada: crashing.boot(),
      });
      const { ben, conversationId } = start;
      let ada: Device = start.ada;
      const phone = await linkedDevice(ada.client, "phone");
      await settle(ada, phone, ben);
      const confirmed: string[] = [];
      const before = crashing.writeCount();
      await live(ada, conversationId, confirmed, "whole");
      const writes = crashing.writeCount() - before;
      expect(writes).toBeGreaterThan(5);
      for (let n = 1; n <= writes; n++) {
        // What comes while the power goes is part of the story.
        good(await ben.client.send(conversationId, `ben ${n}`));
        confirmed.push(`ben ${n}`);
        good(await ben.client.sync());
        crashing.cutAt(n, moment);
        await Promise.race([live(ada, conversationId, confirmed, `cut ${n}`), crashing.whenDead]);
        crashing.cutNow();
        ada = await reopened(crashing.boot());
      }
      const alarms = [ada, phone, ben].map(alarmsOf);
      await settle(ada, phone, ben);
      await expectWhole({ ada, phone, ben }, conversationId, confirmed);
      expect(alarms.flat()).toEqual([]);
      const isAllSent = async () => {
        expect(good(await ada.client.sync()).waitingMessages).toBe(0);
        expect(ada.client.status().pendingCount).toBe(0);
      };
      await expectAtRest(isAllSent, ada, phone, ben);
      await stopAll(ada, phone, ben);
    },
  );

  test("whose disk refused any one write before is whole when it starts again: nothing lost, nothing twice", async () => {
    const crashing = createCrashDevice();
    const start = await createFriends(server.origin, ["ada.refused", "ben.refused"], {
      ada: crashing.boot(),
    });
    const { ben, conversationId } = start;
    let ada: Device = start.ada;
    const phone = await linkedDevice(ada.client, "phone");
    await settle(ada, phone, ben);
    const confirmed: string[] = [];
    const before = crashing.writeCount();
    await live(ada, conversationId, confirmed, "whole");
    const writes = crashing.writeCount() - before;
    expect(writes).toBeGreaterThan(5);
    for (let n = 1; n <= writes; n++) {
      good(await ben.client.send(conversationId, `ben ${n}`));
      confirmed.push(`ben ${n}`);
      good(await ben.client.sync());
      crashing.refuseAt(n);
      const sent = await ada.client.send(conversationId, `refused ${n}`);
      if (sent.ok) confirmed.push(`refused ${n}`);
      if (!crashing.hasRefused()) await ada.client.createTag(`tag ${n}`);
      if (!crashing.hasRefused()) await ada.client.sync();
      expect(crashing.hasRefused()).toBe(true);
      // One time it is cut off at once, where only what is on the disk counts, and one time it goes on before.
      if (n % 2 === 0) {
        good(await ada.client.send(conversationId, `after ${n}`));
        confirmed.push(`after ${n}`);
        good(await ada.client.sync());
      }
      crashing.cutNow();
      ada = await reopened(crashing.boot());
    }
    const alarms = [ada, phone, ben].map(alarmsOf);
    await settle(ada, phone, ben);
    await expectWhole({ ada, phone, ben }, conversationId, confirmed);
    expect(alarms.flat()).toEqual([]);
    await stopAll(ada, phone, ben);
  });

  test("[DM12] at any write, while what it sent is read and trimmed, sends the rest all the same", async () => {
    const local = await startLocalServer();
    const crashing = createCrashDevice();
    const start = await createFriends(local.origin, ["ada.trim", "ben.trim"], { ada: crashing.boot() });
    const { ben, conversationId } = start;
    let ada: Device = start.ada;
    const sent: string[] = [];
    const send = async (text: string): Promise<void> => {
      good(await ada.client.send(conversationId, text));
      sent.push(text);
    };
    const before = crashing.writeCount();
    await send("whole");
    await settle(ada);
    const writes = crashing.writeCount() - before;
    expect(writes).toBeGreaterThan(3);
    for (let n = 1; n <= writes; n++) {
      crashing.cutAt(n, "before");
      const going = send(`cut ${n}`).then(() => ada.client.sync());
      await Promise.race([going, crashing.whenDead]);
      crashing.cutNow();
      await settle(ben);
      const rules = { nowMs: Date.now(), graceMs: 0, silentMs: 86_400_000 };
      good(await local.store.reclaim(rules));
      ada = await reopened(crashing.boot());
      const alarms = alarmsOf(ada);
      // More than one entry takes, so that others stand behind the one whose receipt was lost.
      for (let i = 0; i < 40; i++) await send(`after ${n}.${i}`);
      expect(good(await ada.client.sync()).waitingMessages).toBe(0);
      await settle(ben);
      expect(await textsOf(ben, conversationId)).toEqual(expect.arrayContaining(sent));
      expect(alarms).toEqual([]);
    }
    await settle(ada, ben);
    const texts = await textsOf(ada, conversationId);
    expect(new Set(texts).size).toBe(texts.length);
    expect(await textsOf(ben, conversationId)).toEqual(texts);
    await stopAll(ada, ben);
    await local.close();
  });
});
