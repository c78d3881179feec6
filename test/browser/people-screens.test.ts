/** One person and what one can say of them: notes, verification by eye and taken back, block and unblock. */
import { readFile } from "node:fs/promises";
import type { Page } from "playwright";
import { expect, test } from "vitest";
import { CONTACTS_FILE_BYTES_MAX } from "../../core/base/limits.ts";
import { present } from "../../core/base/assert.ts";
import { good, newAccount } from "../support/client-world.ts";
import { ask, bubble, createAccount, openSection, useScreenWorld, write } from "../support/screen-world.ts";
import { type Device, requestAt } from "../support/story.ts";

const screens = useScreenWorld();
const PATIENCE = { timeout: 30_000, interval: 100 };

/** Nora in a browser and Ben elsewhere, contacts of each other; Nora looks at Ben. */
async function noraAtBen(name: string): Promise<{ readonly nora: Page; readonly ben: Device }> {
  const ben = await newAccount(screens.origin, name);
  good(await ben.client.sync());
  const nora = await createAccount(await screens.browserOf(), "Nora");
  await ask(nora, good(await ben.client.contactLink()), "Hello Ben.");
  const { conversationId } = good(await ben.client.acceptContact(await requestAt(ben.client)));
  good(await ben.client.send(conversationId, "Hello Nora."));
  good(await ben.client.sync());
  await bubble(nora, "Hello Nora.").waitFor();
  await openSection(nora, "People");
  await nora.locator("dt-people a.row").first().click();
  await nora.locator("dt-person h2").waitFor();
  return { nora, ben };
}

test("notes of a person are kept, and what is typed for one never stands under another", async () => {
  const { nora, ben } = await noraAtBen("ben.notes");
  const other = await newAccount(screens.origin, "carla.notes");
  good(await other.client.sync());
  await nora.getByText("Heard of within the last day. 1 device.").waitFor();
  await nora.getByLabel("Notes").fill("Borrowed the long clamps.");
  await nora.locator("dt-person form", { hasText: "Notes" }).getByRole("button", { name: "Save" }).click();
  await nora.getByText("Saved.").waitFor();
  await openSection(nora, "Inbox");
  await ask(nora, good(await other.client.contactLink()), "Hello Carla.");
  await openSection(nora, "People");
  const rows = nora.locator("dt-people a.row");
  await rows.filter({ hasText: "ben.notes" }).click();
  await nora.locator("dt-person h2", { hasText: "ben.notes" }).waitFor();
  await nora.getByLabel("Your name for them").fill("typed for Ben");
  await rows.filter({ hasText: "Asked, no answer yet" }).click();
  await nora.locator("dt-person h2").filter({ hasNotText: "ben.notes" }).waitFor();
  await nora.getByText("Nothing has come from them yet.").waitFor();
  expect(await nora.getByLabel("Your name for them").inputValue()).toBe("");
  expect(await nora.getByLabel("Notes").inputValue()).toBe("");
  await rows.filter({ hasText: "ben.notes" }).click();
  await nora.locator("dt-person h2", { hasText: "ben.notes" }).waitFor();
  expect(await nora.getByLabel("Notes").inputValue()).toBe("Borrowed the long clamps.");
  good(await ben.client.stop());
  good(await other.client.stop());
});

test("[RM70] a person is written to over MLS too; what only a room of more has is not offered", async () => {
  const { nora, ben } = await noraAtBen("ben.mls");
  await nora.getByRole("button", { name: "Write over MLS" }).click();
  await nora.getByRole("heading", { name: "ben.mls (MLS)" }).waitFor();
  await write(nora, "Over MLS.");
  const asked = async () => {
    good(await ben.client.sync());
    return good(await ben.client.rooms());
  };
  await expect.poll(async () => (await asked())[0]?.state, PATIENCE).toBe("invited");
  const { id } = present((await asked())[0], "what Nora began");
  good(await ben.client.acceptRoom(id));
  good(await ben.client.send(id, "Over MLS too."));
  good(await ben.client.sync());
  await bubble(nora, "Over MLS too.").waitFor();
  await nora.getByRole("button", { name: "Details" }).click();
  const sheet = nora.locator("dt-room-info");
  await sheet.getByText("A second conversation with ben.mls").waitFor();
  await sheet.getByLabel("How long messages stay").waitFor();
  for (const words of ["Let people in", "Links into this room", "You are owner"])
    expect(await sheet.getByText(words).count(), words).toBe(0);
  expect(await sheet.locator("#name, #history, #as").count()).toBe(0);
  good(await ben.client.stop());
});

