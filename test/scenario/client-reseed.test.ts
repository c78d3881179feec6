/** A server that is emptied, set back or left: any device puts the account back, and nothing is lost. Real server processes. */
import { present } from "../../core/base/assert.ts";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { err, ok } from "../../core/base/result.ts";
import { createDirectoryClient } from "../../core/client/connection/directory-client.ts";
import type { HttpRequest, ServerConnector } from "../../core/transport/server-connector.ts";
import { createWebConnector } from "../../core/transport/web-connector.ts";
import { must } from "../support/chain-world.ts";
import { EPOCH_ROTATE_MS } from "../../core/base/limits.ts";
import { recoverAccount } from "@dovetail/core";
import { createAdjustableClock } from "../support/adjustable-clock.ts";
import { bad, engineReady, good, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import { startLosableServer } from "../support/losable-server.ts";
import { startLocalServer } from "../support/server-in-process.ts";
import {
  accountIdOf,
  alarmsOf,
  createFriends,
  type Device,
  expectSameState,
  reopened,
  settle,
  tablesOf,
  textsOf,
} from "../support/story.ts";

beforeAll(engineReady);

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const losableServer = () => startLosableServer((cleanUp) => void cleanUps.push(cleanUp));

function keep<T extends Device>(device: T): T {
  cleanUps.push(() => device.client.stop());
  return device;
}

/** Ada with two devices, and Ben; each has written. Ben's account is on another server unless told otherwise. */
async function conversation(origin: string) {
  const { ada, ben, conversationId } = await createFriends(origin, ["ada", "ben"]);
  const phone = await linkedDevice(ada.client, "phone");
  good(await ada.client.send(conversationId, "from Ada"));
  good(await ben.client.send(conversationId, "from Ben"));
  await settle(ada, ben, phone);
  return { ada: keep(ada), ben: keep(ben), phone: keep(phone), conversationId };
}

describe("a server that lost everything", () => {
  test("[IN5] [IN6] [IN7] [IN8] [IN9] has it back from one device; the others follow, and nothing is lost", async () => {
    const server = await losableServer();
    const { ben, conversationId, ...adas } = await conversation(server.origin);
    let { ada, phone } = adas;
    const before = await countersOf(ada, phone, ben);
    // Taken by the server, and read by nobody.
    good(await ada.client.stop());
    good(await phone.client.stop());
    good(await ben.client.send(conversationId, "unread when it was lost"));
    good(await ben.client.sync());
    await server.lose();
    ada = keep(await reopened(ada.platform));
    phone = keep(await reopened(phone.platform));
    // Written while there is no server that knows them.
    good(await phone.client.setDisplayName("Ada of the phone"));
    good(await ada.client.send(conversationId, "kept by Ada"));
    good(await ben.client.send(conversationId, "kept by Ben"));
    expect(bad(await ada.client.sync())).toMatchObject({ type: "Refused", code: "unknown-account" });
    expect(good(await ada.client.putBack())).toMatchObject({ logs: 2 });
    expect(good(await ben.client.putBack()).logs).toBeGreaterThan(0);
    const alarms = [alarmsOf(ada), alarmsOf(phone), alarmsOf(ben)];
    await settle(ada, phone, ben);
    await expectSameState(ada, phone);
    expect([...(await textsOf(phone, conversationId))].sort()).toEqual([
      "from Ada",
      "from Ben",
      "kept by Ada",
      "kept by Ben",
      "unread when it was lost",
    ]);
    expect(await textsOf(ben, conversationId)).toEqual(await textsOf(ada, conversationId));
    const after = await countersOf(ada, phone, ben);
    const fallen = [...before].filter(([key, counter]) => (after.get(key) ?? 0) < counter);
    expect(fallen.map(([key, counter]) => [key, counter, after.get(key)])).toEqual([]);
    expect((await accountOf(ada)).displayName).toBe("Ada of the phone");
    expect(alarms).toEqual([[], [], []]);
    expect(good(await ada.client.deviceFrontiers())).toMatchObject({ incarnation: 1, isSynced: true });
    const tablet = keep(await linkedDevice(ada.client, "tablet"));
    good(await ada.client.stop());
    good(await tablet.client.sync());
    expect(await textsOf(tablet, conversationId)).toHaveLength(5);
  }, 60_000);

  test("[IN13] a log that a sibling made there, and that nobody else knew of, goes on as another incarnation of it", async () => {
    const server = await losableServer();
    const { ada, ben, conversationId, ...adas } = await conversation(server.origin);
    const tablet = await linkedDevice(ben.client, "tablet");
    await settle(ada, ben, adas.phone);
    // From then on Ben writes into a log that Ada's laptop makes, and her phone has not heard of.
    good(await adas.phone.client.stop());
    good(await ben.client.revokeDevice(good(await tablet.client.account()).deviceId));
    await tablet.client.stop();
    await settle(ben, ada);
    good(await ben.client.send(conversationId, "into the log of the laptop"));
    await settle(ben, ada);
    good(await ada.client.stop());
    await server.lose();
    const phone = keep(await reopened(adas.phone.platform));
    good(await phone.client.putBack());
    good(await ben.client.putBack());
    await settle(phone, ben);
    good(await ben.client.send(conversationId, "into the log of the phone"));
    await settle(phone, ben);
    const laptop = keep(await reopened(ada.platform));
    const alarms = [alarmsOf(laptop), alarmsOf(phone), alarmsOf(ben)];
    await settle(laptop, phone, ben);
    good(await laptop.client.send(conversationId, "from the laptop"));
    await settle(laptop, phone, ben);
    expect(alarms).toEqual([[], [], []]);
    for (const device of [laptop, phone, ben])
      expect([...(await textsOf(device, conversationId))].sort()).toEqual([
        "from Ada",
        "from Ben",
        "from the laptop",
        "into the log of the laptop",
        "into the log of the phone",
      ]);
    await expectSameState(laptop, phone);
  }, 60_000);
});

describe("an account that is put back on a server that lost it", () => {
  /** Ada with a chain of many links, and Ben, who lives elsewhere; `onRequest` sees what Ada's device asks over HTTP. */
  async function longLived() {
    const [server, bens] = [await losableServer(), await losableServer()];
    let onRequest = async (_: HttpRequest): Promise<"carry" | "cut"> => "carry";
    const connector = createWebConnector();
    const watched: ServerConnector = {
      connect: connector.connect,
      async request(origin, request) {
        if ((await onRequest(request)) === "carry") return connector.request(origin, request);
        await connector.request(origin, request);
        return err({ type: "ServerUnreachable", origin, detail: "the answer was lost" });
      },
    };
    const platforms = { ada: memoryPlatform({ connector: watched }) };
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada", "ben"], platforms);
    good(await ben.client.putBack({ origin: bens.origin }));
    const phone = await linkedDevice(ada.client, "phone");
    for (let i = 0; i < 3; i++) good(await ada.client.rotateEpoch());
    good(await ada.client.revokeDevice(good(await phone.client.account()).deviceId));
    await phone.client.stop();
    await settle(ada, ben);
    await server.lose();
    const accountId = await accountIdOf(ada);
    const headSeq = async (): Promise<number | null> => {
      const page = await createDirectoryClient(connector, server.origin).chain(accountId, 0);
      return page.ok ? page.value.headSeq : null;
    };
    const watch = (next: typeof onRequest): void => {
      onRequest = next;
    };
    return { ada: keep(ada), ben: keep(ben), conversationId, headSeq, watch };
  }

  test("[IN6] a contact that asks at any moment is told all of its chain or nothing, and is not alarmed", async () => {
    const { ada, ben, conversationId, headSeq, watch } = await longLived();
    const alarms = alarmsOf(ben);
    const seen: (number | null)[] = [];
    watch(async () => {
      seen.push(await headSeq());
      await ben.client.sync();
      return "carry";
    });
    good(await ada.client.putBack());
    watch(async () => "carry");
    const last = await headSeq();
    expect(last).toBeGreaterThan(4);
    expect(seen.length).toBeGreaterThan(last ?? 0);
    expect([...new Set(seen)]).toEqual([null, last]);
    await settle(ada, ben);
    good(await ben.client.send(conversationId, "there again"));
    await settle(ada, ben);
    expect(await textsOf(ada, conversationId)).toContain("there again");
    expect(alarms).toEqual([]);
    expect(good(await ben.client.alarms())).toEqual([]);
  }, 60_000);

  test("[IN6] whose answers are lost one by one goes on where it stands, and nothing is shown before", async () => {
    const { ada, ben, headSeq, watch } = await longLived();
    let cuts = 0;
    for (; ; cuts++) {
      let asked = 0;
      watch(async ({ method, path }) => {
        if (method !== "POST" || !/\/(accounts|staged-links)$/.test(path)) return "carry";
        expect(await headSeq()).toBe(null);
        return ++asked === 3 ? "cut" : "carry";
      });
      const done = await ada.client.putBack();
      if (done.ok) break;
      expect(done.error).toMatchObject({ type: "ServerUnreachable", detail: "the answer was lost" });
      expect(cuts).toBeLessThan(20);
    }
    // One link further each time; the last time everything was there, and only the answer was lost.
    expect(cuts).toBe(4);
    watch(async () => "carry");
    expect(await headSeq()).toBeGreaterThan(4);
    await settle(ada, ben);
    expect(good(await ben.client.alarms())).toEqual([]);
  }, 60_000);
});

describe("a server restored from an old backup", () => {
  test("[IN2] [IN12] [SN40] [AL7] is named for what it is, and mended from what devices hold; then it is over", async () => {
    const server = await losableServer();
    const { ada, ben, phone, conversationId } = await conversation(server.origin);
    // A healthy server begins nothing anew.
    expect(good(await ada.client.putBack())).toMatchObject({ logs: 0 });
    await server.backUp();
    good(await ada.client.send(conversationId, "after the backup"));
    await settle(ada, ben, phone);
    await server.restore();
    expect(bad(await ada.client.sync())).toMatchObject({
      type: "LogDistrusted",
      fault: { type: "LogRolledBack" },
    });
    expect(good(await ada.client.putBack()).logs).toBeGreaterThan(0);
    good(await ben.client.putBack());
    good(await phone.client.send(conversationId, "and on"));
    await settle(ada, phone, ben);
    const told = good(await ada.client.alarms()).filter(({ alarm }) => alarm.type === "LogDistrusted");
    expect(told).toMatchObject([{ resolvedAtMs: expect.any(Number) }]);
    await expectSameState(ada, phone);
    const texts = ["after the backup", "and on", "from Ada", "from Ben"];
    expect([...(await textsOf(ben, conversationId))].sort()).toEqual(texts);
    expect([...(await textsOf(ada, conversationId))].sort()).toEqual(texts);
    // Every device is out, and what they wrote since the server was set back is there all the same.
    const platform = memoryPlatform();
    const recovered = good(
      await recoverAccount(platform, {
        origin: server.origin,
        account: { type: "handle", handle: "ada" },
        words: present(good(await ada.client.recoveryWords()), "they were not confirmed"),
        deviceName: "spare",
        keepsDevices: false,
      }),
    );
    const spare = keep({ client: recovered, platform });
    good(await recovered.sync());
    expect(good(await recovered.alarms())).toEqual([]);
    expect([...(await textsOf(spare, conversationId))].sort()).toEqual(texts);
  }, 60_000);
});

describe("moving to another server", () => {
  test("[IN10] [IN11] devices follow and contacts write there, while the old one answers", async () => {
    const [old, next] = [await losableServer(), await losableServer()];
    const { ada, ben, phone, conversationId } = await conversation(old.origin);
    expect(good(await ada.client.putBack({ origin: next.origin }))).toMatchObject({ origin: next.origin });
    await settle(ada, phone, ben);
    expect((await accountOf(phone)).origin).toBe(next.origin);
    good(await ben.client.send(conversationId, "to your new place"));
    good(await phone.client.send(conversationId, "found it"));
    await settle(ada, phone, ben);
    await expectSameState(ada, phone);
    expect([...(await textsOf(ada, conversationId))].sort()).toEqual([
      "found it",
      "from Ada",
      "from Ben",
      "to your new place",
    ]);
    expect(good(await ben.client.contacts())).toMatchObject([{ origin: next.origin }]);
  }, 60_000);

  test("[IN10] [CA6] a device keeps the X-Wing key it has got since its program began", async () => {
    const [old, next] = [await startLocalServer(), await startLocalServer()];
    cleanUps.push(
      () => old.close(),
      () => next.close(),
    );
    const clock = createAdjustableClock();
    const ada = keep(await newAccount(old.origin, "ada.keys", memoryPlatform({ clock })));
    const kemSeed = async () => present(good(await tablesOf(ada).profile.get()), "a profile").seeds.kem;
    const first = [...(await kemSeed())];
    for (let week = 0; week < 6; week++) {
      good(await ada.client.sync());
      clock.adjust(EPOCH_ROTATE_MS);
    }
    const second = await kemSeed();
    expect([...second]).not.toEqual(first);
    good(await ada.client.putBack({ origin: next.origin }));
    expect(await kemSeed()).toEqual(second);
    await ada.client.stop();
    const again = keep(await reopened(ada.platform));
    const { epoch } = await accountOf(again);
    good(await again.client.rotateEpoch());
    expect((await accountOf(again)).epoch).toBe(epoch + 1);
  });

  test("[IN10] a server that lets nobody in is asked first, and nothing has changed", async () => {
    const [old, next] = [await startLocalServer(), await startLocalServer({ isRegistrationOpen: false })];
    cleanUps.push(
      () => old.close(),
      () => next.close(),
    );
    const ada = keep(await newAccount(old.origin, "ada.stays"));
    good(await ada.client.sync());
    const before = await accountOf(ada);
    expect(bad(await ada.client.putBack({ origin: next.origin }))).toEqual({
      type: "Refused",
      code: "registration-closed",
    });
    expect(bad(await ada.client.putBack({ origin: next.origin, invitation: "made-up" }))).toMatchObject({
      code: "bad-invitation",
    });
    expect(await accountOf(ada)).toEqual(before);
    expect(good(await ada.client.lookAtServer(next.origin))).toMatchObject({ knowsAccount: false });
    good(await ada.client.sync());
  });

  test("[IN10] who comes back with the recovery key is told where the account went, and splits no chain", async () => {
    const [old, next] = [await startLocalServer(), await startLocalServer()];
    cleanUps.push(
      () => old.close(),
      () => next.close(),
    );
    const ada = keep(await newAccount(old.origin, "ada.moved"));
    good(await ada.client.sync());
    good(await ada.client.putBack({ origin: next.origin }));
    const recoverAt = (origin: string) =>
      recoverAccount(memoryPlatform(), {
        origin,
        account: { type: "handle", handle: "ada.moved" },
        words: ada.recoveryWords,
        deviceName: "laptop",
        keepsDevices: true,
      });
    expect(bad(await recoverAt(old.origin))).toEqual({ type: "AccountMoved", origin: next.origin });
    const { chainSeq } = await accountOf(ada);
    const back = good(await recoverAt(next.origin));
    cleanUps.push(() => back.stop());
    good(await ada.client.sync());
    expect(await accountOf(ada)).toMatchObject({ chainSeq: chainSeq + 1, origin: next.origin });
  });

  test("[IN10] [DI2] who finds the handle taken there chooses another one, which all devices have then; contacts keep name and number", async () => {
    const [old, next] = [await startLocalServer(), await startLocalServer()];
    cleanUps.push(
      () => old.close(),
      () => next.close(),
    );
    const { ada, phone, ben, conversationId } = await conversation(old.origin);
    const taken = present((await accountOf(ada)).handle, "it has one");
    keep(await newAccount(next.origin, taken));
    const { accountId } = await accountOf(ada);
    good(await ben.client.setPetname(accountId, "Sis"));
    const number = good(await ben.client.safetyNumber(accountId));
    const alarms = alarmsOf(ben);

    const refused = { type: "Refused", code: "handle-taken" };
    expect(bad(await phone.client.putBack({ origin: next.origin }))).toEqual(refused);
    const tooLong = { origin: next.origin, handle: "a".repeat(33) };
    expect(bad(await phone.client.putBack(tooLong))).toEqual({ type: "Refused", code: "bad-handle" });
    expect(await accountOf(phone)).toMatchObject({ origin: old.origin, handle: taken });
    // The one that was chosen first is taken too; the one chosen last counts, also for the attempt that comes through.
    const other = `${taken}.too`;
    expect(bad(await phone.client.putBack({ origin: next.origin, handle: taken }))).toEqual(refused);
    good(await phone.client.putBack({ origin: next.origin, handle: other }));
    expect(await accountOf(phone)).toMatchObject({ origin: next.origin, handle: other });
    await settle(ada, phone, ben);
    expect(await accountOf(ada)).toMatchObject({ accountId, origin: next.origin, handle: other });
    await expectSameState(ada, phone);
    good(await ben.client.send(conversationId, "still you?"));
    await settle(ada, phone, ben);
    expect(await textsOf(ada, conversationId)).toContain("still you?");
    expect(good(await ben.client.contacts())).toMatchObject([{ name: "Sis", origin: next.origin }]);
    expect(good(await ben.client.safetyNumber(accountId))).toEqual(number);
    expect(alarms).toEqual([]);

    // Back where it came from, it has the handle it had there.
    good(await ada.client.putBack({ origin: old.origin }));
    expect(await accountOf(ada)).toMatchObject({ origin: old.origin, handle: taken });
  });

  test("[IN10] a device that stays connected is not sent to the new home before its logs are there", async () => {
    const [old, next] = [await startLocalServer(), await startLocalServer()];
    cleanUps.push(
      () => old.close(),
      () => next.close(),
    );
    const platform = memoryPlatform();
    const { connector } = platform;
    let hasLeft = false;
    let connections = 0;
    const connect: typeof connector.connect = async (origin, handlers) => {
      // The first one there has all the time it wants, whoever made it.
      if (origin === next.origin && hasLeft && ++connections === 2)
        await new Promise((resolve) => setTimeout(resolve, 500));
      const opened = await connector.connect(origin, handlers);
      if (!opened.ok || origin !== old.origin) return opened;
      const leave = (): void => {
        hasLeft = true;
        opened.value.close();
      };
      return ok({ ...opened.value, close: leave });
    };
    const ada = keep(
      await newAccount(old.origin, "ada.stays", {
        ...platform,
        connector: { ...connector, connect, request: (...asked) => connector.request(...asked) },
      }),
    );
    good(await ada.client.sync());
    const alarms = alarmsOf(ada);
    ada.client.start();
    good(await ada.client.putBack({ origin: next.origin }));
    expect([hasLeft, connections > 1]).toEqual([true, true]);
    expect(alarms).toEqual([]);
  });

  test("[IN10] a device that was linked brings the account's handle along", async () => {
    const [old, next] = [await startLocalServer(), await startLocalServer()];
    cleanUps.push(
      () => old.close(),
      () => next.close(),
    );
    const ada = keep(await newAccount(old.origin, "ada.linked"));
    good(await ada.client.sync());
    const phone = keep(await linkedDevice(ada.client, "phone"));
    good(await phone.client.sync());
    good(await phone.client.putBack({ origin: next.origin }));
    const ben = keep(await newAccount(next.origin, "ben.asks"));
    good(await ben.client.addContact("ada.linked"));
  });

  test("[IN10] [IN11] also when the old one is gone for good", async () => {
    const [old, next, bens] = [await losableServer(), await losableServer(), await losableServer()];
    const { ada, phone, ben, conversationId } = await conversation(old.origin);
    // Ben lives elsewhere, or nothing could reach him any more.
    good(await ben.client.putBack({ origin: bens.origin }));
    await settle(ada, phone, ben);
    await old.stop();
    good(await ada.client.putBack({ origin: next.origin }));
    good(await phone.client.putBack({ origin: next.origin }));
    await settle(ada, phone, ben);
    good(await ben.client.send(conversationId, "still there?"));
    await settle(ada, phone, ben);
    await expectSameState(ada, phone);
    expect(good(await ben.client.contacts())).toMatchObject([{ origin: next.origin }]);
    expect(good(await ada.client.contacts())).toMatchObject([{ origin: bens.origin }]);
    expect([...(await textsOf(phone, conversationId))].sort()).toEqual([
      "from Ada",
      "from Ben",
      "still there?",
    ]);
    good(await reopenedAccount(ada));
  }, 60_000);
});

const accountOf = async ({ client }: Device) => good(await client.account());

/** The profile itself says where it lives now. */
async function reopenedAccount(device: Device) {
  good(await device.client.stop());
  const again = keep(await reopened(device.platform));
  good(await again.client.sync());
  return again.client.account();
}

/** Counters of every log each device writes to. */
async function countersOf(...devices: readonly Device[]): Promise<ReadonlyMap<string, number>> {
  const counters = new Map<string, number>();
  for (const [index, device] of devices.entries()) {
    const rows = must(await tablesOf(device).writer.scan());
    for (const { key, value } of rows) counters.set(`${index} ${key}`, value.writerSeq);
  }
  return counters;
}
