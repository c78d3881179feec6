/** What a person does with the account itself: proof before acts that count, the passkey, export, leaving. */
import { readFileSync } from "node:fs";
import type { Download, Page } from "playwright";
import { expect, test } from "vitest";
import {
  type BackupReport,
  createMessagesReader,
  joinAccount,
  parsePassphrase,
  verifyBackup,
} from "@dovetail/core";
import { fromHex, toHex } from "../../core/base/bytes.ts";
import { parseStoreKey } from "../../core/store/store-key.ts";
import { addAuthenticator } from "../support/browser-world.ts";
import { good, memoryPlatform, newAccount } from "../support/client-world.ts";
import { ask, bubble, createAccount, openSection, useScreenWorld } from "../support/screen-world.ts";
import { requestAt } from "../support/story.ts";

const screens = useScreenWorld();
const SECRET = "plane with the wide mouth";

/** Fills the proof that is open; a wrong passphrase first, which does nothing. */
async function prove(page: Page, button: string): Promise<void> {
  const field = page.getByLabel("Your passphrase");
  const go = page.locator("dt-prove").getByRole("button", { name: button, exact: true });
  await field.fill("another");
  await go.click();
  await page.getByText("That is not the passphrase.").waitFor();
  await field.fill(SECRET);
  await go.click();
}

/** What the command line reads in a backup. */
async function readBackup(download: Download, typed: string): Promise<BackupReport> {
  const passphrase = good(parsePassphrase(typed));
  const intake = good(verifyBackup({ type: "passphrase", passphrase }));
  good(await intake.push(readFileSync(await download.path())));
  return good(await intake.finish());
}

test("[BK9] [WB30] linking, revoking, exporting, a backup and the recovery words ask for the passphrase; a wrong one does nothing", async () => {
  const nora = await createAccount(await screens.browserOf(), "Nora", { passphrase: SECRET });
  await openSection(nora, "Devices");
  await nora.getByRole("button", { name: "Link a device" }).click();
  const code = await nora.locator("dt-host-linking dt-qr").evaluate((qr) => String(Reflect.get(qr, "text")));
  const platform = memoryPlatform();
  const guest = good(await joinAccount(platform, { code, deviceName: "tablet" }));
  const { digits } = good(await guest.accept());
  await nora.getByRole("heading", { name: "A device has answered" }).waitFor();
  expect(await nora.getByLabel("Code, six digits").count()).toBe(0);
  await prove(nora, "Continue");
  await nora.getByText("Passphrase confirmed").waitFor();
  await nora.getByLabel("Code, six digits").fill(digits);
  await nora.getByRole("button", { name: "Link this device" }).click();
  good(await guest.whenLinked());
  await nora.getByRole("button", { name: "Done" }).click();

  await nora.locator("dt-devices .row", { hasText: "tablet" }).click();
  await nora.getByRole("button", { name: "Revoke tablet" }).click();
  await prove(nora, "Revoke \u2068tablet\u2069");
  await nora.getByText("tablet\u2069 is revoked.").waitFor();

  await openSection(nora, "Settings");
  await nora.getByRole("button", { name: "Save as file" }).click();
  const download = nora.waitForEvent("download");
  await prove(nora, "Save as file");
  expect((await download).suggestedFilename()).toBe("dovetail-messages.ndjson");

  await nora.getByRole("button", { name: "Make a backup" }).click();
  await nora.getByLabel("Passphrase of the backup").fill("hung with care");
  await nora.getByLabel("The same again").fill("hung with cart");
  await prove(nora, "Make a backup");
  await nora.getByText("The two passphrases differ.").waitFor();
  await nora.getByLabel("The same again").fill("hung with care");
  const backup = nora.waitForEvent("download");
  await nora.getByLabel("Your passphrase").fill(SECRET);
  await nora.locator("dt-prove").getByRole("button", { name: "Make a backup" }).click();
  await nora.getByText("It is brought back here").waitFor();
  expect(await readBackup(await backup, "hung with care")).toMatchObject({ displayName: "Nora" });
  await nora.getByRole("button", { name: "Done" }).click();
  await nora.getByRole("button", { name: "Show the words" }).click();
  expect(await nora.locator("dt-words").count()).toBe(0);
  await prove(nora, "Show the words");
  await nora.locator("dt-words li").nth(23).waitFor();
  const words = await nora.locator("dt-words li").allTextContents();
  const path = await (await backup).path();

  // Into the account it is of.
  await nora.getByRole("button", { name: "Bring a backup back" }).click();
  await nora.getByLabel("File of the backup").setInputFiles(path);
  await nora.getByLabel("Passphrase of the backup").fill("hung with cart");
  await nora.getByRole("button", { name: "Read it through" }).click();
  await nora.getByText("That does not open this backup.").waitFor();
  await openBackup(nora, path);
  await nora.getByText("Nothing that is here is undone").waitFor();
  await nora.getByRole("button", { name: "Bring it back" }).click();
  await nora.getByText("The backup is in the account").waitFor();
  await nora.getByRole("button", { name: "Done" }).click();
  await restoreInEmptyBrowser(await screens.browserOf(), { path, words });
  await refuseForeignBackup(await screens.browserOf(), path);
});

