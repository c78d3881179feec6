/** Stories with a server that lies, a stranger who misbehaves, a log with garbage in it, a device that cannot decrypt. */
import { describe, expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import { decode, encode } from "../../core/codec/shape.ts";
import { sign, signKeyPairFromSeed } from "../../core/crypto/sign.ts";
import { LABEL } from "../../core/crypto/labels.ts";
import type { AccountId, DeviceId } from "../../core/base/ids.ts";
import { ASK_AGAIN_MIN_MS, RESEND_INTERVAL_MS } from "../../core/client/conversations/missing-requests.ts";
import { deviceIdentity } from "../../core/client/devices/device-identity.ts";
import { sealedStore } from "../../core/client/engine.ts";
import { createTables } from "../../core/client/tables.ts";
import { markPayloadShape, OP_KIND } from "../../core/messenger/op.ts";
import { rowKeyParts } from "../../core/store/row-key.ts";
import { must } from "../support/chain-world.ts";
import { entryOf, logOf } from "../support/messages.ts";
import { inboundKeys } from "../../core/messenger/inbound-keys.ts";
import { encodeSignInClaim } from "../../core/protocol/claims.ts";
import { type ServerFrame, serverFrameShape } from "../../core/protocol/server-frame.ts";
import { accountLogId, accountRoot } from "../../core/sigchain/epoch/epoch-secret.ts";
import { openClient, type ServerConnector } from "@dovetail/core";
import { createAdjustableClock } from "../support/adjustable-clock.ts";
import { bad, good, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import { createLyingServer } from "../support/lying-server.ts";
import {
  appendOne,
  claimOf,
  connectRaw,
  createWriter,
  expectFrame,
  nextEntry,
  openRequest,
} from "../support/raw-client.ts";
import { CHALLENGE, createScriptedServer } from "../support/scripted-server.ts";
import { startServer } from "../support/server-process.ts";
import {
  alarmsOf,
  createFriends,
  type Device,
  expectSameState,
  reopened,
  settle,
  stopAll,
  storedOps,
  tablesOf,
  textsOf,
} from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const server = useStoryServer();

const NOISE = new Uint8Array(500).fill(9);

/** Keys of a device, as its profile holds them. */
async function identityOf(device: Device) {
  return deviceIdentity(present(good(await tablesOf(device).profile.get()), "a profile"));
}

/** The first epoch's secret of a device's account. */
async function firstSecret(device: Device) {
  return present(good(await tablesOf(device).epoch.get(1)), "the first epoch").secret;
}

/** A connection signed in as this device, with which a test does what the client never would. */
async function connectAs(device: Device) {
  const { accountId, deviceId, keys } = await identityOf(device);
  const raw = await connectRaw(server.origin);
  const signature = sign(
    keys.sign,
    LABEL.signSignIn,
    encodeSignInClaim({ ...claimOf(raw), accountId, deviceId }),
  );
  expectFrame(
    await raw.call({ type: "signIn", accountId, deviceId, instance: new Uint8Array(16), signature }),
    "signedIn",
  );
  return raw;
}

describe("garbage in a log", () => {
  test("[AR3] of the account is refused by name on every device, and everything else goes on", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.junk", "ben.junk"]);
    const phone = await linkedDevice(ada.client, "phone");
    await settle(ada, phone, ben);
    const alarms = [ada, phone].map(alarmsOf);
    const logId = accountLogId(accountRoot(await firstSecret(ada)));
    const raw = await connectAs(ada);
    const writer = createWriter(logId, new Uint8Array(32).fill(3));
    expectFrame(await raw.call(openRequest(raw, 1, logId, { writer })), "opened");
    expect((await appendOne(raw, 1, nextEntry(writer, NOISE, { epoch: 1 }))).type).toBe("accepted");
    raw.close();
    good(await ada.client.send(conversationId, "after the junk"));
    await settle(ada, phone, ben);
    for (const device of [ada, phone, ben])
      expect(await textsOf(device, conversationId)).toEqual(["after the junk"]);
    await expectSameState(ada, phone);
    // GW14: who writes with a device's keys beside it is another copy of it, and the device says that too.
    for (const raised of alarms)
      expect(raised.filter(({ type }) => type !== "DeviceDoubled")).toMatchObject([
        { type: "EntryRefused", logId, rule: "DoesNotOpen" },
      ]);
    await stopAll(ada, phone, ben);
  });

  test("of a contact or of a stranger is refused by name, and what follows it arrives", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.trash", "ben.trash"]);
    const alarms = alarmsOf(ben);
    const { logId, appendSeed } = inboundKeys(await firstSecret(ben), (await identityOf(ada)).accountId);
    const raw = await connectRaw(server.origin);
    const writer = createWriter(logId, new Uint8Array(32).fill(4));
    expectFrame(
      await raw.call(openRequest(raw, 1, logId, { capability: signKeyPairFromSeed(appendSeed), writer })),
      "opened",
    );
    expect((await appendOne(raw, 1, nextEntry(writer, NOISE, { kind: 2 }))).type).toBe("accepted");
    expect((await appendOne(raw, 1, nextEntry(writer, NOISE, { kind: 77 }))).type).toBe("accepted");
    raw.close();
    good(await ada.client.send(conversationId, "after the trash"));
    await settle(ada, ben);
    expect(await textsOf(ben, conversationId)).toEqual(["after the trash"]);
    expect(alarms).toMatchObject([
      { type: "EntryRefused", logId, rule: "MalformedCbor" },
      { type: "EntryRefused", logId, rule: "UnknownKind" },
    ]);
    await stopAll(ada, ben);
  });
});

