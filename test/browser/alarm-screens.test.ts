/** What is found about devices: a quiet line for a contact's new one, an alarm that is read once and stays in the list. */
import type { Page } from "playwright";
import { expect, test } from "vitest";
import type { Client } from "@dovetail/core";
import { present } from "../../core/base/assert.ts";
import { good, linkedDevice, newAccount } from "../support/client-world.ts";
import {
  ask,
  bubble,
  createAccount,
  openSection,
  PHONE,
  useScreenWorld,
  write,
} from "../support/screen-world.ts";
import { requestAt } from "../support/story.ts";

const screens = useScreenWorld();

test("[AL5] a contact's new device is a line between the messages, where it belongs in time", async () => {
  const nora = await createAccount(await screens.browserOf(), "Nora");
  const ben = await newAccount(screens.origin, "ben.notice");
  good(await ben.client.sync());
  await ask(nora, good(await ben.client.contactLink()), "Hello Ben.");
  const { conversationId } = good(await ben.client.acceptContact(await requestAt(ben.client)));
  good(await ben.client.send(conversationId, "From the first device."));
  good(await ben.client.sync());
  await bubble(nora, "From the first device.").waitFor();
  const phone = await linkedDevice(ben.client, "phone");
  good(await phone.client.sync());
  good(await phone.client.send(conversationId, "From the second device."));
  good(await phone.client.sync());
  await bubble(nora, "From the second device.").waitFor();
  const line = nora.locator("dt-conversation .ev");
  await line.getByText("One you already knew signed it; the safety number is the same.").waitFor();
  expect(await line.count()).toBe(1);
  good(await phone.client.stop());
  good(await ben.client.stop());
});

test("[AL1] a revoked browser says so over everything, once; what was found stays in the list", async () => {
  const { client } = await newAccount(screens.origin, "nora.revokes");
  good(await client.sync());
  const host = good(await client.linkDevice());
  const page = await screens.browserOf(PHONE, "dark");
  await page.getByRole("button", { name: "No, link this browser" }).click();
  await page.getByLabel("Linking code").fill(host.code);
  await page.getByLabel("No passphrase").check();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: "Yes, it is mine" }).click();
  const digits = ((await page.locator("dt-join .code").textContent()) ?? "").replace(/\D/g, "");
  const { deviceId } = good(await host.confirm(digits));
  await page.getByRole("heading", { name: "Inbox" }).waitFor({ timeout: 60_000 });
  good(await client.sync());
  const devices = good(await client.devices());
  good(
    await client.revokeDevice(
      present(
        devices.find(({ id }) => id === deviceId),
        "the browser",
      ).id,
    ),
  );
  const alarm = page.getByRole("alertdialog");
  await alarm.getByRole("heading", { name: "This device was revoked" }).waitFor();
  await page.keyboard.press("Escape");
  expect(await alarm.count()).toBe(1);
  await alarm.getByRole("button", { name: "I have read this" }).click();
  await alarm.waitFor({ state: "detached" });
  await page.reload();
  await openSection(page, "Devices");
  await page.locator("dt-alarm-list li", { hasText: "This device was revoked" }).waitFor();
  expect(await alarm.count()).toBe(0);
  good(await client.stop());
});

/** From now on `page`, and nobody else, is shown the devices of `other` in place of those of `theirs`; gives the end of it. */
async function showAnotherList(page: Page, theirs: Client, other: Client): Promise<() => Promise<void>> {
  const { accountId } = good(await theirs.account());
  const { accountId: otherId } = good(await other.account());
  const isTheirs = ({ pathname }: URL): boolean => pathname === `/v1/accounts/${accountId}/chain`;
  await page.context().route(isTheirs, async (route) => {
    const url = route.request().url().replace(accountId, otherId);
    await route.fulfill({ response: await route.fetch({ url }) });
  });
  return () => page.context().unroute(isTheirs);
}

