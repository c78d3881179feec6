/** "Nothing is missing" is each device's own word: who is where, what it lacks, and what a server that hides something gives away. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import type { Bytes } from "../../core/base/bytes.ts";
import { createSystemClock } from "../../core/base/clock.ts";
import type { DeviceId, LogId } from "../../core/base/ids.ts";
import { ok } from "../../core/base/result.ts";
import { FRONTIER_TELL_MS, type FrontierLink } from "../../core/client/frontiers/frontiers.ts";
import type { Gateway } from "../../core/client/connection/gateway.ts";
import type { Engine } from "../../core/client/engine.ts";
import { type FrontierContent, openFrontier, sealFrontier } from "../../core/log/frontier.ts";
import type { LogPoint } from "../../core/protocol/entry.ts";
import { must } from "../support/chain-world.ts";
import { bad, engineReady, good, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import { type LocalServer, startLocalServer } from "../support/server-in-process.ts";
import {
  accountIdOf,
  alarmsOf,
  befriend,
  type Device,
  engineOf,
  settle,
  stopAll,
  tablesOf,
} from "../support/story.ts";

let server: LocalServer;
beforeAll(async () => {
  await engineReady();
  server = await startLocalServer();
});
afterAll(() => server.close());

let people = 0;

/** A person with two devices at rest; the second with its parts at hand. */
async function twoDevices() {
  let aheadMs = 0;
  const system = createSystemClock();
  const clock = { ...system, nowMs: () => system.nowMs() + aheadMs };
  const laptop = await newAccount(server.origin, `person${people++}`);
  const { client, platform } = await linkedDevice(laptop.client, "phone", memoryPlatform({ clock }));
  good(await client.stop());
  const phone = await engineOf(platform);
  await settle(laptop, phone);
  const { accountId, deviceId } = good(await laptop.client.account());
  return {
    laptop,
    phone,
    accountId,
    laptopId: deviceId,
    phoneId: phone.engine.context.identity.deviceId,
    later: (ms: number) => {
      aheadMs += ms;
    },
    end: async () => {
      good(await laptop.client.stop());
      good(await phone.client.stop());
    },
  };
}

const rename = async (device: Device, name: string) => good(await device.client.setDisplayName(name));

/** The last word of a device as the server has it. */
async function wordOf(accountId: Parameters<typeof server.store.readFrontiers>[0], device: DeviceId) {
  const kept = must(await server.store.readFrontiers(accountId));
  return kept.find((one) => one.device === device)?.frontier ?? new Uint8Array();
}

/** A connection to a server that shows these words and hides everything that came since the last sync. */
function hidingLink(
  shown: readonly { readonly device: DeviceId; readonly frontier: Bytes }[],
  inbound: ReadonlyMap<LogId, LogPoint> = new Map(),
): FrontierLink {
  const gateway = {
    call: async (answer: string) => ok(answer === "frontiers" ? { frontiers: shown } : {}),
  } as unknown as Gateway;
  return { gateway, catchUp: async () => ok(), inboundPoints: async () => inbound };
}

/** A word of a device, said with its own keys. */
function said(by: Engine, changes: Partial<FrontierContent>): Bytes {
  const { context } = by;
  const { identity } = context;
  const names = { accountId: identity.accountId, logId: context.accountLogId };
  const own = by.frontiers.known().get(identity.deviceId);
  const epochSecret = context.epochSecret(1);
  if (own === undefined || epochSecret === null) throw new Error("the device has said something");
  const content = { ...own, ...changes };
  const plan = { log: names, epoch: 1, epochSecret, signer: identity.keys.sign, content };
  return sealFrontier(context.random, plan);
}

