/** Linking by a QR code that a camera sees, and what a linking code does where nothing is linked: nothing. */
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { APP_FOLDER } from "../../tools/app-build.ts";
import { type BrowserWorld, openBrowserWorld } from "../support/browser-world.ts";
import { filmQrCode } from "../support/camera-film.ts";
import { type CliWorld, createCliWorld } from "../support/cli-process.ts";
import { engineReady, good, newAccount } from "../support/client-world.ts";
import { createFriends, settle, stopAll } from "../support/story.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const folder = createTemporaryFolder();
const film = join(folder.path, "camera.y4m");
let world: BrowserWorld;
let cli: CliWorld;
let context: BrowserContext;

beforeAll(async () => {
  await engineReady();
  world = await openBrowserWorld({}, APP_FOLDER, [
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-video-capture=${film}`,
  ]);
  context = await world.browser.newContext({ reducedMotion: "reduce" });
  cli = await createCliWorld();
});
afterAll(async () => {
  await cli.close();
  await world.close();
  folder.discard();
});

async function json(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await cli.run("ada", [...args, "--json"]);
  if (exitCode !== 0) throw new Error(`${args.join(" ")}: ${stderr}`);
  return JSON.parse(stdout);
}

/** Shows the browser's camera the QR code of `code`, and scans. */
async function scan(page: Page, code: string): Promise<void> {
  filmQrCode(film, code);
  await page.getByRole("button", { name: "Scan with the camera" }).click();
}

test("a browser scans what the command line shows and has its history; scanned or pasted elsewhere it links nothing", async () => {
  const ben = await newAccount(world.origin, "ben.camera");
  good(await ben.client.sync());
  const link = good(await ben.client.contactLink());
  await json("account", "create", "--server", world.origin, "--name", "Ada", "--device", "laptop");
  await json("contact", "add", link, "--greeting", "Written long before.");
  const host = cli.start("ada", ["device", "link", "--json"], true);
  const { code } = JSON.parse(await host.line((line) => line.includes("dovetail-link:")));
  const page = await context.newPage();
  await page.goto(world.origin);
  await page.getByRole("button", { name: "No, link this browser" }).click();
  await scan(page, code);
  const field = page.getByLabel("Linking code");
  await expect.poll(() => field.inputValue(), { timeout: 20_000 }).toBe(code);
  await page.getByLabel("No passphrase").check();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: "Yes, it is mine" }).click();
  const digits = ((await page.locator("dt-join .code").textContent()) ?? "").replace(/\D/g, "");
  await host.line((line) => line.includes("deviceName"));
  host.type(`${digits}\n`);
  expect((await host.end).exitCode).toBe(0);
  await page.getByRole("heading", { name: "Inbox" }).waitFor();
  await page.locator("dt-inbox a.row").click();
  await page.locator("dt-conversation .m .t", { hasText: "Written long before." }).waitFor();

  const second = cli.start("ada", ["device", "link", "--json"], true);
  const { code: other } = JSON.parse(await second.line((line) => line.includes("dovetail-link:")));
  await page.getByRole("button", { name: "New message" }).click();
  await scan(page, other);
  const words = "This is a linking code. It links nothing from here.";
  await page.getByRole("status").getByText(words).waitFor();
  const address = page.getByLabel("Contact link or handle");
  expect(await address.inputValue()).toBe("");
  await address.fill(other);
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await page.getByRole("alert").getByText(words).waitFor();
  second.signal("SIGINT");
  // Nobody has answered: its person was never told of a device.
  expect((await second.end).stdout).not.toContain("deviceName");
  expect((await json("device", "list")).devices).toHaveLength(2);
  await stopAll(ben);
});

test("a safety number read by the camera is noted when it is the same, and never when it is another's", async () => {
  const { ada, ben } = await createFriends(world.origin, ["ada.numbers", "ben.numbers"]);
  const carla = await newAccount(world.origin, "carla.numbers");
  good(await carla.client.sync());
  const host = good(await ada.client.linkDevice());
  const page = await (await world.browser.newContext({ reducedMotion: "reduce" })).newPage();
  await page.goto(world.origin);
  await page.getByRole("button", { name: "No, link this browser" }).click();
  await page.getByLabel("Linking code").fill(host.code);
  await page.getByLabel("No passphrase").check();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: "Yes, it is mine" }).click();
  const digits = ((await page.locator("dt-join .code").textContent()) ?? "").replace(/\D/g, "");
  good(await host.confirm(digits));
  await page.getByRole("heading", { name: "Inbox" }).waitFor();
  await settle(ada);
  await page.getByRole("link", { name: "People", exact: true }).click();
  await page.locator("dt-people a.row", { hasText: "ben.numbers" }).click();
  const look = async (code: string): Promise<void> => {
    filmQrCode(film, code);
    await page.getByRole("button", { name: "Scan theirs" }).click();
  };
  await look(good(await carla.client.contactLink()));
  await page.getByText("It is another number.").waitFor();
  await page.getByRole("button", { name: "They are the same" }).waitFor();
  const { accountId } = good(await ada.client.account());
  await look(good(await ben.client.safetyNumber(accountId)));
  await page.getByText("It is the same number.").waitFor();
  await page.getByRole("button", { name: "Not verified after all" }).waitFor();
  good(await carla.client.stop());
  await stopAll(ada, ben);
});
