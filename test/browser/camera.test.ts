/** Linking by a QR code that a camera sees, and what a linking code does where nothing is linked: nothing. */
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { APP_FOLDER } from "../../tools/app-build.ts";
import { type BrowserWorld, openBrowserWorld } from "../support/browser-world.ts";
import { filmQrCode } from "../support/camera-film.ts";
import { engineReady, good } from "../support/client-world.ts";
import { createFriends, settle, stopAll } from "../support/story.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const folder = createTemporaryFolder();
const film = join(folder.path, "camera.y4m");
let world: BrowserWorld;
let context: BrowserContext;

beforeAll(async () => {
  await engineReady();
  world = await openBrowserWorld({}, APP_FOLDER, [
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-video-capture=${film}`,
  ]);
  context = await world.browser.newContext({ reducedMotion: "reduce" });
});
afterAll(async () => {
  await world.close();
  folder.discard();
});

/** Shows the browser's camera the QR code of `code`, and scans. */
async function scan(page: Page, code: string): Promise<void> {
  filmQrCode(film, code);
  await page.getByRole("button", { name: "Scan with the camera" }).click();
}

test("a scanned linking code links a browser, which has the history; scanned or pasted elsewhere it links nothing", async () => {
  const { ada, ben, conversationId } = await createFriends(world.origin, ["ada.camera", "ben.camera"]);
  good(await ben.client.send(conversationId, "Written long before."));
  await settle(ada, ben);
  const host = good(await ada.client.linkDevice());
  const page = await context.newPage();
  await page.goto(world.origin);
  await page.getByRole("button", { name: "No, link this browser" }).click();
  await scan(page, host.code);
  const field = page.getByLabel("Linking code");
  await expect.poll(() => field.inputValue(), { timeout: 20_000 }).toBe(host.code);
  await page.getByLabel("No passphrase").check();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: "Yes, it is mine" }).click();
  const digits = ((await page.locator("dt-join .code").textContent()) ?? "").replace(/\D/g, "");
  good(await host.whenAnswered);
  good(await host.confirm(digits));
  await page.getByRole("heading", { name: "Inbox" }).waitFor();
  await settle(ada);
  await page.locator("dt-inbox a.row").click();
  await page.locator("dt-conversation .m .t", { hasText: "Written long before." }).waitFor();

  const second = good(await ada.client.linkDevice());
  let isAnswered = false;
  void second.whenAnswered.then(({ ok }) => {
    isAnswered = ok;
  });
  await page.getByRole("button", { name: "New message" }).click();
  await scan(page, second.code);
  const words = "This is a linking code. It links nothing from here.";
  await page.getByRole("status").getByText(words).waitFor();
  const address = page.getByLabel("Contact link or handle");
  expect(await address.inputValue()).toBe("");
  await address.fill(second.code);
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await page.getByRole("alert").getByText(words).waitFor();
  expect(isAnswered).toBe(false);
  expect(good(await ada.client.devices())).toHaveLength(2);
  await second.cancel();
  await stopAll(ada, ben);
});