test("[AL2] [AL8] another account's devices in place of a verified contact's: what is typed stays, waits, and goes when theirs are shown again", async () => {
  const nora = await createAccount(await screens.browserOf(), "Nora");
  const ben = await newAccount(screens.origin, "ben.replaced");
  const other = await newAccount(screens.origin, "ben.other");
  const tablet = await linkedDevice(other.client, "tablet");
  good(await ben.client.sync());
  await ask(nora, good(await ben.client.contactLink()), "Hello Ben.");
  const { conversationId } = good(await ben.client.acceptContact(await requestAt(ben.client)));
  good(await ben.client.send(conversationId, "Hello Nora."));
  good(await ben.client.sync());
  await bubble(nora, "Hello Nora.").waitFor();
  await nora.locator("dt-verified a").click();
  await nora.getByRole("button", { name: "They are the same" }).click();
  await nora.getByRole("button", { name: "Write", exact: true }).click();
  await nora.locator("dt-verified b", { hasText: "Verified" }).waitFor();
  const field = nora.getByRole("textbox", { name: /^Message to/ });
  await field.fill("For Ben");

  const showTheirs = await showAnotherList(nora, ben.client, other.client);
  const phone = await linkedDevice(ben.client, "phone");
  good(await phone.client.sync());
  good(await phone.client.send(conversationId, "From a device that is looked for."));
  good(await phone.client.sync());
  const alarm = nora.getByRole("alertdialog");
  await alarm.getByRole("heading", { name: "The device list of a contact does not verify" }).waitFor();
  // It came in the midst of typing: the next keys read it for nobody, and do nothing to what is under it.
  for (const key of ["Enter", "Space", "Escape", "a"]) await nora.keyboard.press(key);
  expect(await alarm.count()).toBe(1);
  await alarm.getByRole("button", { name: "I have read this" }).click();
  await alarm.waitFor({ state: "detached" });
  await nora.keyboard.type(" alone.");
  expect(await field.inputValue()).toBe("For Ben alone.");

  const stopped = nora.locator("dt-conversation .stopped");
  await stopped
    .getByText(/is not a list of the account you know\..* goes to .* once .* The number you compared/)
    .waitFor();
  expect(await nora.locator("dt-verified b").count()).toBe(0);
  await nora.locator("dt-nav .truth", { hasText: "is stopped" }).waitFor();
  await nora.keyboard.press("Enter");
  await nora
    .locator("dt-conversation .st", { hasText: /Kept here, sends when sending to .* goes on/ })
    .waitFor();
  expect(await field.inputValue()).toBe("");
  await nora.reload();
  await bubble(nora, "For Ben alone.").waitFor();
  await write(nora, "And this.");
  await bubble(nora, "And this.").waitFor();
  good(await ben.client.sync());
  const atBen = async () => good(await ben.client.messages(conversationId)).messages.map(({ text }) => text);
  expect(await atBen()).not.toContain("For Ben alone.");
  await stopped.getByRole("button", { name: "Compare" }).click();
  await nora.getByRole("heading", { name: "Safety number" }).waitFor();
  await nora.goBack();

  await showTheirs();
  await nora.reload();
  await bubble(nora, "From a device that is looked for.").waitFor();
  await stopped.waitFor({ state: "detached" });
  await nora.locator("dt-verified b", { hasText: "Verified" }).waitFor();
  await expect
    .poll(async () => {
      good(await ben.client.sync());
      return (await atBen()).filter((text) => text === "For Ben alone." || text === "And this.");
    })
    .toEqual(["And this.", "For Ben alone."]);
  for (const { client } of [ben, phone, other, tablet]) good(await client.stop());
});

test("[IN6] [WB30] a server that lost everything is named for it, and has the account again from the browser, under another handle where that was taken", async () => {
  const page = await createAccount(await screens.browserOf(), "Nora", { handle: "nora.before" });
  const ben = await newAccount(screens.origin, "ben.before");
  good(await ben.client.sync());
  await ask(page, good(await ben.client.contactLink()), "Written before.");
  const { conversationId } = good(await ben.client.acceptContact(await requestAt(ben.client)));
  good(await ben.client.sync());
  await screens.emptyServer();
  const other = await newAccount(screens.origin, "nora.before");
  await page.getByText("The server lost this account.").waitFor({ timeout: 60_000 });
  await page.getByRole("button", { name: "See what to do" }).click();
  await page.getByRole("button", { name: "Put the account back" }).click();
  await page.getByText("Nothing locks this browser").waitFor();
  await page.getByRole("button", { name: "Put it back" }).click();
  await page.getByText(/has the handle .nora\.before.\. Nothing was changed/).waitFor();
  await page.getByLabel("Another handle, for").fill("nora.after");
  await page.getByRole("button", { name: "Put it back" }).click();
  await page.getByText("logs begun anew").waitFor();
  await page.getByRole("button", { name: "Done" }).click();
  good(await ben.client.putBack());
  good(await ben.client.send(conversationId, "Written after."));
  good(await ben.client.sync());
  await openSection(page, "Inbox");
  await page.locator("dt-inbox a.row").click();
  await bubble(page, "Written after.").waitFor();
  await page.getByText("The server lost this account.").waitFor({ state: "detached" });
  await page.getByText("nora.after").first().waitFor();
  good(await other.client.stop());
  good(await ben.client.stop());
});
