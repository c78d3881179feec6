/** What a long history costs: nothing, where only the newest of it is looked at. */
import { expect, test } from "vitest";
import { openClient } from "@dovetail/core";
import { present } from "../../core/base/assert.ts";
import { OPS_PER_BUCKET_MAX } from "../../core/base/limits.ts";
import { encode } from "../../core/codec/shape.ts";
import type { Platform } from "../../core/client/platform.ts";
import { createOp, messagePayloadShape, type NamedOp, OP_KIND } from "../../core/messenger/op.ts";
import { engineReady, good, memoryPlatform, newAccount } from "../support/client-world.ts";
import { startLocalServer } from "../support/server-in-process.ts";
import { engineOf } from "../support/story.ts";

/** A platform whose store counts the rows that are read of each table. */
function countingPlatform(): { readonly platform: Platform; take(): ReadonlyMap<string, number> } {
  const platform = memoryPlatform();
  let rows = new Map<string, number>();
  const add = (table: string, count: number) => void rows.set(table, (rows.get(table) ?? 0) + count);
  return {
    platform: {
      ...platform,
      store: {
        ...platform.store,
        get(key) {
          add(key.split("/")[0] ?? key, 1);
          return platform.store.get(key);
        },
        async scan(range) {
          const found = await platform.store.scan(range);
          if (found.ok) add(range.prefix.split("/")[0] ?? range.prefix, found.value.length);
          return found;
        },
      },
    },
    take() {
      const taken = rows;
      rows = new Map();
      return taken;
    },
  };
}

/** Rows read to open a history of so many whole buckets with the newest page of it, and to send one message and hear that all have it. */
async function rowsRead(buckets: number) {
  await engineReady();
  const server = await startLocalServer();
  const { platform, take } = countingPlatform();
  const { client: ada } = await newAccount(server.origin, "ada", platform);
  const { client: ben } = await newAccount(server.origin, "ben");
  good(await ben.sync());
  const { conversationId } = good(await ada.addContact(good(await ben.contactLink())));
  good(await ada.sync());
  const { accountId, deviceId } = good(await ben.account());
  await ben.stop();
  await ada.stop();
  const startMs = Date.now() - 3_600_000;
  const ops = Array.from(
    { length: buckets * OPS_PER_BUCKET_MAX },
    (_, at): NamedOp =>
      createOp({
        version: 1,
        conversationId,
        author: accountId,
        device: deviceId,
        deviceSeq: at,
        devicePrev: null,
        hlc: (startMs + at) * 1_024,
        kind: OP_KIND.message,
        target: null,
        payload: encode(messagePayloadShape, { text: `Message ${at}` }),
        expire: null,
        ext: null,
      }),
  );
  const { client: filling, engine } = await engineOf(platform);
  good(await engine.context.serial.run(() => engine.conversations.restore(ops)));
  for (let round = 0; round < 3; round++) good(await filling.sync());
  await filling.stop();
  take();
  const client = present(good(await openClient(platform)), "there is an account");
  good(await client.conversations());
  expect(good(await client.messages(conversationId, { limit: 50 })).messages).toHaveLength(50);
  const opening = take();
  good(await client.sync());
  take();
  good(await client.send(conversationId, "One more"));
  good(await client.sync());
  const sending = take();
  await client.stop();
  await server.close();
  return { opening, sending };
}

test("a device opens, and sends one message and hears that all have it, with as few rows however long the history", async () => {
  const short = await rowsRead(6);
  const long = await rowsRead(10);
  expect(long.opening).toEqual(short.opening);
  expect(long.sending).toEqual(short.sending);
});
