/** A chat in a page of another site: real frames of Chromium, the site on a host of its own. */
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import type { Client, DeviceId } from "@dovetail/core";
import { type BrowserContext, chromium, type Frame, type Page } from "playwright";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import { CHROMIUM_ARGS, findChromium } from "../../tools/chromium.ts";
import { type BrowserWorld, openBrowserWorld } from "../support/browser-world.ts";
import { engineReady, good, newAccount } from "../support/client-world.ts";
import { freePort } from "../support/free-port.ts";

import { type Device, settle, stopAll, requestAt } from "../support/story.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const folder = createTemporaryFolder();
let world: BrowserWorld;
/** A browser as people have it; windows without a profile let frames of other sites keep nothing. */
let context: BrowserContext;
let sites: Server;
let port: number;
let ben: Device;
let benLink: string;
const complaints: string[] = [];

/** Two sites; the server names the one that is called shop. */
const originOf = (name: "shop" | "other"): string => `http://${name}.localhost:${port}`;

/** Pages of all sites: the script, and one element with the attributes that the address has. */
function serveSites(): Promise<Server> {
  const server = createServer((request, response) => {
    const attributes = new URL(request.url ?? "", "http://site").searchParams.get("attributes") ?? "";
    const style = "dovetail-chat { block-size: 600px; inline-size: 390px }";
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    response.end(
      `<!doctype html><html lang="en"><title>Shop</title><style>${style}</style><main><h1>Shop</h1>
      <script type="module" src="${world.origin}/embed.js"></script>
      <button>Before</button><dovetail-chat ${attributes}></dovetail-chat><button>After</button></main></html>`,
    );
  });
  return new Promise((resolve) => void server.listen(port, "127.0.0.1", () => resolve(server)));
}

beforeAll(async () => {
  await engineReady();
  port = await freePort();
  world = await openBrowserWorld({ embedOrigins: [originOf("shop")] }, "app");
  sites = await serveSites();
  // As most browsers come; some packages of Chromium let frames of other sites keep nothing.
  mkdirSync(join(folder.path, "Default"));
  writeFileSync(
    join(folder.path, "Default", "Preferences"),
    JSON.stringify({ profile: { block_third_party_cookies: false, cookie_controls_mode: 0 } }),
  );
  context = await chromium.launchPersistentContext(folder.path, {
    executablePath: findChromium() ?? "chromium",
    args: [...CHROMIUM_ARGS],
    viewport: { width: 800, height: 760 },
    reducedMotion: "reduce",
  });
  ben = await newAccount(world.origin, "ben");
  good(await ben.client.sync());
  benLink = good(await ben.client.contactLink());
});
afterAll(async () => {
  await stopAll(ben);
  await context.close();
  await world.close();
  sites.closeAllConnections();
  sites.close();
  folder.discard();
});
afterEach(async () => {
  for (const page of context.pages()) await page.close();
  expect(complaints.splice(0)).toEqual([]);
});

async function openSite(name: "shop" | "other", attributes: string, browser = context): Promise<Page> {
  const page = await browser.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(`${originOf(name)}/?${new URLSearchParams({ attributes })}`);
  return page;
}

const chatIn = (page: Page) => page.locator("dovetail-chat iframe").contentFrame();

async function frameOf(page: Page): Promise<Frame> {
  const element = await page.locator("dovetail-chat iframe").elementHandle();
  return present(await element?.contentFrame(), "the element has a frame");
}

async function createAccountIn(page: Page, name: string): Promise<void> {
  const chat = chatIn(page);
  await chat.getByRole("button", { name: "Create an account" }).click();
  await chat.getByLabel("Your name").fill(name);
  await chat.getByLabel("No passphrase").check();
  await chat.getByRole("button", { name: "Create an account" }).click();
  await chat.getByRole("button", { name: "Later", exact: true }).click();
}

/** Links the frame in `page` to the account of `existing`, digits typed as a person would. */
async function linkFrame(
  page: Page,
  existing: Client,
  passphrase: string,
  replaces?: DeviceId,
): Promise<void> {
  const chat = chatIn(page);
  const host = good(await existing.linkDevice(replaces === undefined ? {} : { replaces }));
  await chat.getByRole("button", { name: "Link this frame to my account" }).click();
  await chat.getByLabel("Linking code").fill(host.code);
  await chat.getByLabel("Passphrase", { exact: true }).fill(passphrase);
  await chat.getByLabel("The same again").fill(passphrase);
  await chat.getByRole("button", { name: "Continue" }).click();
  await chat.getByRole("button", { name: "Yes, it is mine" }).click();
  const digits = ((await chat.locator("dt-join .code").textContent()) ?? "").replace(/\D/g, "");
  good(await host.whenAnswered);
  good(await host.confirm(digits));
}

/** Throws away what the frame in `page` has stored: its databases alone, as a browser does that needs the room, or all of it. */
async function clearFrame(page: Page, storageTypes: "indexeddb" | "all"): Promise<void> {
  const cdp = await page.context().newCDPSession(await frameOf(page));
  const { frameTree } = await cdp.send("Page.getFrameTree");
  const { storageKey } = await cdp.send("Storage.getStorageKeyForFrame", { frameId: frameTree.frame.id });
  await cdp.send("Storage.clearDataForStorageKey", { storageKey, storageTypes });
}

