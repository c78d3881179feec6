/**
 * A walk through every screen and layer of the app, as one person sees them who has friends, requests and devices.
 *
 * What is looked at on the way (by axe, for width, for a picture) is the caller's: `look` is called at each station.
 */
import type { Page } from "playwright";
import { joinAccount, type RoomView } from "@dovetail/core";
import { present } from "../../core/base/assert.ts";
import { bad, good, memoryPlatform, newAccount } from "./client-world.ts";
import type { Device } from "./story.ts";

export type Look = (station: string) => Promise<void>;

const RIGHT_TO_LEFT_NAME = "إيناس بن علي";
const PASSPHRASE = "the wide plane";

/** Walks. `page` shows an empty browser of the app at `origin`. */
export async function tourApp(page: Page, origin: string, look: Look): Promise<void> {
  const people = await firstRun(page, origin, look);
  await inbox(page, people, look);
  await conversations(page, people, look);
  await rooms(page, people, look);
  await sections(page, people, look);
  await devices(page, people, look);
  await settings(page, look);
  for (const { client } of [people.ines, people.lea, people.omar]) good(await client.stop());
}

interface People {
  readonly ines: Device;
  readonly lea: Device;
  readonly omar: Device;
}

const heading = (page: Page, name: string) => page.getByRole("heading", { name, exact: true }).waitFor();
const click = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).first().click();
const leaveLayer = async (page: Page): Promise<void> => {
  await page.keyboard.press("Escape");
  await page.locator("dialog[open]").waitFor({ state: "detached" });
};
/** To the section alone, also from what is open in it: an address that stays as it is goes nowhere. */
const section = async (page: Page, name: string): Promise<void> => {
  await page.evaluate((one) => {
    history.pushState(null, "", `#/${one}`);
    dispatchEvent(new PopStateEvent("popstate"));
  }, name);
  await page.locator("h1:visible").first().waitFor();
};

async function firstRun(page: Page, origin: string, look: Look): Promise<People> {
  await heading(page, "Is this your first device?");
  await look("first run");
  await click(page, "Use another");
  await look("first run, another server");
  await leaveLayer(page);
  await click(page, "What this protects, and what not");
  await look("first run, what this protects");
  await leaveLayer(page);
  await page.getByRole("button", { name: "I have no device left" }).click();
  await look("recover");
  await click(page, "Back");
  await page.getByRole("button", { name: "I have a backup" }).click();
  await page.getByLabel("File of the backup").waitFor();
  await look("restore");
  await click(page, "Back");
  const ines = await newAccount(origin, "ines.tour");
  const lea = await newAccount(origin, "lea.tour");
  const omar = await newAccount(origin, "omar.tour");
  for (const [{ client }, name] of [
    [ines, RIGHT_TO_LEFT_NAME],
    [lea, "Lea"],
    [omar, "Omar with a name that is longer than any line of a list has room for"],
  ] as const) {
    good(await client.setDisplayName(name));
    good(await client.sync());
  }
  await linkSteps(page, ines, look);
  await page.getByRole("button", { name: "Yes, create an account" }).click();
  await page.getByLabel("No passphrase").check();
  await look("create, without a passphrase");
  await page.getByLabel("Your name").fill("Nora");
  await page.getByLabel("Set a passphrase").check();
  await page.getByLabel("Passphrase", { exact: true }).fill(PASSPHRASE);
  await page.getByLabel("The same again").fill("another");
  await click(page, "Create an account");
  await page.getByRole("alert").waitFor();
  await look("create, two passphrases that differ");
  await page.getByLabel("The same again").fill(PASSPHRASE);
  await click(page, "Create an account");
  await heading(page, "Your recovery key");
  await look("recovery words");
  await click(page, "I wrote them down");
  for (const field of await page.locator("dt-words input").all()) await field.fill("wrong");
  await click(page, "Done");
  await page.getByRole("alert").waitFor();
  await look("recovery words, asked back, a wrong one");
  await click(page, "Show the words again");
  await click(page, "Later, in Settings");
  await heading(page, "Inbox");
  return { ines, lea, omar };
}

