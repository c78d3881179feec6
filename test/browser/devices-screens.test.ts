/** What each own device holds, as it signed: all the same, one behind, and the same again. */
import { type Client, joinAccount } from "@dovetail/core";
import type { Page } from "playwright";
import { expect, test } from "vitest";
import { bad, good, memoryPlatform } from "../support/client-world.ts";
import { createAccount, linkedToPage, openSection, useScreenWorld } from "../support/screen-world.ts";
import { reopened } from "../support/story.ts";

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

test("all devices hold everything only once each has signed for it; one that is away is behind by a number; another comes in its place in one link", async () => {
  const nora = await createAccount(await screens.browserOf(), "Nora");
  const { client, platform } = await linkedToPage(nora);
  await allSame(nora, client);
  await nora.locator("dt-nav .truth", { hasText: "Same on all" }).waitFor();
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
  await nora.locator("dt-devices .row.off", { hasText: "tablet" }).waitFor();
  expect(await nora.locator("dt-devices .row:not(.off)").count()).toBe(2);
  expect(bad(await back.client.sync())).toEqual({ type: "DeviceRevoked" });
  good(await back.client.stop());
});
