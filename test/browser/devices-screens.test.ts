/** What each own device holds, as it signed: all the same, one behind, and the same again. */
import { type Client, joinAccount } from "@dovetail/core";
import type { Locator, Page } from "playwright";
import { expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import { bad, good, memoryPlatform, newAccount } from "../support/client-world.ts";
import { freePort } from "../support/free-port.ts";
import {
  ask,
  bubble,
  createAccount,
  DESKTOP,
  linkedToPage,
  openSection,
  useScreenWorld,
} from "../support/screen-world.ts";
import { reopened, requestAt } from "../support/story.ts";

const screens = useScreenWorld();

/** Waits until each of the two has signed for all; a page that is looked at again asks at once. */
async function allSame(page: Page, other: Client): Promise<void> {
  const asked = async (): Promise<number> => {
    good(await other.sync());
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    return page.getByRole("heading", { name: "All 2 devices hold everything" }).count();
  };
  await expect.poll(asked, { timeout: 40_000, interval: 500 }).toBe(1);
}

/** What went wrong stands in view before the button that was pressed: on a phone what is below may be out of sight. */
async function expectAboveButton(sheet: Locator, name: string | RegExp): Promise<void> {
  const alert = await sheet.getByRole("alert").boundingBox();
  const button = await sheet.getByRole("button", { name }).boundingBox();
  expect(present(alert, "the line").y).toBeLessThan(present(button, "the button").y);
}

test("all devices hold everything only once each has signed for it; one that is away is behind by a number; another comes in its place in one link", async () => {
  const nora = await createAccount(await screens.browserOf(), "Nora");
  const { client, platform } = await linkedToPage(nora);
  await allSame(nora, client);
  await nora.locator("dt-nav .truth", { hasText: "Same on all" }).waitFor();
  // Who linked it and when the chain knows, what it is it says itself.
  const tablet = nora.locator("dt-devices li", { hasText: "tablet" });
  await tablet.getByText("Command line", { exact: true }).waitFor();
  await tablet.locator(".row").click();
  const own = present(
    good(await client.devices()).find(({ isThis }) => !isThis),
    "the browser",
  );
  expect(own).toMatchObject({ kind: "browser", arrival: "genesis", addedBy: null });
  await tablet.getByText(new RegExp(`^Linked \\d\\d:\\d\\d by ${own.name}$`)).waitFor();
  await tablet.locator(".row").click();
  good(await client.stop());

  await nora.getByRole("link", { name: "New tag" }).click();
  await nora.getByLabel("New tag").fill("Choir");
  await nora.getByRole("button", { name: "Add", exact: true }).click();
  await openSection(nora, "Devices");
  await nora.getByRole("heading", { name: "1 of 2 devices holds everything" }).waitFor();
  await nora
    .locator("dt-devices .row", { hasText: "tablet" })
    .getByText(/\d+ entr(y|ies) behind/)
    .waitFor();
  await nora.locator("dt-nav .truth", { hasText: "1 catching up" }).waitFor();

  const back = await reopened(platform);
  await allSame(nora, back.client);
  expect(await nora.locator("dt-devices .state.proven").count()).toBe(2);

  // Another comes in the tablet's place, in one link.
  await nora.locator("dt-devices .row", { hasText: "tablet" }).click();
  await nora.getByRole("button", { name: "Link another in its place" }).click();
  await nora.getByText("goes in the same step, as if it were revoked").waitFor();
  const code = await nora.locator("dt-host-linking dt-qr").evaluate((qr) => String(Reflect.get(qr, "text")));
  const guest = good(await joinAccount(memoryPlatform(), { code, deviceName: "phone" }));
  const { digits } = good(await guest.accept());
  await nora.getByLabel("Code, six digits").fill(digits);
  await nora.getByRole("button", { name: "Link this device" }).click();
  good(await guest.whenLinked());
  await nora.getByRole("button", { name: "Done" }).click();
  await nora
    .locator("dt-devices .row.off", { hasText: "tablet" })
    .getByText(/Revoked \d\d:\d\d/)
    .waitFor();
  expect(await nora.locator("dt-devices .row:not(.off)").count()).toBe(2);
  expect(bad(await back.client.sync())).toEqual({ type: "DeviceRevoked" });
  good(await back.client.stop());
});

test("[GW12] [IN10] [WB30] a page moves its account to another server once that was looked at; its devices follow, and a browser there is linked", async () => {
  const elsewhere = await screens.anotherServer();
  const [host, own] = [new URL(elsewhere.origin).host, new URL(screens.origin).host];
  const nora = await createAccount(await screens.browserOf(), "Nora", { handle: "nora.moves" });
  const ben = await newAccount(screens.origin, "ben.stays");
  const namesake = await newAccount(elsewhere.origin, "nora.moves");
  good(await ben.client.sync());
  await ask(nora, good(await ben.client.contactLink()), "Before the move.");
  const { conversationId } = good(await ben.client.acceptContact(await requestAt(ben.client)));
  good(await ben.client.sync());
  const tablet = await linkedToPage(nora);
  good(await tablet.client.sync());

  await nora.getByRole("button", { name: "Move to another server" }).click();
  const sheet = nora.locator("dt-move");
  const look = async (address: string): Promise<void> => {
    await sheet.getByLabel("Address of the new server").fill(address);
    await sheet.getByRole("button", { name: "Look at it" }).click();
  };
  await look("not an address");
  await sheet.getByText("That is no address of a server.").waitFor();
  await expectAboveButton(sheet, "Look at it");
  await look(`http://127.0.0.1:${await freePort()}`);
  await sheet.getByText("No answer from").waitFor();
  await look(screens.origin);
  await sheet.getByText("is on", { exact: false }).getByText("already").waitFor();
  await look(`${elsewhere.origin}/`);
  await sheet.getByText("Your other device follows by itself").waitFor();
  expect(good(await tablet.client.account()).origin).toBe(screens.origin);
  const go = sheet.getByRole("button", { name: /^Move to/ });
  await go.click();
  await sheet.getByText(/has the handle .nora\.moves.\. Nothing was changed/).waitFor();
  await expectAboveButton(sheet, /^Move to/);
  expect(good(await tablet.client.account())).toMatchObject({ origin: screens.origin, handle: "nora.moves" });
  await sheet.getByLabel("Another handle, for").fill("nora.moved");
  await go.click();
  await sheet.getByText("The account lives on").waitFor();
  await sheet.getByRole("button", { name: "Done" }).click();
  const line = nora.locator("dt-server-line");
  await line.getByText("This page still comes from").waitFor();
  expect(await line.locator("b").first().textContent()).toBe(host);
  expect(await line.locator(".former").textContent()).toContain(own);

  // Who was told writes to the new place, and whoever was away finds it.
  await expect
    .poll(async () => {
      good(await tablet.client.sync());
      return good(await tablet.client.account()).origin;
    })
    .toBe(elsewhere.origin);
  expect(good(await tablet.client.account()).handle).toBe("nora.moved");
  good(await ben.client.sync());
  good(await ben.client.send(conversationId, "After the move."));
  good(await ben.client.sync());
  await openSection(nora, "Inbox");
  await nora.locator("dt-inbox a.row").click();
  await bubble(nora, "After the move.").waitFor();

  // The page of the new server is linked by the one of the old server.
  await openSection(nora, "Devices");
  await nora.getByRole("button", { name: "Link a device" }).click();
  const code = await nora.locator("dt-host-linking dt-qr").evaluate((qr) => String(Reflect.get(qr, "text")));
  const there = await screens.browserOf(DESKTOP, "light", elsewhere.origin);
  await there.getByRole("button", { name: "No, link this browser" }).click();
  await there.getByLabel("Linking code").fill(code);
  await there.getByLabel("No passphrase").check();
  await there.getByRole("button", { name: "Continue" }).click();
  await there.getByRole("button", { name: "Yes, it is mine" }).click();
  const digits = ((await there.locator("dt-join .code").textContent()) ?? "").replace(/\D/g, "");
  await nora.getByLabel("Code, six digits").fill(digits);
  await nora.getByRole("button", { name: "Link this device" }).click();
  await there.locator("dt-inbox a.row").click();
  await bubble(there, "Before the move.").waitFor();
  await bubble(there, "After the move.").waitFor();
  for (const { client } of [ben, namesake, tablet]) good(await client.stop());
});
