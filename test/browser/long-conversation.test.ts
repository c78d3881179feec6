/** A conversation of two thousand messages: few of them are in the page, and what is read stays where it is. */
import type { Client } from "@dovetail/core";
import type { ConversationId } from "../../core/base/ids.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { APP_FOLDER } from "../../tools/app-build.ts";
import { type BrowserWorld, openBrowserWorld } from "../support/browser-world.ts";
import { engineReady, good, newAccount } from "../support/client-world.ts";

const MESSAGES = 2_000;
const ROWS_MAX = 80;
/** Of a row in the list: itself, and a mark on either side. */
const NODES_A_ROW = 3;

let world: BrowserWorld;
beforeAll(async () => {
  await engineReady();
  world = await openBrowserWorld({}, APP_FOLDER);
});
afterAll(() => world.close());

test("two thousand messages: few rows in the page, reading stays in place, the end is one button away", async () => {
  const ben = await newAccount(world.origin, "ben.long");
  good(await ben.client.sync());
  const page = await (await world.browser.newContext({ reducedMotion: "reduce" })).newPage();
  await page.goto(world.origin);
  await page.getByRole("button", { name: "Yes, create an account" }).click();
  await page.getByLabel("Your name").fill("Nora");
  await page.getByLabel("No passphrase").check();
  await page.getByRole("button", { name: "Create an account" }).click();
  await page.getByRole("button", { name: "Later, in Settings" }).click();
  const link = good(await ben.client.contactLink());
  await page.evaluate(
    async ({ address, count }) => {
      const app = document.querySelector("dt-app");
      const { client } = (app as unknown as { readonly engine: { readonly client: Client } }).engine;
      const added = await client.addContact(address);
      if (!added.ok) throw new Error(added.error.type);
      const id: ConversationId = added.value.conversationId;
      for (let from = 1; from <= count; from += 250)
        await Promise.all(Array.from({ length: 250 }, (_, at) => client.send(id, `line ${from + at}`)));
    },
    { address: link, count: MESSAGES },
  );
  await page.reload();
  await page.locator("dt-inbox a.row").click();
  const log = page.locator("dt-conversation .log");
  const shown = (text: string) => log.locator(".t").getByText(text, { exact: true });
  const rowsInPage = () => log.locator(".row").count();
  /** The number of the message at the upper edge, 0 while none is drawn there: the list draws after it is scrolled. */
  const firstVisible = () =>
    log.evaluate((element) => {
      const { top } = element.getBoundingClientRect();
      const row = [...element.querySelectorAll(".row")].find((one) => {
        const box = one.getBoundingClientRect();
        return box.top <= top + 1 && box.bottom > top + 1;
      });
      return Number(/line (\d+)/.exec(row?.querySelector(".t")?.textContent ?? "")?.[1] ?? "0");
    });
  await shown(`line ${MESSAGES}`).waitFor();
  const height = () => log.evaluate(({ scrollHeight }) => scrollHeight);
  for (let step = 0; step < 5; step += 1) {
    const before = await height();
    await log.evaluate((element) => {
      element.scrollTop = 300;
    });
    let first = 0;
    await expect.poll(async () => (first = await firstVisible())).toBeGreaterThan(0);
    await expect.poll(height).toBeGreaterThan(before);
    await page.waitForTimeout(300);
    expect(Math.abs((await firstVisible()) - first)).toBeLessThanOrEqual(1);
    expect(await rowsInPage()).toBeLessThan(ROWS_MAX);
  }
  await page.getByRole("button", { name: "To the newest message" }).click();
  await shown(`line ${MESSAGES}`).waitFor();
  expect(await rowsInPage()).toBeLessThan(ROWS_MAX);
  const { nodes, rows } = await log.locator(".sizer").evaluate(({ childNodes, childElementCount }) => ({
    nodes: childNodes.length,
    rows: childElementCount,
  }));
  expect(nodes, "what scrolled by left nothing").toBeLessThan(NODES_A_ROW * (rows + 5));
  good(await ben.client.stop());
});
