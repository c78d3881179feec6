/** A server that has become newer than the page: the person is told what to do, what is written is kept, and goes later. */
import type { Page } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BrowserWorld, newerBuild, openBrowserWorld } from "../support/browser-world.ts";
import { engineReady, good, newAccount } from "../support/client-world.ts";
import { startOtherVersionServer } from "../support/other-version-server.ts";

import { stopAll, textsOf, requestAt } from "../support/story.ts";

let world: BrowserWorld;
let build: ReturnType<typeof newerBuild>;
beforeAll(async () => {
  await engineReady();
  world = await openBrowserWorld({}, "app");
  build = newerBuild(world.appFolder);
});
afterAll(async () => {
  await world.close();
  build.discard();
});

const write = async (page: Page, text: string): Promise<void> => {
  await page.getByRole("textbox", { name: /^Message to/ }).fill(text);
  await page.keyboard.press("Enter");
  await page.locator("dt-conversation .m .t", { hasText: text }).waitFor();
};

test("[WB22] [WB24] a server of a newer protocol: the page says what to do, and all that was written meanwhile arrives once", async () => {
  const page = await (await world.browser.newContext({ reducedMotion: "reduce" })).newPage();
  await page.goto(world.origin);
  await page.getByRole("button", { name: "Yes, create an account" }).click();
  await page.getByLabel("Your name").fill("Nora");
  await page.getByLabel("No passphrase").check();
  await page.getByRole("button", { name: "Create an account" }).click();
  await page.getByRole("button", { name: "Later, in Settings" }).click();
  const ben = await newAccount(world.origin, "ben.versions");
  good(await ben.client.sync());
  await page.getByRole("button", { name: "New message" }).click();
  await page.getByLabel("Contact link or handle").fill(good(await ben.client.contactLink()));
  await page.getByLabel("First message").fill("one");
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await page.locator("dt-conversation .m .t", { hasText: "one" }).waitFor();
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);

  await world.stopServer();
  const newer = await startOtherVersionServer(world.port, { versionMin: 2, versionMax: 9 });
  await page.getByText("The server needs a newer Dovetail.").first().waitFor();
  await write(page, "two");
  await write(page, "three");
  await page.getByRole("button", { name: "Get the newer one" }).first().click();
  await page.getByText("The server has no newer Dovetail for this browser yet.").waitFor();
  await page.reload();
  await page.locator("dt-inbox a.row").click();
  await page.locator("dt-conversation .m .t", { hasText: "three" }).waitFor();
  await newer.close();

  await world.restart(build.path);
  // As when the network comes back: nothing is waited for.
  await page.evaluate(() => window.dispatchEvent(new Event("online")));
  // Everything arrives without the update, which is offered when the page next looks, and waits for a yes.
  const { conversationId } = good(await ben.client.acceptContact(await requestAt(ben.client)));
  await expect
    .poll(
      async () => {
        good(await ben.client.sync());
        return textsOf(ben, conversationId);
      },
      { timeout: 60_000, interval: 300 },
    )
    .toEqual(["one", "two", "three"]);
  await page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.update());
  await page.getByText("A newer Dovetail is here.").waitFor();
  await page.evaluate(() => Reflect.set(globalThis, "mark", "old page"));
  await page.getByRole("button", { name: "Reload" }).click();
  await expect
    .poll(() => page.evaluate(() => Reflect.get(globalThis, "mark") ?? "new page").catch(() => ""), {
      timeout: 30_000,
    })
    .toBe("new page");
  await page.locator("dt-inbox a.row").click();
  await page.locator("dt-conversation .m .t", { hasText: "three" }).waitFor();
  await stopAll(ben);
});
