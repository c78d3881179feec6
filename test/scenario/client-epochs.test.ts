/** Revoking a device, rotating, and taking an account back: real server process, real sockets. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Client, openClient, recoverAccount, recoverByPasskey } from "@dovetail/core";
import { decode } from "../../core/codec/shape.ts";
import { clientFrameShape } from "../../core/protocol/client-frame.ts";
import type { PlacedEntry } from "../../core/protocol/entry.ts";
import { unpadFrame } from "../../core/protocol/frame-padding.ts";
import { bad, engineReady, good, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import { createLyingServer } from "../support/lying-server.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const folder = createTemporaryFolder();
let server: ServerProcess;
let people = 0;

beforeAll(async () => {
  await engineReady();
  server = await startServer(folder.path, ["--rate-factor", "1000"]);
});
afterAll(async () => {
  await server.stop();
  folder.discard();
});

async function texts(client: Client): Promise<readonly string[]> {
  const conversation = good(await client.conversations())[0];
  if (conversation === undefined) return [];
  return good(await client.messages(conversation.id, { limit: 100 })).messages.map((message) => message.text);
}

async function settle(...clients: readonly Client[]): Promise<void> {
  for (let round = 0; round < 3; round++) for (const client of clients) good(await client.sync());
}

/** Ada with a laptop and a tablet, Ben with one device; they are contacts. */
async function couple() {
  people++;
  const ada = await newAccount(server.origin, `ada${people}`);
  const ben = await newAccount(server.origin, `ben${people}`);
  await settle(ada.client, ben.client);
  const tablet = await linkedDevice(ada.client, "tablet");
  const toBen = good(
    await ada.client.addContact(good(await ben.client.contactLink()), { greeting: "before" }),
  );
  await settle(ada.client, ben.client);
  const toAda = good(await ben.client.contacts())[0];
  if (toAda === undefined) throw new Error("Ben has a request");
  good(await ben.client.acceptContact(toAda.accountId));
  await settle(ada.client, ben.client, tablet.client);
  const tabletId = good(await tablet.client.devices()).find((device) => device.isThis)?.id;
  if (tabletId === undefined) throw new Error("a device knows itself");
  return { ada, ben, tablet, tabletId, toBen, toAda };
}

async function stopAll(...clients: readonly Client[]): Promise<void> {
  for (const client of clients) await client.stop();
}

test("[DM17] [GW4] an account of many revocations on both sides is followed on one connection, though most of the logs there could be were never made", async () => {
  people++;
  const [ada, ...others] = await Promise.all(
    ["ada", "ben", "carl"].map((name) => newAccount(server.origin, `${name}.many${people}`)),
  );
  if (ada === undefined) throw new Error("Ada is there");
  const all = [ada, ...others].map(({ client }) => client);
  await settle(...all);
  for (const { client } of others) {
    good(await ada.client.addContact(good(await client.contactLink())));
    await settle(...all);
    const [request] = good(await client.contacts());
    if (request === undefined) throw new Error("the request has come");
    good(await client.acceptContact(request.accountId));
    await settle(...all);
  }
  // Of each contact there could be nine logs, and five were made: eight that were not end a connection that opens them.
  for (const client of all)
    for (let revocation = 0; revocation < 2; revocation++) {
      const phone = await linkedDevice(client, `phone ${revocation}`);
      const phoneId = good(await phone.client.devices()).find((device) => device.isThis)?.id;
      await stopAll(phone.client);
      if (phoneId === undefined) throw new Error("a device knows itself");
      good(await client.revokeDevice(phoneId));
      await settle(...all);
    }
  good(await ada.client.stop());
  const again = await openClient(ada.platform);
  if (!again.ok || again.value === null) throw new Error("the profile has an account");
  const { value: client } = again;
  good(await client.sync());
  const [conversation] = good(await client.conversations());
  if (conversation === undefined) throw new Error("there is one");
  good(await client.send(conversation.id, "it goes"));
  await settle(client, ...others.map((other) => other.client));
  expect(client.status().state).toBe("online");
  const read = await Promise.all(others.map((other) => texts(other.client)));
  expect(read.flat()).toContain("it goes");
  expect(good(await client.messages(conversation.id, { limit: 10 })).messages.at(-1)?.state).toBe(
    "delivered",
  );
  await stopAll(client, ...others.map((other) => other.client));
}, 60_000);

