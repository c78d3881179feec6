/** Blocking, opening again, verifying: real server process, real sockets. */
import { describe, expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import type { AccountId, LogId } from "../../core/base/ids.ts";
import { encode } from "../../core/codec/shape.ts";
import { signKeyPairFromSeed } from "../../core/crypto/sign.ts";
import type { ClientFrame } from "../../core/protocol/client-frame.ts";
import { httpFailureShape } from "../../core/protocol/directory.ts";
import { rowKeyParts } from "../../core/store/row-key.ts";
import type { ServerConnector } from "../../core/transport/server-connector.ts";
import { createWebConnector } from "../../core/transport/web-connector.ts";
import { bad, good, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import { createFrameGate } from "../support/frame-gate.ts";
import { createLyingServer } from "../support/lying-server.ts";
import { connectRaw, createWriter, expectFrame, nextEntry, openRequest } from "../support/raw-client.ts";
import {
  accountIdOf,
  alarmsOf,
  createFriends,
  type Device,
  engineOf,
  expectAtRest,
  expectSameState,
  reopened,
  requestAt,
  settle,
  stopAll,
  tablesOf,
  textsOf,
  unfinishedRows,
} from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();

async function stateOf({ client }: Device, accountId: AccountId) {
  return good(await client.contacts()).find((contact) => contact.accountId === accountId)?.state ?? null;
}

async function newestOf({ client }: Device, conversationId: Parameters<typeof client.messages>[0]) {
  return present(good(await client.messages(conversationId)).messages[0], "a message");
}

/** What the server answers to who appends with the keys of a log. */
async function appendBy(keys: {
  readonly logId: Parameters<typeof createWriter>[0];
  readonly appendSeed: Uint8Array;
}) {
  const raw = await connectRaw(server.origin);
  const writer = createWriter(keys.logId, new Uint8Array(32).fill(8));
  const capability = signKeyPairFromSeed(keys.appendSeed);
  const opened = await raw.call(openRequest(raw, 1, keys.logId, { capability, writer }));
  expectFrame(opened, "opened");
  const entries = [nextEntry(writer, new Uint8Array(300).fill(1), { kind: 2 })];
  const result = await raw.call({ type: "append", channel: 1, entries, admission: null });
  raw.close();
  return result;
}

describe("a request", () => {
  /** An account whose frames of one type wait at a gate, and Ben, whom it is going to ask. */
  async function askerAtGate(name: string, held: ClientFrame["type"]) {
    const gate = createFrameGate(({ type }) => type === held);
    const asker = await newAccount(server.origin, name, memoryPlatform({ connector: gate.connector() }));
    const ben = await newAccount(server.origin, `${name}.ben`);
    good(await ben.client.sync());
    return { gate, asker, ben, link: good(await ben.client.contactLink()) };
  }

  /** Ben accepts and writes as soon as he is asked. */
  async function answer(ben: Device): Promise<void> {
    const asker = await requestAt(ben.client);
    const { conversationId } = good(await ben.client.acceptContact(asker));
    good(await ben.client.send(conversationId, "at once"));
    await settle(ben);
  }

  test("[FC1] that is made while the connection is being made is answered on that connection", async () => {
    const { gate, asker, ben, link } = await askerAtGate("ada.early", "preKeyCounts");
    gate.close();
    asker.client.start();
    // All logs that there were are open, and it does not count as connected yet.
    await expect.poll(gate.waiting).toBe(1);
    const { conversationId } = good(await asker.client.addContact(link));
    gate.open();
    await answer(ben);
    await expect.poll(() => textsOf(asker, conversationId), { timeout: 10_000 }).toContain("at once");
    await stopAll(asker, ben);
  });

  test("[FC1] goes once the log is there that it says to answer in", async () => {
    const { gate, asker, ben, link } = await askerAtGate("ada.order", "createLog");
    good(await asker.client.sync());
    gate.close();
    const { conversationId } = good(await asker.client.addContact(link));
    await expect.poll(gate.waiting).toBe(1);
    good(await asker.client.send(conversationId, "and this"));
    for (let round = 0; round < 5; round++) good(await ben.client.sync());
    expect(good(await ben.client.contacts())).toEqual([]);
    gate.open();
    await answer(ben);
    await expect.poll(() => textsOf(asker, conversationId), { timeout: 10_000 }).toContain("at once");
    await stopAll(asker, ben);
  });
});

describe("a block", () => {
  test("[CO1] [CO4] closes the log at the server; the other side reads that it is closed, and that all of it is kept", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.block", "ben.block"]);
    const phone = await linkedDevice(ben.client, "phone");
    await settle(ada, ben, phone);
    const [adaId, benId] = [await accountIdOf(ada), await accountIdOf(ben)];
    good(await ada.client.send(conversationId, "before"));
    await settle(ada, ben, phone);
    expect(good(await ben.client.blockContact(adaId)).state).toBe("blocked");
    await settle(ben, phone);
    expect(await stateOf(phone, adaId)).toBe("blocked");
    good(await ada.client.send(conversationId, "into the wall"));
    await settle(ada, ben, phone);
    expect(await newestOf(ada, conversationId)).toMatchObject({
      text: "into the wall",
      state: "failed",
      failure: "closed",
    });
    expect(ada.client.status().pendingCount).toBe(0);
    // What follows is known to be closed without a server.
    good(await ada.client.send(conversationId, "again"));
    await settle(ada, ben, phone);
    expect((await newestOf(ada, conversationId)).failure).toBe("closed");
    for (const device of [ben, phone]) expect(await textsOf(device, conversationId)).toEqual(["before"]);
    expect(bad(await ben.client.send(conversationId, "no"))).toEqual({ type: "UnknownConversation" });
    // Not the clients only: the server lets nobody in who has the keys, and was told no name.
    const record = present(
      good(await (await engineFor(ada)).contacts.get(benId))?.theirs ?? null,
      "Ada knows where to write",
    );
    expect(await appendBy(record)).toMatchObject({ type: "failed", code: "log-closed" });
    await expectSameState(ben, phone);
    await stopAll(ada, ben, phone);
  });

  test("[CO2] [CO4] is lifted with a new log: what comes then arrives, what was said meanwhile does not", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.lift", "ben.lift"]);
    const adaPhone = await linkedDevice(ada.client, "phone");
    await settle(ada, ben, adaPhone);
    const adaId = await accountIdOf(ada);
    good(await ben.client.blockContact(adaId));
    await settle(ben);
    good(await ada.client.send(conversationId, "meanwhile"));
    good(await adaPhone.client.send(conversationId, "meanwhile, by phone"));
    await settle(ada, adaPhone);
    expect(good(await ben.client.unblockContact(adaId)).state).toBe("accepted");
    expect(bad(await ben.client.unblockContact(adaId))).toEqual({ type: "NotBlocked" });
    await settle(ben, ada, adaPhone);
    good(await ada.client.send(conversationId, "thank you"));
    good(await adaPhone.client.send(conversationId, "by phone"));
    good(await ben.client.send(conversationId, "welcome"));
    await settle(ada, ben, adaPhone);
    expect((await textsOf(ben, conversationId)).toSorted()).toEqual(["by phone", "thank you", "welcome"]);
    expect((await textsOf(ada, conversationId)).toSorted()).toEqual([
      "by phone",
      "meanwhile",
      "meanwhile, by phone",
      "thank you",
      "welcome",
    ]);
    await expectSameState(ada, adaPhone);
    await stopAll(ada, ben, adaPhone);
  });

  test("[MS8] [CO4] [CO6] leaves no hole: what follows is delivered, what was not sent says so on all devices", async () => {
    const {
      ada,
      ben: benBefore,
      conversationId,
    } = await createFriends(server.origin, ["ada.hole", "ben.hole"]);
    const adaPhone = await linkedDevice(ada.client, "phone");
    await settle(ada, benBefore, adaPhone);
    const adaId = await accountIdOf(ada);
    // The server has it, and Ben never reads it there: he blocks her before he connects.
    await stopAll(benBefore);
    good(await ada.client.send(conversationId, "just before"));
    good(await ada.client.sync());
    const ben = await reopened(benBefore.platform);
    good(await ben.client.blockContact(adaId));
    await settle(ben);
    for (const text of ["into the wall", "and again"]) good(await ada.client.send(conversationId, text));
    good(await adaPhone.client.send(conversationId, "by phone"));
    await settle(ada, adaPhone);
    good(await ben.client.unblockContact(adaId));
    await settle(ben, ada, adaPhone, ben);
    for (const device of [ada, adaPhone]) {
      good(await device.client.send(conversationId, "after"));
      await settle(device, ben, ada, adaPhone);
    }
    good(await ben.client.send(conversationId, "welcome"));
    await settle(ben, ada, adaPhone);
    const states = async ({ client }: Device) =>
      good(await client.messages(conversationId)).messages.map(
        ({ text, state, failure }) => `${text}: ${failure ?? state}`,
      );
    const onBoth = [
      "just before: delivered",
      "into the wall: closed",
      "and again: closed",
      "by phone: closed",
      "after: delivered",
      "after: delivered",
      "welcome: received",
    ].toSorted();
    for (const device of [ada, adaPhone]) expect((await states(device)).toSorted()).toEqual(onBoth);
    expect((await textsOf(ben, conversationId)).toSorted()).toEqual(
      ["just before", "after", "after", "welcome"].toSorted(),
    );
    expect(await unfinishedRows(ben)).toEqual({});
    await stopAll(ada);
    const again = await reopened(ada.platform);
    expect((await states(again)).toSorted()).toEqual(onBoth);
    await stopAll(again, ben, adaPhone);
  });

  test("[CO1] of somebody who asked: further requests of theirs are dropped; lifted, it is a request again", async () => {
    const ada = await newAccount(server.origin, "ada.pest");
    const ben = await newAccount(server.origin, "ben.pest");
    await settle(ada, ben);
    const link = good(await ben.client.contactLink());
    good(await ada.client.addContact(link, { greeting: "hello" }));
    await settle(ada, ben);
    const adaId = await accountIdOf(ada);
    good(await ben.client.blockContact(adaId));
    await settle(ben, ada);
    expect(await stateOf(ben, adaId)).toBe("blocked");
    good(await ben.client.unblockContact(adaId));
    expect(await stateOf(ben, adaId)).toBe("incoming");
    good(await ben.client.acceptContact(adaId));
    await settle(ben, ada);
    expect(await stateOf(ada, await accountIdOf(ben))).toBe("accepted");
    await stopAll(ada, ben);
  });

  test("[CO3] voids the ticket of links handed out before; who has one may still ask, at the price of work", async () => {
    const { ada, ben } = await createFriends(server.origin, ["ada.ticket", "ben.ticket"]);
    const phone = await linkedDevice(ben.client, "phone");
    await settle(ben, phone);
    const before = good(await ben.client.contactLink());
    good(await ben.client.blockContact(await accountIdOf(ada)));
    await settle(ben, phone);
    const after = good(await ben.client.contactLink());
    expect(after).not.toBe(before);
    expect(good(await phone.client.contactLink())).toBe(after);
    const cleo = await newAccount(server.origin, "cleo.ticket");
    good(await cleo.client.sync());
    good(await cleo.client.addContact(before, { greeting: "late" }));
    await settle(cleo, ben);
    expect(await stateOf(ben, await accountIdOf(cleo))).toBe("incoming");
    const fresh = good(await ben.client.replaceContactLink());
    expect(fresh).not.toBe(after);
    await stopAll(ada, ben, phone, cleo);
  });
});

