/** Contacts and messages out to a file and back in: what comes back, and what never does. */
import { describe, expect, test } from "vitest";
import type { Client, ImportMessage, MessageView } from "@dovetail/core";
import type { ConversationId } from "../../core/base/ids.ts";
import { IMPORT_MESSAGES_MAX } from "../../core/base/limits.ts";
import { bad, good, linkedDevice, newAccount } from "../support/client-world.ts";
import { createFriends, expectSameState, reopened, settle, stopAll, textsOf } from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

const server = useStoryServer();

async function exported(client: Client, conversationId: ConversationId): Promise<readonly ImportMessage[]> {
  const { messages } = good(await client.exportMessages(conversationId));
  return messages.flatMap(({ op, proof }) => (proof === null ? [] : [{ op, proof }]));
}

async function contactNamed(client: Client, name: string) {
  const found = good(await client.contacts()).find((contact) => contact.name === name);
  if (found === undefined) throw new Error(`there is nobody called ${name}`);
  return found;
}

describe("a file of contacts", () => {
  test("[EX5] brings somebody new with petname, notes and the own verified mark; asks nobody; here stands what is here", async () => {
    const ada = await newAccount(server.origin, "ada.file");
    const phone = await linkedDevice(ada.client, "phone");
    await settle(ada, phone);
    const ben = await newAccount(server.origin, "ben.file");
    const added = good(await ada.client.addContact(good(await ben.client.contactLink()), { petname: "Ben" }));
    good(await ada.client.setContactNotes(added.accountId, "clocks"));
    const number = good(await ada.client.safetyNumber(added.accountId));
    const { verifiedAtMs } = good(await ada.client.verifyContact(added.accountId, number));
    const file = good(await ada.client.exportContacts());

    const plan = good(await phone.client.importContacts(file, { isDryRun: true }));
    expect(plan).toMatchObject({
      contacts: [{ outcome: "new", taken: ["petname", "notes", "verified"], isClaimedVerified: false }],
      isDryRun: true,
    });
    expect(good(await phone.client.contacts())).toEqual([]);
    good(await phone.client.importContacts(file));
    const known = await contactNamed(phone.client, "Ben");
    expect(known).toMatchObject({ state: "known", petname: "Ben", verifiedAtMs });
    expect(good(await phone.client.contactDetails(known.accountId)).notes).toBe("clocks");
    expect(bad(await phone.client.send(known.conversationId, "x"))).toEqual({ type: "UnknownConversation" });

    // Again, and into the device it came from: nothing to do. What was taken back there does not come back.
    for (const client of [phone.client, ada.client])
      expect(good(await client.importContacts(file)).contacts).toMatchObject([{ outcome: "unchanged" }]);
    good(await ada.client.setPetname(added.accountId, "Benny"));
    good(await ada.client.setContactNotes(added.accountId, null));
    good(await ada.client.forgetVerification(added.accountId));
    expect(good(await ada.client.importContacts(file)).contacts).toMatchObject([
      { outcome: "changed", taken: ["notes"], kept: ["petname"], isClaimedVerified: true },
    ]);
    expect(await contactNamed(ada.client, "Benny")).toMatchObject({ state: "requested", verifiedAtMs: null });

    // The devices meet: who was asked on one of them is asked.
    await settle(ada, phone, ben);
    await expectSameState(ada, phone);
    expect(good(await phone.client.contacts())).toMatchObject([{ state: "requested" }]);
    expect(good(await ben.client.contacts())).toMatchObject([{ state: "incoming" }]);
    await stopAll(ada, phone, ben);
  });

  test("[EX5] of somebody else, or changed, verifies nobody; who was blocked is blocked; a line is no way to another server", async () => {
    const { ada, ben } = await createFriends(server.origin, ["ada.claim", "ben.claim"]);
    const eve = await newAccount(server.origin, "eve.claim");
    const friend = await contactNamed(ada.client, "ben.claim");
    const pest = good(await ada.client.addContact(good(await eve.client.contactLink())));
    good(await ada.client.blockContact(pest.accountId));
    good(
      await ada.client.verifyContact(friend.accountId, good(await ada.client.safetyNumber(friend.accountId))),
    );
    const file = good(await ada.client.exportContacts());
    const zoe = await newAccount(server.origin, "zoe.claim");
    const { contacts } = good(await zoe.client.importContacts(file));
    expect(contacts.find((one) => one.accountId === friend.accountId)).toMatchObject({
      outcome: "new",
      taken: [],
      isClaimedVerified: true,
    });
    expect(await contactNamed(zoe.client, "ben.claim")).toMatchObject({ state: "known", verifiedAtMs: null });
    const blocked = await contactNamed(zoe.client, pest.accountId.slice(0, 8));
    expect(blocked.state).toBe("blocked");
    expect(good(await zoe.client.unblockContact(pest.accountId)).state).toBe("known");

    const phone = await linkedDevice(ada.client, "phone");
    const forged = file.replace(/"atMs":(\d+)/, (_, ms) => `"atMs":${Number(ms) + 1}`);
    expect(good(await phone.client.importContacts(forged)).contacts).toMatchObject(
      Array.from({ length: 2 }, () => ({ taken: [] })),
    );
    const elsewhere = file.replaceAll(/"origin":"[^"]*"/g, '"origin":"file:///etc"');
    expect(bad(await zoe.client.importContacts(elsewhere))).toMatchObject({
      type: "BadExportLine",
      line: 2,
      field: "origin",
    });
    await stopAll(ada, ben, eve, zoe, phone);
  });

  test("[EX9] those it brought can be asked, and can ask; what they are called here stays", async () => {
    const { ada, ben } = await createFriends(server.origin, ["ada.known", "ben.known"]);
    const friend = await contactNamed(ada.client, "ben.known");
    good(await ada.client.setPetname(friend.accountId, "Uncle"));
    const file = good(await ada.client.exportContacts());
    const [zoe, yan] = [
      await newAccount(server.origin, "zoe.known"),
      await newAccount(server.origin, "yan.known"),
    ];
    for (const { client } of [zoe, yan]) good(await client.importContacts(file));
    await settle(zoe, yan, ben);
    expect(good(await ben.client.contacts())).toHaveLength(1);

    const asked = good(await zoe.client.askContact(friend.accountId, { greeting: "Hello from Zoe" }));
    expect(asked).toMatchObject({ state: "requested", petname: "Uncle" });
    expect(bad(await zoe.client.askContact(friend.accountId))).toEqual({ type: "NotKnownOnly" });
    good(await ben.client.addContact(good(await yan.client.contactLink())));
    await settle(zoe, ben, yan);
    expect(await contactNamed(ben.client, "zoe.known")).toMatchObject({ state: "incoming" });
    expect(await contactNamed(yan.client, "Uncle")).toMatchObject({ state: "incoming" });
    good(await yan.client.acceptContact(friend.accountId));
    await settle(yan, ben);
    expect(await contactNamed(yan.client, "Uncle")).toMatchObject({ state: "accepted" });
    await stopAll(ada, ben, zoe, yan);
  });
});