describe("[DM5] a stranger whose server is not there", () => {
  test("holds up nobody else, and is heard when it is back", async () => {
    const clock = createAdjustableClock();
    const elsewhere = createTemporaryFolder();
    const args = ["--rate-factor", "1000", "--work-bits", "4"];
    let other = await startServer(elsewhere.path, args);
    const port = new URL(other.origin).port;
    const {
      ada,
      ben: awake,
      conversationId,
    } = await createFriends(server.origin, ["ada.calm", "ben.calm"], { ben: memoryPlatform({ clock }) });
    const stranger = await newAccount(other.origin, "stranger");
    const link = good(await awake.client.contactLink());
    await stopAll(awake);
    good(await stranger.client.addContact(link, { greeting: "hello from afar" }));
    good(await stranger.client.sync());
    await stopAll(stranger);
    await other.kill();
    good(await ada.client.send(conversationId, "still here"));
    const ben = await reopened(awake.platform);
    await settle(ada, ben);
    expect(await textsOf(ben, conversationId)).toEqual(["still here"]);
    expect(good(await ben.client.contacts()).map((contact) => contact.state)).toEqual(["accepted"]);
    other = await startServer(elsewhere.path, [...args, "--port", port]);
    clock.adjust(120_000);
    await settle(ben);
    const request = present(
      good(await ben.client.contacts()).find((contact) => contact.state === "incoming"),
      "the request is shown",
    );
    expect(await textsOf(ben, request.conversationId)).toEqual(["hello from afar"]);
    expect(good(await tablesOf(ben).aside.scan())).toEqual([]);
    await stopAll(ada, ben);
    await other.stop();
    elsewhere.discard();
  });
});

describe("a contact whose server does not answer", () => {
  test("holds up no message to anybody else, and no sync", async () => {
    const base = memoryPlatform();
    let silent = "";
    const connector: ServerConnector = {
      ...base.connector,
      request: (origin, request) =>
        silent !== "" && request.path.includes(`${silent}/prekeys`)
          ? new Promise(() => {})
          : base.connector.request(origin, request),
    };
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.hold", "ben.hold"], {
      ada: { ...base, connector },
    });
    const cleo = await newAccount(server.origin, "cleo.hold");
    silent = good(await cleo.client.account()).accountId;
    good(await ada.client.addContact("cleo.hold", { greeting: "are you there" }));
    const arrived = new Promise<void>((resolve) => {
      ben.client.onEvent((event) => (event.type === "message" ? resolve() : undefined));
    });
    const syncing = ada.client.sync();
    good(await ada.client.send(conversationId, "in the meantime"));
    await arrived;
    expect(good(await syncing).waitingMessages).toBe(1);
    await stopAll(ada, ben, cleo);
  }, 40_000);
});