describe("the keys of a revoked device", () => {
  test("[DM17] let it append to neither side's log once each has written to the new one", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.erased", "ben.erased"]);
    const tablet = await linkedDevice(ada.client, "tablet");
    await settle(ada, ben, tablet);
    const benId = await accountIdOf(ben);
    await tablet.client.stop();
    const held = await engineFor(tablet);
    const record = present(good(await held.contacts.get(benId)), "the tablet knows Ben");
    const old = [present(record.own, "a log for Ben"), present(record.theirs, "a log of Ben's")];
    const tabletId = present(
      good(await ada.client.devices()).find((device) => !device.isThis),
      "the tablet",
    ).id;
    good(await ada.client.revokeDevice(tabletId));
    await settle(ada, ben);
    good(await ada.client.send(conversationId, "from Ada"));
    good(await ben.client.send(conversationId, "from Ben"));
    await settle(ada, ben);
    for (const keys of old)
      expect(await appendBy(keys)).toMatchObject({ type: "failed", code: "log-closed" });
    for (const device of [ada, ben])
      expect((await textsOf(device, conversationId)).toSorted()).toEqual(["from Ada", "from Ben"]);
    await held.stop();
    await stopAll(ada, ben);
  });
});

describe("a server", () => {
  test("[DM17] [IN2] that says it never had a contact's log of before, which was read, is found out", async () => {
    const liar = createLyingServer();
    const names = ["ada.denied", "ben.denied"] as const;
    const platforms = { ada: memoryPlatform({ connector: liar.connector }) };
    const { ada, ben, conversationId } = await createFriends(server.origin, names, platforms);
    good(await ben.client.send(conversationId, "into the log of before"));
    await settle(ben, ada);
    await stopAll(ada);
    const laptop = await engineOf(ada.platform);
    const record = present(good(await laptop.engine.contacts.get(await accountIdOf(ben))), "Ada knows Ben");
    const { logId } = present(record.own, "a log for Ben");
    const tablet = await linkedDevice(laptop.client, "tablet");
    const { deviceId } = good(await tablet.client.account());
    await stopAll(tablet);
    good(await laptop.client.revokeDevice(deviceId));
    good(await laptop.client.sync());
    const alarms = alarmsOf(laptop);
    liar.lie = (frame) =>
      frame.type !== "heads"
        ? [frame]
        : [
            {
              ...frame,
              heads: frame.heads.map((one) => (one.logId === logId ? { ...one, head: null } : one)),
            },
          ];
    liar.cut();
    const denied = { type: "LogDistrusted", logId, fault: { type: "LogRolledBack", headSeq: 0 } };
    expect(bad(await laptop.client.sync())).toMatchObject(denied);
    expect(alarms).toMatchObject([denied]);
    liar.lie = null;
    good(await laptop.client.sync());
    await stopAll(ben, laptop);
  });
});