test("[WB42] the frame has a profile and an address of its own, and Dovetail itself is not seen in it", async () => {
  const page = await openSite("shop", "");
  const chat = chatIn(page);
  await chat.getByRole("heading", { name: "Write here with Dovetail" }).waitFor();
  const kept = await (await frameOf(page)).evaluate(async () => ({
    databases: (await indexedDB.databases()).map(({ name }) => name ?? ""),
    workers: (await navigator.serviceWorker.getRegistrations()).length,
    cookie: document.cookie,
  }));
  expect(kept.databases).toContain("dovetail-embed");
  expect(kept.databases.filter((name) => name.includes("default"))).toEqual([]);
  expect([kept.workers, kept.cookie]).toEqual([0, ""]);
  // Beside a page the layout of a frame is not shown, and a navigation to it is not answered by what is kept.
  const own = await context.newPage();
  await own.goto(world.origin);
  await own.waitForFunction(() => navigator.serviceWorker.controller !== null);
  expect(await own.evaluate(async () => (await caches.match("/embed.html")) === undefined)).toBe(true);
  const answer = await own.goto(`${world.origin}/embed.html`);
  expect(answer?.fromServiceWorker()).toBe(false);
  await own.getByRole("heading", { name: "Is this your first device?" }).waitFor();
});

test("[WB40] [WB41] a page of a site that was not named shows nothing, and no page shows Dovetail itself", async () => {
  /** Whether a frame of `path` in `page` was refused. */
  const isRefused = async (page: Page, path: string) => {
    await page.evaluate((address) => {
      const frame = document.createElement("iframe");
      frame.src = address;
      document.body.append(frame);
    }, world.origin + path);
    const shown = present(page.frames().at(-1), "the frame that was added");
    await expect.poll(() => shown.url()).toMatch(/^(chrome-error|http):/);
    return shown.url().startsWith("chrome-error:");
  };
  const other = await openSite("other", "");
  expect(await other.evaluate(() => customElements.get("dovetail-chat") === undefined)).toBe(true);
  expect(await isRefused(other, "/embed.html")).toBe(true);
  expect(await isRefused(other, "/")).toBe(true);
  const named = await openSite("shop", "");
  expect(await isRefused(named, "/")).toBe(true);
  expect(await isRefused(named, "/embed.html")).toBe(false);
});

test("[WB42] where a browser lets a frame keep nothing, the frame says so and leads to Dovetail itself", async () => {
  const page = await openSite("shop", "", await world.browser.newContext());
  await chatIn(page).getByText("lets a frame in a page of another site keep nothing").waitFor();
  await chatIn(page).getByRole("link", { name: "Open Dovetail itself" }).waitFor();
  await page.context().close();
});

test("in a frame axe finds nothing, in the light and the dark, from right to left, and the focus goes in and out by keys", async () => {
  const page = await openSite("shop", `contact="nobody at all" allow="camera; microphone"`);
  const chat = chatIn(page);
  const heading = chat.getByRole("heading", { name: "Write here with Dovetail" });
  await heading.waitFor();
  const element = page.locator("dovetail-chat");
  expect(await element.evaluate((chat) => chat.shadowRoot?.querySelector("iframe")?.allow)).toBe("camera");
  const frame = await frameOf(page);
  for (const [theme, dir] of [
    ["light", "ltr"],
    ["dark", "rtl"],
  ] as const) {
    await element.evaluate((chat, value) => chat.setAttribute("theme", value), theme);
    await expect.poll(() => frame.evaluate(() => document.documentElement.dataset.theme)).toBe(theme);
    await frame.evaluate((value) => document.documentElement.setAttribute("dir", value), dir);
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id, nodes }) => `${id} ${nodes[0]?.html}`)).toEqual([]);
    expect(await frame.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
  }
  await page.getByRole("button", { name: "Before" }).focus();
  await page.keyboard.press("Tab");
  await expect.poll(() => frame.evaluate(() => document.hasFocus())).toBe(true);
  for (let step = 0; step < 3; step += 1) await page.keyboard.press("Tab");
  await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe("After");
});

