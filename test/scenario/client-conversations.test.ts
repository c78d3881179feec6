/** Stories of people who write to each other, over the real server program and real sockets. */
import type { ClientError, Result } from "@dovetail/core";
import { describe, expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import {
  DEVICE_NAME_BYTES_MAX,
  DISPLAY_NAME_BYTES_MAX,
  MESSAGE_TEXT_BYTES_MAX,
  TAG_NAME_BYTES_MAX,
} from "../../core/base/limits.ts";
import { bad, good, linkedDevice, newAccount } from "../support/client-world.ts";
import {
  alarmsOf,
  createFriends,
  expectSameState,
  settle,
  stopAll,
  textsOf,
  unfinishedRows,
} from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();

describe("two people with two devices each", () => {
  test("all four converge: each message once, in one order", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.two", "ben.two"]);
    const adaPhone = await linkedDevice(ada.client, "phone");
    const benPhone = await linkedDevice(ben.client, "phone");
    const all = [ada, adaPhone, ben, benPhone] as const;
    const alarms = all.map(alarmsOf);
    await settle(...all);
    for (let round = 0; round < 3; round++) {
      for (const [index, device] of all.entries())
        good(await device.client.send(conversationId, `${round} from ${index}`));
      if (round === 1) await Promise.all(all.map((device) => device.client.sync()));
    }
    await settle(...all);
    const expected = await textsOf(ada, conversationId);
    expect([...expected].sort()).toEqual(
      [0, 1, 2].flatMap((round) => [0, 1, 2, 3].map((index) => `${round} from ${index}`)),
    );
    for (const device of all) expect(await textsOf(device, conversationId)).toEqual(expected);
    await expectSameState(ada, adaPhone);
    await expectSameState(ben, benPhone);
    expect(alarms.flat()).toEqual([]);
    for (const device of all)
      expect([device.client.status().pendingCount, await unfinishedRows(device)]).toEqual([0, {}]);
    await stopAll(...all);
  });

  test("a message sent while the other devices are away waits for them, on every side", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.away", "ben.away"]);
    const phone = await linkedDevice(ada.client, "phone");
    await settle(ada, phone, ben);
    good(await phone.client.send(conversationId, "one"));
    good(await phone.client.sync());
    good(await phone.client.send(conversationId, "two"));
    good(await phone.client.sync());
    good(await ben.client.send(conversationId, "three"));
    await settle(ben, ada);
    expect(await textsOf(ada, conversationId)).toEqual(["one", "two", "three"]);
    await settle(ada, phone, ben);
    for (const device of [ada, phone, ben])
      expect(await textsOf(device, conversationId)).toEqual(["one", "two", "three"]);
    await expectSameState(ada, phone);
    await stopAll(ada, phone, ben);
  });

  test("a device linked late has everything, sets nothing aside, and can send", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.late", "ben.late"]);
    for (let i = 0; i < 12; i++)
      good(await (i % 2 === 0 ? ada : ben).client.send(conversationId, `message ${i}`));
    await settle(ada, ben);
    const tag = good(await ben.client.createTag("friends"));
    good(await ben.client.setTagged(conversationId, tag.id, true));
    await settle(ben);
    const late = await linkedDevice(ben.client, "late");
    const alarms = alarmsOf(late);
    await settle(late, ben, ada);
    expect(await textsOf(late, conversationId)).toEqual(await textsOf(ben, conversationId));
    expect((await textsOf(late, conversationId)).length).toBe(12);
    expect(good(await late.client.tags())).toEqual([{ id: tag.id, name: "friends", conversationCount: 1 }]);
    good(await late.client.send(conversationId, "from the new one"));
    await settle(late, ada, ben);
    expect((await textsOf(ada, conversationId)).at(-1)).toBe("from the new one");
    await expectSameState(ben, late);
    expect(alarms).toEqual([]);
    expect(await unfinishedRows(late)).toEqual({});
    await stopAll(ada, ben, late);
  });
});