describe("a device that is linked later", () => {
  test("[DM17] [FR6] follows the logs between revocations of a contact whose chain it does not have, and suspects nobody", async () => {
    const { ada, ben } = await createFriends(server.origin, ["ada.later", "ben.later"]);
    await stopAll(ada);
    const laptop = await engineOf(ada.platform);
    const benId = await accountIdOf(ben);
    const logs: LogId[] = [];
    for (const name of ["first", "second"]) {
      const record = present(good(await laptop.engine.contacts.get(benId)), "Ada knows Ben");
      logs.push(present(record.own, "a log for Ben").logId);
      const phone = await linkedDevice(ben.client, name);
      const { deviceId } = good(await phone.client.account());
      await stopAll(phone);
      good(await ben.client.revokeDevice(deviceId));
      await settle(ben, laptop);
    }
    const late = await linkedDevice(laptop.client, "late");
    const alarms = alarmsOf(late);
    late.client.start();
    const opened = async () =>
      good(await tablesOf(late).given.scan()).map(({ key }) => rowKeyParts(key)[1] as LogId);
    await expect.poll(async () => (await opened()).toSorted()).toEqual(logs.toSorted());
    await settle(late, laptop);
    expect([new Set(logs).size, alarms]).toEqual([2, []]);
    await stopAll(ben, laptop, late);
  });
});