describe("a device that cannot decrypt", () => {
  test("[DM9] shows the message as soon as its sibling has archived it, and nothing stays aside", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.blind", "ben.blind"]);
    const linked = await linkedDevice(ben.client, "phone");
    await settle(ben, linked, ada);
    await stopAll(ben, linked);
    const phone = await reopened(linked.platform);
    const adaId = (await identityOf(ada)).accountId;
    // The phone loses its session with Ada's device and all private halves of its prekeys.
    const tables = tablesOf(phone);
    const sessions = good(await tables.session.scan({ under: [adaId] }));
    const prekeys = good(await tables.prekey.scan());
    good(
      await phone.platform.store.batch([...sessions, ...prekeys].map(({ key }) => ({ type: "delete", key }))),
    );
    good(await ada.client.send(conversationId, "for whoever can read it"));
    await settle(ada);
    await stopAll(ada);
    good(await phone.client.sync());
    expect(await textsOf(phone, conversationId)).toEqual([]);
    expect(good(await tables.aside.scan()).length).toBeGreaterThan(0);
    const awake = await reopened(ben.platform);
    await settle(awake, phone);
    expect(await textsOf(phone, conversationId)).toEqual(["for whoever can read it"]);
    expect(good(await tables.aside.scan())).toEqual([]);
    await expectSameState(awake, phone);
    await stopAll(awake, phone);
  });

  test("[DM15] and has no sibling gets the message sent again, once", async () => {
    const {
      ada,
      ben: first,
      conversationId,
    } = await createFriends(server.origin, ["ada.again", "ben.again"]);
    const adaId = (await identityOf(ada)).accountId;
    good(await first.client.send(conversationId, "so that there is a session"));
    await settle(ada, first);
    await stopAll(first);
    const ben = await reopened(first.platform);
    const tables = tablesOf(ben);
    const sessions = good(await tables.session.scan({ under: [adaId] }));
    good(await ben.platform.store.batch(sessions.map(({ key }) => ({ type: "delete", key }))));
    good(await ada.client.send(conversationId, "lost at first"));
    await settle(ada);
    await stopAll(ada);
    await settle(ben);
    expect(await textsOf(ben, conversationId)).toEqual(["so that there is a session"]);
    expect(good(await tables.aside.scan()).length).toBe(1);
    const back = await reopened(ada.platform);
    await settle(back, ben);
    expect(await textsOf(ben, conversationId)).toEqual(["so that there is a session", "lost at first"]);
    expect(good(await tables.aside.scan())).toEqual([]);
    await stopAll(back, ben);
  });
});

