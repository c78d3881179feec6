/** Chromium with the engine of the app in its tabs, and a server that hands it out. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Browser,
  type BrowserContext,
  type CDPSession,
  chromium,
  type JSHandle,
  type Page,
  type Worker,
} from "playwright";
import { inject } from "vitest";
import { CHROMIUM_ARGS, findChromium } from "../../tools/chromium.ts";
import type { Client } from "@dovetail/core";
import { present } from "../../core/base/assert.ts";
import type { ConversationId } from "../../core/base/ids.ts";
import { good, newAccount } from "./client-world.ts";
import { type Device, settle } from "./story.ts";
import type { BuiltPages } from "./build-pages.ts";
import type { PageWorld } from "./engine-page/page.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";
import { type LocalServer, startLocalServer } from "./server-in-process.ts";
import { freePort } from "./free-port.ts";
import type { ServerConfig } from "../../sync-server/server.ts";
import type { ServerStore } from "../../sync-server/store/server-store.ts";
import { createMemoryStore } from "../../sync-server/store/memory/memory-store.ts";

export interface BrowserWorld {
  /** Contexts that are opened in it end with the world. */
  readonly browser: Browser;
  readonly origin: string;
  /** Where the built page lies, for all tests: nobody changes it. */
  readonly appFolder: string;
  readonly port: number;
  /** Ends the server; nothing listens at its address until it is started again. */
  stopServer(): Promise<void>;
  /** The same server at the same address with another page, or the same one. Its data is kept. */
  restart(appFolder: string): Promise<void>;
  /** What the store of the running server does otherwise from now on: slowly, or not honestly. */
  changeStore(change: (store: ServerStore) => Partial<ServerStore>): void;
  /** The same server at the same address, with nothing it had. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

/** Serves the app, or the engine's page without screens, and starts Chromium. */
export async function openBrowserWorld(
  config: Partial<ServerConfig> = {},
  page: keyof BuiltPages = "engine",
  chromiumArgs: readonly string[] = [],
): Promise<BrowserWorld> {
  const appFolder = inject("builtPages")[page];
  // By name: passkeys belong to a domain, which an address of numbers is not.
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  // The data outlives a server, as a disk does.
  let store = createMemoryStore();
  let lasting: ServerStore = store;
  const start = (webAppFolder: string): Promise<LocalServer> => {
    lasting = { ...store, close: async () => {} };
    return startLocalServer({ webAppFolder, port, origins: [origin], ...config }, lasting);
  };
  let server: LocalServer | null = await start(appFolder);
  const stopServer = async (): Promise<void> => {
    await server?.close();
    server = null;
  };
  const browser = await startedBrowser(chromiumArgs);
  const contextsBefore = new Set(browser.contexts());
  return {
    browser,
    origin,
    appFolder,
    port,
    stopServer,
    async restart(webAppFolder) {
      await stopServer();
      server = await start(webAppFolder);
    },
    changeStore: (change) => void Object.assign(lasting, change(store)),
    async empty() {
      await stopServer();
      store = createMemoryStore();
      server = await start(appFolder);
    },
    async close() {
      for (const context of browser.contexts()) if (!contextsBefore.has(context)) await context.close();
      await stopServer();
    },
  };
}

/** One for all worlds of a process that start it alike; it ends with the process. */
const browsers = new Map<string, Promise<Browser>>();

function startedBrowser(args: readonly string[]): Promise<Browser> {
  const key = args.join(" ");
  const browser =
    browsers.get(key) ??
    chromium.launch({
      executablePath: findChromium() ?? "chromium",
      args: [...CHROMIUM_ARGS, ...args],
    });
  browsers.set(key, browser);
  return browser;
}

/** A newer build of the page in `appFolder`: a copy in a folder of its own, whose service worker is another. */
export function newerBuild(appFolder: string): ReturnType<typeof createTemporaryFolder> {
  const folder = createTemporaryFolder();
  cpSync(appFolder, folder.path, { recursive: true });
  const script = join(folder.path, "service-worker.js");
  writeFileSync(script, readFileSync(script, "utf8").replace(/dovetail-app-/g, "dovetail-app-newer-"));
  return folder;
}

/** A tab with what went wrong in it. */
export interface Tab {
  readonly page: Page;
  /** What the page shows to tests; of the page as it was loaded last. */
  world(): Promise<JSHandle<PageWorld>>;
  /** Errors of the page and its console. */
  readonly errors: string[];
  /** Addresses of all requests, of workers too. */
  readonly requests: string[];
}