describe("devices", () => {
  test("[FR11] are called synced when each has said that it holds the same, and not before", async () => {
    const { laptop, phone, phoneId, end } = await twoDevices();
    const before = good(await laptop.client.deviceFrontiers());
    expect(before).toMatchObject({ isSynced: true, devices: [{ state: "equal" }, { state: "equal" }] });
    await rename(laptop, "another name");
    good(await laptop.client.sync());
    const after = good(await laptop.client.deviceFrontiers());
    expect(after.isSynced).toBe(false);
    expect(after.devices.find(({ device }) => device === phoneId)).toMatchObject({
      name: "phone",
      state: "behind",
      missingEntries: after.seq - before.seq,
      reachedAtMs: before.devices.find(({ device }) => device === phoneId)?.reachedAtMs,
    });
    good(await phone.client.sync());
    expect(good(await laptop.client.deviceFrontiers()).isSynced).toBe(true);
    await end();
  });

  test("[FR11] are not called synced by a program that has not asked, and what is kept here is not hidden", async () => {
    const { laptop, phone } = await twoDevices();
    good(await phone.client.stop());
    const again = await engineOf(phone.platform);
    const offline = good(await again.client.deviceFrontiers());
    expect(offline).toMatchObject({ isSynced: false, checkedAtMs: null });
    expect(offline.devices.map(({ state }) => state)).toEqual(["equal", "equal"]);
    await rename(again, "not sent yet");
    const waiting = good(await again.client.deviceFrontiers());
    expect(waiting.devices.find(({ isThis }) => isThis)).toMatchObject({
      state: "incomplete",
      unsentChanges: 1,
    });
    good(await again.client.sync());
    good(await again.client.stop());
    good(await laptop.client.stop());
  });

  test("[FR3] say something new only when there is something new, and once a day", async () => {
    const { phone, phoneId, later, end } = await twoDevices();
    const told = () => phone.engine.frontiers.known().get(phoneId);
    const first = told();
    good(await phone.client.sync());
    expect(told()).toEqual(first);
    expect(good(await tablesOf(phone).frontier.get(phoneId))?.content).toEqual(first);
    later(FRONTIER_TELL_MS + 1);
    good(await phone.client.sync());
    expect(told()).toMatchObject({ number: (first?.number ?? 0) + 1, reachedAtMs: first?.reachedAtMs });
    await end();
  });

  test("[FR5] that have read the same and hold something else are named", async () => {
    const { laptop, phone, accountId, laptopId, phoneId, end } = await twoDevices();
    const alarms = alarmsOf(laptop);
    const number = (phone.engine.frontiers.known().get(phoneId)?.number ?? 0) + 1;
    const word = said(phone.engine, { number, documents: new Uint8Array(32).fill(7) });
    must(await server.store.putFrontier(accountId, phoneId, word));
    good(await laptop.client.sync());
    expect(alarms).toEqual([{ type: "DevicesDiffer", device: phoneId }]);
    const report = good(await laptop.client.deviceFrontiers());
    expect(report.isSynced).toBe(false);
    expect(report.devices.find(({ device }) => device === laptopId)?.state).toBe("equal");
    await end();
  });
});

