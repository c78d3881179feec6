/** Stories of linking a device through the client, over the real server program. */
import { describe, expect, test } from "vitest";
import { RENDEZVOUS_TTL_MS } from "../../core/base/limits.ts";
import { joinAccount, openClient } from "@dovetail/core";
import { formatTypedCode } from "../../core/sigchain/linking/typed-code.ts";
import type { ServerConnector } from "../../core/transport/server-connector.ts";
import { createWebConnector } from "../../core/transport/web-connector.ts";
import { createAdjustableClock } from "../support/adjustable-clock.ts";
import { bad, good, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import { createFriends, settle, stopAll, textsOf } from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();

describe("linking a device", () => {
  test("shows the account's name first, and the device's name on all devices afterwards", async () => {
    const ada = await newAccount(server.origin, "ada.link");
    const host = good(await ada.client.linkDevice());
    const platform = memoryPlatform();
    const guest = good(await joinAccount(platform, { code: host.code, deviceName: "tablet" }));
    expect(guest).toMatchObject({
      accountName: "ada.link",
      accountId: good(await ada.client.account()).accountId,
    });
    const { digits } = good(await guest.accept());
    expect(digits).toMatch(/^\d{6}$/);
    expect(good(await host.whenAnswered)).toEqual({ deviceName: "tablet" });
    const added = good(await host.confirm(digits));
    expect(good(await guest.whenLinked())).toEqual(added);
    const client = good(await openClient(platform));
    if (client === null) throw new Error("the profile has an account");
    await settle(ada, { client, platform });
    for (const one of [ada.client, client]) {
      expect(good(await one.devices()).map((device) => [device.name, device.isActive])).toEqual([
        ["ada.link 1", true],
        ["tablet", true],
      ]);
    }
    await stopAll(ada, { client, platform });
  });

  test("[LK22] ends with the client, where the server does not answer any more", async () => {
    const inner = createWebConnector();
    let attempts = 0;
    const connector: ServerConnector = {
      connect: inner.connect,
      request: async (origin, request) =>
        request.method === "POST" && request.path.endsWith("/links") && ++attempts > 0
          ? { ok: false, error: { type: "ServerUnreachable", origin, detail: "gone" } }
          : inner.request(origin, request),
    };
    const ada = await newAccount(server.origin, "ada.ends", memoryPlatform({ connector }));
    const host = good(await ada.client.linkDevice());
    const guest = good(await joinAccount(memoryPlatform(), { code: host.code, deviceName: "tablet" }));
    const { digits } = good(await guest.accept());
    const confirmed = host.confirm(digits);
    await expect.poll(() => attempts).toBeGreaterThan(0);
    await stopAll(ada);
    expect(bad(await confirmed).type).toBe("LinkingFailed");
    await guest.cancel();
  });

  test("[LK39] [LK40] by a code that is typed, once, at the server that was named; a mistake asks nobody", async () => {
    const ada = await newAccount(server.origin, "ada.typed");
    const host = good(await ada.client.linkDevice());
    const type = (code: string, origin: string | null = server.origin) =>
      joinAccount(memoryPlatform(), { code, deviceName: "kiosk", origin });
    const failed = (rule: string) => ({ type: "LinkingFailed", rule });
    const typed = host.typedCode.toLowerCase().replaceAll("-", " ");
    const mistyped = host.typedCode.replace(/^./, (first) => (first === "7" ? "8" : "7"));
    expect(bad(await type(mistyped, "http://127.0.0.1:1"))).toEqual(failed("MistypedCode"));
    expect(bad(await type(typed, null))).toEqual(failed("TypedCodeNeedsServer"));
    expect(bad(await type("kiosk"))).toEqual(failed("NotALinkCode"));
    expect(bad(await type(formatTypedCode(new Uint8Array(11))))).toEqual(failed("TypedCodeUnknown"));
    const platform = memoryPlatform();
    const guest = good(
      await joinAccount(platform, { code: typed, deviceName: "kiosk", origin: server.origin }),
    );
    expect(guest.accountName).toBe("ada.typed");
    // Whoever else has the code comes too late, before the digits are typed and after.
    expect(bad(await type(typed))).toEqual(failed("LinkCodeUsed"));
    const { digits } = good(await guest.accept());
    good(await host.whenAnswered);
    const added = good(await host.confirm(digits));
    expect(good(await guest.whenLinked())).toEqual(added);
    expect(bad(await type(typed))).toEqual(failed("LinkCodeUsed"));
    expect(bad(await joinAccount(memoryPlatform(), { code: host.code, deviceName: "late" }))).toEqual(
      failed("LinkCodeUsed"),
    );
    // One that was withdrawn.
    const again = good(await ada.client.linkDevice());
    await again.cancel();
    expect(bad(await type(again.typedCode))).toEqual(failed("LinkClosed"));
    await stopAll(ada);
  });

  test("[LK38] replaces another one in the same link: it opens nothing from then on, and contacts lose nothing", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.swap", "ben.swap"]);
    const old = await linkedDevice(ada.client, "old browser");
    await settle(ada, old, ben);
    good(await old.client.send(conversationId, "from the old one"));
    await settle(old, ada, ben);
    const before = good(await ada.client.account());
    const replaces = good(await old.client.account()).deviceId;
    const swapping = { ...ada.client, linkDevice: () => ada.client.linkDevice({ replaces }) };
    const fresh = await linkedDevice(swapping, "new browser");
    await settle(ada, fresh, ben);
    const after = good(await ada.client.account());
    expect([after.chainSeq, after.epoch]).toEqual([before.chainSeq + 1, before.epoch + 1]);
    expect(good(await fresh.client.devices()).map(({ name, isActive }) => [name, isActive])).toEqual([
      ["ada.swap 1", true],
      ["old browser", false],
      ["new browser", true],
    ]);
    good(await ben.client.send(conversationId, "to the new one"));
    good(await fresh.client.send(conversationId, "from the new one"));
    await settle(ben, fresh, ada, ben);
    const texts = await textsOf(fresh, conversationId);
    expect(texts.toSorted()).toEqual(["from the new one", "from the old one", "to the new one"]);
    expect(await textsOf(ada, conversationId)).toEqual(texts);
    expect(await textsOf(ben, conversationId)).toEqual(texts);
    expect(bad(await old.client.sync()).type).toBe("DeviceRevoked");
    for (const [client, id] of [
      [ada.client, replaces],
      [ada.client, after.deviceId],
    ] as const)
      expect(bad(await client.linkDevice({ replaces: id }))).toEqual({ type: "UnknownDevice" });
    await stopAll(ada, fresh, ben, old);
  });

  test("takes digits that are typed before the answer of the device that shows them is there", async () => {
    const ada = await newAccount(server.origin, "ada.early");
    const host = good(await ada.client.linkDevice());
    const guest = good(await joinAccount(memoryPlatform(), { code: host.code, deviceName: "tablet" }));
    const { digits } = good(await guest.accept());
    expect(good(await host.confirm(digits))).toEqual(good(await guest.whenLinked()));
  });

  test("with wrong digits fails on both sides, and the code is used up", async () => {
    const ada = await newAccount(server.origin, "ada.wrong");
    const host = good(await ada.client.linkDevice());
    const platform = memoryPlatform();
    const guest = good(await joinAccount(platform, { code: host.code, deviceName: "tablet" }));
    const { digits } = good(await guest.accept());
    good(await host.whenAnswered);
    const wrong = digits === "123456" ? "654321" : "123456";
    expect(bad(await host.confirm(wrong))).toEqual({ type: "LinkingFailed", rule: "WrongCode" });
    expect(bad(await guest.whenLinked())).toEqual({ type: "LinkingFailed", rule: "WrongCode" });
    expect(bad(await host.confirm(digits)).type).toBe("LinkingFailed");
    expect(good(await ada.client.devices()).length).toBe(1);
    expect(good(await openClient(platform))).toBe(null);
    expect(bad(await joinAccount(memoryPlatform(), { code: host.code, deviceName: "other" })).type).toBe(
      "LinkingFailed",
    );
    await linkedDevice(ada.client, "second attempt").then(stopAll);
    await stopAll(ada);
  });

  test("too few digits may be completed", async () => {
    const ada = await newAccount(server.origin, "ada.few");
    const host = good(await ada.client.linkDevice());
    const guest = good(await joinAccount(memoryPlatform(), { code: host.code, deviceName: "tablet" }));
    const { digits } = good(await guest.accept());
    good(await host.whenAnswered);
    expect(bad(await host.confirm(digits.slice(0, 5)))).toEqual({
      type: "LinkingFailed",
      rule: "DigitsIncomplete",
    });
    good(await host.confirm(digits));
    good(await guest.whenLinked());
    await stopAll(ada);
  });

  test("with a code that another device has answered, has run out, was cancelled or is none, says which", async () => {
    const clock = createAdjustableClock();
    const ada = await newAccount(server.origin, "ada.codes", memoryPlatform({ clock }));
    const host = good(await ada.client.linkDevice());
    const first = good(await joinAccount(memoryPlatform(), { code: host.code, deviceName: "first" }));
    good(await first.accept());
    good(await host.whenAnswered);
    expect(bad(await joinAccount(memoryPlatform(), { code: host.code, deviceName: "second" }))).toEqual({
      type: "LinkingFailed",
      rule: "LinkCodeUsed",
    });
    host.cancel();
    expect(bad(await first.whenLinked())).toEqual({ type: "LinkingFailed", rule: "LinkCancelled" });
    const unanswered = good(await ada.client.linkDevice());
    clock.adjust(RENDEZVOUS_TTL_MS + 1_000);
    expect(bad(await joinAccount(memoryPlatform(), { code: unanswered.code, deviceName: "late" }))).toEqual({
      type: "LinkingFailed",
      rule: "LinkClosed",
    });
    expect(bad(await unanswered.whenAnswered)).toEqual({ type: "LinkingFailed", rule: "LinkExpired" });
    expect(bad(await joinAccount(memoryPlatform(), { code: "nonsense", deviceName: "none" })).type).toBe(
      "LinkingFailed",
    );
    expect(good(await ada.client.devices()).length).toBe(1);
    await stopAll(ada);
  });
});
