/**
 * An account with a conversation of ten thousand messages: a browser that is linked to it has the inbox first and says how far the
 * history is; then every message is in the list at its place, and few of them are in the page.
 */
import type { Client } from "@dovetail/core";
import type { Page } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BrowserWorld, openBrowserWorld } from "../support/browser-world.ts";
import { engineReady, good, newAccount } from "../support/client-world.ts";
import { stopAll } from "../support/story.ts";

const MESSAGES = 10_000;
/** Sent together. */
const PIECE = 500;
const ROWS_MAX = 80;
/** Of a row in the list: itself, and a mark on either side. */
const NODES_A_ROW = 3;
/** Ten thousand messages are written and loaded: on a machine with other work more than a test usually takes. */
const LONG_TEST_MS = 480_000;
const LONG_WAIT_MS = 240_000;

let world: BrowserWorld;
let page: Page;
beforeAll(async () => {
  await engineReady();
  world = await openBrowserWorld({}, "app");
  page = await (await world.browser.newContext({ reducedMotion: "reduce" })).newPage();
});
afterAll(() => world.close());

/** Holds what devices ask for of packed history from the `held`th request on, until it is let go. */
function holdHistory(held: number): () => void {
  let asked = 0;
  const released = Promise.withResolvers<void>();
  world.changeStore(({ readBlobs }) => ({
    async readBlobs(...read) {
      asked += 1;
      if (asked >= held) await released.promise;
      return readBlobs(...read);
    },
  }));
  return released.resolve;
}

/** Writes all of it to who is behind `link`. */
async function writeAll(client: Client, link: string): Promise<void> {
  const { conversationId } = good(await client.addContact(link));
  for (let from = 1; from <= MESSAGES; from += PIECE) {
    const lines = Array.from({ length: PIECE }, (_, at) => `line ${from + at}`);
    for (const sent of await Promise.all(lines.map((text) => client.send(conversationId, text)))) good(sent);
    good(await client.sync());
  }
}

test("a browser that is linked has the inbox first, says in numbers how much of the history is here, and then has all of it", {
  timeout: LONG_TEST_MS,
}, async () => {
  const ada = await newAccount(world.origin, "ada.long");
  const ben = await newAccount(world.origin, "ben.long");
  good(await ben.client.sync());
  await writeAll(ada.client, good(await ben.client.contactLink()));
  // The index and the state documents come by the first two, and then the history.
  const release = holdHistory(3);
  await page.goto(world.origin);
  await page.getByRole("button", { name: "No, link this browser" }).click();
  const host = good(await ada.client.linkDevice());
  await page.getByLabel("Linking code").fill(host.code);
  await page.getByLabel("No passphrase").check();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: "Yes, it is mine" }).click();
  const digits = ((await page.locator("dt-join .code").textContent()) ?? "").replace(/\D/g, "");
  good(await host.whenAnswered);
  good(await host.confirm(digits));
  await page.locator("dt-inbox a.row").waitFor();
  const bar = page.locator("dt-inbox dt-progress.history");
  // Also in a page that is opened in the midst of it.
  for (const isNew of [false, true]) {
    if (isNew) await page.reload();
    const said = ((await bar.getByRole("status").textContent()) ?? "").replace(/[^\w ]/g, "");
    const [, done, total] = /^(\d+) of (\d+) parts of the history are here$/.exec(said) ?? [];
    expect(Number(done)).toBeLessThan(Number(total));
    expect(await bar.getByRole("progressbar").getAttribute("max")).toBe(total);
  }
  // What is of use meanwhile: people, and writing to them.
  await page.locator("dt-inbox a.row").click();
  await page.getByRole("textbox", { name: /^Message to/ }).waitFor();
  release();
  await bar.waitFor({ state: "detached", timeout: LONG_WAIT_MS });
  // The conversation that was open opens again, at its end.
  await page.reload();
  await page.locator("dt-inbox a.row .pv", { hasText: `line ${MESSAGES}` }).waitFor();
  await stopAll(ada, ben);
});

test("ten thousand messages: each at its place, few rows in the page, reading stays in place, the end is one button away", {
  timeout: LONG_TEST_MS,
}, async () => {
  const log = page.locator("dt-conversation .log");
  const shown = (text: string) => log.locator(".t").getByText(text, { exact: true });
  const rowsInPage = () => log.locator(".row").count();
  /** What stands in the rows from the upper edge on: the number of the message, and where it is said to be. */
  const drawn = () =>
    log.evaluate((element) => {
      const { top } = element.getBoundingClientRect();
      return [...element.querySelectorAll(".row")]
        .filter((row) => row.getBoundingClientRect().bottom > top + 1)
        .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)
        .map((row) => {
          const place = row.querySelector("[aria-posinset]");
          return {
            number: Number(/line (\d+)/.exec(row.querySelector(".t")?.textContent ?? "")?.[1] ?? "0"),
            position: Number(place?.getAttribute("aria-posinset")),
            size: Number(place?.getAttribute("aria-setsize")),
          };
        });
    });
  const firstDrawn = async (): Promise<number> => (await drawn())[0]?.number ?? 0;
  /** The rows follow each other without a gap, each where it says it is. */
  const expectExact = async (): Promise<number> => {
    const rows = await drawn();
    const first = rows[0]?.number ?? 0;
    expect(rows.length).toBeGreaterThan(0);
    expect(rows).toEqual(rows.map((_, at) => ({ number: first + at, position: first + at, size: MESSAGES })));
    expect(await rowsInPage()).toBeLessThan(ROWS_MAX);
    return first;
  };
  await shown(`line ${MESSAGES}`).waitFor();
  await expectExact();
  const height = () => log.evaluate(({ scrollHeight }) => scrollHeight);
  const before = await height();
  await log.evaluate((element) => element.scrollTo(0, 300));
  let first = 0;
  await expect.poll(async () => (first = await firstDrawn())).toBeGreaterThan(0);
  await expect.poll(height).toBeGreaterThan(before);
  await expect.poll(async () => Math.abs((await firstDrawn()) - first)).toBeLessThanOrEqual(1);
  // All the way up, page after page, as somebody does who holds the key.
  await expect
    .poll(
      async () => {
        await log.evaluate((element) => element.scrollTo(0, 0));
        return shown("line 1").count();
      },
      { timeout: LONG_WAIT_MS, interval: 20 },
    )
    .toBe(1);
  expect(await expectExact()).toBe(1);
  for (const share of [0.25, 0.5, 0.75]) {
    await log.evaluate((element, at) => element.scrollTo(0, element.scrollHeight * at), share);
    await expect.poll(async () => Math.abs((await firstDrawn()) / MESSAGES - share)).toBeLessThan(0.05);
    await expectExact();
  }
  await page.getByRole("button", { name: "To the newest message" }).click();
  await shown(`line ${MESSAGES}`).waitFor();
  await expectExact();
  const { nodes, rows } = await log.locator(".sizer").evaluate(({ childNodes, childElementCount }) => ({
    nodes: childNodes.length,
    rows: childElementCount,
  }));
  expect(nodes, "what scrolled by left nothing").toBeLessThan(NODES_A_ROW * (rows + 5));
});
