/** One account in a browser and on the command line: linked either way, and both hold the same. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { BrowserContext } from "playwright";
import {
  type BrowserWorld,
  createAccountIn,
  inState,
  openBrowserWorld,
  openTab,
  type Tab,
} from "../support/browser-world.ts";
import { runHere } from "../support/cli-here.ts";
import { type CliWorld, createCliHome } from "../support/cli-process.ts";
import { engineReady, good } from "../support/client-world.ts";

let world: BrowserWorld;
let cli: CliWorld;
let context: BrowserContext;

beforeAll(async () => {
  await engineReady();
  world = await openBrowserWorld();
  cli = createCliHome();
});
afterAll(async () => {
  await cli.close();
  await world.close();
});
afterEach(() => context.close());

async function json(profile: string, ...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await runHere(cli.home, profile, [...args, "--json"]);
  if (exitCode !== 0) throw new Error(`${args.join(" ")}: ${stderr}`);
  return JSON.parse(stdout);
}

/** Both hold the same, by their hashes over documents, messages and what is shown. */
async function expectSame(tab: Tab, profile: string): Promise<void> {
  const page = await tab.world();
  await expect
    .poll(
      async () => {
        good(await page.evaluate(({ engine }) => engine.client.sync()));
        await json(profile, "sync");
        const here = good(await page.evaluate(({ engine }) => engine.client.fingerprint()));
        const there = await json(profile, "verify");
        return JSON.stringify(there).includes(here.view) && JSON.stringify(there).includes(here.ops);
      },
      { timeout: 60_000, interval: 200 },
    )
    .toBe(true);
}

test("a browser is linked to an account of the command line, and each has what the other writes", async () => {
  await json("ada", "account", "create", "--server", world.origin, "--name", "Ada", "--device", "laptop");
  await json("ben", "account", "create", "--server", world.origin, "--name", "Ben", "--device", "desktop");
  await json("ben", "sync");
  context = await world.browser.newContext();
  const tab = await openTab(context, world.origin);
  const page = await tab.world();

  const host = cli.start("ada", ["device", "link", "--json"]);
  const { code } = JSON.parse(await host.line((line) => line.includes("dovetail-link:")));
  const accepted = await page.evaluate(async ({ engine }, given) => {
    const guest = await engine.join({ code: given, deviceName: "browser", passphrase: null });
    if (!guest.ok) throw new Error(guest.error.type);
    Reflect.set(globalThis, "linking", guest.value.whenLinked());
    return { name: guest.value.accountName, accepted: await guest.value.accept() };
  }, code);
  expect(accepted.name).toBe("Ada");
  await host.line((line) => line.includes("deviceName"));
  host.type(`${good(accepted.accepted).digits}\n`);
  expect((await host.end).exitCode).toBe(0);
  await tab.page.evaluate(() => Reflect.get(globalThis, "linking"));
  await inState(tab, ["ready"]);

  const { link } = await json("ben", "contact", "link");
  const contact = good(
    await page.evaluate(
      ({ engine }, address) =>
        engine.client.addContact(address, { petname: "Ben", greeting: "from the browser" }),
      link,
    ),
  );
  good(await page.evaluate(({ engine }) => engine.client.sync()));
  await json("ben", "sync");
  await json("ben", "contact", "accept", "Ada");
  await json("ben", "sync");
  await json("ada", "sync");
  await json("ada", "send", "Ben", "from the command line");
  await json("ada", "sync");
  await expectSame(tab, "ada");
  const texts = good(
    await page.evaluate(({ engine }, id) => engine.client.messages(id), contact.conversationId),
  ).messages.map(({ text }) => text);
  expect(texts).toEqual(["from the command line", "from the browser"]);
  expect(tab.errors).toEqual([]);
});

test("the command line is linked to an account of a browser, and both hold the same", async () => {
  context = await world.browser.newContext();
  const tab = await openTab(context, world.origin);
  await createAccountIn(tab, "cara");
  const page = await tab.world();
  const code = await page.evaluate(async ({ engine }) => {
    const host = await engine.client.linkDevice();
    if (!host.ok) throw new Error(host.error.type);
    Reflect.set(globalThis, "host", host.value);
    return host.value.code;
  });
  const guest = cli.start("cara-laptop", ["account", "link", code, "--device", "laptop", "--yes", "--json"]);
  const { digits } = JSON.parse(await guest.line((line) => line.includes("digits")));
  const confirmed = await tab.page.evaluate(async (typed) => {
    const host = Reflect.get(globalThis, "host");
    await host.whenAnswered;
    return host.confirm(typed);
  }, digits);
  expect(confirmed).toMatchObject({ ok: true });
  expect((await guest.end).exitCode).toBe(0);
  await json("cara-laptop", "sync");
  good(await page.evaluate(({ engine }) => engine.client.createTag("from the browser")));
  await expectSame(tab, "cara-laptop");
});