describe("a revoked device", () => {
  test("[AR11] [DM17] reads nothing written afterwards; everyone else goes on, and nothing on its way is lost", async () => {
    const { ada, ben, tablet, tabletId, toBen, toAda } = await couple();
    good(await ada.client.revokeDevice(tabletId));
    // Ben does not know of the new log yet: this goes to the old one.
    good(await ben.client.send(toAda.conversationId, "into the old log"));
    good(await ben.client.sync());
    await settle(ada.client, ben.client);
    good(await ada.client.send(toBen.conversationId, "under the new epoch"));
    await settle(ada.client, ben.client);
    good(await ben.client.send(toAda.conversationId, "into the new log"));
    await settle(ada.client, ben.client);
    expect(await texts(ada.client)).toEqual([
      "into the new log",
      "under the new epoch",
      "into the old log",
      "before",
    ]);
    expect(await texts(ben.client)).toEqual(await texts(ada.client));
    expect(bad(await tablet.client.sync())).toEqual({ type: "DeviceRevoked" });
    expect(await texts(tablet.client)).toEqual(["before"]);
    const devices = good(await ada.client.devices());
    expect(devices.find((device) => device.id === tabletId)?.isActive).toBe(false);
    await stopAll(ada.client, ben.client, tablet.client);
  });

  test("[AR12] what a sibling wrote offline under the old epoch is sealed anew, not lost", async () => {
    const { ada, ben, tablet, tabletId } = await couple();
    const phone = await linkedDevice(ada.client, "phone");
    await settle(ada.client, phone.client);
    good(await phone.client.createTag("written offline"));
    good(await ada.client.revokeDevice(tabletId));
    good(await ada.client.createTag("written after"));
    await settle(ada.client, phone.client);
    const names = async (client: Client) => good(await client.tags()).map((tag) => tag.name);
    expect(await names(ada.client)).toEqual(["written after", "written offline"]);
    expect(await names(phone.client)).toEqual(["written after", "written offline"]);
    expect(good(await phone.client.fingerprint())).toEqual(good(await ada.client.fingerprint()));
    await stopAll(ada.client, ben.client, tablet.client, phone.client);
  });

  test("[AR18] what it wrote as it was being revoked is on every device or on none, and on one that is linked later", async () => {
    const { connector } = memoryPlatform();
    let onItsWay = async (): Promise<void> => {};
    const ada = await newAccount(
      server.origin,
      `ada${++people}`,
      memoryPlatform({
        connector: {
          ...connector,
          async request(origin, request) {
            // The log was read to its end, and the server does not have the link yet.
            if (request.method === "POST" && request.path.endsWith("/links")) await onItsWay();
            return connector.request(origin, request);
          },
        },
      }),
    );
    const tablet = await linkedDevice(ada.client, "tablet");
    const phone = await linkedDevice(ada.client, "phone");
    await settle(ada.client, tablet.client, phone.client);
    const tabletId = good(await tablet.client.account()).deviceId;
    onItsWay = async () => {
      good(await tablet.client.createTag("just before"));
      good(await tablet.client.sync());
      good(await phone.client.createTag("built on it"));
    };
    good(await ada.client.revokeDevice(tabletId));
    onItsWay = async () => {};
    await settle(phone.client, ada.client);
    const late = await linkedDevice(ada.client, "late");
    await settle(late.client, phone.client, ada.client, late.client);
    const names = async (client: Client) => good(await client.tags()).map((tag) => tag.name);
    expect(await names(phone.client)).toEqual(["built on it", "just before"]);
    for (const device of [ada, late]) {
      expect(await names(device.client)).toEqual(await names(phone.client));
      expect(good(await device.client.fingerprint())).toEqual(good(await phone.client.fingerprint()));
    }
    await stopAll(ada.client, tablet.client, phone.client, late.client);
  });

  test.each(["the device that revoked", "a device that is linked later"])(
    "[AR18] what only a snapshot of a device that was lost has of it is handed on by %s",
    async (who) => {
      const { connector } = memoryPlatform();
      let onItsWay = async (): Promise<void> => {};
      let cut = (): void => {};
      const ada = await newAccount(
        server.origin,
        `ada${++people}`,
        memoryPlatform({
          connector: {
            ...connector,
            async connect(origin, handlers) {
              const socket = await connector.connect(origin, handlers);
              if (socket.ok) cut = socket.value.close;
              return socket;
            },
            async request(origin, request) {
              if (request.method === "POST" && request.path.endsWith("/links")) await onItsWay();
              return connector.request(origin, request);
            },
          },
        }),
      );
      const tablet = await linkedDevice(ada.client, "tablet");
      const phone = await linkedDevice(ada.client, "phone", memoryPlatform({ snapshotTailEntries: 1 }));
      await settle(ada.client, tablet.client, phone.client);
      const tabletId = good(await tablet.client.account()).deviceId;
      onItsWay = async () => {
        // So that the link is there before the entry comes.
        cut();
        good(await tablet.client.createTag("just before"));
        good(await tablet.client.sync());
        good(await phone.client.sync());
        good(await phone.client.createTag("built on it"));
        good(await phone.client.sync());
        // It is packed, and the phone is never heard of again.
        good(await phone.client.sync());
        good(await phone.client.stop());
      };
      await ada.client.revokeDevice(tabletId);
      onItsWay = async () => {};
      good(await ada.client.sync());
      const tabletNow = good(await ada.client.devices()).find(({ id }) => id === tabletId);
      expect(tabletNow?.isActive).toBe(false);
      const newer = who.startsWith("a device") ? await linkedDevice(ada.client, "newer") : null;
      const devices = [ada, ...(newer === null ? [] : [newer])].map(({ client }) => client);
      if (newer !== null) good(await newer.client.sync());
      await settle(...devices);
      await settle(...devices);
      const names = async (client: Client) => good(await client.tags()).map((tag) => tag.name);
      const expected = good(await ada.client.fingerprint());
      for (const client of devices) {
        expect(await names(client)).toEqual(["built on it", "just before"]);
        expect(good(await client.fingerprint())).toEqual(expected);
      }
      await stopAll(tablet.client, ...devices);
    },
  );

  test("[AR13] a device that is not on the account, or the last one, cannot be revoked; a device added today may not revoke", async () => {
    const { ada, ben, tablet, tabletId, toBen } = await couple();
    const adaId = good(await ada.client.devices()).find((device) => device.isThis)?.id ?? tabletId;
    expect(bad(await tablet.client.revokeDevice(adaId))).toEqual({ type: "Refused", code: "device-on-hold" });
    good(await ada.client.revokeDevice(tabletId));
    expect(bad(await ada.client.revokeDevice(tabletId))).toEqual({ type: "UnknownDevice" });
    expect(bad(await ada.client.revokeDevice(adaId)).type).toBe("ChainDistrusted");
    good(await ada.client.send(toBen.conversationId, "still here"));
    await settle(ada.client, ben.client);
    expect(await texts(ben.client)).toEqual(["still here", "before"]);
    await stopAll(ada.client, ben.client, tablet.client);
  });
});