/** Chooses a backup and opens it. */
async function openBackup(page: Page, path: string): Promise<void> {
  await page.getByLabel("File of the backup").setInputFiles(path);
  await page.getByLabel("Passphrase of the backup").fill("hung with care");
  await page.getByRole("button", { name: "Read it through" }).click();
  await page.getByText("all of them whole").waitFor();
}

/** [BK10] [BK12] The file first, then the recovery words, and nothing before both have opened what they are for. */
async function restoreInEmptyBrowser(
  page: Page,
  { path, words }: { readonly path: string; readonly words: readonly string[] },
): Promise<void> {
  await page.getByRole("button", { name: "I have a backup" }).click();
  const file = page.getByLabel("File of the backup");
  await file.setInputFiles({
    name: "list.txt",
    mimeType: "text/plain",
    buffer: Buffer.from("a shopping list"),
  });
  await page.getByText("That file is no backup.").waitFor();
  await openBackup(page, path);
  const field = page.getByLabel("Recovery key");
  await field.fill(words.with(6, "dovetail").join(" "));
  await page.getByLabel("No passphrase").check();
  await page.getByRole("button", { name: "Bring it back" }).click();
  await page.getByText("is none of a recovery key").waitFor();
  await field.fill(words.join("\n").toUpperCase());
  await page.getByRole("button", { name: "Bring it back" }).click();
  await page.getByText("The backup is in the account").waitFor();
  await page.getByRole("heading", { name: "Inbox" }).waitFor();
}

/** [BK12] What is whole and of another account changes nothing. */
async function refuseForeignBackup(page: Page, path: string): Promise<void> {
  await createAccount(page, "Omar");
  await openSection(page, "Settings");
  await page.getByRole("button", { name: "Bring a backup back" }).click();
  await page.getByLabel("File of the backup").setInputFiles(path);
  await page.getByLabel("Passphrase of the backup").fill("hung with care");
  await page.getByRole("button", { name: "Read it through" }).click();
  await page.getByText("That backup is of another account. Nothing was changed.").waitFor();
}

/** What stands beside the rows: the key in clear would be `store-key`. */
function storedKeys(page: Page): Promise<readonly string[]> {
  return page.evaluate(async () => {
    const keys: string[] = [];
    for (const { name } of await indexedDB.databases()) {
      const opening = indexedDB.open(name ?? "");
      await new Promise((resolve) => {
        opening.onsuccess = resolve;
      });
      if (opening.result.objectStoreNames.contains("meta")) {
        const request = opening.result.transaction("meta").objectStore("meta").getAllKeys();
        await new Promise((resolve) => {
          request.onsuccess = resolve;
        });
        keys.push(...request.result.map(String));
      }
      opening.result.close();
    }
    return keys.sort();
  });
}

