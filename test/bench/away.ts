/**
 * A device comes back after a year: epochs and messages went by, and what the server kept of them is snapshots. Stores on disk.
 *
 * Usage: node test/bench/away.ts [--json] [--long]
 *
 * 50 epochs and 5,000 messages; with `--long` 500 and 50,000. The device wrote while it was away. Fails unless all devices
 * end with the same state, the other side has what was written, nobody was alarmed, and the server waited for nothing.
 */
import { parseArgs } from "node:util";
import type { Client } from "@dovetail/core";
import { createSystemClock } from "../../core/base/clock.ts";
import { createPlatformRandom } from "../../core/base/random.ts";
import { silentLogger } from "../../core/base/logger.ts";
import { openSqliteStore } from "../../sync-server/store/sqlite/sqlite-store.ts";
import { must } from "../support/chain-world.ts";
import { good, linkedDevice } from "../support/client-world.ts";
import { startLocalServer } from "../support/server-in-process.ts";
import { alarmsOf, createFriends, expectSameState, reopened, settle } from "../support/story.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { benchPlatform, devicesReady } from "./bench-device.ts";
import { report } from "./figures.ts";

const { values } = parseArgs({ options: { json: { type: "boolean" }, long: { type: "boolean" } } });
const isJson = values.json ?? false;
const epochs = values.long === true ? 500 : 50;
const MESSAGES_PER_EPOCH = 100;
const ANSWERS_PER_EPOCH = 20;
const messages = epochs * MESSAGES_PER_EPOCH;
/** Longer than the 30 days after which nobody waits for a device. */
const AWAY_MS = 31 * 86_400_000;
const SILENT_MS = 30 * 86_400_000;

await devicesReady();
const folder = createTemporaryFolder();
const store = must(openSqliteStore(`${folder.path}/server.db`, silentLogger));
const server = await startLocalServer({ snapshotGraceMs: 1e12, rateFactor: 1_000 }, store);
try {
  const phoneKey = createPlatformRandom().bytes(32);
  const platform = (name: string) => benchPlatform(folder.path, name);
  const phonePlatform = () => benchPlatform(folder.path, "phone", phoneKey);
  const { ada, ben, conversationId } = await createFriends(server.origin, ["ada", "ben"], {
    ada: platform("ada"),
    ben: platform("ben"),
  });
  const phone = await linkedDevice(ada.client, "phone", phonePlatform());
  const laptop = await linkedDevice(ada.client, "laptop", platform("laptop"));
  await settle(ada, phone, laptop, ben);
  good(await phone.client.stop());
  const offline = await reopened(phonePlatform());
  good(await offline.client.send(conversationId, "written far away"));
  good(await offline.client.setDisplayName("Ada of the phone"));
  good(await offline.client.stop());

  const write = async (client: Client, count: number, word: string) => {
    for (let n = 0; n < count; n++)
      good(await client.send(conversationId, `${word} ${n}: some words of the usual length of a chat.`));
    good(await client.sync());
  };
  for (let epoch = 0; epoch < epochs; epoch++) {
    good(await ada.client.rotateEpoch());
    await write(ada.client, MESSAGES_PER_EPOCH - ANSWERS_PER_EPOCH, `epoch ${epoch}, message`);
    await write(ben.client, ANSWERS_PER_EPOCH, `epoch ${epoch}, answer`);
    good(await ada.client.sync());
    good(await laptop.client.sync());
    if (epoch % 50 === 49) console.error(`${epoch + 1} of ${epochs} epochs`);
  }
  await settle(ada, ben, laptop);
  const nowMs = createSystemClock().nowMs() + AWAY_MS;
  // By then only the phone has been silent: the others have just been here.
  const { accountId } = good(await ada.client.account());
  for (const { client } of [ada, laptop])
    must(await store.noteSeen(accountId, good(await client.account()).deviceId, nowMs));
  const { entries } = must(await store.reclaim({ nowMs, graceMs: 0, silentMs: SILENT_MS }));
  if (entries === 0) throw new Error("the server kept every entry for the device that was away");

  const startMs = performance.now();
  const startCpu = process.cpuUsage();
  const back = await reopened(phonePlatform());
  const alarms = alarmsOf(back);
  good(await back.client.sync());
  const elapsedMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(startCpu);
  const held = good(await back.client.conversations())[0]?.messageCount;
  if (held !== messages + 1) throw new Error(`after one sync it has ${held} messages`);
  await settle(ada, laptop, back, ben);
  await expectSameState(ada, back, laptop);
  const newest = good(await ben.client.messages(conversationId, { limit: 50 }));
  const oldest = good(await ben.client.conversations())[0]?.messageCount;
  if (oldest !== messages + 1 || newest.messages.length !== 50)
    throw new Error(`the other side has ${oldest}`);
  if (alarms.length > 0) throw new Error(`alarms: ${JSON.stringify(alarms)}`);
  if (!good(await ada.client.deviceFrontiers()).isSynced) throw new Error("not synced");
  for (const [name, value, unit] of [
    [`${epochs} epochs, ${messages} messages: back`, elapsedMs, "ms"],
    ["of a processor, with the server", (user + system) / 1_000, "ms"],
    ["entries the server let go", entries, "entries"],
  ] as const)
    report(isJson, {
      suite: "away",
      name,
      value,
      unit,
      better: name.startsWith("entries") ? "more" : "less",
    });
  for (const { client } of [ada, ben, laptop, back]) good(await client.stop());
} finally {
  await server.close();
  folder.discard();
}