describe("a verification", () => {
  test("[CO5] is noted on every device when the number is the same, and never when it is not", async () => {
    const { ada, ben } = await createFriends(server.origin, ["ada.sure", "ben.sure"]);
    const phone = await linkedDevice(ada.client, "phone");
    await settle(ada, ben, phone);
    const [adaId, benId] = [await accountIdOf(ada), await accountIdOf(ben)];
    const shownByBen = good(await ben.client.safetyNumber(adaId));
    const wrong = shownByBen.replace(/[0-9]/, (digit) => String((Number(digit) + 1) % 10));
    const verifiedAt = async ({ client }: Device) =>
      good(await client.contactDetails(benId)).contact.verifiedAtMs;
    expect(bad(await ada.client.verifyContact(benId, wrong))).toEqual({
      type: "SafetyNumberDiffers",
      accountId: benId,
    });
    expect(bad(await ada.client.verifyContact(benId, shownByBen.slice(1))).type).toBe("BadSafetyNumber");
    expect(bad(await ada.client.verifyContact(benId, good(await ada.client.contactLink()))).type).toBe(
      "SafetyNumberDiffers",
    );
    expect(await verifiedAt(ada)).toBeNull();
    good(await ada.client.verifyContact(benId, ` ${shownByBen.replace(" ", "\n")} `));
    good(await ada.client.setContactNotes(benId, "met in Graz"));
    await settle(ada, phone);
    expect(await verifiedAt(phone)).toBe(await verifiedAt(ada));
    expect(await verifiedAt(phone)).not.toBeNull();
    const details = { notes: "met in Graz", lastSeen: "day" };
    // A device that has written nothing to them yet has had no reason to fetch their chain.
    expect(good(await phone.client.contactDetails(benId))).toMatchObject({ ...details, deviceCount: null });
    expect(good(await ada.client.contactDetails(benId))).toMatchObject({ ...details, deviceCount: 1 });
    good(await phone.client.forgetVerification(benId));
    good(await phone.client.verifyContact(benId, good(await ben.client.contactLink())));
    await settle(ada, phone);
    expect(await verifiedAt(ada)).not.toBeNull();
    await stopAll(ada, ben, phone);
  });
});