describe("an epoch", () => {
  test("[AR14] is opened by a sibling without asking for those before it again", async () => {
    const { connector } = memoryPlatform();
    const asked: number[] = [];
    const ada = await newAccount(server.origin, `ada${++people}`);
    const phone = await linkedDevice(
      ada.client,
      "phone",
      memoryPlatform({
        connector: {
          ...connector,
          async connect(origin, handlers) {
            const socket = await connector.connect(origin, handlers);
            if (!socket.ok) return socket;
            const send = (frame: Uint8Array): void => {
              const bare = unpadFrame(frame, "padme");
              const said = bare.ok ? decode(clientFrameShape, bare.value) : bare;
              if (said.ok && said.value.type === "readBoxes") asked.push(said.value.epoch);
              socket.value.send(frame);
            };
            return { ok: true, value: { ...socket.value, send } };
          },
        },
      }),
    );
    await settle(ada.client, phone.client);
    for (let epoch = 2; epoch <= 5; epoch++) {
      good(await ada.client.rotateEpoch());
      await settle(ada.client, phone.client);
    }
    const before = asked.length;
    good(await ada.client.rotateEpoch());
    good(await ada.client.createTag("under the sixth"));
    await settle(ada.client, phone.client);
    expect(good(await phone.client.tags()).map(({ name }) => name)).toEqual(["under the sixth"]);
    expect(new Set(asked.slice(before))).toEqual(new Set([5]));
    await stopAll(ada.client, phone.client);
  });

  test("[AR14] is rotated without any device losing anything; one linked later walks back to all of it", async () => {
    const { ada, ben, tablet, toBen } = await couple();
    for (let epoch = 2; epoch <= 4; epoch++) {
      good(await ada.client.rotateEpoch());
      good(await ada.client.send(toBen.conversationId, `in epoch ${epoch}`));
      await settle(ada.client, ben.client);
    }
    good(await tablet.client.sync());
    expect(await texts(tablet.client)).toEqual(["in epoch 4", "in epoch 3", "in epoch 2", "before"]);
    const late = await linkedDevice(ada.client, "late");
    await settle(late.client, ada.client, tablet.client, late.client);
    expect(await texts(late.client)).toEqual(["in epoch 4", "in epoch 3", "in epoch 2", "before"]);
    expect(good(await late.client.fingerprint())).toEqual(good(await ada.client.fingerprint()));
    await stopAll(ada.client, ben.client, tablet.client, late.client);
  });
});

