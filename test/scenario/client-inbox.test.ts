/** What a person marks in the inbox, found again across conversations. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Client, ConversationView, StarredMessage } from "@dovetail/core";
import type { ConversationId } from "../../core/base/ids.ts";
import { engineReady, good, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import { type LocalServer, startLocalServer } from "../support/server-in-process.ts";
import { createFriends, reopened, settle, stopAll } from "../support/story.ts";

const textsOf = (messages: readonly StarredMessage[]) => messages.map(({ message }) => message.text);

async function send(client: Client, conversationId: ConversationId, text: string) {
  const { id } = good(await client.send(conversationId, text));
  return { conversationId, id };
}

describe("the inbox", () => {
  let server: LocalServer;
  beforeAll(async () => {
    await engineReady();
    server = await startLocalServer();
  });
  afterAll(() => server.close());

  test("shows starred messages of all conversations, newest first, in pages, and counts them in each", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada", "ben"]);
    const cleo = await newAccount(server.origin, "cleo");
    const other = good(await ada.client.addContact(good(await cleo.client.contactLink())));
    expect(good(await ada.client.starred())).toEqual({ messages: [], older: null });

    const marks = [
      await send(ada.client, conversationId, "one"),
      await send(ada.client, other.conversationId, "two"),
      await send(ada.client, conversationId, "not marked"),
      await send(ada.client, conversationId, "three"),
    ];
    for (const [index, mark] of marks.entries())
      if (index !== 2) good(await ada.client.setStarred(mark, true));
    await settle(ada, ben);
    const first = good(await ada.client.starred({ limit: 2 }));
    expect(textsOf(first.messages)).toEqual(["three", "two"]);
    expect(first.messages.map(({ name }) => name)).toEqual(["ben", other.name]);
    const rest = good(await ada.client.starred({ before: first.older ?? "" }));
    expect([textsOf(rest.messages), rest.older]).toEqual([["one"], null]);

    const counts = good(await ada.client.conversations()).map((one: ConversationView) => [
      one.contact.name,
      one.starredCount,
    ]);
    expect(new Map(counts.map(([name, n]) => [name, n]))).toEqual(
      new Map<unknown, unknown>([
        ["ben", 2],
        [other.name, 1],
      ]),
    );

    // A star on what is not here, as from a sibling that has more, neither shows nor hides anything.
    const last = marks[3];
    if (last === undefined) throw new Error("four messages were sent");
    good(await ada.client.setStarred({ conversationId: other.conversationId, id: last.id }, true));
    good(await ada.client.setStarred(last, false));
    expect(textsOf(good(await ada.client.starred()).messages)).toEqual(["two", "one"]);
    await stopAll(ada, ben, cleo);
  });

  test("a conversation is muted on every device of the account, and unmuted from another; devices say what they are, once", async () => {
    const platform = memoryPlatform({ deviceKind: "command-line" });
    const ada = await newAccount(server.origin, "ada.mutes", platform);
    const ben = await newAccount(server.origin, "ben.mutes");
    good(await ben.client.sync());
    const { conversationId } = good(await ada.client.addContact(good(await ben.client.contactLink())));
    good(await ada.client.setMuted(conversationId, true));
    const phone = await linkedDevice(ada.client, "phone", memoryPlatform({ deviceKind: "phone" }));
    await settle(ada, phone, ada);
    expect(good(await phone.client.conversations())).toMatchObject([{ id: conversationId, isMuted: true }]);
    for (const { client } of [ada, phone])
      expect(good(await client.devices()).map(({ kind }) => kind)).toEqual(["command-line", "phone"]);
    good(await phone.client.setMuted(conversationId, false));
    await settle(phone, ada);
    expect(good(await ada.client.conversations())).toMatchObject([{ isMuted: false }]);
    const entriesOf = async (client: Client) => good(await client.deviceFrontiers()).seq;
    const before = await entriesOf(ada.client);
    good(await ada.client.stop());
    const again = await reopened(platform);
    good(await again.client.sync());
    expect(await entriesOf(again.client)).toBe(before);
    await stopAll(again, ben, phone);
  });
});