describe("[DM18] a request to send again", () => {
  /** Ben has lost his session with Ada's only device, and something she wrote was set aside. */
  async function loseSession(ben: Device, adaId: AccountId): Promise<void> {
    const sessions = good(await tablesOf(ben).session.scan({ under: [adaId] }));
    good(await ben.platform.store.batch(sessions.map(({ key }) => ({ type: "delete", key }))));
  }

  /** A clock whose minutes pass when the test says so. */
  function minuteClock() {
    const system = createAdjustableClock();
    const waiting = new Set<() => void>();
    const passMinute = (): void => {
      system.adjust(RESEND_INTERVAL_MS);
      for (const task of [...waiting]) task();
    };
    return {
      passMinute,
      clock: {
        nowMs: system.nowMs,
        schedule: (delayMs: number, task: () => void) => {
          if (delayMs < RESEND_INTERVAL_MS / 2 || delayMs > RESEND_INTERVAL_MS)
            return system.schedule(delayMs, task);
          waiting.add(task);
          return () => void waiting.delete(task);
        },
      },
    };
  }

  test("that comes within the minute is answered when it is over", async () => {
    const { clock, passMinute } = minuteClock();
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.soon", "ben.soon"], {
      ada: memoryPlatform({ clock }),
    });
    const adaId = (await identityOf(ada)).accountId;
    for (const text of ["first", "second"]) {
      await loseSession(ben, adaId);
      good(await ada.client.send(conversationId, text));
      await settle(ada, ben);
    }
    expect(await textsOf(ben, conversationId)).toEqual(["first"]);
    passMinute();
    await settle(ada, ben);
    expect(await textsOf(ben, conversationId)).toEqual(["first", "second"]);
    expect(good(await tablesOf(ben).aside.scan())).toEqual([]);
    await stopAll(ada, ben);
  });

  test("that was taken and never answered is made again after a while, after a restart too", async () => {
    const clock = createAdjustableClock();
    const {
      ada,
      ben: first,
      conversationId,
    } = await createFriends(server.origin, ["ada.late", "ben.late"], { ben: memoryPlatform({ clock }) });
    const adaId = (await identityOf(ada)).accountId;
    for (const text of ["first", "second"]) {
      await loseSession(first, adaId);
      good(await ada.client.send(conversationId, text));
      await settle(ada, first);
    }
    expect(await textsOf(first, conversationId)).toEqual(["first"]);
    // Ada's program ends within the minute: what she was asked is forgotten.
    await stopAll(ada, first);
    const [back, ben] = [await reopened(ada.platform), await reopened(first.platform)];
    await settle(ben, back);
    expect(await textsOf(ben, conversationId)).toEqual(["first"]);
    clock.adjust(2 * ASK_AGAIN_MIN_MS);
    await settle(ben, back);
    expect(await textsOf(ben, conversationId)).toEqual(["first", "second"]);
    expect(good(await tablesOf(ben).aside.scan())).toEqual([]);
    await stopAll(back, ben);
  });
});

test("[DM20] an entry that held only what came another way is asked for once, and holds nothing back after the answer", async () => {
  const clock = createAdjustableClock();
  const names = ["ada.empty", "ben.empty"] as const;
  const platforms = { ben: memoryPlatform({ clock }) };
  const { ada, ben: first, conversationId } = await createFriends(server.origin, names, platforms);
  good(await ada.client.send(conversationId, "here"));
  await settle(ada, first);
  await stopAll(first);
  const store = sealedStore(first.platform);
  const tables = createTables(store);
  const contact = present(good(await tables.session.scan())[0], "a session");
  const [, adaId, device] = rowKeyParts(contact.key);
  const row = {
    contact: adaId as AccountId,
    device: device as DeviceId,
    entryId: entryOf(1),
    reason: "NoEnvelope",
    setAsideAtMs: clock.nowMs(),
    waiting: null,
  };
  good(await store.batch([tables.aside.put([logOf(1), 1], row)]));
  const ben = await reopened(first.platform);
  await settle(ben, ada);
  expect(good(await tables.aside.scan())).toEqual([]);
  clock.adjust(2 * ASK_AGAIN_MIN_MS);
  await settle(ben, ada);
  const marks = (await storedOps(tablesOf(ada), conversationId)).filter(({ op }) => op.kind === OP_KIND.mark);
  const asks = marks.filter(({ op }) => must(decode(markPayloadShape, op.payload)).wantsMissing);
  expect(asks).toHaveLength(1);
  await stopAll(ada, ben);
});

