/**
 * The web app as people meet it: what the first visit costs on the wire, and how it runs with 10,000 messages.
 *
 * Usage: node test/bench/browser.ts [--json] [--messages N]
 *
 * A real server process hands out the built app, compressed; a proxy in front of it counts bytes. Chromium keeps its profile
 * on disk. The messages are written by a device outside of the browser, to which the browser is then linked.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type BrowserContext, chromium, type Page } from "playwright";
import type { Client } from "@dovetail/core";
import { APP_DIST, buildApp, isAppBuilt } from "../../tools/app-build.ts";
import { CHROMIUM_ARGS, findChromium } from "../../tools/chromium.ts";
import { freePort } from "../support/free-port.ts";
import { good, newAccount } from "../support/client-world.ts";
import { startServer } from "../support/server-process.ts";
import type { Device } from "../support/story.ts";
import { startTcpTap } from "../support/tcp-tap.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { benchPlatform, devicesReady } from "./bench-device.ts";
import { type Figure, percentile, report } from "./figures.ts";
import { linkBrowser } from "./link-browser.ts";

const STARTS = 7;
const KEYSTROKES = 200;
const SENDS = 40;
const PINGS = 50;
const PINGS_WARM_UP = 10;
/** Between messages that are sent one at a time: what the one before left to be done is done by then. */
const PING_PAUSE_MS = 500;
const PING_FIGURE = "message, page to command line and back, half";
const LONG_TASK_MS = 50;
/** Written before the browser is linked, in pieces that are synchronised. */
const FILL_PIECE = 500;

/** What `watchPage` notes in a page. */
interface Seen {
  usableMs: number | null;
  readonly longTasksMs: number[];
}

const { values } = parseArgs({ options: { json: { type: "boolean" }, messages: { type: "string" } } });
const isJson = values.json ?? false;
const messages = Number(values.messages ?? 10_000);
await devicesReady();
if (!isAppBuilt(APP_DIST)) await buildApp({ outFolder: APP_DIST });
const folder = createTemporaryFolder();
const port = await freePort();
/** Bytes towards the browser so far, headers included. */
let receivedBytes = 0;
const proxy = await startTcpTap(port, () => ({
  received: (chunk) => {
    receivedBytes += chunk.length;
  },
}));
const origin = `http://localhost:${proxy.port}`;
const server = await startServer(join(folder.path, "server"), [
  ...["--port", String(port), "--origin", origin, "--open"],
  ...["--rate-factor", "1000", "--work-bits", "4"],
]);
const executable = { executablePath: findChromium() ?? "chromium", args: [...CHROMIUM_ARGS] };
try {
  await weighFirstLoad();
  const { ada, ben } = await fill();
  const context = await chromium.launchPersistentContext(join(folder.path, "chromium"), {
    ...executable,
    viewport: { width: 1440, height: 900 },
  });
  await context.addInitScript(watchPage);
  const linked = await linkBrowser(context, { origin, client: ada.client, messages });
  figure("linked, inbox usable", linked.usableMs / 1_000, "s");
  figure(`linked, all ${messages} messages there`, linked.allMs / 1_000, "s");
  await timeWarmStarts(context);
  const page = await openConversation(context);
  await timeKeystrokes(page);
  await timeSends(page);
  // It would share its thread with Ben's device, which a device of somebody else does not.
  good(await ada.client.stop());
  await timePings(page, ben);
  await scrollThrough(page);
  await context.close();
  good(await ben.client.stop());
} finally {
  await server.stop();
  await proxy.close();
  folder.discard();
}

function figure(name: string, value: number, unit: string): void {
  const said: Figure = { suite: "browser", name, value, unit, better: "less" };
  report(isJson, said);
}

/** Cold cache: page, engine's worker and its WebAssembly; then also what is kept for use without a network. */
async function weighFirstLoad(): Promise<void> {
  for (const serviceWorkers of ["block", "allow"] as const) {
    const browser = await chromium.launch(executable);
    const page = await (await browser.newContext({ serviceWorkers })).newPage();
    const before = receivedBytes;
    await page.goto(origin);
    await page.getByRole("heading", { name: "Is this your first device?" }).waitFor();
    await page.waitForLoadState("networkidle");
    if (serviceWorkers === "allow")
      await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    const name = serviceWorkers === "block" ? "first load, brotli" : "first visit, with what is kept offline";
    figure(name, (receivedBytes - before) / 1e6, "MB");
    await browser.close();
  }
}