async function linkSteps(page: Page, existing: Device, look: Look): Promise<void> {
  await page.getByRole("button", { name: "No, link this browser" }).click();
  await look("link this browser");
  const host = good(await existing.client.linkDevice());
  await page.getByLabel("Linking code").fill(host.code);
  await page.getByLabel("No passphrase").check();
  await click(page, "Continue");
  await heading(page, "Is this your account?");
  await look("link this browser, whose account");
  await click(page, "Yes, it is mine");
  await heading(page, "Type this on your other device");
  await look("link this browser, six digits");
  await host.cancel();
  await page.getByText("Linking was stopped. Nothing was linked.").waitFor();
  await look("link this browser, ended");
  await click(page, "Use a new code");
  await click(page, "Back");
}

async function inbox(page: Page, { ines, lea, omar }: People, look: Look): Promise<void> {
  await look("inbox, empty");
  await click(page, "Show my link");
  await page.locator("dt-add-person .link").waitFor();
  await look("the own link");
  await leaveLayer(page);
  await page.getByRole("button", { name: "New message" }).first().click();
  await page.locator("dt-add-person .link").waitFor();
  await look("add a person");
  await page.getByLabel("Contact link or handle").fill("dovetail-link:AAAA");
  await click(page, "Ask");
  await page.getByRole("alert").waitFor();
  await look("add a person, a linking code");
  const link = ((await page.locator("dt-add-person .link").textContent()) ?? "").trim();
  await leaveLayer(page);
  for (const [{ client }, greeting] of [
    [ines, "The boards are in. Two of them cup a little, nothing that won’t plane out."],
    [lea, "Look at https://example.org/a"],
    [omar, "السلام عليكم"],
  ] as const) {
    good(await client.addContact(link, { greeting }));
    good(await client.sync());
  }
  await page.getByText("3 people want to write to you").waitFor();
  await look("inbox, requests wait");
}

async function conversations(page: Page, { ines, omar }: People, look: Look): Promise<void> {
  await section(page, "requests");
  await page.locator("dt-inbox a.row").nth(2).waitFor();
  await look("requests");
  await page.locator("dt-inbox a.row", { hasText: "Lea" }).click();
  await page.getByRole("button", { name: "Accept" }).waitFor();
  await look("a request");
  for (const name of [RIGHT_TO_LEFT_NAME, "Omar"]) {
    await section(page, "requests");
    await page.locator("dt-inbox a.row", { hasText: name }).click();
    await click(page, "Accept");
    await page.locator("dt-composer").waitFor();
  }
  const field = page.getByRole("textbox", { name: /^Message to/ });
  await field.fill("Good. Saturday at ten?");
  await page.keyboard.press("Enter");
  await page.locator("dt-conversation .st").waitFor();
  await look("conversation, right to left, a first answer");
  await section(page, "inbox");
  await page.locator("dt-inbox a.row", { hasText: RIGHT_TO_LEFT_NAME }).click();
  await field.fill("Yes. And the marking knife, yours wanders. https://example.org/knives");
  await page.keyboard.press("Enter");
  await field.fill("Does the van fit through the yard gate? It is 2.1 m high.");
  await page.keyboard.press("Enter");
  good(await ines.client.sync());
  const conversation = present(good(await ines.client.conversations())[0], "Nora");
  for (const text of ["It wanders because you push it.", "I’ll bring the long clamps.", "و١٢٣ abc ودائما"])
    good(await ines.client.send(conversation.id, text));
  good(await ines.client.sync());
  await page.locator("dt-conversation .m .t", { hasText: "abc" }).waitFor();
  await field.fill("I can measure it on the w");
  await look("conversation, with a draft");
  await field.fill("x".repeat(70_000));
  await page.getByText(/bytes too long/).waitFor();
  await look("conversation, over the limit");
  await field.fill("");
  await click(page, "Details");
  await page.locator("dialog[open]").waitFor();
  await click(page, "Delete the conversation");
  await look("details of a conversation, deleting it");
  await leaveLayer(page);
  good(await omar.client.sync());
  const nora = present(good(await omar.client.contacts())[0], "Nora");
  good(await omar.client.blockContact(nora.accountId));
  good(await omar.client.sync());
  await section(page, "inbox");
  await page.locator("dt-inbox a.row", { hasText: "Omar" }).click();
  await field.fill("Are you there?");
  await page.keyboard.press("Enter");
  await page.locator("dt-conversation .st.bad").waitFor();
  await look("conversation, not sent");
  await section(page, "inbox");
  await page.locator("dt-inbox a.row").first().waitFor();
  await look("inbox, with rows");
}

