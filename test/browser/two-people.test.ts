/** One person in a browser, the other on the command line: both write without a server, and then both have the same. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BrowserWorld, createAccountIn, openBrowserWorld, openTab } from "../support/browser-world.ts";
import { runHere } from "../support/cli-here.ts";
import { type CliWorld, createCliHome } from "../support/cli-process.ts";
import { engineReady, good } from "../support/client-world.ts";

let world: BrowserWorld;
let cli: CliWorld;

beforeAll(async () => {
  await engineReady();
  world = await openBrowserWorld();
  cli = createCliHome();
});
afterAll(async () => {
  await cli.close();
  await world.close();
});

async function json(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await runHere(cli.home, "ben", [...args, "--json"]);
  if (exitCode !== 0) throw new Error(`${args.join(" ")}: ${stderr}`);
  return JSON.parse(stdout);
}

/** What the command line shows of the conversation with Ada, oldest first. */
async function textsAtBen(): Promise<readonly string[]> {
  const { messages } = await json("inbox", "show", "ada");
  return messages.map((message: { readonly text: string }) => message.text);
}

test("a browser and the command line write while there is no server, and converge once there is", async () => {
  const context = await world.browser.newContext();
  const tab = await openTab(context, world.origin);
  await createAccountIn(tab, "ada");
  const page = await tab.world();
  await json("account", "create", "--server", world.origin, "--name", "ben", "--device", "desktop");
  const { link } = await json("contact", "link");
  const { conversationId } = good(
    await page.evaluate(({ engine }, address) => engine.client.addContact(address), link),
  );
  good(await page.evaluate(({ engine }) => engine.client.sync()));
  await json("sync");
  await json("contact", "accept", "ada");
  good(await page.evaluate(({ engine }) => engine.client.sync()));

  await world.stopServer();
  const writeInPage = (text: string) =>
    page.evaluate(({ engine }, given) => engine.client.send(given.conversationId, given.text), {
      conversationId,
      text,
    });
  for (const text of ["browser one", "browser two"]) expect(good(await writeInPage(text)).state).toBe("kept");
  for (const text of ["command line one", "command line two"])
    expect((await runHere(cli.home, "ben", ["send", "ada", text])).stderr).not.toContain("lost");
  await tab.page.reload();
  await world.restart(world.appFolder);

  const again = await tab.world();
  const textsInPage = async (): Promise<readonly string[]> => {
    await again.evaluate(({ engine }) => engine.client.sync());
    const { messages } = good(
      await again.evaluate(({ engine }, id) => engine.client.messages(id), conversationId),
    );
    return messages.map(({ text }) => text).toReversed();
  };
  await expect
    .poll(
      async () => {
        await textsInPage();
        await json("sync");
        return (await textsInPage()).length === 4 && (await textsAtBen()).length === 4;
      },
      { timeout: 60_000, interval: 300 },
    )
    .toBe(true);
  const texts = await textsInPage();
  expect([...texts].sort()).toEqual(["browser one", "browser two", "command line one", "command line two"]);
  expect(await textsAtBen()).toEqual(texts);
  expect(tab.errors.filter((error) => !/WebSocket|ERR_CONNECTION_REFUSED/.test(error))).toEqual([]);
  await context.close();
});