test("[WB8] [WB9] [EP24] an evicted browser comes back by its passkey alone, under the lock of another, and what it was has gone in the same link", async () => {
  const nora = await createAccount(await screens.browserOf(), "Nora");
  const { cdp } = await addAuthenticator(nora);
  await openSection(nora, "Settings");
  const section = nora.locator("dt-passkey-settings");
  const label = "Let a passkey bring the account back";
  await section.getByRole("button", { name: label }).click();
  await nora.getByText("Whoever can use this passkey has your account").waitFor();
  expect(await section.locator("textarea").count()).toBe(0);
  await section.locator("dt-prove").getByRole("button", { name: label }).click();
  await nora.getByText("This passkey brings the account back").waitFor();
  const { origin } = screens;
  await cdp.send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb" });
  await nora.getByText("This browser erased what Dovetail kept here.").waitFor();
  await nora.getByRole("button", { name: /^I have no device left/ }).click();
  await nora.getByLabel("Use a passkey").check();
  await nora.getByRole("button", { name: "Use passkey" }).click();
  await nora.getByRole("link", { name: "Devices", exact: true }).waitFor();
  expect(await storedKeys(nora)).toEqual(["generation", "passkey"]);
  await nora.reload();
  await nora.getByRole("heading", { name: "Locked" }).waitFor();
  await nora.getByRole("button", { name: "Use passkey" }).click();
  await openSection(nora, "Devices");
  const rows = nora.locator("dt-devices .row");
  await rows.nth(1).waitFor();
  expect(await rows.count()).toBe(2);
  expect(await nora.locator("dt-devices .row.off").count()).toBe(1);
});

test("[WB9] an evicted browser comes back by its words, typed by hand, and what it was has gone in the same link", async () => {
  const nora = await createAccount(await screens.browserOf(), "Nora", { handle: "nora.words" });
  await openSection(nora, "Settings");
  await nora.getByRole("button", { name: "Show the words" }).click();
  await nora.locator("dt-recovery-settings dt-prove").getByRole("button", { name: "Show the words" }).click();
  await nora.locator("dt-words li").nth(23).waitFor();
  const words = await nora.locator("dt-words li").allTextContents();
  const cdp = await nora.context().newCDPSession(nora);
  await cdp.send("Storage.clearDataForOrigin", { origin: screens.origin, storageTypes: "indexeddb" });
  await nora.getByText("This browser erased what Dovetail kept here.").waitFor();
  await nora.getByRole("button", { name: /^I have no device left/ }).click();
  const account = nora.getByLabel("Handle of the account");
  expect(await account.inputValue()).toMatch(/^[0-9a-f]{64}$/);
  await account.fill("nora.words");
  const field = nora.getByLabel("Recovery key");
  const typed = words.map((word) => word.trim());
  await field.pressSequentially(typed.slice(0, 23).join(" "));
  await nora.getByText("23 words").waitFor();
  await field.pressSequentially(` ${typed[23]?.toUpperCase()}`);
  await nora.getByText(/24 words$/).waitFor();
  expect(await nora.getByLabel("They stay").isChecked()).toBe(true);
  await nora.getByLabel("No passphrase").check();
  await nora.getByRole("button", { name: "Come back" }).click();
  await openSection(nora, "Devices");
  const rows = nora.locator("dt-devices .row");
  await rows.nth(1).waitFor();
  expect(await rows.count()).toBe(2);
  expect(await nora.locator("dt-devices .row.off").count()).toBe(1);
  await nora.locator("dt-devices .row:not(.off)").click();
  await nora.getByText(/Came by the recovery key/).waitFor();
  await openSection(nora, "Settings");
  await nora.getByText(/chain link \d+/).waitFor();
  // The first link made the account, the second is the one that brought it back and took the old entry out.
  expect(await nora.locator("dt-settings").getByText("chain link 2").count()).toBe(1);
});