test("[RM70] who is offered one is told so in the inbox, joins and reads", async () => {
  const { nora, ben } = await noraAtBen("ben.offers");
  const contact = present(good(await ben.client.contacts())[0], "Nora");
  const { id } = good(await ben.client.createConversationOfTwo(contact.accountId));
  good(await ben.client.send(id, "Over MLS."));
  good(await ben.client.sync());
  await openSection(nora, "Inbox");
  await nora.getByText("One room waits for your answer").click();
  const row = nora.locator("a.row", { hasText: "ben.offers (MLS)" });
  await row.getByText("Wants to write to you over MLS too").waitFor();
  await row.click();
  await nora.getByText("ben.offers wants to write to you over MLS too.").waitFor();
  await nora.getByRole("button", { name: "Join" }).click();
  await bubble(nora, "Over MLS.").waitFor();
  good(await ben.client.stop());
});

test("a safety number compared by eye is noted, shown in the conversation, and taken back", async () => {
  const { nora, ben } = await noraAtBen("ben.verified");
  const [contact] = good(await ben.client.contacts());
  const theirs = good(await ben.client.safetyNumber(present(contact, "Nora").accountId));
  const shown = await nora.locator("dt-safety-number ol li").allTextContents();
  expect(shown.join(" ")).toBe(theirs);
  await nora.getByRole("button", { name: "They are the same" }).click();
  await nora.getByText("It is the same number.").waitFor();
  await nora.getByText("Compared with").waitFor();
  await nora.getByRole("button", { name: "Write", exact: true }).click();
  await nora.locator("dt-verified b", { hasText: "Verified" }).waitFor();
  await openSection(nora, "People");
  await nora.locator("dt-people a.row").first().click();
  await nora.getByRole("button", { name: "Not verified after all" }).click();
  await nora.getByRole("button", { name: "They are the same" }).waitFor();
  await nora.getByRole("button", { name: "Undo" }).click();
  await nora.getByText("Compared with").waitFor();
  good(await ben.client.stop());
});

test("somebody is blocked and let in again, and a request is blocked where it is read", async () => {
  const { nora, ben } = await noraAtBen("ben.blocked");
  await nora.getByRole("button", { name: "Block", exact: true }).click();
  await nora.getByText("Nothing from them is let in or shown.").first().waitFor();
  await nora.locator("dt-person").getByRole("button", { name: "Unblock" }).click();
  await nora.getByRole("button", { name: "Block", exact: true }).waitFor();

  await nora.getByRole("button", { name: "Add a person" }).click();
  const link = ((await nora.locator("dt-add-person .link").textContent()) ?? "").trim();
  await nora.keyboard.press("Escape");
  const lea = await newAccount(screens.origin, "lea.asks");
  good(await lea.client.addContact(link, { greeting: "Buy this." }));
  good(await lea.client.sync());
  await openSection(nora, "Inbox");
  await nora.getByText("One person wants to write to you").click();
  await nora.locator("dt-inbox a.row").click();
  await bubble(nora, "Buy this.").waitFor();
  await nora.locator("dt-request-bar").getByRole("button", { name: "Block" }).click();
  await nora.getByText("Nobody waits for an answer.").waitFor();
  await nora.getByText("is blocked. They are not told.").waitFor();
  good(await lea.client.stop());
  good(await ben.client.stop());
});

