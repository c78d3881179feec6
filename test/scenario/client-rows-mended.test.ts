/** Stories of a disk that changes what is stored in rows: every sort of row is found, and comes back or is named. */
import { describe, expect, test } from "vitest";
import type { Platform } from "@dovetail/core";
import type { ConversationId } from "../../core/base/ids.ts";
import { openSearchDatabase } from "../../cli/platform/search-database.ts";
import { createFts5Index } from "../../core/messenger/search/fts5-index.ts";
import { CURE_BY_TABLE } from "../../core/client/mend/row-cures.ts";
import { openClient } from "../../core/client/open-client.ts";
import { bad, good, linkedDevice, memoryPlatform } from "../support/client-world.ts";
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

/** Rows that are damaged together, each of another sort. */
const TABLES_AT_ONCE = 6;
/** What a profile in use always has. */
const USUAL_TABLES: readonly string[] = [
  ...["epoch", "chain", "reader", "writer", "sibling", "heads", "out", "op", "feed", "tally"],
  ...["archive", "session", "prekey", "outbox", "mark", "frontier"],
];

/** Keys of one sort of row. */
async function keysOf({ store }: Platform, table: string): Promise<readonly string[]> {
  const rows = good(await store.scan({ prefix: table }));
  return rows.map(({ key }) => key).filter((key) => key === table || key.startsWith(`${table}/`));
}

async function flip({ store }: Platform, key: string, at: number): Promise<void> {
  const value = good(await store.get(key));
  if (value === null) throw new Error("there is a row to damage");
  const bytes = value.slice();
  const place = at % bytes.length;
  bytes[place] = (bytes[place] ?? 0) ^ 0x20;
  good(await store.batch([{ type: "put", key, value: bytes }]));
}

/** Meets the server until all is well; who reads meanwhile gets an error or what is right, never another text. */
async function settleMending(platform: Platform, others: readonly Device[]): Promise<Device> {
  let why: unknown = null;
  for (let round = 0; round < 4; round++) {
    const device = await reopened(platform);
    try {
      await settle(device, ...others);
      good(await device.client.conversations());
      return device;
    } catch (thrown) {
      why = thrown;
      await device.client.stop();
    }
  }
  throw new Error("the profile did not come back", { cause: why });
}

/** Without a server. Who needs a row that nobody has looked at yet is told, and the next opening brings it back. */
async function sentOffline(laptop: Platform, conversationId: ConversationId, text: string): Promise<Device> {
  const device = await reopened(laptop);
  const sent = await device.client.send(conversationId, text);
  if (sent.ok) return device;
  expect(sent.error.type).toBe("StoreCorrupt");
  good(await device.client.stop());
  const mended = await reopened(laptop);
  good(await mended.client.send(conversationId, text));
  return mended;
}

async function createWorld(name: string) {
  const laptop = memoryPlatform({ openSearchIndex: () => createFts5Index(openSearchDatabase()) });
  const { ada, ben, conversationId } = await createFriends(server.origin, [`ada.${name}`, `ben.${name}`], {
    ada: laptop,
  });
  const phone = await linkedDevice(ada.client, "phone");
  for (let i = 0; i < 3; i++) {
    good(await ada.client.send(conversationId, `ada ${i}`));
    good(await ben.client.send(conversationId, `ben ${i}`));
  }
  const tag = good(await ada.client.createTag("kin"));
  good(await ada.client.setTagged(conversationId, tag.id, true));
  good(await ada.client.search("ada"));
  await settle(ada, phone, ben);
  good(await ada.client.stop());
  return { laptop, phone, ben, conversationId };
}

async function expectWhole(
  [ada, phone, ben]: readonly [Device, Device, Device],
  conversationId: ConversationId,
  texts: readonly string[],
): Promise<void> {
  await expectSameState(ada, phone);
  for (const device of [ada, phone, ben])
    expect((await textsOf(device, conversationId)).toSorted()).toEqual(texts.toSorted());
  expect(ada.client.status().pendingCount).toBe(0);
}

describe("a stored row that is damaged", () => {
  test("[ST60] [ST61] of whatever sort is found, and the profile is whole again after the next meeting with the server", async () => {
    const { laptop, phone, ben, conversationId } = await createWorld("rows");
    const texts = [0, 1, 2].flatMap((i) => [`ada ${i}`, `ben ${i}`]);
    const tried: string[] = [];
    const tables = Object.entries(CURE_BY_TABLE).flatMap(([table, cure]) => (cure === "none" ? [] : [table]));
    for (let round = 0; round * TABLES_AT_ONCE < tables.length; round++) {
      const some = tables.slice(round * TABLES_AT_ONCE, (round + 1) * TABLES_AT_ONCE);
      // Something that is nowhere else yet, so that every sort of row that keeps work is there.
      const offline = await sentOffline(laptop, conversationId, `offline ${round}`);
      texts.push(`offline ${round}`);
      good(await offline.client.createTag(`tag ${round}`));
      good(await offline.client.stop());
      for (const [index, table] of some.entries()) {
        const keys = await keysOf(laptop, table);
        const key = keys[(round * 7 + index) % Math.max(1, keys.length)];
        if (key === undefined) continue;
        tried.push(table);
        await flip(laptop, key, 31 * round + index);
      }
      try {
        const ada = await settleMending(laptop, [phone, ben]);
        await expectWhole([ada, phone, ben], conversationId, texts);
        expect(good(await phone.client.tags())).toHaveLength(round + 2);
        const found = good(await ada.client.search("ada")).hits.map(({ message }) => message.text);
        expect(found.toSorted()).toEqual(["ada 0", "ada 1", "ada 2"]);
        good(await ada.client.stop());
      } catch (thrown) {
        throw new Error(`after damage to ${some.join(", ")}`, { cause: thrown });
      }
    }
    for (const table of USUAL_TABLES) expect(tried).toContain(table);
    const ada = await reopened(laptop);
    const alarms = alarmsOf(ada);
    await settle(ada, phone);
    expect(alarms).toEqual([]);
    await stopAll(ada, phone, ben);
  }, 120_000);

  test("[ST62] that nothing else keeps is an error that names it, and nothing is changed", async () => {
    const { laptop, phone, ben } = await createWorld("lost");
    const keys = good(await laptop.store.scan({ prefix: "" })).map(({ key }) => key);
    await flip(laptop, "profile", 40);
    await flip(laptop, keys.find((key) => key.startsWith("op/")) ?? "", 40);
    for (let attempt = 0; attempt < 2; attempt++)
      expect(bad(await openClient(laptop))).toEqual({ type: "StoreCorrupt", key: "profile" });
    const left = good(await laptop.store.scan({ prefix: "" })).map(({ key }) => key);
    expect(left.filter((key) => key !== "damage")).toEqual(keys);
    await stopAll(phone, ben);
  });
});