/** The parts of a device whose client has been stopped and is opened again for a look. */
async function engineFor(device: Device) {
  const { engine } = await engineOf(device.platform);
  return engine;
}

describe("a contact whose account was deleted", () => {
  const lookOf = async (device: Device, accountId: AccountId) =>
    present(
      good(await device.client.contacts()).find((contact) => contact.accountId === accountId),
      "the contact",
    ).deletedSinceMs;

  test("[CO7] [DI16] is said to be so by their server, and so is what waits for them, also after a restart", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.left", "ben.left"]);
    const benId = await accountIdOf(ben);
    good(await ben.client.deleteAccount());
    expect(await lookOf(ada, benId)).toBeNull();
    // The log is found gone first: the chain was verified a moment ago.
    good(await ada.client.send(conversationId, "are you there"));
    await expectAtRest(async () => expect(await lookOf(ada, benId)).not.toBeNull(), ada);
    const waiting = { text: "are you there", state: "kept", failure: "deleted" };
    expect(await newestOf(ada, conversationId)).toMatchObject(waiting);
    expect(ada.client.status().pendingCount).toBe(1);
    good(await ada.client.stop());
    const again = await reopened(ada.platform);
    expect(await lookOf(again, benId)).not.toBeNull();
    expect(await newestOf(again, conversationId)).toMatchObject(waiting);
    await stopAll(again, ben);
  });

  test("[CO7] and is not: what was written goes as soon as the server says otherwise", async () => {
    const inner = createWebConnector();
    let liedOf: AccountId | null = null;
    const failure = encode(httpFailureShape, { code: "account-deleted", retryAfterMs: null });
    const connector: ServerConnector = {
      ...inner,
      request: async (origin, request) =>
        liedOf !== null && request.path.startsWith(`/v1/accounts/${liedOf}/chain`)
          ? { ok: true, value: { status: 410, body: failure } }
          : inner.request(origin, request),
    };
    const platform = memoryPlatform({ connector });
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.lied", "ben.lied"], {
      ada: platform,
    });
    const benId = await accountIdOf(ben);
    good(await ada.client.stop());
    liedOf = benId;
    const again = await reopened(platform);
    good(await again.client.send(conversationId, "still there?"));
    good(await again.client.sync());
    expect(await newestOf(again, conversationId)).toMatchObject({ state: "kept", failure: "deleted" });
    liedOf = null;
    await settle(again, ben);
    expect(await textsOf(ben, conversationId)).toContain("still there?");
    expect(await lookOf(again, benId)).toBeNull();
    expect((await newestOf(again, conversationId)).failure).toBeNull();
    await stopAll(again, ben);
  });
});