test("[CO7] somebody who deleted their account: what waits for them says why, the conversation and the person too", async () => {
  const { nora, ben } = await noraAtBen("ben.leaves");
  await nora.getByRole("button", { name: "Write", exact: true }).click();
  await bubble(nora, "Hello Nora.").waitFor();
  good(await ben.client.deleteAccount());
  await write(nora, "Are you there?");
  const words = "ben.leaves’s server says that their account was deleted.";
  await nora.locator("dt-conversation .waits", { hasText: words }).waitFor();
  await nora
    .locator("dt-conversation .st", {
      hasText: "Kept here: their server says that their account was deleted",
    })
    .waitFor();
  await bubble(nora, "Hello Nora.").waitFor();
  await openSection(nora, "People");
  await nora.locator("dt-people a.row").first().click();
  await nora.locator("dt-person", { hasText: words }).waitFor();
  await nora.reload();
  await nora.locator("dt-person", { hasText: words }).waitFor();
  good(await ben.client.stop());
});

/** Made in the page: a file of this size takes long to hand over. */
async function chooseOfSize(page: Page, sizeBytes: number): Promise<void> {
  await page.getByLabel("File of contacts").evaluate((field: HTMLInputElement, size) => {
    const chosen = new DataTransfer();
    chosen.items.add(new File([new Uint8Array(size)], "contacts.ndjson"));
    field.files = chosen.files;
    field.dispatchEvent(new Event("change"));
  }, sizeBytes);
}

test("contacts go out to a file and come in from one: it is shown what it would do, nobody is asked, and then one is", async () => {
  const { nora, ben } = await noraAtBen("ben.files");
  await nora.getByLabel("Your name for them").fill("Ben of the workshop");
  await nora.locator("dt-person form").first().getByRole("button", { name: "Save" }).click();
  await nora.getByText("Saved.").waitFor();
  await openSection(nora, "Settings");
  await nora.getByRole("button", { name: "Save contacts as file" }).click();
  const saving = nora.waitForEvent("download");
  await nora
    .locator("dt-contact-files dt-prove")
    .getByRole("button", { name: "Save contacts as file" })
    .click();
  const download = await saving;
  expect(download.suggestedFilename()).toBe("dovetail-contacts.ndjson");
  const content = await readFile(await download.path(), "utf8");
  await nora.getByText("1 contact saved.").waitFor();

  // What the page writes the engine of another face takes, and the other way round.
  const lea = await createAccount(await screens.browserOf(), "Lea");
  await openSection(lea, "Settings");
  const choose = (text: string) =>
    lea
      .getByLabel("File of contacts")
      .setInputFiles({ name: "contacts.ndjson", mimeType: "text/plain", buffer: Buffer.from(text) });
  await choose("no file of contacts");
  await lea.getByText("That is not a file Dovetail exported.").waitFor();
  for (const [sizeBytes, words] of [
    [CONTACTS_FILE_BYTES_MAX + 1, /at most .16 MiB.\. Nothing was read\./],
    [CONTACTS_FILE_BYTES_MAX, "That is not a file Dovetail exported."],
  ] as const) {
    await chooseOfSize(lea, sizeBytes);
    await lea.getByText(words).waitFor();
  }
  await choose(content);
  const sheet = lea.locator("dt-contact-files dt-sheet");
  await sheet.getByText("1 new, 0 completed, 0 as before.").waitFor();
  await sheet.locator("li", { hasText: "Ben of the workshop" }).getByText("New, not asked yet").waitFor();
  await sheet.getByRole("button", { name: "Take them over" }).click();
  await lea.getByText("1 contact taken over.").waitFor();
  await choose(content);
  await sheet.getByText("There is nothing in it that is not here.").waitFor();
  await sheet.getByRole("button", { name: "Close" }).last().click();
  await openSection(lea, "People");
  await lea.locator("dt-people a.row", { hasText: "Not asked yet" }).click();
  await lea.getByLabel("First message").fill("Nora gave me your name.");
  await lea.getByRole("button", { name: "Ask", exact: true }).click();
  await bubble(lea, "Nora gave me your name.").waitFor();
  await expect
    .poll(async () => {
      good(await ben.client.sync());
      return good(await ben.client.contacts()).filter(({ state }) => state === "incoming").length;
    })
    .toBe(1);
  good(await ben.client.stop());
});
