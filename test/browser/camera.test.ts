/**
 * What a camera sees: linking by a QR code, what a linking code does where nothing is linked (nothing), safety numbers, and the
 * code of a server that a phone comes to.
 */
import { hash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import { CHROMIUM_ARGS, findChromium } from "../../tools/chromium.ts";
import { type BrowserWorld, openBrowserWorld } from "../support/browser-world.ts";
import { filmQrCode } from "../support/camera-film.ts";
import { runHere } from "../support/cli-here.ts";
import { type CliWorld, createCliHome } from "../support/cli-process.ts";
import { engineReady, good, newAccount } from "../support/client-world.ts";
import { createFriends, settle, stopAll } from "../support/story.ts";
import { ROOT } from "../support/checkout.ts";
import { createAccount, PHONE } from "../support/screen-world.ts";
import { runServerCommand } from "../support/server-command.ts";
import { startProgram, THIS_NODE } from "../support/start-program.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { onTerminal, readDrawnQr, shown } from "../support/terminal-page.ts";
import { hasOpenSsl, makeCertificate } from "../support/test-certificate.ts";
import { networksObstacle, openTwoNetworks } from "../support/two-networks.ts";

const folder = createTemporaryFolder();
const film = join(folder.path, "camera.y4m");
let world: BrowserWorld;
let cli: CliWorld;
let context: BrowserContext;

beforeAll(async () => {
  await engineReady();
  world = await openBrowserWorld({}, "app", [
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-video-capture=${film}`,
  ]);
  context = await world.browser.newContext({ reducedMotion: "reduce" });
  cli = createCliHome();
});
afterAll(async () => {
  await cli.close();
  await world.close();
  folder.discard();
});

async function json(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await runHere(cli.home, "ada", [...args, "--json"]);
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

const obstacle = hasOpenSsl() ? networksObstacle() : "there is no openssl";
if (obstacle !== null) console.log(`note: no phone on another network came to a server: ${obstacle}`);

test.skipIf(obstacle !== null)(
  "a phone on another network scans the code a server shows at its start, and is its first owner over HTTPS",
  async () => {
    const networks = await openTwoNetworks();
    onTestFinished(networks.close);
    const { server, phone } = networks;
    const data = join(folder.path, "reached");
    const { cert, key } = makeCertificate(folder.path, "reached", 30, server.address);
    const origin = `https://${server.address}`;
    const running = startProgram(
      join(ROOT, "sync-server", "main.ts"),
      [
        ...["--listen", `${server.address}:443`, "--origin", origin, "--tls", "--cert", cert, "--key", key],
        ...["--data", data, "--web-app", world.appFolder],
      ],
      { cwd: ROOT, runtime: onTerminal(THIS_NODE, server.within) },
    );
    onTestFinished(async () => {
      running.kill("SIGTERM");
      await once(running, "exit");
    });
    const said = await shown(running, (text) => text.includes("It is shown this once"));
    expect(said).toContain(
      `Dovetail server listening on ${origin} (${server.address}:443), registration by invitation`,
    );
    const link = present(await readDrawnQr(said), "the server shows a code");
    expect(link).toMatch(/^https:\/\/192\.0\.2\.1\/#invitation=[0-9a-z-]{29}$/);
    expect(said).toContain(link);

    const browser = await chromium.launch({
      executablePath: phone.starter(folder.path, findChromium() ?? "chromium"),
      // It trusts this one certificate, as if an authority had made it.
      args: [...CHROMIUM_ARGS, `--ignore-certificate-errors-spki-list=${keyHash(cert)}`],
    });
    onTestFinished(() => browser.close());
    const page = await browser.newPage({ viewport: PHONE, reducedMotion: "reduce" });
    await page.goto(link);
    await page.getByRole("button", { name: "Yes, create an account" }).click();
    // The code lets somebody in: it stands in the form, and nowhere that is shown or shared.
    expect(await page.getByLabel("Invitation").inputValue()).toBe(link.split("=").at(-1));
    expect(page.url()).toBe(`${origin}/`);
    await page.reload();
    await createAccount(page, "Ada");
    expect(await page.evaluate(() => isSecureContext)).toBe(true);
    const stats = await runServerCommand(["stats", "--data", data, "--json"]);
    expect(JSON.parse(stats.stdout)).toMatchObject({ accounts: 1 });
  },
);

/** A certificate's public key as Chromium names it. */
function keyHash(certificate: string): string {
  const { publicKey } = new X509Certificate(readFileSync(certificate));
  return hash("sha256", publicKey.export({ type: "spki", format: "der" }), "base64");
}