describe("the recovery key", () => {
  test("[AR15] alone, against the server alone, brings an account back on an empty machine; the old devices are out", async () => {
    const { ada, ben, tablet, toAda } = await couple();
    const before = await texts(ada.client);
    const platform = memoryPlatform();
    const account = { type: "handle", handle: `ada${people}` } as const;
    const back = good(
      await recoverAccount(platform, {
        origin: server.origin,
        account,
        words: ada.recoveryWords,
        deviceName: "new laptop",
        keepsDevices: false,
      }),
    );
    await settle(back, ben.client);
    expect(await texts(back)).toEqual(before);
    good(await ben.client.send(toAda.conversationId, "welcome back"));
    await settle(ben.client, back);
    expect(await texts(back)).toEqual(["welcome back", ...before]);
    expect(bad(await ada.client.sync())).toEqual({ type: "DeviceRevoked" });
    expect(bad(await tablet.client.sync())).toEqual({ type: "DeviceRevoked" });
    const [first, linked, recovered] = good(await back.devices());
    expect(first).toMatchObject({ arrival: "genesis", addedBy: null, isActive: false });
    expect(linked).toMatchObject({ arrival: "added", addedBy: first?.id, isActive: false });
    expect(recovered).toMatchObject({ arrival: "recovered", addedBy: null, revokedAtMs: null, isThis: true });
    // In the order of the chain, by the clocks of this machine: linked after the first, revoked by who came back.
    const times = [first?.addedAtMs, linked?.addedAtMs, recovered?.addedAtMs].map((time) => time ?? 0);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times[0]).toBeGreaterThan(0);
    expect([first?.revokedAtMs, linked?.revokedAtMs]).toEqual([recovered?.addedAtMs, recovered?.addedAtMs]);
    await stopAll(back, ben.client, ada.client, tablet.client);
  });

  test("[AR15] a server that gives entries of the log again keeps nobody waiting", async () => {
    const { ada, ben, tablet } = await couple();
    const lying = createLyingServer();
    let pages = 0;
    let first: readonly PlacedEntry[] | undefined;
    lying.lie = (frame) => {
      // One that asks without end is told the truth in the end.
      if (frame.type !== "entries" || pages++ > 9) return [frame];
      first ??= frame.entries;
      return [{ ...frame, entries: first, head: { ...frame.head, seq: frame.head.seq + 1 } }];
    };
    const back = good(
      await recoverAccount(memoryPlatform({ connector: lying.connector }), {
        origin: server.origin,
        account: { type: "handle", handle: `ada${people}` },
        words: ada.recoveryWords,
        deviceName: "new laptop",
        keepsDevices: false,
      }),
    );
    expect(pages).toBe(2);
    lying.lie = null;
    await settle(back, ben.client);
    expect(await texts(back)).toEqual(await texts(ada.client));
    await stopAll(back, ben.client, ada.client, tablet.client);
  });

  test("[EP23] [EP24] comes from the server by what a passkey gives; the lost device goes with the link, others stay", async () => {
    const { ada, ben, tablet } = await couple();
    const key = new Uint8Array(32).fill(1);
    const lost = good(await ada.client.account()).deviceId;
    const recovery = { origin: server.origin, deviceName: "new laptop", keepsDevices: true, replaces: lost };
    const by = (passkeyKey: Uint8Array) => recoverByPasskey(memoryPlatform(), { ...recovery, passkeyKey });
    expect(bad(await by(key))).toEqual({ type: "NoPasskeyRecovery" });
    expect(bad(await tablet.client.keepForPasskey(key, ben.recoveryWords))).toEqual({
      type: "WrongRecoveryKey",
    });
    // The tablet was linked and never had the words; where they are still kept they need not be typed.
    expect(bad(await tablet.client.keepForPasskey(key, null))).toMatchObject({ type: "BadRecoveryWords" });
    good(await tablet.client.keepForPasskey(key, ada.recoveryWords));
    good(await ada.client.keepForPasskey(key, null));
    // The newest entry counts: another account's would take this one's way back away.
    expect(bad(await ben.client.keepForPasskey(key, null))).toEqual({ type: "PasskeyOfAnotherAccount" });
    expect(bad(await by(key.slice().fill(2)))).toEqual({ type: "NoPasskeyRecovery" });
    expect(bad(await by(key.slice(1)))).toEqual({ type: "NoPasskeyRecovery" });
    const before = good(await ada.client.account()).chainSeq;
    const back = good(await by(key));
    await settle(back, tablet.client);
    expect(await texts(back)).toEqual(await texts(tablet.client));
    expect(good(await back.account()).chainSeq).toBe(before + 1);
    expect(bad(await ada.client.sync())).toEqual({ type: "DeviceRevoked" });
    expect(good(await back.devices()).filter(({ isActive }) => isActive)).toHaveLength(2);
    await stopAll(back, ben.client, ada.client, tablet.client);
  });

  test("[AR15] of somebody else, or mistyped, recovers nothing and says which", async () => {
    const { ada, ben, tablet } = await couple();
    const account = { type: "handle", handle: `ada${people}` } as const;
    const recovery = { origin: server.origin, account, deviceName: "x", keepsDevices: true };
    expect(bad(await recoverAccount(memoryPlatform(), { ...recovery, words: ben.recoveryWords }))).toEqual({
      type: "WrongRecoveryKey",
    });
    const swapped = ada.recoveryWords.split(" ").reverse().join(" ");
    expect(bad(await recoverAccount(memoryPlatform(), { ...recovery, words: swapped })).type).toBe(
      "BadRecoveryWords",
    );
    expect(
      bad(
        await recoverAccount(memoryPlatform(), {
          ...recovery,
          account: { type: "handle", handle: "nobody-here" },
          words: ada.recoveryWords,
        }),
      ).type,
    ).toBe("UnknownHandle");
    await stopAll(ada.client, ben.client, tablet.client);
  });
});