/** Ada, who has written most of `messages` to Ben, and Ben, who has answered. */
async function fill(): Promise<{ readonly ada: Device; readonly ben: Device }> {
  const ada = await newAccount(origin, "ada", benchPlatform(folder.path, "ada"));
  const ben = await newAccount(origin, "ben", benchPlatform(folder.path, "ben"));
  good(await ben.client.sync());
  const contact = good(await ada.client.addContact(good(await ben.client.contactLink())));
  good(await ada.client.sync());
  good(await ben.client.sync());
  const [asking] = good(await ben.client.contacts());
  if (asking === undefined) throw new Error("the request has come");
  good(await ben.client.acceptContact(asking.accountId));
  good(await ben.client.sync());
  for (let i = 1; i <= messages; i++) {
    const text = `Message ${i}: some words of the usual length for a chat between two people.`;
    good(await ada.client.send(contact.conversationId, text));
    if (i % FILL_PIECE === 0) good(await ada.client.sync());
  }
  for (const { client } of [ada, ben, ada]) good(await client.sync());
  return { ada, ben };
}

/** Runs in each page: notes when the inbox shows its rows, and tasks that block the page. */
function watchPage(): void {
  const seen: { usableMs: number | null; longTasksMs: number[] } = { usableMs: null, longTasksMs: [] };
  Reflect.set(globalThis, "seen", seen);
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) seen.longTasksMs.push(duration);
  }).observe({ type: "longtask", buffered: true });
  const look = (): void => {
    const shell = document.querySelector("dt-app")?.shadowRoot?.querySelector("dt-shell")?.shadowRoot;
    if (shell?.querySelector("dt-inbox")?.shadowRoot?.querySelector("a.row"))
      seen.usableMs = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

function seenIn(page: Page): Promise<Seen> {
  return page.evaluate(() => Reflect.get(globalThis, "seen") as Seen);
}

/** A page that is opened when none is: its engine starts, reads the profile, and the inbox has its rows. */
async function timeWarmStarts(context: BrowserContext): Promise<void> {
  const times: number[] = [];
  for (let start = 0; start < STARTS; start++) {
    const page = await context.newPage();
    await page.goto(origin);
    await page.locator("dt-inbox a.row").waitFor();
    times.push((await seenIn(page)).usableMs ?? Number.NaN);
    await page.close();
  }
  times.sort((a, b) => a - b);
  figure(`warm start, ${messages} messages, median`, percentile(times, 0.5), "ms");
}

async function openConversation(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  await page.goto(origin);
  await page.locator("dt-inbox a.row").click();
  await page.locator("dt-conversation .m .t", { hasText: `Message ${messages}:` }).waitFor();
  return page;
}

/** From the key to the field that has the letter and is laid out anew. */
async function timeKeystrokes(page: Page): Promise<void> {
  await page.getByRole("textbox", { name: /^Message to/ }).focus();
  await page.evaluate(() => {
    const times: number[] = [];
    Reflect.set(globalThis, "keystrokes", times);
    addEventListener("input", (event) => {
      const pressedMs = event.timeStamp;
      queueMicrotask(() => {
        const field = event.composedPath()[0];
        if (field instanceof HTMLElement) field.getBoundingClientRect();
        times.push(performance.now() - pressedMs);
      });
    });
  });
  for (let key = 0; key < KEYSTROKES; key++) await page.keyboard.press(key % 6 === 5 ? "Space" : "a");
  const times = await page.evaluate(() => Reflect.get(globalThis, "keystrokes") as number[]);
  times.sort((a, b) => a - b);
  figure("keystroke to its letter, p95", percentile(times, 0.95), "ms");
  await page.getByRole("textbox", { name: /^Message to/ }).fill("");
}

/** From Enter to the message's own row in the page. */
async function timeSends(page: Page): Promise<void> {
  const times: number[] = [];
  for (let send = 0; send < SENDS; send++) {
    const text = `echo ${send} of the bench`;
    await page.getByRole("textbox", { name: /^Message to/ }).fill(text);
    await page.evaluate((wanted) => {
      const echoed = new Promise<number>((resolve) => {
        let pressedMs = 0;
        const press = (event: KeyboardEvent): void => {
          pressedMs = event.timeStamp;
        };
        addEventListener("keydown", press, { once: true, capture: true });
        const look = (): void => {
          const shell = document.querySelector("dt-app")?.shadowRoot?.querySelector("dt-shell")?.shadowRoot;
          const log = shell?.querySelector("dt-conversation")?.shadowRoot?.querySelector(".log");
          const rows = [...(log?.querySelectorAll(".t") ?? [])];
          const isThere = rows.some((row) => row.textContent === wanted);
          if (isThere && pressedMs > 0) resolve(performance.now() - pressedMs);
          else setTimeout(look, 1);
        };
        look();
      });
      Reflect.set(globalThis, "echoed", echoed);
    }, text);
    await page.keyboard.press("Enter");
    times.push(await page.evaluate(() => Reflect.get(globalThis, "echoed") as Promise<number>));
  }
  times.sort((a, b) => a - b);
  figure("Enter to the message in the log, median", percentile(times, 0.5), "ms");
}

/**
 * There and back between the page and a device with the command line's store: half of it is one message. One at a time, as people
 * write; and each as soon as the one before is answered, with the bookkeeping of those before it still under way.
 */
async function timePings(page: Page, { client }: Device): Promise<void> {
  client.start();
  const off = client.onEvent((event) => {
    if (event.type !== "message" || event.message.isOwn || !event.message.text.startsWith("ping ")) return;
    void client.send(event.message.conversationId, event.message.text.replace("ping", "pong"));
  });
  figure(`${PING_FIGURE}, median`, await pingMedian(page, PING_PAUSE_MS), "ms");
  figure(`${PING_FIGURE}, without a pause, median`, await pingMedian(page, 0), "ms");
  off();
}

async function pingMedian(page: Page, pauseMs: number): Promise<number> {
  const run = { count: PINGS + PINGS_WARM_UP, pauseMs };
  const times = await page.evaluate(async ({ count, pauseMs }) => {
    const app = document.querySelector("dt-app") as unknown as {
      readonly engine: { readonly client: Client };
    };
    const { client: own } = app.engine;
    const listed = await own.conversations();
    const id = listed.ok ? listed.value[0]?.id : undefined;
    if (id === undefined) throw new Error("a conversation");
    const times: number[] = [];
    for (let ping = 0; ping < count; ping++) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      const name = `${pauseMs}/${ping}`;
      const pong = new Promise<void>((resolve) => {
        const stop = own.onEvent((event) => {
          if (event.type !== "message" || event.message.text !== `pong ${name}`) return;
          stop();
          resolve();
        });
      });
      const startMs = performance.now();
      await own.send(id, `ping ${name}`);
      await pong;
      times.push((performance.now() - startMs) / 2);
    }
    return times;
  }, run);
  const counted = times.slice(PINGS_WARM_UP).sort((a, b) => a - b);
  return percentile(counted, 0.5);
}

/** From the newest message to the first, as a wheel does it; no task may block the page for long. */
async function scrollThrough(page: Page): Promise<void> {
  const before = (await seenIn(page)).longTasksMs.length;
  const box = await page.locator("dt-conversation .log").boundingBox();
  if (box === null) throw new Error("a log");
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  const first = page.locator("dt-conversation .m .t", { hasText: "Message 1:" });
  const startMs = performance.now();
  while ((await first.count()) === 0) {
    await page.mouse.wheel(0, -4_000);
    await page.waitForTimeout(16);
    if (performance.now() - startMs > 300_000) throw new Error("the first message was not reached");
  }
  const tasks = (await seenIn(page)).longTasksMs.slice(before);
  figure(`scroll through all, longest task`, Math.max(0, ...tasks), "ms");
  figure(
    `scroll through all, tasks over ${LONG_TASK_MS} ms`,
    tasks.filter((ms) => ms > LONG_TASK_MS).length,
    "",
  );
}