/** Opens a tab of `context` and waits for its engine to answer. */
export async function openTab(context: BrowserContext, origin: string, path = "/"): Promise<Tab> {
  const page = await context.newPage();
  const errors: string[] = [];
  const requests: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(origin + path);
  const tab: Tab = { page, errors, requests, world: () => worldOf(page) };
  await settled(tab);
  return tab;
}

function worldOf(page: Page): Promise<JSHandle<PageWorld>> {
  return page.evaluateHandle(() => Reflect.get(globalThis, "world") as PageWorld);
}

/** Waits until the engine is in another state than `starting`, and gives it. */
export function settled(tab: Tab): Promise<string> {
  return inState(tab, ["empty", "evicted", "locked", "ready", "failed"]);
}

/** Waits for one of these states, and gives it. */
export async function inState({ page }: Tab, types: readonly string[], timeoutMs = 60_000): Promise<string> {
  try {
    const found = await page.waitForFunction(
      (wanted) => {
        const world = Reflect.get(globalThis, "world") as PageWorld | undefined;
        const type = world?.engine.state().type ?? "none";
        return wanted.includes(type) ? type : null;
      },
      types,
      { timeout: timeoutMs, polling: 100 },
    );
    return String(await found.jsonValue());
  } catch (thrown) {
    const state = await page.evaluate(() => {
      const world = Reflect.get(globalThis, "world") as PageWorld | undefined;
      return JSON.stringify(world?.engine.state() ?? null);
    });
    throw new Error(`waited for ${types.join(" or ")}, and the engine is in ${state}`, { cause: thrown });
  }
}

/** Makes an account in a tab whose profile is empty. */
export async function createAccountIn(
  tab: Tab,
  handle: string,
  passphrase: string | null = null,
): Promise<{ readonly recoveryWords: string }> {
  const world = await tab.world();
  const created = await world.evaluate(
    ({ engine }, given) =>
      engine.createAccount({
        displayName: given.handle,
        handle: given.handle,
        deviceName: "browser",
        passphrase: given.passphrase,
      }),
    { handle, passphrase },
  );
  await inState(tab, ["ready"]);
  return good(created);
}

/** Links the browser of a tab whose profile is empty to the account of `existing`, digits typed as a person would. */
export async function linkTab(tab: Tab, existing: Client): Promise<void> {
  const host = good(await existing.linkDevice());
  const world = await tab.world();
  const accepted = await world.evaluate(async ({ engine }, code) => {
    const guest = await engine.join({ code, deviceName: "browser", passphrase: null });
    if (!guest.ok) throw new Error(guest.error.type);
    Reflect.set(globalThis, "linking", guest.value.whenLinked());
    return guest.value.accept();
  }, host.code);
  good(await host.whenAnswered);
  good(await host.confirm(good(accepted).digits));
  await tab.page.evaluate(() => Reflect.get(globalThis, "linking"));
  await inState(tab, ["ready"]);
}

/** The workers of a tab: the engine's, or one that waits to be it. */
export function workersOf({ page }: Tab): readonly Worker[] {
  return page.workers();
}

/** "leader" or "follower". */
export async function roleOf(tab: Tab): Promise<string> {
  return (await tab.world()).evaluate(({ engine }) => {
    const state = engine.state();
    return state.type === "ready" ? state.role : state.type;
  });
}

/** Ada in a tab and Ben elsewhere, contacts of each other. */
export interface TabFriends {
  readonly tab: Tab;
  readonly ben: Device;
  readonly conversationId: ConversationId;
}

/** An authenticator that agrees to everything, with the extension that gives keys. */
export async function addAuthenticator(
  page: Page,
): Promise<{ readonly cdp: CDPSession; readonly id: string }> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      hasPrf: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return { cdp, id: authenticatorId };
}

let people = 0;

/** Opens a tab with a new account, and makes a friend of it. */
export async function befriendTab(context: BrowserContext, origin: string): Promise<TabFriends> {
  people += 1;
  const tab = await openTab(context, origin);
  await createAccountIn(tab, `ada-${people}`);
  const ben = await newAccount(origin, `ben-${people}`);
  good(await ben.client.sync());
  const link = good(await ben.client.contactLink());
  const world = await tab.world();
  const contact = await world.evaluate(async ({ engine }, address) => {
    const added = await engine.client.addContact(address);
    await engine.client.sync();
    return added;
  }, link);
  const { conversationId } = good(contact);
  await settle(ben);
  const request = present(good(await ben.client.contacts())[0], "the request has come");
  good(await ben.client.acceptContact(request.accountId));
  await settle(ben);
  good(await world.evaluate(({ engine }) => engine.client.sync()));
  return { tab, ben, conversationId };
}