/** Notes in the page all that comes to it by messages, as hexadecimal digits and texts. Runs before anything else there. */
function noteMessages(): void {
  const heard: string[] = [];
  Reflect.set(window, "heard", heard);
  const note = (value: unknown): void => {
    if (typeof value === "string") heard.push(value);
    else if (value instanceof ArrayBuffer) note(new Uint8Array(value));
    else if (ArrayBuffer.isView(value))
      heard.push(
        Array.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength), (one) =>
          one.toString(16).padStart(2, "0"),
        ).join(""),
      );
    else if (typeof value === "object" && value !== null) for (const one of Object.values(value)) note(one);
  };
  const hear = (event: Event): void => note((event as MessageEvent).data);
  const { addEventListener } = EventTarget.prototype;
  EventTarget.prototype.addEventListener = function (this: EventTarget, type: string, ...rest) {
    if (type === "message") addEventListener.call(this, type, hear);
    return addEventListener.call(this, type, ...rest);
  };
  for (const { prototype } of [MessagePort, Worker, BroadcastChannel]) {
    const own = Object.getOwnPropertyDescriptor(prototype, "onmessage");
    Object.defineProperty(prototype, "onmessage", {
      ...own,
      set(this: EventTarget, listener: unknown) {
        addEventListener.call(this, "message", hear);
        own?.set?.call(this, listener);
      },
    });
  }
}

/** Whether any of it held `part`. */
const hasHeard = (page: Page, part: string): Promise<boolean> =>
  page.evaluate(
    (one) => (Reflect.get(window, "heard") as readonly string[]).some((text) => text.includes(one)),
    part,
  );

test("the key of what is stored is in the worker alone: nothing that comes to the page holds it, whatever a person does there", async () => {
  const ben = await newAccount(screens.origin, "ben.secrets");
  good(await ben.client.sync());
  const nora = await screens.browserOf();
  await nora.context().addInitScript(noteMessages);
  await nora.reload();
  await createAccount(nora, "Nora");
  // Without a lock it lies in the database: read in another tab, whose memory is not looked at.
  const other = await nora.context().newPage();
  await other.goto(`${screens.origin}/manifest.webmanifest`);
  const key = await other.evaluate(async () => {
    const opening = indexedDB.open("dovetail-default");
    await new Promise((resolve) => {
      opening.onsuccess = resolve;
    });
    const read = opening.result.transaction("meta").objectStore("meta").get("store-key");
    await new Promise((resolve) => {
      read.onsuccess = resolve;
    });
    opening.result.close();
    return Array.from(read.result as Uint8Array, (one) => one.toString(16).padStart(2, "0")).join("");
  });
  await other.close();
  const stored = good(parseStoreKey(fromHex(key)));
  const secret = stored.type === "open" ? toHex(stored.key) : "";
  expect(secret).toMatch(/^[0-9a-f]{64}$/);
  await ask(nora, good(await ben.client.contactLink()), "Hello Ben.");
  await openSection(nora, "Settings");
  await nora.getByRole("button", { name: "Set a passphrase" }).click();
  await nora.getByLabel("Set a passphrase").fill(SECRET);
  await nora.getByLabel("The same again").fill(SECRET);
  await nora.locator("dt-lock-settings").getByRole("button", { name: "Save" }).click();
  await nora.getByText("A passphrase is set.").waitFor();
  expect(await hasHeard(nora, "Hello Ben.")).toBe(true);
  expect(await hasHeard(nora, secret)).toBe(false);
  // Neither in what the page keeps for itself, nor now that a passphrase is set in the database.
  expect(await nora.evaluate(() => JSON.stringify([localStorage, sessionStorage]))).not.toContain(secret);
  expect(await storedKeys(nora)).toEqual(["generation", "store-key"]);
  // And had it come, it would have been noticed.
  await nora.evaluate(
    (hex) =>
      new Promise<void>((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port2.onmessage = () => resolve();
        port1.postMessage({
          key: Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)),
        });
      }),
    secret,
  );
  expect(await hasHeard(nora, secret)).toBe(true);
  good(await ben.client.stop());
});

