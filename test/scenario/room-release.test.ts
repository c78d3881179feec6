/** A room's log of which the server gives up what nobody in the room needs: with the real server, and clocks the story sets. */
import { afterEach, expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import { silentLogger } from "../../core/base/logger.ts";
import { ROOM_LEAF_RENEW_MS_MAX, ROOM_LOG_KEPT_MS } from "../../core/base/limits.ts";
import { createSystemClock } from "../../core/base/clock.ts";
import type { LogId } from "../../core/base/ids.ts";
import { isRoomLogOf } from "../../core/protocol/room-log-id.ts";
import { rowKeyParts } from "../../core/store/row-key.ts";
import { openSqliteStore } from "../../sync-server/store/sqlite/sqlite-store.ts";
import { must } from "../support/chain-world.ts";
import { engineReady, good, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import { createPatientClock } from "../support/patient-clock.ts";
import { startLocalServer } from "../support/server-in-process.ts";
import {
  accountIdOf,
  alarmsOf,
  befriend,
  createFriends,
  type Device,
  reopened,
  roomViewOf,
  settle,
  stopAll,
  tablesOf,
  textsOf,
} from "../support/story.ts";

const MINUTE_MS = 60_000;
const SILENT_MS = 1e12;
const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** Ada's room with Ben in it, on a server that gives up nothing before the story asks it to. */
async function roomOfMonths() {
  await engineReady();
  let store = must(openSqliteStore(":memory:", silentLogger));
  let server = await startLocalServer({ snapshotGraceMs: 1e12 }, store);
  opened.push(() => server.close());
  const time = createPatientClock();
  const on = () => memoryPlatform({ clock: time.clock });
  const { ada, ben } = await createFriends(server.origin, ["months.ada", "months.ben"], {
    ada: on(),
    ben: on(),
  });
  const { id } = good(await ada.client.createRoom("Months"));
  good(await ada.client.inviteToRoom(id, await accountIdOf(ben)));
  await settle(ada, ben);
  good(await ben.client.acceptRoom(id));
  await settle(ada, ben);
  const texts: string[] = [];
  /** Weeks in each of which both write something, and make their leaves' keys anew. */
  const weeks = async (count: number, ...devices: readonly Device[]) => {
    for (let week = 0; week < count; week++) {
      for (const [index, device] of devices.entries()) {
        const text = `${texts.length}, by ${index}`;
        good(await device.client.send(id, text));
        texts.push(text);
      }
      time.pass(ROOM_LEAF_RENEW_MS_MAX);
      await settle(...devices);
    }
  };
  const self = good(await ada.client.account());
  const readers = good(await tablesOf(ada).reader.scan());
  const logIds = readers.map(({ key }) => rowKeyParts(key)[1] as LogId);
  const logId = present(
    logIds.find((one) => isRoomLogOf(one, self.accountId)),
    "the room's log was read",
  );
  /** As if the server had been at it for a while; gives how far the room's log is gone. */
  const reclaim = async (): Promise<number> => {
    const nowMs = createSystemClock().nowMs() + 1;
    for (let isDone = false; !isDone; )
      ({ isDone } = must(await store.reclaim({ nowMs, graceMs: 0, silentMs: SILENT_MS })));
    return present(must(await store.findLog(logId)), "a log").trimmedUpto;
  };
  /** Everything the server had is gone. */
  const lose = async () => {
    await server.close();
    store = must(openSqliteStore(":memory:", silentLogger));
    server = await startLocalServer(
      { snapshotGraceMs: 1e12, port: Number(new URL(server.origin).port) },
      store,
    );
  };
  const headSeq = async () => present(must(await store.findLog(logId)), "a log").head.seq;
  return { ada, ben, id, on, store, logId, self, pass: time.pass, texts, weeks, reclaim, headSeq, lose };
}

const isOfTrouble = ({ type }: { readonly type: string }) => type !== "ClockDiffers";

test("[RM74] [LG20] what everybody in a room has read goes from its server a month later, and who comes then comes in", async () => {
  const { ada, ben, id, on, texts, weeks, reclaim, headSeq } = await roomOfMonths();
  const alarms = [ada, ben].map(alarmsOf);
  await weeks(Math.ceil(ROOM_LOG_KEPT_MS / ROOM_LEAF_RENEW_MS_MAX), ada, ben);
  expect(await reclaim(), "read by all, and not for a month").toBe(0);
  await weeks(Math.ceil(ROOM_LOG_KEPT_MS / ROOM_LEAF_RENEW_MS_MAX), ada, ben);
  const trimmedUpto = await reclaim();
  expect(trimmedUpto).toBeGreaterThan(0);
  expect(trimmedUpto).toBeLessThan(await headSeq());
  for (const device of [ada, ben]) expect([...(await textsOf(device, id))].sort()).toEqual([...texts].sort());

  // A device that was linked reads from where the room was told of, which is gone.
  const late = await linkedDevice(ben.client, "months.ben late", on());
  await settle(ada, ben, late);
  good(await ada.client.send(id, "after"));
  good(await late.client.send(id, "by the late one"));
  await settle(ada, ben, late);
  const all = [...texts, "after", "by the late one"].sort();
  for (const device of [ada, ben, late]) expect([...(await textsOf(device, id))].sort()).toEqual(all);
  expect([...alarms.flat(), ...alarmsOf(late)].filter(isOfTrouble)).toEqual([]);
  await stopAll(ada, ben, late);
});

test("[RM74] [RM62] a log that began anew goes from its server too, once it has what all have read there", async () => {
  const { ada, ben, id, on, texts, weeks, reclaim, headSeq, lose, pass } = await roomOfMonths();
  await weeks(3, ada, ben);
  await lose();
  for (const { client } of [ada, ben]) good(await client.putBack());
  for (let minute = 0; minute < 3; minute++) {
    await settle(ada, ben);
    pass(MINUTE_MS);
  }
  await weeks(Math.ceil(ROOM_LOG_KEPT_MS / ROOM_LEAF_RENEW_MS_MAX), ada, ben);
  expect(await reclaim(), "read by all, and not for a month").toBe(0);
  await weeks(Math.ceil(ROOM_LOG_KEPT_MS / ROOM_LEAF_RENEW_MS_MAX) + 1, ada, ben);
  const trimmedUpto = await reclaim();
  expect(trimmedUpto).toBeGreaterThan(0);
  expect(trimmedUpto).toBeLessThan(await headSeq());
  for (const device of [ada, ben]) expect([...(await textsOf(device, id))].sort()).toEqual([...texts].sort());

  // A device that was linked finds how the log began anew gone.
  const late = await linkedDevice(ben.client, "months.ben late", on());
  const alarms = alarmsOf(late);
  await settle(ada, ben, late);
  good(await ada.client.send(id, "after"));
  good(await late.client.send(id, "by the late one"));
  await settle(ada, ben, late);
  const all = [...texts, "after", "by the late one"].sort();
  for (const device of [ada, ben, late]) expect([...(await textsOf(device, id))].sort()).toEqual(all);
  expect(alarms.filter(isOfTrouble)).toEqual([]);
  await stopAll(ada, ben, late);
});

test("[RM74] a founder's device that is brought back in a log that began anew counts afresh", async () => {
  const { ada, ben, id, weeks, lose, pass } = await roomOfMonths();
  await lose();
  for (const { client } of [ada, ben]) good(await client.putBack());
  await weeks(2, ada, ben);
  const countedOf = async (device: Device) => good(await tablesOf(device).roomrelease.get(id));
  expect(await countedOf(ada)).toMatchObject({ incarnation: 1 });
  good(await ada.client.stop());
  good(await ada.platform.store.batch([tablesOf(ada).group.remove(id)]));
  const back = await reopened(ada.platform);
  for (let minute = 0; minute < 3; minute++) {
    await settle(back, ben);
    pass(MINUTE_MS);
  }
  expect(await roomViewOf(back, id)).toMatchObject({ state: "joined", people: 2 });
  expect(await countedOf(back)).toBe(null);
  await weeks(2, back, ben);
  expect(await countedOf(back)).toMatchObject({ incarnation: 1 });
  await stopAll(back, ben);
});

test("[RM74] a device that is away holds back what it has not read, however long, and a device that was just linked does too", async () => {
  const { ada, ben, id, texts, weeks, reclaim } = await roomOfMonths();
  await weeks(2, ada, ben);
  await stopAll(ben);
  await weeks(12, ada);
  const while1 = await reclaim();
  const back = await reopened(ben.platform);
  await settle(ada, back);
  expect([...(await textsOf(back, id))].sort()).toEqual([...texts].sort());
  await weeks(Math.ceil((2 * ROOM_LOG_KEPT_MS) / ROOM_LEAF_RENEW_MS_MAX) + 1, ada, back);
  expect(await reclaim()).toBeGreaterThan(while1);
  expect(alarmsOf(back).filter(isOfTrouble)).toEqual([]);
  await stopAll(ada, back);
});

test("[RM74] who was taken out while they were away, and finds what they had not read gone, is told that they are out, and of no lie", async () => {
  const { ada, ben, id, pass, weeks, reclaim, headSeq } = await roomOfMonths();
  await weeks(1, ada, ben);
  const bensId = await accountIdOf(ben);
  await stopAll(ben);
  good(await ada.client.send(id, "not read by Ben"));
  good(await ada.client.removeFromRoom(id, bensId));
  await settle(ada);
  const outAt = await headSeq();
  await weeks(Math.ceil((2 * ROOM_LOG_KEPT_MS) / ROOM_LEAF_RENEW_MS_MAX) + 2, ada);
  expect(await reclaim()).toBeGreaterThan(outAt);
  const back = await reopened(ben.platform);
  const alarms = alarmsOf(back);
  // It asks for the keys of now, a minute after it found that its own open nothing more, and is told.
  for (let minute = 0; minute < 3; minute++) {
    await settle(ada, back);
    pass(MINUTE_MS);
  }
  await settle(ada, back);
  expect((await roomViewOf(back, id)).state).toBe("removed");
  expect(alarms.filter(isOfTrouble)).toEqual([]);
  await stopAll(ada, back);
});

test("[RM74] a server that gives up what somebody in the room has not read is named, and the room goes on", async () => {
  const { ada, ben, id, store, logId, self, weeks, reclaim, headSeq } = await roomOfMonths();
  await weeks(1, ada, ben);
  await stopAll(ben);
  good(await ada.client.send(id, "never to be read"));
  await settle(ada);
  must(await store.ack(logId, self.deviceId, await headSeq()));
  expect(await reclaim()).toBe(await headSeq());
  const back = await reopened(ben.platform);
  const alarms = alarmsOf(back);
  await settle(ada, back);
  good(await ada.client.send(id, "and on"));
  await settle(ada, back);
  expect(await textsOf(back, id)).toContain("and on");
  expect(alarms).toContainEqual(
    expect.objectContaining({ type: "LogDistrusted", fault: expect.objectContaining({ type: "LogGap" }) }),
  );
  await stopAll(ada, back);
});

test("[RM74] [RM30] a founder's device that finds gone how somebody was taken out brings back neither them nor the key they have", async () => {
  const { ada, ben, id, on, store, logId, self, pass, weeks, reclaim, headSeq } = await roomOfMonths();
  const { origin } = good(await ada.client.account());
  const zed = await newAccount(origin, "months.zed", on());
  await befriend(ada, zed);
  good(await ada.client.inviteToRoom(id, await accountIdOf(zed)));
  good(await ada.client.setRoomRole(id, await accountIdOf(ben), "admin"));
  await settle(ada, ben, zed);
  good(await zed.client.acceptRoom(id));
  await settle(ada, ben, zed);
  await weeks(1, ada, ben);
  await stopAll(ada);
  good(await ben.client.removeFromRoom(id, await accountIdOf(zed)));
  await settle(ben);
  must(await store.ack(logId, self.deviceId, await headSeq()));
  expect(await reclaim()).toBe(await headSeq());
  const back = await reopened(ada.platform);
  for (let minute = 0; minute < 6; minute++) {
    await settle(back, ben);
    pass(MINUTE_MS);
  }
  good(await ben.client.send(id, "without Zed"));
  await settle(back, ben, zed);
  for (const device of [back, ben])
    expect(await roomViewOf(device, id)).toMatchObject({ state: "joined", people: 2 });
  expect(await textsOf(back, id)).toContain("without Zed");
  expect(await textsOf(zed, id)).not.toContain("without Zed");
  await stopAll(back, ben, zed);
});
