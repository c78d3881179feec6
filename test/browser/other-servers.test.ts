/** A browser's account and a contact whose home is another server process: they meet and write, and only the worker goes there. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import {
  type BrowserWorld,
  createAccountIn,
  openBrowserWorld,
  openTab,
  workersOf,
} from "../support/browser-world.ts";
import { engineReady, good, newAccount } from "../support/client-world.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { stopAll, textsOf } from "../support/story.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const folder = createTemporaryFolder();
let world: BrowserWorld;
let elsewhere: ServerProcess;

beforeAll(async () => {
  await engineReady();
  elsewhere = await startServer(join(folder.path, "elsewhere"), [
    "--rate-factor",
    "1000",
    "--work-bits",
    "4",
  ]);
  world = await openBrowserWorld();
});
afterAll(async () => {
  await world.close();
  await elsewhere.stop();
  folder.discard();
});

test("[GW12] [WB15] a browser writes to a contact of another server and gets the answer, and its page reaches nobody", async () => {
  const context = await world.browser.newContext();
  const tab = await openTab(context, world.origin);
  await createAccountIn(tab, "ada");
  const page = await tab.world();
  const ben = await newAccount(elsewhere.origin, "ben");
  good(await ben.client.sync());
  const link = good(await ben.client.contactLink());
  const { conversationId } = good(
    await page.evaluate(
      ({ engine }, address) => engine.client.addContact(address, { greeting: "From afar" }),
      link,
    ),
  );
  good(await page.evaluate(({ engine }) => engine.client.sync()));
  good(await ben.client.sync());
  const request = present(good(await ben.client.contacts())[0], "the request has come");
  good(await ben.client.acceptContact(request.accountId));
  good(await ben.client.send(conversationId, "Welcome here"));
  await expect
    .poll(
      async () => {
        good(await ben.client.sync());
        good(await page.evaluate(({ engine }) => engine.client.sync()));
        const { messages } = good(
          await page.evaluate(({ engine }, id) => engine.client.messages(id), conversationId),
        );
        return messages.map(({ text }) => text);
      },
      { timeout: 30_000, interval: 200 },
    )
    .toEqual(["Welcome here", "From afar"]);
  expect(await textsOf(ben, conversationId)).toEqual(["From afar", "Welcome here"]);
  expect(tab.errors).toEqual([]);
  // The worker is let out by its policy; a page that something slipped into is not.
  const asked = (origin: string) =>
    fetch(`${origin}/v1/server`).then(
      ({ status }) => status,
      () => null,
    );
  expect(await tab.page.evaluate(asked, elsewhere.origin)).toBe(null);
  expect(await present(workersOf(tab)[0], "a worker").evaluate(asked, elsewhere.origin)).toBe(200);
  await context.close();
  await stopAll(ben);
});

test("[GW12] a page links to no account of another server, and says where it would go", async () => {
  const context = await world.browser.newContext();
  const tab = await openTab(context, world.origin);
  const eve = await newAccount(elsewhere.origin, "eve");
  const host = good(await eve.client.linkDevice());
  const refused = await (await tab.world()).evaluate(
    ({ engine }, code) => engine.join({ code, deviceName: "browser", passphrase: null }),
    host.code,
  );
  expect(refused).toEqual({ ok: false, error: { type: "AccountElsewhere", origin: elsewhere.origin } });
  await host.cancel();
  await context.close();
  await stopAll(eve);
});
