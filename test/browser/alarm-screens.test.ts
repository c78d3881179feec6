/** What is found about devices: a quiet line for a contact's new one, an alarm that is read once and stays in the list. */
import { expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import { good, linkedDevice, newAccount } from "../support/client-world.ts";
import {
  ask,
  bubble,
  createAccount,
  openSection,
  PHONE,
  requestAt,
  useScreenWorld,
} from "../support/screen-world.ts";

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