/** One room made here, with Ines in it; one Ines made, joined and left. */
async function rooms(page: Page, { ines }: People, look: Look): Promise<void> {
  await page.getByRole("button", { name: "New message" }).first().click();
  await click(page, "Make a room");
  await page.getByLabel("Name of the room").fill("Saturday kitchen, for all who cook and all who only eat");
  await page.getByRole("checkbox", { name: RIGHT_TO_LEFT_NAME }).check();
  await look("make a room");
  await click(page, "Make the room");
  await page.locator("dt-conversation .ev").nth(1).waitFor();
  await look("a room, nothing written yet");
  const { conversationId: roomId } = await page.evaluate(() => history.state);
  const asked = await roomWhere(ines, ({ id }) => id === roomId);
  good(await ines.client.acceptRoom(asked.id));
  good(await ines.client.sync());
  for (const text of ["14 plates, and we are 16", "سآتي متأخرة"])
    good(await ines.client.send(asked.id, text));
  good(await ines.client.sync());
  await page.locator("dt-conversation .by").waitFor();
  await page.getByRole("textbox", { name: /^Message to/ }).fill("Two of you bring their own.");
  await page.keyboard.press("Enter");
  await page.locator("dt-conversation .st", { hasText: "Sent" }).waitFor();
  await look("a room");
  await notes(page, ines, asked, look);
  await click(page, "Details");
  await page.locator("dt-room-member").nth(1).waitFor();
  await page.getByRole("button", { name: /^Change what .*إيناس/ }).click();
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await look("room information, removing somebody");
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await click(page, "Leave the room");
  await look("room information, leaving");
  await leaveLayer(page);
  await page.locator("dt-conversation .m.me .t").last().click();
  await look("a message and what can be done with it");
  await click(page, "Delete");
  await page.locator("dialog[open]").waitFor();
  await look("delete a message");
  await leaveLayer(page);
  const { accountId } = present(good(await ines.client.contacts())[0], "Nora");
  const choir = good(await ines.client.createRoom("Choir"));
  good(await ines.client.inviteToRoom(choir.id, accountId));
  good(await ines.client.sync());
  await section(page, "inbox");
  await page.getByText("One room waits for your answer").waitFor();
  await look("inbox, a room waits");
  await page.getByText("One room waits for your answer").click();
  await page.locator("dt-inbox a.row", { hasText: "Choir" }).click();
  await page.getByRole("button", { name: "Join" }).waitFor();
  await look("an invitation to a room");
  await click(page, "Join");
  await page.getByRole("textbox", { name: /^Message to/ }).fill("La.");
  await page.keyboard.press("Enter");
  await page.locator("dt-conversation .st", { hasText: "Sent" }).waitFor();
  good(await ines.client.removeFromRoom(choir.id, accountId));
  good(await ines.client.sync());
  await page.getByText("You were removed from this room.").waitFor();
  await look("a room one was removed from");
}