describe("a server", () => {
  test("[FR6] that hides entries from a device is found by what its sibling says it has read", async () => {
    const { laptop, phone: online, accountId, laptopId } = await twoDevices();
    good(await online.client.stop());
    const phone = await engineOf(online.platform);
    const alarms = alarmsOf(phone);
    const { seq } = phone.engine.log.reader().point;
    await rename(laptop, "hidden");
    good(await laptop.client.sync());
    const shown = [{ device: laptopId, frontier: await wordOf(accountId, laptopId) }];
    good(await phone.engine.frontiers.exchange(hidingLink(shown)));
    expect(alarms).toMatchObject([{ type: "LogDistrusted", fault: { type: "LogWithheld", headSeq: seq } }]);
    good(await laptop.client.stop());
    good(await phone.client.stop());
  });

  test("[FR6] is not suspected for a contact's log that this device does not follow", async () => {
    const { laptop, phone, laptopId } = await twoDevices();
    const ben = await newAccount(server.origin, `person${people++}`);
    const conversationId = await befriend(laptop, ben);
    good(await ben.client.send(conversationId, "read by both"));
    await settle(ben, laptop, phone);
    good(await laptop.client.stop());
    const other = await engineOf(laptop.platform);
    const alarms = alarmsOf(phone);
    const record = present(good(await phone.engine.contacts.get(await accountIdOf(ben))), "Ada knows Ben");
    const { logId } = present(record.own, "a log for Ben");
    const { point } = good(await phone.engine.inboundReader(logId));
    const number = (phone.engine.frontiers.known().get(laptopId)?.number ?? 0) + 1;
    const further = [{ logId, point: { ...point, seq: point.seq + 1 } }];
    const words = [{ device: laptopId, frontier: said(other.engine, { number, inbound: further }) }];
    good(await phone.engine.frontiers.exchange(hidingLink(words)));
    expect(alarms).toEqual([]);
    good(await phone.engine.frontiers.exchange(hidingLink(words, new Map([[logId, point]]))));
    expect(alarms).toMatchObject([{ type: "LogDistrusted", logId, fault: { type: "LogWithheld" } }]);
    await stopAll(ben, other, phone);
  });

  test("[FR7] that shows two histories is found by one word", async () => {
    const { laptop, phone, laptopId } = await twoDevices();
    const alarms = alarmsOf(phone);
    const { point } = phone.engine.log.reader();
    good(await laptop.client.stop());
    const other = await engineOf(laptop.platform);
    const number = (other.engine.frontiers.known().get(laptopId)?.number ?? 0) + 1;
    const forked = said(other.engine, { number, point: { ...point, chain: new Uint8Array(32).fill(5) } });
    good(await phone.engine.frontiers.exchange(hidingLink([{ device: laptopId, frontier: forked }])));
    expect(alarms).toContainEqual({
      type: "LogDistrusted",
      logId: phone.engine.context.accountLogId,
      fault: { type: "LogForked", seq: point.seq },
    });
    good(await other.client.stop());
    good(await phone.client.stop());
  });

  test("[FR4] that shows an older word than before, or a forged one, changes nothing", async () => {
    const { laptop, phone, accountId, laptopId, phoneId, end } = await twoDevices();
    const old = await wordOf(accountId, laptopId);
    await rename(laptop, "newer");
    await settle(laptop, phone);
    const alarms = alarmsOf(phone);
    const known = phone.engine.frontiers.known().get(laptopId);
    good(await phone.engine.frontiers.exchange(hidingLink([{ device: laptopId, frontier: old }])));
    expect(alarms).toEqual([{ type: "FrontierDistrusted", device: laptopId, rule: "Stale" }]);
    const own = await wordOf(accountId, phoneId);
    good(await phone.engine.frontiers.exchange(hidingLink([{ device: laptopId, frontier: own }])));
    expect(alarms).toContainEqual({ type: "FrontierDistrusted", device: laptopId, rule: "DoesNotOpen" });
    expect(phone.engine.frontiers.known().get(laptopId)).toEqual(known);
    const open = async () =>
      good(await phone.client.alarms()).filter(({ resolvedAtMs }) => resolvedAtMs === null);
    expect((await open()).map(({ alarm }) => alarm.type)).toContain("FrontierDistrusted");
    // What it says itself is shown again.
    await settle(phone);
    expect(await open()).toEqual([]);
    await end();
  });

  test("[FR4] what was found of a device is over once it is revoked", async () => {
    const { laptop, phone, accountId, phoneId } = await twoDevices();
    const old = await wordOf(accountId, phoneId);
    await rename(phone, "newer");
    await settle(laptop, phone);
    await stopAll(laptop, phone);
    const first = await engineOf(laptop.platform);
    good(await first.client.sync());
    good(await first.engine.frontiers.exchange(hidingLink([{ device: phoneId, frontier: old }])));
    const open = async () =>
      good(await first.client.alarms()).filter(({ resolvedAtMs }) => resolvedAtMs === null);
    expect(await open()).toHaveLength(1);
    good(await first.client.revokeDevice(phoneId));
    expect(await open()).toEqual([]);
    await stopAll(first);
  });

  test("[FR4] and where it was revoked while this device was away", async () => {
    const { laptop, phone, accountId, phoneId } = await twoDevices();
    const tablet = await linkedDevice(laptop.client, "tablet");
    await settle(laptop, phone, tablet);
    const old = await wordOf(accountId, phoneId);
    await rename(phone, "newer");
    await settle(laptop, phone, tablet);
    await stopAll(phone, tablet);
    const away = await engineOf(tablet.platform);
    good(await away.client.sync());
    good(await away.engine.frontiers.exchange(hidingLink([{ device: phoneId, frontier: old }])));
    const open = async (device: Device) =>
      good(await device.client.alarms()).filter(({ resolvedAtMs }) => resolvedAtMs === null);
    expect(await open(away)).toHaveLength(1);
    await stopAll(away);
    good(await laptop.client.revokeDevice(phoneId));
    const back = await engineOf(tablet.platform);
    good(await back.client.sync());
    expect(await open(back)).toEqual([]);
    await stopAll(laptop, back);
  });

  test("[FR8] that has a later word of this very device tells that its profile was set back", async () => {
    const { laptop, phone, accountId, phoneId } = await twoDevices();
    const alarms = alarmsOf(phone);
    const number = (phone.engine.frontiers.known().get(phoneId)?.number ?? 0) + 5;
    must(await server.store.putFrontier(accountId, phoneId, said(phone.engine, { number })));
    expect(bad(await phone.client.sync())).toMatchObject({ type: "DeviceRolledBack" });
    expect(alarms).toMatchObject([{ type: "DeviceRolledBack" }]);
    good(await phone.client.stop());
    good(await laptop.client.stop());
  });

  test("[FR9] keeps the word of each device as bytes it cannot open", async () => {
    const { laptop, phone, accountId, phoneId, end } = await twoDevices();
    const { context } = phone.engine;
    const names = { accountId, logId: context.accountLogId };
    const keys = {
      epochSecret: context.epochSecret,
      signKey: (id: DeviceId) => context.chain().devicesById.get(id)?.signKey ?? null,
    };
    const word = await wordOf(accountId, phoneId);
    expect(must(openFrontier(names, phoneId, word, keys))).toEqual(
      phone.engine.frontiers.known().get(phoneId),
    );
    expect(openFrontier(names, phoneId, word, { ...keys, epochSecret: () => new Uint8Array(32) }).ok).toBe(
      false,
    );
    expect(good(await laptop.client.deviceFrontiers()).devices).toHaveLength(2);
    await end();
  });
});