describe("a server that lies", () => {
  const isDelivery = (frame: ServerFrame) => frame.type === "deliver" || frame.type === "entries";
  type Carrier = Extract<ServerFrame, { type: "deliver" | "entries" }>;

  async function story(name: string) {
    const lying = createLyingServer();
    const { ada, ben, conversationId } = await createFriends(server.origin, [`ada.${name}`, `ben.${name}`], {
      ben: memoryPlatform({ connector: lying.connector }),
    });
    const alarms = alarmsOf(ben);
    return { ada, ben, conversationId, alarms, lying };
  }

  const change = (entries: (list: Carrier["entries"]) => Carrier["entries"]) => (frame: ServerFrame) =>
    isDelivery(frame) ? [{ ...(frame as Carrier), entries: entries((frame as Carrier).entries) }] : [frame];

  test.each([
    ["leaves entries out", "drop", change((list) => list.slice(1)), "LogGap"],
    ["changes their order", "order", change((list) => [...list].reverse()), "LogGap"],
    [
      "changes a byte",
      "byte",
      change((list) =>
        list.map((entry) => ({
          ...entry,
          sealed: entry.sealed.map((byte, i) => (i === 60 ? byte ^ 1 : byte)),
        })),
      ),
      "LogForked",
    ],
    [
      "gives one entry the place of another",
      "place",
      change((list) =>
        list.map((entry, i) => ({ ...entry, sealed: list[(i + 1) % list.length]?.sealed ?? entry.sealed })),
      ),
      "LogForked",
    ],
  ] as const)("and %s is named, and no wrong state is taken over", async (_what, name, lie, fault) => {
    const { ada, ben: awake, conversationId, lying } = await story(name);
    await stopAll(awake);
    for (let i = 0; i < 3; i++) {
      good(await ada.client.send(conversationId, `message ${i}`));
      await settle(ada);
    }
    const ben = await reopened(awake.platform);
    const alarms = alarmsOf(ben);
    const before = JSON.stringify(good(await ben.client.fingerprint()));
    lying.lie = lie;
    expect(bad(await ben.client.sync())).toMatchObject({ type: "LogDistrusted", fault: { type: fault } });
    expect(alarms[0]).toMatchObject({ type: "LogDistrusted", fault: { type: fault } });
    if (fault === "LogGap") expect(JSON.stringify(good(await ben.client.fingerprint()))).toBe(before);
    else expect((await textsOf(ben, conversationId)).every((text, i) => text === `message ${i}`)).toBe(true);
    await stopAll(ada, ben);
  });

  test("and repeats what it has said changes nothing", async () => {
    const { ada, ben, conversationId, alarms, lying } = await story("repeat");
    lying.lie = (frame) => (frame.type === "deliver" ? [frame, frame, frame] : [frame]);
    for (let i = 0; i < 10; i++) good(await ada.client.send(conversationId, `message ${i}`));
    await settle(ada, ben);
    expect((await textsOf(ben, conversationId)).length).toBe(10);
    expect(alarms).toEqual([]);
    await stopAll(ada, ben);
  });

  test("[LR3] and names an earlier head, or another one, is found out", async () => {
    const { ada, ben, conversationId, alarms, lying } = await story("head");
    good(await ada.client.send(conversationId, "there"));
    await settle(ada, ben);
    lying.cut();
    lying.lie = (frame) =>
      frame.type === "opened" ? [{ ...frame, head: { ...frame.head, seq: 0 } }] : [frame];
    expect(bad(await ben.client.sync())).toMatchObject({
      type: "LogDistrusted",
      fault: { type: "LogRolledBack" },
    });
    lying.lie = (frame) =>
      frame.type === "opened" ? [{ ...frame, head: { ...frame.head, chain: new Uint8Array(32) } }] : [frame];
    expect(bad(await ben.client.sync())).toMatchObject({
      type: "LogDistrusted",
      fault: { type: "LogForked" },
    });
    lying.lie = (frame) =>
      frame.type === "opened" ? [{ ...frame, head: { ...frame.head, incarnation: 1 } }] : [frame];
    expect(bad(await ben.client.sync())).toMatchObject({
      type: "LogDistrusted",
      fault: { type: "LogIncarnationChanged" },
    });
    expect(alarms.length).toBe(3);
    lying.lie = null;
    await settle(ben);
    expect(await textsOf(ben, conversationId)).toEqual(["there"]);
    await stopAll(ada, ben);
  });

  test("and calls the newest epoch stale, or has another counter than ours, makes no loop", async () => {
    const { ada, ben, lying } = await story("stale");
    let refusals = 0;
    lying.deaf = (frame) => {
      if (frame.type !== "append") return null;
      const code = refusals++ % 2 === 0 ? "writer-seq" : "stale-epoch";
      return [
        {
          type: "appended",
          requestId: frame.requestId,
          results: frame.entries.map(() => ({ type: "refused", code, writerSeq: 0 }) as const),
        },
      ];
    };
    for (let i = 0; i < 4; i++) {
      good(await ben.client.createTag(`tag ${i}`));
      expect(bad(await ben.client.sync()).type).toBe("Refused");
    }
    expect(refusals).toBeLessThan(20);
    lying.deaf = null;
    lying.cut();
    await settle(ben);
    expect(ben.client.status().pendingCount).toBe(0);
    await stopAll(ada, ben);
  });
});