test("a passkey is added and removed in the settings, proves who acts, and says why when it does not", async () => {
  const nora = await createAccount(await screens.browserOf(), "Nora");
  const { cdp, id } = await addAuthenticator(nora);
  await openSection(nora, "Settings");
  const section = nora.locator("dt-passkey-settings");
  await section.getByRole("button", { name: "Add a passkey" }).click();
  await section.getByText("Nothing locks this browser").waitFor();
  await section.locator("dt-prove").getByRole("button", { name: "Add a passkey" }).click();
  await section.getByText("A passkey opens this browser’s profile").waitFor();
  await section.getByRole("button", { name: "Remove the passkey" }).click();
  const go = section.locator("dt-prove").getByRole("button", { name: "Remove the passkey" });
  await go.click();
  await nora.getByText("The passkey opens nothing here any more.").waitFor();
  await section.getByRole("button", { name: "Add a passkey" }).click();
  await section.locator("dt-prove").getByRole("button", { name: "Add a passkey" }).click();
  await section.getByRole("button", { name: "Remove the passkey" }).click();
  // Gone from the authenticator: neither it nor a new passphrase takes the lock away.
  await cdp.send("WebAuthn.clearCredentials", { authenticatorId: id });
  await go.click();
  await section.getByText("The passkey was not given.").waitFor();
  await section.getByRole("button", { name: "Cancel" }).click();
  await nora.getByRole("button", { name: "Set a passphrase" }).click();
  await nora.getByLabel("Set a passphrase").fill(SECRET);
  await nora.getByLabel("The same again").fill(SECRET);
  await nora.locator("dt-lock-settings").getByRole("button", { name: "Save" }).click();
  await nora.locator("dt-lock-settings").getByText("The passkey was not given.").waitFor();
  await nora.getByText("A passkey is set. Dovetail asks for it when it opens.").waitFor();
  await nora.getByRole("button", { name: "Lock now" }).click();
  await nora.getByRole("heading", { name: "Locked" }).waitFor();
  await nora.getByRole("button", { name: "Use passkey" }).click();
  await nora.getByRole("alert").getByText("The passkey was not given.").waitFor();
});

test("deleting the account takes the typed name and the passphrase; server, browser and other tabs have nothing left", async () => {
  const ben = await newAccount(screens.origin, "ben.stays");
  good(await ben.client.sync());
  const nora = await createAccount(await screens.browserOf(), "Nora", { passphrase: SECRET });
  await ask(nora, good(await ben.client.contactLink()), "Before it is gone.");
  const { conversationId } = good(await ben.client.acceptContact(await requestAt(ben.client)));
  good(await ben.client.send(conversationId, "Thank you."));
  good(await ben.client.sync());
  await bubble(nora, "Thank you.").waitFor();
  const second = await nora.context().newPage();
  await second.goto(screens.origin);
  await second.locator("dt-inbox a.row").waitFor();

  await openSection(nora, "Settings");
  await nora.getByRole("button", { name: "Delete the account" }).click();
  const go = nora.locator("dt-delete-account dt-prove").getByRole("button", { name: "Delete the account" });
  expect(await go.isDisabled()).toBe(true);
  await nora.getByLabel("Type Nora to confirm").fill("Nor");
  expect(await go.isDisabled()).toBe(true);
  await nora.getByLabel("Type Nora to confirm").fill("Nora");
  await prove(nora, "Delete the account");

  for (const page of [nora, second])
    await page.getByRole("heading", { name: "Is this your first device?" }).waitFor();
  const left = await nora.evaluate(async () => {
    const counts: number[] = [];
    for (const { name } of await indexedDB.databases()) {
      const opening = indexedDB.open(name ?? "");
      await new Promise((resolve) => {
        opening.onsuccess = resolve;
      });
      for (const store of opening.result.objectStoreNames) {
        const request = opening.result.transaction(store).objectStore(store).getAllKeys();
        await new Promise((resolve) => {
          request.onsuccess = resolve;
        });
        counts.push(request.result.filter((key) => key !== "generation").length);
      }
      opening.result.close();
    }
    return { rows: counts.reduce((sum, count) => sum + count, 0), local: Object.keys(localStorage) };
  });
  expect(left).toEqual({ rows: 0, local: [] });
  good(await ben.client.send(conversationId, "Are you there?"));
  await ben.client.sync();
  const { messages } = good(await ben.client.messages(conversationId));
  expect(messages.map(({ text, state }) => [text, state])).toContainEqual(["Before it is gone.", "received"]);
  await createAccount(second, "Nora anew");
  good(await ben.client.stop());
});

