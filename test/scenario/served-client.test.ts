/** The whole client used through a port, as another process or tab uses it, over a real server. */
import { expect, test } from "vitest";
import {
  type Client,
  type ClientEvent,
  connectClient,
  createMessageSplitter,
  createPortPair,
  createSystemClock,
  encodeMessage,
  type MessageChannelPort,
  serveClient,
} from "@dovetail/core";
import { bad, good, linkedDevice, newAccount } from "../support/client-world.ts";
import { settle, stopAll } from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();

/** Lets every message go through its bytes, as a socket does. */
function throughBytes(port: MessageChannelPort): MessageChannelPort {
  return {
    ...port,
    send: (message) => port.send(good(createMessageSplitter().push(encodeMessage(message)))[0]),
  };
}

async function served(client: Client): Promise<{ readonly face: Client; readonly end: () => void }> {
  const [near, far] = createPortPair();
  const end = serveClient(throughBytes(far), client, {
    onFault: (thrown) => {
      throw thrown;
    },
  });
  return { face: good(await connectClient(throughBytes(near), createSystemClock())), end };
}

test("two faces of one client: contacts, messages, tags, events, linking, and the same views as the owner's", async () => {
  const ada = await newAccount(server.origin, "ada.served");
  const ben = await newAccount(server.origin, "ben.served");
  const first = (await served(ada.client)).face;
  const second = (await served(ada.client)).face;
  const events: ClientEvent[] = [];
  second.onEvent((event) => events.push(event));
  expect(first.status()).toEqual(ada.client.status());

  const link = good(await ben.client.contactLink());
  const contact = good(await first.addContact(link, { petname: "Ben", greeting: "Hello from a face" }));
  await settle({ ...ada, client: first }, ben);
  const asked = good(await ben.client.contacts())[0];
  if (asked === undefined) throw new Error("the request has arrived");
  good(await ben.client.acceptContact(asked.accountId));
  await settle(ben, { ...ada, client: first }, ben, { ...ada, client: first });
  good(await ben.client.send(contact.conversationId, "and back"));
  await settle(ben, { ...ada, client: first });
  const page = good(await second.messages(contact.conversationId, { limit: 1 }));
  expect(page.messages.map(({ text }) => text)).toEqual(["and back"]);
  expect(events.some((event) => event.type === "message" && event.message.text === "and back")).toBe(true);
  expect(bad(await first.send(contact.conversationId, "")).type).toBe("MessageEmpty");

  const tag = good(await first.createTag("people"));
  good(await first.setTagged(contact.conversationId, tag.id, true));
  good(await first.createTagRule(contact.accountId, tag.id));
  expect(await second.tagRules()).toEqual(await ada.client.tagRules());
  expect(await second.conversations()).toEqual(await ada.client.conversations());
  expect(await second.fingerprint()).toEqual(await ada.client.fingerprint());
  expect(first.status().state).toBe("online");

  const tablet = await linkedDevice(first, "tablet");
  expect(good(await second.devices()).map(({ name }) => name)).toEqual(["ada.served 1", "tablet"]);

  good(await first.stop());
  expect(good(await second.contacts()).length).toBe(1);
  expect(bad(await first.contacts())).toEqual({ type: "OwnerGone" });
  await stopAll(ada, ben, tablet);
});

test("a face that leaves in the middle of linking withdraws its code; an owner that ends stops its faces", async () => {
  const ada = await newAccount(server.origin, "ada.leaves");
  const one = await served(ada.client);
  const host = good(await one.face.linkDevice());
  good(await one.face.stop());
  expect(await host.whenAnswered).toEqual({ ok: false, error: { type: "OwnerGone" } });
  await expect(
    linkedDevice({ ...one.face, linkDevice: async () => ({ ok: true, value: host }) }, "late"),
  ).rejects.toThrow(/LinkingFailed/);
  const two = await served(ada.client);
  const states: string[] = [];
  two.face.onEvent((event) => event.type === "connection" && states.push(event.status.state));
  two.end();
  await new Promise((resolve) => setImmediate(resolve));
  expect(two.face.status()).toMatchObject({ state: "stopped", lastError: { type: "OwnerGone" } });
  expect(states.at(-1)).toBe("stopped");
  await stopAll(ada);
});