describe("a file of messages", () => {
  test("[EX7] [EX8] brings back what a lost device had, once, where it was, on all devices, and tells nobody", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.back", "ben.back"]);
    const phone = await linkedDevice(ada.client, "phone");
    const tablet = await linkedDevice(ada.client, "tablet");
    good(await ben.client.send(conversationId, "one"));
    await settle(ada, ben, phone, tablet);
    good(await ada.client.stop());
    // Without a connection; then the laptop is gone, with what it never sent.
    const laptop = await reopened(ada.platform);
    good(await laptop.client.send(conversationId, "two"));
    good(await laptop.client.send(conversationId, "three"));
    const file = await exported(laptop.client, conversationId);
    expect(file).toHaveLength(3);
    good(await laptop.client.stop());
    const before = await textsOf(ben, conversationId);

    expect(good(await phone.client.importMessages(file, { isDryRun: true }))).toEqual({
      added: 2,
      known: 1,
      strangers: 0,
    });
    expect(await textsOf(phone, conversationId)).toEqual(["one"]);
    const told: MessageView[] = [];
    phone.client.onEvent((event) => void (event.type === "message" && told.push(event.message)));
    expect(good(await phone.client.importMessages(file))).toMatchObject({ added: 2, known: 1 });
    expect(good(await phone.client.importMessages(file))).toMatchObject({ added: 0, known: 3 });
    expect(await textsOf(phone, conversationId)).toEqual(["one", "two", "three"]);
    expect(told).toEqual([]);
    await settle(phone, tablet, ben);
    expect(await textsOf(tablet, conversationId)).toEqual(["one", "two", "three"]);
    await expectSameState(phone, tablet);
    expect(await textsOf(ben, conversationId)).toEqual(before);
    await stopAll(phone, tablet, ben);
  });

  test("[EX7] of another account, changed, from before a revocation, or with a stranger brings nothing in", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada.forge", "ben.forge"]);
    const phone = await linkedDevice(ada.client, "phone");
    good(await ada.client.send(conversationId, "said"));
    await settle(ada, ben, phone);
    const [own] = await exported(ada.client, conversationId);
    const [theirs] = await exported(ben.client, conversationId);
    if (own === undefined || theirs === undefined) throw new Error("both hold the message");
    expect(bad(await ada.client.importMessages([own, theirs]))).toEqual({
      type: "ImportUnproven",
      index: 1,
      rule: "not-proven",
    });
    const changed = { ...own, op: own.op.map((byte, at) => (at === own.op.length - 5 ? byte ^ 1 : byte)) };
    expect(bad(await ada.client.importMessages([changed]))).toMatchObject({ rule: "not-proven" });

    const full = Array.from({ length: IMPORT_MESSAGES_MAX }, () => own);
    expect(good(await ada.client.importMessages(full))).toMatchObject({ added: 0 });
    expect(bad(await ada.client.importMessages([...full, own]))).toMatchObject({ type: "ExportTooLarge" });

    good(await ada.client.revokeDevice(good(await phone.client.account()).deviceId));
    await settle(ada);
    expect(bad(await ada.client.importMessages([own]))).toMatchObject({ rule: "device-left-since" });
    expect(await textsOf(ada, conversationId)).toEqual(["said"]);
    await stopAll(ada, ben, phone);
  });

  test("[EX7] leaves out, and counts, what was written with somebody who is not here", async () => {
    const ada = await newAccount(server.origin, "ada.none");
    const phone = await linkedDevice(ada.client, "phone");
    await settle(ada, phone);
    const ben = await newAccount(server.origin, "ben.none");
    const { conversationId } = good(
      await ada.client.addContact(good(await ben.client.contactLink()), { greeting: "hello" }),
    );
    const file = await exported(ada.client, conversationId);
    expect(good(await phone.client.importMessages(file))).toEqual({ added: 0, known: 0, strangers: 1 });
    good(await phone.client.importContacts(good(await ada.client.exportContacts())));
    expect(good(await phone.client.importMessages(file))).toEqual({ added: 1, known: 0, strangers: 0 });
    await stopAll(ada, phone, ben);
  });
});