/** What a room writes together: a note made here, a list Ines made, in which an item is being reworded. */
async function notes(page: Page, { client }: Device, room: RoomView, look: Look): Promise<void> {
  await click(page, "Notes");
  await page.getByText("Nothing is written together here yet.").waitFor();
  await click(page, "Make a note or list");
  await page.getByLabel("Title").fill("Who brings what, and who has the key to the large kitchen");
  await look("notes, none, and making a note or list");
  await click(page, "Make it");
  await page
    .getByRole("textbox", { name: /^Text of/ })
    .fill("The key is at mine.\n\nسآتي متأخرة\n<b>not bold</b>");
  await look("a note");
  const list = good(await client.createRoomDocument(room.id, "list", RIGHT_TO_LEFT_NAME));
  for (const text of ["Bread", "خبز ومربى", "x".repeat(200)])
    good(await client.editRoomDocument(room.id, list.id, { type: "add", text }));
  good(await client.sync());
  await click(page, "Back");
  await page.locator("dt-room-notes a.row", { hasText: "0 of 3" }).waitFor();
  await look("notes");
  await page.locator("dt-room-notes a.row", { hasText: "0 of 3" }).click();
  await page.getByRole("checkbox", { name: "Bread" }).check();
  await page.getByRole("button", { name: /^Change .*xxx/ }).click();
  await look("a list, rewording an item");
  await click(page, "Cancel");
  await click(page, "Back");
  await click(page, "Back");
}

/** The room of `device` that `isIt` says, once it is there. */
async function roomWhere({ client }: Device, isIt: (room: RoomView) => boolean): Promise<RoomView> {
  for (;;) {
    good(await client.sync());
    const room = good(await client.rooms()).find(isIt);
    if (room !== undefined) return room;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function sections(page: Page, people: People, look: Look): Promise<void> {
  void people;
  await section(page, "inbox");
  await page.getByRole("searchbox").first().fill("nobody has this");
  await page.getByText(/Nothing says .* messages searched\./).waitFor();
  await look("search, nothing found");
  await page.getByRole("searchbox").first().fill("");
  for (const name of ["archive", "starred", "drafts", "tags"]) {
    await section(page, name);
    await look(name);
  }
  await section(page, "people");
  await page.locator("dt-people a.row").first().waitFor();
  await look("people");
  await page.locator("dt-people a.row", { hasText: RIGHT_TO_LEFT_NAME }).click();
  await page.locator("dt-person h2").first().waitFor();
  await look("a person");
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await page.locator("dialog[open]").waitFor();
  await look("keys");
  await leaveLayer(page);
  await page.keyboard.press("Control+k");
  await page.locator("dialog[open]").waitFor();
  await look("go to");
  await leaveLayer(page);
}

async function devices(page: Page, _people: People, look: Look): Promise<void> {
  await section(page, "devices");
  await heading(page, "1 device on this account");
  await look("devices");
  await click(page, "Link a device");
  const qr = page.locator("dt-host-linking dt-qr");
  await qr.waitFor();
  await look("link a device, the code");
  const code = await qr.evaluate((element) => String(Reflect.get(element, "text")));
  const guest = good(await joinAccount(memoryPlatform(), { code, deviceName: "tablet" }));
  good(await guest.accept());
  await prove(page, look);
  await page.getByLabel("Code, six digits").waitFor();
  await look("link a device, six digits");
  await page.getByLabel("Code, six digits").fill("000000");
  await click(page, "Link this device");
  await page.getByRole("alert").waitFor();
  bad(await guest.whenLinked());
  await look("link a device, wrong code");
  await leaveLayer(page);
  await page.locator("dt-devices .row").first().click();
  await look("devices, one opened");
}

/** Answers the question who acts, where it is asked. */
async function prove(page: Page, look: Look | null): Promise<void> {
  const field = page.locator("dt-prove input[type=password]");
  const asked = await field
    .waitFor({ timeout: 3_000 })
    .then(() => true)
    .catch(() => false);
  if (!asked) return;
  await look?.("who acts");
  await field.fill(PASSPHRASE);
  await page.keyboard.press("Enter");
}

async function settings(page: Page, look: Look): Promise<void> {
  await section(page, "settings");
  await look("settings");
  await click(page, "Make a backup");
  await page.getByLabel("My recovery words").check();
  await look("make a backup, under the words");
  await page.getByLabel("A passphrase of its own").check();
  await look("make a backup");
  await leaveLayer(page);
  await click(page, "Lock now");
  await heading(page, "Locked");
  await page.getByLabel("Passphrase").fill("wrong");
  await click(page, "Unlock");
  await page.getByRole("alert").waitFor({ timeout: 60_000 });
  await look("locked, a wrong passphrase");
}
