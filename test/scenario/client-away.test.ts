/** A device that was away for long: many epochs and messages, trimmed without waiting for it. It comes back with what it wrote. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSystemClock } from "../../core/base/clock.ts";
import { silentLogger } from "../../core/base/logger.ts";
import { openSqliteStore } from "../../sync-server/store/sqlite/sqlite-store.ts";
import { must } from "../support/chain-world.ts";
import { engineReady, good, linkedDevice, memoryPlatform } from "../support/client-world.ts";
import { type LocalServer, startLocalServer } from "../support/server-in-process.ts";
import { alarmsOf, createFriends, expectSameState, reopened, settle, textsOf } from "../support/story.ts";

const EPOCHS = 4;
const MESSAGES_PER_EPOCH = 2;
/** Longer than the 30 days after which nobody waits for a device. */
const AWAY_MS = 31 * 86_400_000;

let server: LocalServer;
beforeAll(async () => {
  await engineReady();
  server = await startLocalServer({ snapshotGraceMs: 1e12 }, must(openSqliteStore(":memory:", silentLogger)));
});
afterAll(() => server.close());

test("[SN12] [SN25] [AR14] a device comes back after a year: it held nothing back, lost nothing, and is still one of them", async () => {
  const platform = () => memoryPlatform({ snapshotTailEntries: 4 });
  const { ada, ben, conversationId } = await createFriends(server.origin, ["ada", "ben"], {
    ada: platform(),
    ben: platform(),
  });
  const phone = await linkedDevice(ada.client, "phone", platform());
  const laptop = await linkedDevice(ada.client, "laptop", platform());
  await settle(ada, phone, laptop, ben);
  good(await phone.client.stop());
  const offline = await reopened(phone.platform);
  good(await offline.client.send(conversationId, "written far away"));
  good(await offline.client.setDisplayName("Ada of the phone"));
  good(await offline.client.stop());
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    good(await ada.client.rotateEpoch());
    for (let n = 0; n < MESSAGES_PER_EPOCH; n++) {
      good(await ada.client.send(conversationId, `epoch ${epoch}, message ${n}`));
      good(await ben.client.send(conversationId, `answer ${epoch} ${n}`));
    }
    await settle(ada, ben, laptop);
  }
  const before = good(await offlineSeq(ada));
  const nowMs = createSystemClock().nowMs() + AWAY_MS;
  // By then only the phone has been silent: the others have just been here.
  const { accountId } = good(await ada.client.account());
  for (const { client } of [ada, laptop])
    must(await server.store.noteSeen(accountId, good(await client.account()).deviceId, nowMs));
  const reclaimed = must(await server.store.reclaim({ nowMs, graceMs: 0, silentMs: 2_592_000_000 }));
  expect(reclaimed.entries).toBeGreaterThan(EPOCHS);
  const back = await reopened(phone.platform);
  const alarms = alarmsOf(back);
  good(await back.client.sync());
  // One catch-up: all that was written meanwhile is here at once.
  expect(await textsOf(back, conversationId)).toHaveLength(2 * EPOCHS * MESSAGES_PER_EPOCH + 1);
  await settle(ada, laptop, back, ben);
  await expectSameState(ada, back, laptop);
  expect(good(await ada.client.account()).displayName).toBe("Ada of the phone");
  expect(await textsOf(ben, conversationId)).toContain("written far away");
  expect(good(await ada.client.deviceFrontiers())).toMatchObject({ isSynced: true });
  expect(good(await back.client.account()).epoch).toBe(good(await ada.client.account()).epoch);
  expect(before).toBeGreaterThan(2 * EPOCHS);
  expect(alarms).toEqual([]);
  for (const { client } of [ada, ben, laptop, back]) good(await client.stop());
}, 120_000);

async function offlineSeq({ client }: { readonly client: Parameters<typeof alarmsOf>[0]["client"] }) {
  const report = await client.deviceFrontiers();
  return report.ok ? { ok: true as const, value: report.value.seq } : report;
}