describe("first contact", () => {
  test("a request shows with its greeting, is accepted, and both can write", async () => {
    const ada = await newAccount(server.origin, "ada.ask");
    const ben = await newAccount(server.origin, "ben.ask");
    await settle(ada, ben);
    const asked = good(await ada.client.addContact("ben.ask", { greeting: "hello", petname: "Benny" }));
    expect(asked).toMatchObject({ state: "requested", name: "Benny", handle: "ben.ask" });
    await settle(ada, ben);
    const [request] = good(await ben.client.contacts());
    expect(request).toMatchObject({
      state: "incoming",
      name: "ada.ask",
      accountId: good(await ada.client.account()).accountId,
    });
    expect(await textsOf(ben, asked.conversationId)).toEqual(["hello"]);
    expect(bad(await ben.client.send(asked.conversationId, "too early"))).toEqual({
      type: "UnknownConversation",
    });
    good(await ben.client.acceptContact(present(request, "there is a request").accountId));
    await settle(ben, ada);
    expect(good(await ada.client.contacts())[0]?.state).toBe("accepted");
    good(await ben.client.send(asked.conversationId, "hello yourself"));
    await settle(ben, ada);
    expect(await textsOf(ada, asked.conversationId)).toEqual(["hello", "hello yourself"]);
    expect(good(await ada.client.safetyNumber(good(await ben.client.account()).accountId))).toBe(
      good(await ben.client.safetyNumber(good(await ada.client.account()).accountId)),
    );
    await stopAll(ada, ben);
  });

  test("messages written before the answer arrive after it, once", async () => {
    const ada = await newAccount(server.origin, "ada.early");
    const ben = await newAccount(server.origin, "ben.early");
    await settle(ada, ben);
    const { conversationId } = good(
      await ada.client.addContact(good(await ben.client.contactLink()), { greeting: "one" }),
    );
    await settle(ada, ben);
    good(await ada.client.send(conversationId, "two"));
    await settle(ada, ben);
    expect(await textsOf(ben, conversationId)).toEqual(["one"]);
    expect(good(await ada.client.sync()).waitingMessages).toBe(1);
    good(await ben.client.acceptContact(good(await ada.client.account()).accountId));
    await settle(ben, ada);
    expect(await textsOf(ben, conversationId)).toEqual(["one", "two"]);
    expect(good(await ada.client.sync()).waitingMessages).toBe(0);
    await stopAll(ada, ben);
  });

  test("[FC4] a declined request goes away on every device, and asking back makes a contact of it", async () => {
    const ada = await newAccount(server.origin, "ada.no");
    const ben = await newAccount(server.origin, "ben.no");
    const benPhone = await linkedDevice(ben.client, "phone");
    await settle(ada, ben, benPhone);
    const { conversationId } = good(await ada.client.addContact("ben.no"));
    await settle(ada, ben, benPhone);
    const adaId = good(await ada.client.account()).accountId;
    good(await benPhone.client.declineContact(adaId));
    await settle(benPhone, ben, ada);
    expect(good(await ben.client.contacts())[0]?.state).toBe("declined");
    expect(good(await ada.client.contacts())[0]?.state).toBe("requested");
    expect(bad(await ben.client.acceptContact(adaId))).toEqual({ type: "NotARequest" });
    good(await ben.client.addContact("ada.no"));
    await settle(ben, ada, benPhone);
    for (const device of [ada, ben, benPhone])
      expect(good(await device.client.contacts())[0]?.state).toBe("accepted");
    good(await ben.client.send(conversationId, "sorry"));
    good(await ada.client.send(conversationId, "never mind"));
    await settle(ben, ada, benPhone);
    for (const device of [ada, ben, benPhone]) expect((await textsOf(device, conversationId)).length).toBe(2);
    await stopAll(ada, ben, benPhone);
  });

  test("[FC4] two requests that cross make one contact with both greetings", async () => {
    const ada = await newAccount(server.origin, "ada.cross");
    const ben = await newAccount(server.origin, "ben.cross");
    await settle(ada, ben);
    const { conversationId } = good(await ada.client.addContact("ben.cross", { greeting: "from ada" }));
    good(await ben.client.addContact("ada.cross", { greeting: "from ben" }));
    await Promise.all([ada.client.sync(), ben.client.sync()]);
    await settle(ada, ben);
    for (const device of [ada, ben]) {
      expect(good(await device.client.contacts()).map((contact) => contact.state)).toEqual(["accepted"]);
      expect([...(await textsOf(device, conversationId))].sort()).toEqual(["from ada", "from ben"]);
    }
    good(await ada.client.send(conversationId, "so"));
    await settle(ada, ben);
    expect((await textsOf(ben, conversationId)).at(-1)).toBe("so");
    await stopAll(ada, ben);
  });

  test("an unknown handle, a taken one, a malformed one and oneself, also as lists show it, are named", async () => {
    const ada = await newAccount(server.origin, "ada.names");
    expect(bad(await ada.client.addContact("nobody.here"))).toEqual({
      type: "UnknownHandle",
      handle: "nobody.here",
    });
    expect(bad(await ada.client.addContact("Not A Handle"))).toEqual({
      type: "BadHandle",
      handle: "Not A Handle",
    });
    expect(bad(await ada.client.addContact("ada.names"))).toEqual({ type: "ContactIsSelf" });
    expect(bad(await ada.client.addContact("@ada.names"))).toEqual({ type: "ContactIsSelf" });
    expect(bad(await ada.client.addContact("@@ada.names"))).toMatchObject({ type: "BadHandle" });
    const ben = await newAccount(server.origin, "ben.names");
    expect(good(await ada.client.addContact("@ben.names"))).toMatchObject({ handle: "ben.names" });
    expect(bad(await ada.client.addContact("dovetail:contact/1/broken")).type).toMatch(/^Bad/);
    await expect(newAccount(server.origin, "ada.names")).rejects.toThrow("handle-taken");
    await stopAll(ada, ben);
  });
});

