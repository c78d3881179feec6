/** What is stored of the search index: found again, made again when it is of no use, and without what is to be gone. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createFts5Index, type Platform } from "@dovetail/core";
import { openSearchDatabase } from "../../cli/platform/search-database.ts";
import { present } from "../../core/base/assert.ts";
import { SEARCH_SEGMENT_OPS_MAX } from "../../core/base/limits.ts";
import { engineReady, good, memoryPlatform } from "../support/client-world.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import {
  createFriends,
  type Device,
  engineOf,
  reopened,
  settle,
  stopAll,
  tablesOf,
} from "../support/story.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const MESSAGES = 600;

describe("the stored search index", () => {
  const folder = createTemporaryFolder();
  let server: ServerProcess;
  let platform: Platform;
  let ada: Device;
  let progress: string[] = [];

  const open = async (): Promise<void> => {
    ada = await reopened(platform);
    progress = [];
    ada.client.onEvent((event) => {
      if (event.type === "progress") progress.push(event.phase);
    });
  };
  const count = async (query: string): Promise<number> => {
    const { hits, older } = good(await ada.client.search(query, { limit: 100 }));
    return hits.length + (older === null ? 0 : 1_000);
  };
  const segments = async () => good(await tablesOf(ada).search.scan());

  beforeAll(async () => {
    await engineReady();
    server = await startServer(folder.path);
    platform = memoryPlatform({ openSearchIndex: () => createFts5Index(openSearchDatabase()) });
    const friends = await createFriends(server.origin, ["ada", "ben"], { ada: platform });
    ada = friends.ada;
    for (let i = 0; i < MESSAGES; i++)
      good(await ada.client.send(friends.conversationId, `pebble ${i} ${i % 10 === 0 ? "marble" : "stone"}`));
    await settle(friends.ada, friends.ben);
    await stopAll(friends.ben);
  }, 120_000);
  afterAll(async () => {
    await stopAll(ada);
    await server.stop();
    folder.discard();
  });

  test("is used again, together with what came after it", async () => {
    expect(await count("marble")).toBe(60);
    await stopAll(ada);
    await open();
    expect(await segments()).toHaveLength(1);
    const { conversationId } = present(good(await ada.client.contacts())[0], "there is a contact");
    good(await ada.client.send(conversationId, "one more marble"));
    expect(await count("marble")).toBe(61);
    expect(await segments()).toHaveLength(1);
    good(await ada.client.send(conversationId, "and another marble"));
    expect(await count("marble")).toBe(62);
    await stopAll(ada);
    await open();
    expect(await count("marble")).toBe(62);
  });

  test("is made again when a row of it is damaged, or holds what is not there", async () => {
    const [segment] = await segments();
    const { value } = present(segment, "there is a segment");
    const damage = [
      { ...value, texts: value.texts.slice(1) },
      { ...value, conversation: value.conversation.map(() => 99) },
    ];
    for (const row of damage) {
      await stopAll(ada);
      await open();
      good(await platform.store.batch([]));
      const { engine } = await sealedRows();
      good(await engine.batch([tablesOf(ada).search.put([0], row)]));
      expect(await count("marble")).toBe(62);
      expect(await segments()).toHaveLength(1);
    }
    await stopAll(ada);
    await open();
    good(
      await platform.store.batch([
        { type: "put", key: tablesOf(ada).search.key(0), value: new Uint8Array(99) },
      ]),
    );
    expect(await count("marble")).toBe(62);
    expect(progress).toContain("indexing");

    const { engine } = await sealedRows();
    const doubled = { ...value, ids: value.ids.map((byte) => byte ^ 1) };
    good(await engine.batch([tablesOf(ada).search.put([1], doubled)]));
    await stopAll(ada);
    await open();
    expect(await count("marble")).toBe(62);
    expect(await segments()).toHaveLength(1);
  });

  test("lets go of a text for good", async () => {
    const [hit] = good(await ada.client.search("another")).hits;
    const { id } = present(hit, "the message is there").message;
    await stopAll(ada);
    const running = await engineOf(platform);
    ada = running;
    expect(await count("marble")).toBe(62);
    const textsOf = async () => (await segments()).flatMap(({ value }) => value.texts);
    const first = good(await ada.client.search('"pebble 10"')).hits[0];
    const old = present(first, "it is there").message.id;
    expect(await textsOf()).toContain("pebble 10 marble");
    good(await running.engine.context.serial.run(() => running.engine.search.forget([id, old])));
    expect(await count("marble")).toBe(60);
    expect(await textsOf()).not.toContain("pebble 10 marble");
    expect(await textsOf()).toContain("pebble 20 marble");
    // The row of the op is still there, and the index of the next process is made from segments alone.
    await stopAll(ada);
    await open();
    expect(await count('"pebble 10"')).toBe(0);
  });

  test("keeps at most SEARCH_SEGMENT_OPS_MAX ops in a row", async () => {
    for (const { value } of await segments())
      expect(value.texts.length).toBeLessThanOrEqual(SEARCH_SEGMENT_OPS_MAX);
  });

  async function sealedRows() {
    const { sealTxStore } = await import("../../core/store/sealing-tx-store.ts");
    return { engine: sealTxStore({ ...platform.store, close: async () => {} }, platform) };
  }
});
