/** Marks, freshness of chains, first contact in one transaction, and going on after a fault: real server, real sockets. */
import { expect, test } from "vitest";
import { bad, good, memoryPlatform, newAccount } from "../support/client-world.ts";
import { createAdjustableClock } from "../support/adjustable-clock.ts";
import { createCrashDevice } from "../support/crash-platform.ts";
import { createLyingServer } from "../support/lying-server.ts";
import { createFriends, fingerprintOf, settle, textsOf } from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";
import {
  DEVICE_NAME_BYTES_MAX,
  DISPLAY_NAME_BYTES_MAX,
  openClient,
  type ServerConnector,
} from "@dovetail/core";
import { createWebConnector } from "../../core/transport/web-connector.ts";

const HOUR_MS = 3_600_000;
const server = useStoryServer();

test("[DM14] five messages are answered by one mark, and the mark by none", async () => {
  const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.mark", "ben.mark"]);
  const before = (await fingerprintOf(ben.client)).opCount;
  for (let i = 0; i < 5; i++) good(await ada.client.send(conversationId, `message ${i}`));
  good(await ada.client.sync());
  await settle(ben, ada);
  await settle(ada, ben);
  expect((await fingerprintOf(ben.client)).opCount - before).toBe(6);
  expect((await fingerprintOf(ada.client)).opCount).toBe((await fingerprintOf(ben.client)).opCount);
  await ada.client.stop();
  await ben.client.stop();
});

test("[DM14] a greeting is delivered once the request is accepted, and not before", async () => {
  const ada = await newAccount(server.origin, "ada.greets");
  const ben = await newAccount(server.origin, "ben.greeted");
  good(await ben.client.sync());
  const link = good(await ben.client.contactLink());
  const { conversationId } = good(await ada.client.addContact(link, { greeting: "Hello Ben" }));
  const state = async () => good(await ada.client.messages(conversationId)).messages[0]?.state;
  await settle(ada, ben);
  expect(await state()).toBe("sent");
  const [request] = good(await ben.client.contacts());
  if (request === undefined) throw new Error("the request has come");
  good(await ben.client.acceptContact(request.accountId));
  await settle(ben, ada);
  expect(await state()).toBe("delivered");
  await ada.client.stop();
  await ben.client.stop();
});

test("[MS4] a message is kept, then sent, then delivered, and stays delivered", async () => {
  const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.state", "ben.state"]);
  await ben.client.stop();
  await ada.client.stop();
  const again = good(await openClient(ada.platform));
  if (again === null) throw new Error("the profile has an account");
  const offline = { client: again, platform: ada.platform };
  good(await again.send(conversationId, "one"));
  const first = async () => good(await again.messages(conversationId)).messages[0]?.state;
  expect(await first()).toBe("kept");
  good(await again.sync());
  expect(await first()).toBe("sent");
  const reopened = good(await openClient(ben.platform));
  if (reopened === null) throw new Error("the profile has an account");
  await settle({ client: reopened, platform: ben.platform }, offline);
  expect(await first()).toBe("delivered");
  good(await again.send(conversationId, "two"));
  await settle(offline, { client: reopened, platform: ben.platform });
  expect(good(await again.messages(conversationId)).messages.map((message) => message.state)).toEqual([
    "delivered",
    "delivered",
  ]);
  await again.stop();
  await reopened.stop();
});

test("[DM11] a contact's chain is verified before the first message of a connection, and again after an hour", async () => {
  const paths: string[] = [];
  const inner = createWebConnector();
  const connector: ServerConnector = {
    connect: inner.connect,
    request: (origin, request) => {
      paths.push(request.path);
      return inner.request(origin, request);
    },
  };
  const clock = createAdjustableClock();
  const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.fresh", "ben.fresh"], {
    ada: memoryPlatform({ connector, clock }),
  });
  const benId = good(await ben.client.account()).accountId;
  const looks = () => paths.filter((path) => path.includes(`/accounts/${benId}/chain`)).length;
  good(await ada.client.sync());
  const before = looks();
  good(await ada.client.send(conversationId, "within the hour"));
  good(await ada.client.sync());
  expect(looks()).toBe(before);
  clock.adjust(HOUR_MS + 1);
  good(await ada.client.send(conversationId, "an hour later"));
  good(await ada.client.sync());
  expect(looks()).toBe(before + 1);
  await settle(ben, ada);
  expect(await textsOf(ben, conversationId)).toEqual(["within the hour", "an hour later"]);
  await ada.client.stop();
  await ben.client.stop();
});

test("[FC6] a contact that is asked while the power goes is told, or is no contact", async () => {
  const ben = await newAccount(server.origin, "ben.power");
  good(await ben.client.sync());
  const link = good(await ben.client.contactLink());
  for (let n = 1; n <= 6; n++) {
    const device = createCrashDevice();
    const ada = await newAccount(server.origin, `ada.power.${n}`, device.boot());
    good(await ada.client.sync());
    device.cutAt(n, "after");
    await Promise.race([ada.client.addContact(link), device.whenDead]);
    device.cutNow();
    const again = good(await openClient(device.boot()));
    if (again === null) throw new Error("the profile has an account");
    good(await again.sync());
    const contacts = good(await again.contacts());
    const adaId = good(await again.account()).accountId;
    good(await ben.client.sync());
    const asked = good(await ben.client.contacts()).some((contact) => contact.accountId === adaId);
    expect(asked).toBe(contacts.length === 1);
    await again.stop();
  }
  await ben.client.stop();
});

test("[LR5] after a fault nothing is taken; the next connection reads on from where it was", async () => {
  const lying = createLyingServer();
  const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.fault", "ben.fault"], {
    ben: memoryPlatform({ connector: lying.connector }),
  });
  await ben.client.stop();
  for (let i = 0; i < 3; i++) {
    good(await ada.client.send(conversationId, `message ${i}`));
    good(await ada.client.sync());
  }
  const again = good(await openClient(ben.platform));
  if (again === null) throw new Error("the profile has an account");
  lying.lie = (frame) =>
    frame.type === "entries" ? [{ ...frame, entries: frame.entries.slice(1) }] : [frame];
  expect(bad(await again.sync())).toMatchObject({ type: "LogDistrusted", fault: { type: "LogGap" } });
  lying.lie = null;
  good(await again.sync());
  expect(await textsOf({ client: again, platform: ben.platform }, conversationId)).toEqual([
    "message 0",
    "message 1",
    "message 2",
  ]);
  await again.stop();
  await ada.client.stop();
});

test("names of devices and people fit their limits, and one byte more is refused by name", async () => {
  const { client } = await newAccount(server.origin, "ada.names");
  const self = good(await client.devices())[0];
  if (self === undefined) throw new Error("an account has a device");
  good(await client.setDeviceName(self.id, "d".repeat(DEVICE_NAME_BYTES_MAX)));
  good(await client.setDisplayName("n".repeat(DISPLAY_NAME_BYTES_MAX)));
  const tooLong = (sizeBytesMax: number) => ({
    type: "NameTooLong",
    sizeBytes: sizeBytesMax + 1,
    sizeBytesMax,
  });
  expect(bad(await client.setDeviceName(self.id, "d".repeat(DEVICE_NAME_BYTES_MAX + 1)))).toEqual(
    tooLong(DEVICE_NAME_BYTES_MAX),
  );
  expect(bad(await client.setDisplayName("n".repeat(DISPLAY_NAME_BYTES_MAX + 1)))).toEqual(
    tooLong(DISPLAY_NAME_BYTES_MAX),
  );
  expect(bad(await client.setDisplayName("")).type).toBe("NameTooLong");
  await client.stop();
});