test("[WB43] [WB44] from a page of a site to a message and its answer, in a frame the page cannot read and cannot act in", async () => {
  const page = await openSite("shop", `contact="${benLink}" theme="dark" label="Ask the shop"`);
  const chat = chatIn(page);
  await createAccountIn(page, "Nora");
  await chat.getByRole("heading", { name: "Write to" }).waitFor();
  await chat.getByText(new URL(originOf("shop")).host).waitFor();
  // Nothing was asked for by being named.
  const frame = await frameOf(page);
  const contactsIn = () =>
    frame.evaluate(async () => {
      const app: unknown = document.querySelector("dt-embed");
      const { engine } = app as {
        readonly engine: { readonly client: { contacts(): Promise<{ readonly value: unknown[] }> } };
      };
      return (await engine.client.contacts()).value.length;
    });
  expect(await contactsIn()).toBe(0);
  // The page around it: no document, no message, no other page of the server.
  const reached = await page.evaluate(() => {
    const inner = document.querySelector("dovetail-chat")?.shadowRoot?.querySelector("iframe");
    let document_: unknown = "none";
    try {
      document_ = inner?.contentWindow?.document ?? null;
    } catch {
      document_ = "refused";
    }
    for (const message of ["ready", { type: "send", text: "hello" }, { type: "addContact" }])
      inner?.contentWindow?.postMessage(message, "*");
    return { title: inner?.title, allow: inner?.allow, document: document_ };
  });
  expect(reached).toEqual({ title: "Ask the shop", allow: "", document: "refused" });
  await chat.getByLabel("First message").fill("Is it open on Sunday?");
  expect(await contactsIn()).toBe(0);
  await chat.getByRole("button", { name: "Ask them" }).click();
  await chat.locator("dt-conversation .m .t", { hasText: "Is it open on Sunday?" }).waitFor();
  const nora = await requestAt(ben.client);
  const { conversationId } = good(await ben.client.acceptContact(nora));
  good(await ben.client.send(conversationId, "From ten to four."));
  await settle(ben);
  await chat.locator("dt-conversation .m .t", { hasText: "From ten to four." }).waitFor();
  // What is not for a frame leads to Dovetail itself.
  await chat.getByRole("button", { name: "Details" }).click();
  const away = chat.getByRole("link", { name: "Open Dovetail itself" });
  expect(await away.getAttribute("target")).toBe("_blank");
  await chat.getByRole("button", { name: "Back" }).click();
  await chat.locator("dt-conversation .m .t", { hasText: "From ten to four." }).click();
  await chat.getByRole("button", { name: "Delete" }).click();
  await away.waitFor();
  await chat.getByRole("button", { name: "Back" }).click();
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id} ${nodes[0]?.html}`)).toEqual([]);
  // Another name is followed at once, and the one before again.
  const element = page.locator("dovetail-chat");
  await element.evaluate((one) => one.setAttribute("contact", "nobody at all"));
  await chat.getByText("names nobody").waitFor();
  await element.evaluate((one, link) => one.setAttribute("contact", link), benLink);
  await chat.locator("dt-conversation .m .t", { hasText: "From ten to four." }).waitFor();
  // Loaded again the account and the conversation are there, without a question.
  await page.reload();
  await chat.locator("dt-conversation .m .t", { hasText: "From ten to four." }).waitFor();
  await chat.getByText("Your recovery key is not written down yet.").waitFor();
});

test("[WB9] [WB42] a frame is linked to an account, asks for its passphrase, and is linked anew once its storage was thrown away", async () => {
  const nora = await newAccount(world.origin, "nora.frames");
  const { conversationId } = good(await nora.client.addContact(benLink, { greeting: "From my own device." }));
  good(await nora.client.sync());
  const page = await openSite("shop", `contact="${benLink}"`);
  await clearFrame(page, "all");
  await page.reload();
  const chat = chatIn(page);
  const message = (text: string) => chat.locator("dt-conversation .m .t", { hasText: text });
  await linkFrame(page, nora.client, "hung with care");
  // Nobody is asked: who is named is known to the account.
  await message("From my own device.").waitFor();
  await chat.getByRole("textbox", { name: /^Message to/ }).fill("From the frame.");
  await page.keyboard.press("Enter");
  const texts = async () => good(await nora.client.messages(conversationId)).messages.map(({ text }) => text);
  await expect
    .poll(async () => {
      good(await nora.client.sync());
      return texts();
    })
    .toEqual(["From the frame.", "From my own device."]);

  // Loaded again it is locked: it shows nothing, and leaves the focus with the page.
  await page.reload();
  await chat.getByRole("heading", { name: "Locked" }).waitFor();
  expect(await page.evaluate(() => document.activeElement === document.body)).toBe(true);
  expect(await chat.locator("dt-conversation").count()).toBe(0);
  await chat.getByLabel("Passphrase").fill("hung with cart");
  await chat.getByRole("button", { name: "Unlock" }).click();
  await chat.getByText("That is not the passphrase.").waitFor();
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id} ${nodes[0]?.html}`)).toEqual([]);
  await chat.getByLabel("Passphrase").fill("hung with care");
  await chat.getByRole("button", { name: "Unlock" }).click();
  await message("From the frame.").waitFor();

  const [before] = good(await nora.client.devices()).filter(({ isThis }) => !isThis);
  await clearFrame(page, "indexeddb");
  await chat.getByText("This browser erased what this frame kept.").waitFor();
  await page.reload();
  await chat.getByText("This browser erased what this frame kept.").waitFor();
  await linkFrame(page, nora.client, "hung with care", present(before, "the frame").id);
  await message("From the frame.").waitFor();
  good(await nora.client.sync());
  expect(
    good(await nora.client.devices())
      .map(({ isActive }) => isActive)
      .toSorted(),
  ).toEqual([false, true, true]);
  await stopAll(nora);
});