describe("a server of another version", () => {
  test("is named with its versions, and nothing is sent to it", async () => {
    const sent: Uint8Array[] = [];
    const challenge = {
      type: "challenge",
      versionMin: 7,
      versionMax: 9,
      serverNonce: new Uint8Array(32),
    } as const;
    const ada = await newAccount(server.origin, "ada.version");
    const connector: ServerConnector = {
      ...ada.platform.connector,
      async connect(_origin, handlers) {
        queueMicrotask(() => handlers.onFrame(encode(serverFrameShape, challenge)));
        return {
          ok: true,
          value: {
            send: (frame) => sent.push(frame),
            bufferedBytes: () => 0,
            close: () => handlers.onClose(),
          },
        };
      },
    };
    await stopAll(ada);
    const client = present(
      good(await openClient({ ...ada.platform, connector })),
      "the profile has an account",
    );
    expect(bad(await client.sync())).toEqual({ type: "IncompatibleServer", versionMin: 7, versionMax: 9 });
    expect(client.status()).toMatchObject({ state: "offline", lastError: { type: "IncompatibleServer" } });
    expect(sent).toEqual([]);
    good(await client.stop());
  });

  test("is tried again, and used as soon as it was updated; since when it is away stays said", async () => {
    const ada = await newAccount(server.origin, "ada.updated");
    await stopAll(ada);
    const { connector, clock } = ada.platform;
    let isUpdated = false;
    let retry = (): void => {};
    const platform = {
      ...ada.platform,
      clock: {
        ...clock,
        schedule: (ms: number, run: () => void) => {
          retry = run;
          return clock.schedule(ms, run);
        },
      },
      connector: {
        ...connector,
        connect: (origin: string, handlers: Parameters<ServerConnector["connect"]>[1]) => {
          if (isUpdated) return connector.connect(origin, handlers);
          return createScriptedServer({ ...CHALLENGE, versionMin: 7, versionMax: 9 }).connector.connect(
            origin,
            handlers,
          );
        },
      },
    };
    const client = present(good(await openClient(platform)), "the profile has an account");
    const { sinceMs } = client.status();
    await new Promise((resolve) => setTimeout(resolve, 5));
    client.start();
    await expect.poll(() => client.status().lastError?.type).toBe("IncompatibleServer");
    expect(client.status()).toMatchObject({ state: "offline", sinceMs });
    isUpdated = true;
    // What waits since the failure is the next attempt.
    retry();
    await expect.poll(() => client.status().state).toBe("online");
    expect(client.status().sinceMs).toBeGreaterThan(sinceMs);
    good(await client.stop());
  });
});

describe("stopping", () => {
  test("in the middle of connecting ends at once and leaves nothing running", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.stop", "ben.stop"]);
    for (let i = 0; i < 50; i++) good(await ada.client.send(conversationId, `message ${i}`));
    await settle(ada);
    good(await ben.client.stop());
    for (const delayMs of [0, 1, 3, 8, 20]) {
      const client = present(good(await openClient(ben.platform)), "the profile has an account");
      client.start();
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      const [first, second] = await Promise.all([client.stop(), client.stop()]);
      good(first);
      good(second);
      expect(client.status().state).toBe("stopped");
      expect(bad(await client.sync())).toEqual({ type: "ClientStopped" });
    }
    const client = present(good(await openClient(ben.platform)), "the profile has an account");
    await settle({ client, platform: ben.platform });
    expect((await textsOf({ client, platform: ben.platform }, conversationId)).length).toBe(50);
    good(await client.stop());
    await stopAll(ada);
  });

  test("while a server does not answer does not wait for it", async () => {
    const ada = await newAccount(server.origin, "ada.hang");
    await stopAll(ada);
    const connector: ServerConnector = {
      request: () => new Promise(() => {}),
      connect: () => new Promise(() => {}),
    };
    const client = present(
      good(await openClient({ ...ada.platform, connector })),
      "the profile has an account",
    );
    client.start();
    good(await client.stop());
    expect(client.status().state).toBe("stopped");
  });
});