describe("what is written", () => {
  test("a message may have 32 KiB and no more, and many large ones arrive", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.long", "ben.long"]);
    const largest = "ä".repeat(MESSAGE_TEXT_BYTES_MAX / 2);
    expect(bad(await ada.client.send(conversationId, `${largest}x`))).toEqual({
      type: "MessageTooLong",
      sizeBytes: MESSAGE_TEXT_BYTES_MAX + 1,
      sizeBytesMax: MESSAGE_TEXT_BYTES_MAX,
    });
    expect(bad(await ada.client.send(conversationId, ""))).toEqual({ type: "MessageEmpty" });
    // Text that does not compress, so that documents feel its whole weight.
    const noise = (seed: number): string =>
      Array.from({ length: MESSAGE_TEXT_BYTES_MAX }, (_, i) =>
        String.fromCharCode(33 + ((i * 7919 + seed * 104_729 + ((i * i) % 8_191)) % 90)),
      ).join("");
    const sent = [largest, ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map(noise)];
    for (const text of sent) good(await ada.client.send(conversationId, text));
    await settle(ada, ben);
    expect(await textsOf(ben, conversationId)).toEqual(sent);
    const phone = await linkedDevice(ben.client, "phone");
    await settle(phone);
    expect(await textsOf(phone, conversationId)).toEqual(sent);
    await stopAll(ada, ben, phone);
  });

  test("names have their limits, of people, devices and tags", async () => {
    const ada = await newAccount(server.origin, "ada.limits");
    const { deviceId } = good(await ada.client.account());
    const setters: readonly (readonly [number, (name: string) => Promise<Result<unknown, ClientError>>])[] = [
      [DISPLAY_NAME_BYTES_MAX, (name) => ada.client.setDisplayName(name)],
      [DEVICE_NAME_BYTES_MAX, (name) => ada.client.setDeviceName(deviceId, name)],
      [TAG_NAME_BYTES_MAX, (name) => ada.client.createTag(name)],
    ];
    for (const [sizeBytesMax, set] of setters) {
      good(await set("é".repeat(sizeBytesMax / 2)));
      expect(bad(await set(`${"é".repeat(sizeBytesMax / 2)}x`))).toEqual({
        type: "NameTooLong",
        sizeBytes: sizeBytesMax + 1,
        sizeBytesMax,
      });
      expect(bad(await set(""))).toEqual({ type: "NameTooLong", sizeBytes: 0, sizeBytesMax });
    }
    expect(good(await ada.client.account()).displayName).toBe("é".repeat(DISPLAY_NAME_BYTES_MAX / 2));
    await stopAll(ada);
  });

  test("sync says how many messages came and went since the last report, and counts nothing else", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.count", "ben.count"]);
    ben.client.onEvent(() => {});
    for (let i = 0; i < 5; i++) good(await ada.client.send(conversationId, `message ${i}`));
    expect(good(await ada.client.sync())).toMatchObject({
      sentMessages: 5,
      receivedMessages: 0,
      waitingMessages: 0,
    });
    expect(good(await ben.client.sync())).toMatchObject({
      sentMessages: 0,
      receivedMessages: 5,
      waitingMessages: 0,
    });
    // What comes now is a mark.
    expect(good(await ada.client.sync())).toMatchObject({
      sentMessages: 0,
      receivedMessages: 0,
      waitingMessages: 0,
    });
    expect(good(await ben.client.sync())).toMatchObject({
      sentMessages: 0,
      receivedMessages: 0,
      waitingMessages: 0,
    });
    await stopAll(ada, ben);
  });
});
