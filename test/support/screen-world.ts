/** The screens of the app in browsers of their own, as people use them; what a page complains of fails the test. */
import type { BrowserContext, Page } from "playwright";
import { joinAccount } from "@dovetail/core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import type { ConversationId } from "../../core/base/ids.ts";
import { type BrowserWorld, openBrowserWorld } from "./browser-world.ts";
import { engineReady, good, memoryPlatform, newAccount } from "./client-world.ts";
import { type LocalServer, startLocalServer } from "./server-in-process.ts";
import { type Device, reopened, requestAt } from "./story.ts";

export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

export interface ScreenWorld {
  readonly origin: string;
  /** The server forgets everything; nobody it knew can go on with it. */
  emptyServer(): Promise<void>;
  /** Nothing listens at the server's address any more, until it is back with what it had. */
  stopServer(): Promise<void>;
  startServer(): Promise<void>;
  changeStore: BrowserWorld["changeStore"];
  /** Another server with the same page; it ends with the file. */
  anotherServer(): Promise<{ readonly origin: string }>;
  /** An empty browser with the page open in it, of this server unless another is named. */
  browserOf(viewport?: typeof DESKTOP, colorScheme?: "light" | "dark", origin?: string): Promise<Page>;
  /** Two people who have accepted each other, both looking at their conversation; Ines has a phone. */
  friends(): Promise<{ readonly nora: Page; readonly ines: Page }>;
  /** Somebody outside of the browser whom the person of `page` has asked, and who has accepted. */
  friendOf(page: Page, name: string): Promise<Device & { readonly conversationId: ConversationId }>;
}

/** Builds and serves the app before the first test of the file that calls it; after each test its browsers are closed. */
export function useScreenWorld(chromiumArgs: readonly string[] = []): ScreenWorld {
  const contexts: BrowserContext[] = [];
  const complaints: string[] = [];
  const others: LocalServer[] = [];
  let world: BrowserWorld | null = null;
  const opened = (): BrowserWorld => {
    if (world === null) throw new Error("the world opens before the first test");
    return world;
  };

  beforeAll(async () => {
    await engineReady();
    world = await openBrowserWorld({}, "app", chromiumArgs);
  });
  afterAll(async () => {
    for (const server of others) await server.close();
    await world?.close();
  });
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
    expect(complaints.splice(0)).toEqual([]);
  });

  async function browserOf(
    viewport = DESKTOP,
    colorScheme: "light" | "dark" = "light",
    origin = opened().origin,
  ): Promise<Page> {
    const { browser } = opened();
    const context = await browser.newContext({ viewport, colorScheme, reducedMotion: "reduce" });
    contexts.push(context);
    const page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("dialog", (dialog) => {
      // Asked where a text is in the page alone; a test that wants to stay says so itself.
      if (dialog.type() === "beforeunload") return void dialog.accept().catch(() => {});
      complaints.push(`dialog ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("console", (message) => {
      if (/Content Security Policy|Trusted Type/i.test(message.text())) complaints.push(message.text());
    });
    await page.goto(origin);
    await page.getByRole("heading", { name: "Is this your first device?" }).waitFor();
    return page;
  }

  async function friends() {
    const nora = await createAccount(await browserOf(), "Nora");
    const ines = await createAccount(await browserOf(PHONE), "Ines");
    await ask(ines, await contactLinkOf(nora), "The boards are in.");
    await acceptRequest(nora);
    return { nora, ines };
  }

  async function friendOf(page: Page, name: string) {
    const friend = await newAccount(opened().origin, name);
    good(await friend.client.sync());
    await ask(page, good(await friend.client.contactLink()), `Hello ${name}.`);
    const { conversationId } = good(await friend.client.acceptContact(await requestAt(friend.client)));
    good(await friend.client.sync());
    return { ...friend, conversationId };
  }

  return {
    get origin() {
      return opened().origin;
    },
    emptyServer: () => opened().empty(),
    stopServer: () => opened().stopServer(),
    changeStore: (change) => opened().changeStore(change),
    startServer: () => opened().restart(opened().appFolder),
    async anotherServer() {
      const server = await startLocalServer({ webAppFolder: opened().appFolder });
      others.push(server);
      return server;
    },
    browserOf,
    friends,
    friendOf,
  };
}

/** Opens the one request there is, and accepts it. */
export async function acceptRequest(page: Page): Promise<void> {
  await page.getByText("One person wants to write to you").click();
  await page.locator("dt-inbox a.row").click();
  await page.getByRole("button", { name: "Accept" }).click();
  await page.locator("dt-composer").waitFor();
}

/** Makes an account in an empty browser, without a lock unless a passphrase is given, and waits for the inbox. */
export async function createAccount(
  page: Page,
  name: string,
  { passphrase = null, handle = "" }: { readonly passphrase?: string | null; readonly handle?: string } = {},
): Promise<Page> {
  await page.getByRole("button", { name: "Yes, create an account" }).click();
  await page.getByLabel("Your name").fill(name);
  await page.getByLabel("Handle").fill(handle);
  if (passphrase === null) await page.getByLabel("No passphrase").check();
  else {
    await page.getByLabel("Passphrase", { exact: true }).fill(passphrase);
    await page.getByLabel("The same again").fill(passphrase);
  }
  await page.getByRole("button", { name: "Create an account" }).click();
  await page.getByRole("button", { name: "Later, in Settings" }).click();
  await page.getByRole("heading", { name: "Inbox" }).waitFor();
  return page;
}

/** Goes to a section by its link in the navigation, which may say what is new there too. */
export async function openSection(page: Page, name: string): Promise<void> {
  await page.getByRole("link", { name: new RegExp(`^${name}\\b`) }).click();
}

/** The contact link of the account in `page`, from the sheet that shows it. */
export async function contactLinkOf(page: Page): Promise<string> {
  await page.getByRole("button", { name: "New message" }).click();
  const link = await page.locator("dt-add-person .link").textContent();
  await page.keyboard.press("Escape");
  return (link ?? "").trim();
}

/** Asks the person behind `link` with a first message. */
export async function ask(page: Page, link: string, greeting: string): Promise<void> {
  await page.getByRole("button", { name: "New message" }).click();
  await page.getByLabel("Contact link or handle").fill(link);
  await page.getByLabel("First message").fill(greeting);
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await bubble(page, greeting).waitFor();
}

/** The message that says `text` in the open conversation. */
export const bubble = (page: Page, text: string) =>
  page.locator("dt-conversation .m .t").filter({ hasText: text });

/** Types `text` into the open conversation and sends it. */
export async function write(page: Page, text: string): Promise<void> {
  await page.getByRole("textbox", { name: /^Message to/ }).fill(text);
  await page.keyboard.press("Enter");
}

/** A device outside of the browser, linked to the account of `page`, which is not locked by anything. */
export async function linkedToPage(page: Page): Promise<Device> {
  await openSection(page, "Devices");
  await page.getByRole("button", { name: "Link a device" }).click();
  const code = await page.locator("dt-host-linking dt-qr").evaluate((qr) => String(Reflect.get(qr, "text")));
  const platform = memoryPlatform({ deviceKind: "command-line" });
  const guest = good(await joinAccount(platform, { code, deviceName: "tablet" }));
  const { digits } = good(await guest.accept());
  await page.getByLabel("Code, six digits").fill(digits);
  await page.getByRole("button", { name: "Link this device" }).click();
  good(await guest.whenLinked());
  await page.getByRole("button", { name: "Done" }).click();
  return reopened(platform);
}
