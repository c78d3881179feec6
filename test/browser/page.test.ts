/** The page itself: what it loads and may run, how it lives without a network, how a newer version is offered. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { BrowserContext } from "playwright";
import {
  befriendTab,
  type BrowserWorld,
  createAccountIn,
  inState,
  newerBuild,
  openBrowserWorld,
  openTab,
  roleOf,
  settled,
  type Tab,
} from "../support/browser-world.ts";
import { engineReady, good } from "../support/client-world.ts";
import { stopAll, textsOf } from "../support/story.ts";

let world: BrowserWorld;
let context: BrowserContext;

beforeAll(async () => {
  await engineReady();
  world = await openBrowserWorld();
});
afterAll(() => world.close());
afterEach(() => context.close());

/** Until the app is kept in this browser. */
async function installed(tab: Tab): Promise<void> {
  await tab.page.waitForFunction(() => navigator.serviceWorker.controller !== null, undefined, {
    timeout: 60_000,
  });
}

test("[WB10] a page asks nobody but its own server, runs nothing inline, and says no word of complaint", async () => {
  context = await world.browser.newContext();
  const seen: string[] = [];
  context.on("request", (request) => seen.push(request.url()));
  const { tab, ben, conversationId } = await befriendTab(context, world.origin);
  const page = await tab.world();
  good(
    await page.evaluate(
      ({ engine }, id) => engine.client.send(id, "<img src=x onerror=alert(1)>"),
      conversationId,
    ),
  );
  good(await page.evaluate(({ engine }) => engine.client.sync()));
  await installed(tab);
  expect(seen.length).toBeGreaterThan(3);
  expect(seen.filter((url) => new URL(url).origin !== world.origin)).toEqual([]);
  expect(await page.evaluate(({ violations }) => violations)).toEqual([]);
  expect(tab.errors).toEqual([]);
  // And the policy is in force: each of these is refused.
  const refused = await tab.page.evaluate(async () => {
    const attempts = {
      html: () => {
        document.createElement("div").innerHTML = "<b>text</b>";
      },
      // Later, because what a debugger evaluates may do everything.
      eval: () =>
        new Promise((resolve, reject) => {
          setTimeout(() => {
            try {
              resolve(new Function("return 1")());
            } catch (thrown) {
              reject(thrown);
            }
          }, 0);
        }),
      worker: () => new Worker("/assets/other.js"),
      fetch: () => fetch("http://127.0.0.1:9/"),
    };
    const names: string[] = [];
    for (const [name, attempt] of Object.entries(attempts)) {
      try {
        await attempt();
      } catch {
        names.push(name);
      }
    }
    return names;
  });
  expect(refused).toEqual(["html", "eval", "worker", "fetch"]);
  const violations = await page.evaluate((shown) => shown.violations.map((line) => line.split(" ")[0]));
  expect(violations).toContain("connect-src");
  expect(violations).toContain("require-trusted-types-for");
  await stopAll(ben);
});

test("what a browser keeps outside the sealed store are three facts without a name", async () => {
  context = await world.browser.newContext();
  const tab = await openTab(context, world.origin);
  await createAccountIn(tab, "nobody-reads-this");
  const kept = await tab.page.evaluate(() => JSON.stringify({ ...localStorage }));
  expect(Object.keys(JSON.parse(kept))).toEqual(["dovetail/default"]);
  expect(kept).not.toContain("nobody-reads-this");
  expect(await tab.page.evaluate(() => document.cookie)).toBe("");
});

test("[WB20] without a network the page loads, the engine opens, and what is written goes out later", async () => {
  context = await world.browser.newContext();
  const { tab, ben, conversationId } = await befriendTab(context, world.origin);
  await installed(tab);
  await context.setOffline(true);
  await tab.page.goto(`${world.origin}/conversation/deep`);
  expect(await settled(tab)).toBe("ready");
  const page = await tab.world();
  const written = good(
    await page.evaluate(({ engine }, id) => engine.client.send(id, "written offline"), conversationId),
  );
  expect(written.state).toBe("kept");
  await tab.page.reload();
  expect(await settled(tab)).toBe("ready");
  await context.setOffline(false);
  await expect
    .poll(
      async () => {
        good(await ben.client.sync());
        return textsOf(ben, conversationId);
      },
      { timeout: 60_000, interval: 500 },
    )
    .toEqual(["written offline"]);
  await stopAll(ben);
});

test("[WB21] the kept app holds its own files and nothing of the protocol", async () => {
  context = await world.browser.newContext();
  const tab = await openTab(context, world.origin);
  await createAccountIn(tab, "kept-files");
  await installed(tab);
  const kept = await tab.page.evaluate(async () => {
    const urls: string[] = [];
    for (const name of await caches.keys())
      for (const request of await (await caches.open(name)).keys()) urls.push(new URL(request.url).pathname);
    return urls;
  });
  expect(kept).toContain("/index.html");
  expect(kept.some((path) => path.endsWith(".wasm"))).toBe(true);
  expect(kept.filter((path) => path.startsWith("/v1/"))).toEqual([]);
});

test("[WB22] a newer version is offered, waits for a yes, and then loads in all tabs", async () => {
  const own = await openBrowserWorld();
  const newer = newerBuild(own.appFolder);
  try {
    context = await own.browser.newContext();
    const tab = await openTab(context, own.origin);
    await createAccountIn(tab, "updates");
    await installed(tab);
    const other = await openTab(context, own.origin);
    await tab.page.evaluate(() => Reflect.set(globalThis, "mark", "old page"));
    // A newer build at the same address: another page and another list of files.
    const index = join(newer.path, "index.html");
    writeFileSync(index, readFileSync(index, "utf8").replace("<title>Engine", "<title>Newer engine"));
    await own.restart(newer.path);
    await tab.page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.update());
    const page = await tab.world();
    await expect.poll(() => page.evaluate(({ updates }) => updates.length), { timeout: 30_000 }).toBe(1);
    // Nothing is reloaded, and a reload still shows the version that was there.
    expect(await tab.page.evaluate(() => Reflect.get(globalThis, "mark"))).toBe("old page");
    await other.page.reload();
    expect(await other.page.title()).toBe("Engine");
    await page.evaluate(({ updates }) => updates[0]?.apply());
    for (const one of [tab, other])
      await expect.poll(() => one.page.title().catch(() => ""), { timeout: 30_000 }).toBe("Newer engine");
    for (const one of [tab, other]) await inState(one, ["ready"]);
    expect((await Promise.all([tab, other].map(roleOf))).sort()).toEqual(["follower", "leader"]);
  } finally {
    await own.close();
    newer.discard();
  }
});

test("[WB23] the app has what a browser needs to install it: a manifest and an icon of its own origin", async () => {
  const whole = await openBrowserWorld({}, "app");
  context = await whole.browser.newContext();
  const page = await context.newPage();
  await page.goto(whole.origin);
  const found = await page.evaluate(async () => {
    const link = document.querySelector<HTMLLinkElement>('link[rel="manifest"]');
    const answer = await fetch(link?.href ?? "");
    const manifest: { icons: { src: string }[] } = await answer.json();
    const icon = new Image();
    icon.src = manifest.icons[0]?.src ?? "";
    await icon.decode();
    return { type: answer.headers.get("content-type"), manifest, iconOrigin: new URL(icon.src).origin };
  });
  expect(found.type).toBe("application/manifest+json");
  expect(found.manifest).toMatchObject({
    name: "Dovetail",
    display: "standalone",
    start_url: "/",
    scope: "/",
  });
  expect(found.iconOrigin).toBe(whole.origin);
  await whole.close();
});
