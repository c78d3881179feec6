/**
 * Three devices of one account and a contact, under random schedules of edits, messages, absences, restarts and repeated
 * deliveries: at the end all three hold the same, and so do both sides of the conversation.
 *
 * The clients, the server program and the sockets are the real ones. A seed repeats the schedule; what arrives when is
 * the machine's, which is the point.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Alarm } from "@dovetail/core";
import { present } from "../../core/base/assert.ts";
import type { ConversationId } from "../../core/base/ids.ts";
import { engineReady, good, linkedDevice, memoryPlatform } from "../support/client-world.ts";
import { createLyingServer, type LyingServer } from "../support/lying-server.ts";
import { createSeededRandom, type SeededRandom } from "../support/seeded-random.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import {
  alarmsOf,
  createFriends,
  type Device,
  expectSameState,
  reopened,
  settle,
  textsOf,
} from "../support/story.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const WORLDS = 3;
const SCHEDULES_PER_WORLD = 10;
const STEPS = 14;

const folder = createTemporaryFolder();
let server: ServerProcess;
beforeAll(async () => {
  await engineReady();
  server = await startServer(folder.path, ["--memory", "--rate-factor", "1000", "--work-bits", "4"]);
});
afterAll(async () => {
  await server.stop();
  folder.discard();
});

/** A device behind a server that may repeat itself, and may be away. */
interface Player {
  device: Device;
  readonly lying: LyingServer;
  /** One list for each time it was started. */
  readonly alarms: (readonly Alarm[])[];
}

interface World {
  readonly random: SeededRandom;
  readonly own: readonly Player[];
  readonly contact: Player;
  readonly conversationId: ConversationId;
  readonly sent: string[];
}

async function createPlayers(seed: string): Promise<World> {
  const random = createSeededRandom(seed);
  const lying = [0, 1, 2, 3].map(createLyingServer);
  const platforms = lying.map(({ connector }) => memoryPlatform({ connector }));
  const names = [`ada.${seed}`, `ben.${seed}`] as const;
  const { ada, ben, conversationId } = await createFriends(server.origin, names, {
    ada: present(platforms[0], "made"),
    ben: present(platforms[3], "made"),
  });
  const second = await linkedDevice(ada.client, "second", present(platforms[1], "made"));
  const third = await linkedDevice(ada.client, "third", present(platforms[2], "made"));
  const players = [ada, second, third, ben].map(
    (device, index): Player => ({ device, lying: present(lying[index], "made"), alarms: [alarmsOf(device)] }),
  );
  await settle(...players.map(({ device }) => device));
  for (const player of players) {
    // A delivery may come twice or three times, and a page again after it was read.
    player.lying.lie = (frame) =>
      frame.type === "deliver" && random.chance(30) ? [frame, frame, frame] : [frame];
  }
  const [contact] = players.splice(3);
  return { random, own: players, contact: present(contact, "made"), conversationId, sent: [] };
}

async function step(world: World, label: string): Promise<void> {
  const { random, own, contact, conversationId, sent } = world;
  const player = present(own[random.below(own.length)], "in range");
  const { client } = player.device;
  const tags = good(await client.tags());
  const tag = tags[random.below(Math.max(1, tags.length))];
  switch (random.below(13)) {
    case 0:
    case 1:
    case 2: {
      const author = random.chance(40) ? contact : player;
      good(await author.device.client.send(conversationId, label));
      sent.push(label);
      return;
    }
    case 3:
      good(await client.createTag(label));
      return;
    case 4:
      if (tag !== undefined) good(await client.setTagged(conversationId, tag.id, random.chance(60)));
      return;
    case 5:
      if (tag !== undefined && random.chance(30)) good(await client.deleteTag(tag.id));
      return;
    case 6:
      good(await client.setArchived(conversationId, random.chance(50)));
      return;
    case 7: {
      const [contactView] = good(await client.contacts());
      if (contactView !== undefined)
        good(await client.setPetname(contactView.accountId, random.chance(30) ? null : label));
      return;
    }
    case 8: {
      const [message] = good(await client.messages(conversationId, { limit: 1 })).messages;
      if (message !== undefined) good(await client.setStarred(message, random.chance(70)));
      return;
    }
    case 9:
      good(await client.markRead(conversationId));
      return;
    case 10:
      // Away and back again with nothing but its disk.
      good(await client.stop());
      player.device = await reopened(player.device.platform);
      player.alarms.push(alarmsOf(player.device));
      return;
    case 11:
      player.lying.cut();
      return;
    default:
      await Promise.all(
        [player, contact, ...(random.chance(40) ? own : [])].map((one) => one.device.client.sync()),
      );
  }
}

describe.concurrent("[AR9] three devices of one account", () => {
  test.each(Array.from({ length: WORLDS }, (_, index) => `w${index}`))(
    `hold the same after each of ${SCHEDULES_PER_WORLD} random schedules of world %s`,
    async (seed) => {
      const world = await createPlayers(seed);
      const { own, contact, conversationId, sent } = world;
      for (let schedule = 0; schedule < SCHEDULES_PER_WORLD; schedule++) {
        for (let i = 0; i < STEPS; i++) await step(world, `${schedule}.${i}`);
        await settle(...own.map(({ device }) => device), contact.device);
        await expectSameState(...own.map(({ device }) => device));
        const texts = await textsOf(contact.device, conversationId);
        expect([...texts].sort()).toEqual([...sent].sort());
        for (const { device } of own) expect(await textsOf(device, conversationId)).toEqual(texts);
      }
      const alarms = [...own, contact].flatMap((player) => player.alarms.flat());
      expect(alarms).toEqual([]);
      for (const { device } of [...own, contact]) good(await device.client.stop());
    },
  );
});
