/** Search as a person has it: on real rows, with what comes and goes. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createFts5Index, type Platform, type SearchPage } from "@dovetail/core";
import { openSearchDatabase } from "../../cli/platform/search-database.ts";
import { present } from "../../core/base/assert.ts";
import { SEARCH_PAGE_HITS_MAX } from "../../core/base/limits.ts";
import { bad, engineReady, good, linkedDevice, memoryPlatform } from "../support/client-world.ts";
import { startServer, type ServerProcess } from "../support/server-process.ts";
import { createFriends, type Device, type Friends, settle, stopAll } from "../support/story.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const searchable = (): Platform =>
  memoryPlatform({ openSearchIndex: () => createFts5Index(openSearchDatabase()) });

const textsOf = ({ hits }: SearchPage) => hits.map(({ message }) => message.text);
const search = async ({ client }: Device, query: string, options = {}) =>
  textsOf(good(await client.search(query, options)));

describe("search", () => {
  const folder = createTemporaryFolder();
  let server: ServerProcess;
  let friends: Friends;

  beforeAll(async () => {
    await engineReady();
    server = await startServer(folder.path);
    friends = await createFriends(server.origin, ["ada", "ben"], { ada: searchable(), ben: searchable() });
  });
  afterAll(async () => {
    await stopAll(friends.ada, friends.ben);
    await server.stop();
    folder.discard();
  });

  test("finds what was written before, what comes, and what siblings bring", async () => {
    const { ada, ben, conversationId } = friends;
    good(await ada.client.send(conversationId, "Lunch at the harbour?"));
    await settle(ada, ben);
    expect(await search(ben, "harbour")).toEqual(["Lunch at the harbour?"]);
    good(await ben.client.send(conversationId, "At the harbour, yes"));
    good(await ada.client.send(conversationId, "See https://example.org/harbour"));
    await settle(ada, ben);
    expect(await search(ben, "harbour")).toHaveLength(3);
    expect(await search(ben, "harbour from:me")).toEqual(["At the harbour, yes"]);
    expect(await search(ben, "harbour from:ada has:link")).toEqual(["See https://example.org/harbour"]);
    expect(await search(ben, "harbour before:yesterday")).toEqual([]);
    expect(await search(ben, "harbour after:today -yes")).toHaveLength(2);
    const [hit] = good(await ben.client.search("yes")).hits;
    expect(hit?.message).toMatchObject({ text: "At the harbour, yes", isOwn: true });
    expect(hit?.name).toBe("ada");
    expect(hit?.ranges).toEqual([{ start: 16, end: 19 }]);

    const shed = good(await ben.client.createRoom("Shed"));
    good(await ben.client.send(shed.id, "The lamp of the harbour"));
    expect(await search(ben, "harbour in:Shed")).toEqual(["The lamp of the harbour"]);
    expect(good(await ben.client.search("lamp")).hits[0]).toMatchObject({ contact: null, name: "Shed" });

    const phone = await linkedDevice(ada.client, "phone", searchable());
    await settle(ada, phone);
    expect(await search(phone, "harbour")).toHaveLength(3);
    good(await phone.client.send(conversationId, "From the phone: harbour"));
    await settle(phone, ada, ben);
    expect(await search(ada, "harbour phone")).toEqual(["From the phone: harbour"]);
    expect(await search(ben, "harbour phone")).toEqual(["From the phone: harbour"]);
    await stopAll(phone);
  });

  test("finds under tags, also ones set later, and says which names nobody has", async () => {
    const { ben, conversationId } = friends;
    const tag = good(await ben.client.createTag("work"));
    expect(await search(ben, "lunch tag:work")).toEqual([]);
    good(await ben.client.setTagged(conversationId, tag.id, true));
    expect(await search(ben, "lunch tag:work")).toHaveLength(1);
    expect(await search(ben, "lunch -tag:work")).toEqual([]);
    expect(bad(await ben.client.search("x in:aad"))).toMatchObject({
      type: "SearchNameUnknown",
      filter: "in",
      position: 2,
      names: ["ada"],
    });
    expect(bad(await ben.client.search("tag:werk"))).toMatchObject({ names: ["work"] });
    expect(bad(await ben.client.search("x OR"))).toMatchObject({ type: "BadSearch", rule: "OperandMissing" });
    expect(bad(await ben.client.search("x", { older: "x" }))).toEqual({ type: "BadSearchCursor" });
  });

  test("gives at most SEARCH_PAGE_HITS_MAX at a time, and all of them page by page", async () => {
    const { ada, ben, conversationId } = friends;
    const total = SEARCH_PAGE_HITS_MAX + 1;
    for (let i = 0; i < total; i++) good(await ada.client.send(conversationId, `pebble ${i}`));
    await settle(ada, ben);
    expect(await search(ben, "pebble", { limit: SEARCH_PAGE_HITS_MAX - 1 })).toHaveLength(
      SEARCH_PAGE_HITS_MAX - 1,
    );
    expect(await search(ben, "pebble", { limit: SEARCH_PAGE_HITS_MAX })).toHaveLength(SEARCH_PAGE_HITS_MAX);
    const first = good(await ben.client.search("pebble", { limit: SEARCH_PAGE_HITS_MAX + 1 }));
    expect(first.hits).toHaveLength(SEARCH_PAGE_HITS_MAX);
    const rest = good(await ben.client.search("pebble", { older: present(first.older, "there is more") }));
    expect([...textsOf(first), ...textsOf(rest)]).toEqual(
      Array.from({ length: total }, (_, i) => `pebble ${total - 1 - i}`),
    );
    expect(rest.older).toBeNull();
  });

  test("without an index there is none, and nothing else suffers", async () => {
    const folderless = await createFriends(server.origin, ["cleo", "dan"]);
    expect(bad(await folderless.ada.client.search("x"))).toMatchObject({ type: "SearchUnavailable" });
    good(await folderless.ada.client.send(folderless.conversationId, "still here"));
    await stopAll(folderless.ada, folderless.ben);
  });

  test("people who were declined are not found, nor what they wrote", async () => {
    const { ada, ben } = await createFriends(server.origin, ["eve", "flo"], { ben: searchable() });
    const stranger = await createFriends(server.origin, ["gil", "hal"]);
    good(
      await stranger.ada.client.addContact(good(await ben.client.contactLink()), {
        greeting: "winning ticket",
      }),
    );
    await settle(stranger.ada, ben);
    expect(await search(ben, "ticket")).toEqual(["winning ticket"]);
    const request = good(await ben.client.contacts()).find(({ state }) => state === "incoming");
    good(await ben.client.declineContact(present(request, "the request has come").accountId));
    expect(await search(ben, "ticket")).toEqual([]);
    await stopAll(ada, ben, stranger.ada, stranger.ben);
  });
});
