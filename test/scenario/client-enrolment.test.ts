/** Becoming part of an account while the power goes or answers are lost: it happened, or it did not, and the start tells. */
import { describe, expect, test } from "vitest";
import { createAccount, joinAccount, openClient, type Platform, recoverAccount } from "@dovetail/core";
import type { ServerConnector } from "../../core/transport/server-connector.ts";
import { bad, good, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import { createCrashDevice, type CutMoment } from "../support/crash-platform.ts";
import { reopened } from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();

const CUTS_MAX = 40;

function accountCalled(handle: string) {
  return {
    origin: server.origin,
    handle,
    displayName: handle,
    deviceName: `${handle} 1`,
    invitation: null,
  };
}

/** The answer to the first request of this method and path is lost: the server has acted on it. */
function losingAnswer(platform: Platform, path: RegExp): Platform {
  let isLost = false;
  const connector: ServerConnector = {
    ...platform.connector,
    async request(origin, request) {
      const answer = await platform.connector.request(origin, request);
      if (isLost || request.method !== "POST" || !path.test(request.path)) return answer;
      isLost = true;
      return { ok: false, error: { type: "ServerUnreachable", origin, detail: "the line broke" } };
    },
  };
  return { ...platform, connector };
}

describe("making an account", () => {
  test("[AR16] whose answer is lost: the same call goes on with the same account, and the words open it", async () => {
    const platform = losingAnswer(memoryPlatform(), /^\/v1\/accounts$/);
    expect(bad(await createAccount(platform, accountCalled("lost.create"))).type).toBe("ServerUnreachable");
    expect(good(await openClient(platform))).toBeNull();
    const made = good(await createAccount(platform, accountCalled("lost.create")));
    expect(good(await made.client.account())).toMatchObject({
      handle: "lost.create",
      displayName: "lost.create",
    });
    good(await made.client.sync());
    good(await made.client.stop());
    const recovered = good(
      await recoverAccount(memoryPlatform(), {
        origin: server.origin,
        account: { type: "handle", handle: "lost.create" },
        words: made.recoveryWords,
        deviceName: "again",
        keepsDevices: true,
      }),
    );
    good(await recovered.stop());
  });

  test("[AR16] that is refused leaves nothing: another name can be taken at once", async () => {
    good(await (await newAccount(server.origin, "taken.once")).client.stop());
    const platform = memoryPlatform();
    expect(bad(await createAccount(platform, accountCalled("taken.once")))).toEqual({
      type: "Refused",
      code: "handle-taken",
    });
    const made = good(await createAccount(platform, accountCalled("taken.twice")));
    expect(good(await made.client.account()).handle).toBe("taken.twice");
    good(await made.client.stop());
  });

  test("[AR16] the words can be shown until they are confirmed, and never after", async () => {
    const { client, platform, recoveryWords } = await newAccount(server.origin, "words.kept");
    good(await client.stop());
    const again = await reopened(platform);
    expect(good(await again.client.recoveryWords())).toBe(recoveryWords);
    good(await again.client.confirmRecoveryWords());
    expect(good(await again.client.recoveryWords())).toBeNull();
    good(await again.client.stop());
    const third = await reopened(platform);
    expect(good(await third.client.recoveryWords())).toBeNull();
    good(await third.client.stop());
  });

  test.each<CutMoment>(["before", "after"])(
    "[AR16] with the power cut %s any write ends in one account whose words are known",
    async (moment) => {
      for (let n = 1; ; n++) {
        expect(n).toBeLessThan(CUTS_MAX);
        const account = accountCalled(`cut.${moment}.${n}`);
        const device = createCrashDevice();
        const first = device.boot();
        device.cutAt(n, moment);
        const made = await Promise.race([createAccount(first, account), device.whenDead]);
        if (made !== undefined) {
          await Promise.race([good(made).client.stop(), device.whenDead]);
          break;
        }
        const platform = device.boot();
        const opened = good(await openClient(platform));
        const client = opened ?? good(await createAccount(platform, account)).client;
        expect(good(await client.account())).toMatchObject({
          handle: account.handle,
          displayName: account.handle,
        });
        expect(good(await client.devices()).map((one) => one.name)).toEqual([account.deviceName]);
        expect(good(await client.recoveryWords())?.split(" ")).toHaveLength(24);
        good(await client.sync());
        good(await client.stop());
      }
    },
  );
});

describe("recovering an account", () => {
  test("[AR16] whose answer is lost is found out from the chain, not called a failure", async () => {
    const ada = await newAccount(server.origin, "lost.recover");
    good(await ada.client.sync());
    good(await ada.client.stop());
    const platform = losingAnswer(memoryPlatform(), /\/links$/);
    const client = good(
      await recoverAccount(platform, {
        origin: server.origin,
        account: { type: "handle", handle: "lost.recover" },
        words: ada.recoveryWords,
        deviceName: "new",
        keepsDevices: false,
      }),
    );
    expect(
      good(await client.devices())
        .filter((one) => one.isActive)
        .map((one) => one.name),
    ).toEqual(["new"]);
    good(await client.stop());
  });

  test.each<CutMoment>(["before", "after"])(
    "[AR16] with the power cut %s any write is done, or can be done again",
    async (moment) => {
      const ada = await newAccount(server.origin, `recover.${moment}`);
      good(await ada.client.sync());
      good(await ada.client.stop());
      for (let n = 1; ; n++) {
        expect(n).toBeLessThan(CUTS_MAX);
        const device = createCrashDevice();
        const recover = (platform: Platform) =>
          recoverAccount(platform, {
            origin: server.origin,
            account: { type: "handle", handle: `recover.${moment}` },
            words: ada.recoveryWords,
            deviceName: `new ${n}`,
            keepsDevices: false,
          });
        const first = device.boot();
        device.cutAt(n, moment);
        const done = await Promise.race([recover(first), device.whenDead]);
        if (done !== undefined) {
          await Promise.race([good(done).stop(), device.whenDead]);
          break;
        }
        const platform = device.boot();
        const client = good(await openClient(platform)) ?? good(await recover(platform));
        const active = good(await client.devices()).filter((one) => one.isActive);
        expect(active.map((one) => one.name)).toEqual([`new ${n}`]);
        good(await client.sync());
        good(await client.stop());
      }
    },
  );
});

describe("[LK37] joining an account", () => {
  test.each<CutMoment>(["before", "after"])(
    "with the power cut %s any write: the device is on the account, or another link puts it there",
    async (moment) => {
      const ada = await newAccount(server.origin, `join.${moment}`);
      good(await ada.client.sync());
      ada.client.start();
      for (let n = 1; ; n++) {
        expect(n).toBeLessThan(CUTS_MAX);
        const device = createCrashDevice();
        const first = device.boot();
        device.cutAt(n, moment);
        const join = async () => {
          const host = good(await ada.client.linkDevice());
          const guest = good(await joinAccount(first, { code: host.code, deviceName: `phone ${n}` }));
          const { digits } = good(await guest.accept());
          good(await host.whenAnswered);
          const confirmed = host.confirm(digits);
          good(await guest.whenLinked());
          good(await confirmed);
          return good(await openClient(first));
        };
        const joined = await Promise.race([join(), device.whenDead]);
        if (joined !== undefined) {
          await Promise.race([joined?.stop(), device.whenDead]);
          break;
        }
        const platform = device.boot();
        const opened = good(await openClient(platform));
        const client = opened ?? (await linkedDevice(ada.client, `phone ${n}`, platform)).client;
        good(await client.sync());
        expect(good(await client.account()).accountId).toBe(good(await ada.client.account()).accountId);
        expect(good(await client.devices()).find((one) => one.isThis)?.isActive).toBe(true);
        good(await client.stop());
      }
      good(await ada.client.stop());
    },
  );
});