test("a browser whose account another device has deleted is told so, not that there is no server, and keeps what it has", async () => {
  const first = await createAccount(await screens.browserOf(), "Nora");
  const ben = await screens.friendOf(first, "ben.told");
  const second = await screens.browserOf();
  await openSection(first, "Devices");
  await first.getByRole("button", { name: "Link a device" }).click();
  const code = await first.locator("dt-host-linking dt-qr").evaluate((qr) => String(Reflect.get(qr, "text")));
  await second.getByRole("button", { name: "No, link this browser" }).click();
  await second.getByLabel("Linking code").fill(code);
  await second.getByLabel("No passphrase").check();
  await second.getByRole("button", { name: "Continue" }).click();
  await second.getByRole("button", { name: "Yes, it is mine" }).click();
  const digits = ((await second.locator("dt-join .code").textContent()) ?? "").replace(/\D/g, "");
  await first.getByLabel("Code, six digits").fill(digits);
  await first.getByRole("button", { name: "Link this device" }).click();
  await first.getByRole("button", { name: "Done" }).click();
  await second.locator("dt-inbox a.row").click();
  await bubble(second, "Hello ben.told.").waitFor();

  await openSection(first, "Settings");
  await first.getByRole("button", { name: "Delete the account" }).click();
  await first.getByLabel("Type Nora to confirm").fill("Nora");
  await first.locator("dt-prove").getByRole("button", { name: "Delete the account" }).click();
  await first.getByRole("heading", { name: "Is this your first device?" }).waitFor();
  await second.getByText("Another device of yours deleted this account from its server.").waitFor();
  await second.locator("dt-nav").getByText("This account was deleted").waitFor();
  expect(await second.getByText("No server since").count()).toBe(0);
  expect(await bubble(second, "Hello ben.told.").count()).toBe(1);
  good(await ben.client.stop());
});

test("[EX1] [EX6] what is exported here is what the command line takes back", async () => {
  const nora = await createAccount(await screens.browserOf(), "Nora");
  const ben = await newAccount(screens.origin, "ben.export");
  good(await ben.client.sync());
  await ask(nora, good(await ben.client.contactLink()), "Bring the plane \u202e.");
  await openSection(nora, "Settings");
  await nora.getByRole("button", { name: "Save as file" }).click();
  const download = nora.waitForEvent("download");
  await nora.locator("dt-prove").getByRole("button", { name: "Save as file" }).click();
  const lines = readFileSync(await (await download).path(), "utf8")
    .trimEnd()
    .split("\n");
  const reader = createMessagesReader();
  const messages = lines.map((line) => good(reader.read(line))).filter((message) => message !== null);
  expect(good(reader.finish())).toMatchObject({ messages: 1, unproven: 0 });
  expect(messages).toHaveLength(1);
  good(await ben.client.stop());
});
