/** What a browser keeps of a profile: locked by passphrase or passkey, thrown away by the browser, forgotten by the person. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { BrowserContext } from "playwright";
import {
  addAuthenticator,
  type BrowserWorld,
  createAccountIn,
  inState,
  linkTab,
  openBrowserWorld,
  openTab,
  settled,
  type Tab,
} from "../support/browser-world.ts";
import { bad, engineReady, good, newAccount } from "../support/client-world.ts";

let world: BrowserWorld;
let context: BrowserContext;
let people = 0;

beforeAll(async () => {
  await engineReady();
  world = await openBrowserWorld();
});
afterAll(() => world.close());
afterEach(() => context.close());

function freshName(): string {
  people += 1;
  return `person-${people}`;
}

async function freshTab(): Promise<Tab> {
  context = await world.browser.newContext();
  return openTab(context, world.origin);
}

async function protectionOf(tab: Tab) {
  return (await tab.world()).evaluate(({ engine }) => {
    const state = engine.state();
    return state.type === "ready" || state.type === "locked" ? state.protection : null;
  });
}

const NONE = { hasPassphrase: false, hasPasskey: false };

test("[WB8] a profile without passphrase or passkey says so, and opens by itself", async () => {
  const tab = await freshTab();
  await createAccountIn(tab, freshName());
  expect(await protectionOf(tab)).toEqual(NONE);
  expect(bad(await (await tab.world()).evaluate(({ engine }) => engine.lock()))).toEqual({
    type: "NotProtected",
  });
  await tab.page.reload();
  expect(await settled(tab)).toBe("ready");
});

test("[WB8] a passphrase locks all tabs, and only it unlocks them", async () => {
  const tab = await freshTab();
  const name = freshName();
  await createAccountIn(tab, name, "correct horse");
  const other = await openTab(context, world.origin);
  good(await (await other.world()).evaluate(({ engine }) => engine.lock()));
  for (const one of [tab, other]) await inState(one, ["locked"]);
  await tab.page.reload();
  expect(await settled(tab)).toBe("locked");
  const page = await tab.world();
  expect(bad(await page.evaluate(({ engine }) => engine.unlock("wrong")))).toEqual({
    type: "WrongPassphrase",
  });
  good(await page.evaluate(({ engine }) => engine.unlock("correct horse")));
  for (const one of [tab, other]) await inState(one, ["ready"]);
  const account = good(await (await other.world()).evaluate(({ engine }) => engine.client.account()));
  expect(account.displayName).toBe(name);
  // Changed, then taken away: each needs the one there is.
  expect(bad(await page.evaluate(({ engine }) => engine.setPassphrase("wrong", "next")))).toEqual({
    type: "WrongPassphrase",
  });
  good(await page.evaluate(({ engine }) => engine.setPassphrase("correct horse", "next")));
  good(await page.evaluate(({ engine }) => engine.lock()));
  await inState(tab, ["locked"]);
  good(await page.evaluate(({ engine }) => engine.unlock("next")));
  good(await page.evaluate(({ engine }) => engine.setPassphrase("next", null)));
  expect(await protectionOf(tab)).toEqual(NONE);
});

test("[WB8] a passkey unlocks, alone or beside a passphrase, and nothing in the browser does without it", async () => {
  const tab = await freshTab();
  const name = freshName();
  await createAccountIn(tab, name);
  const { cdp, id } = await addAuthenticator(tab.page);
  const page = await tab.world();
  expect(await page.evaluate(({ engine }) => engine.hasPasskeys())).toBe(true);
  good(await page.evaluate(({ engine }) => engine.addPasskey("Ada")));
  expect(await protectionOf(tab)).toEqual({ hasPassphrase: false, hasPasskey: true });
  // What lay in clear is gone from the database.
  const kept = await tab.page.evaluate(async () => {
    const request = indexedDB.open("dovetail-default");
    await new Promise((resolve) => {
      request.onsuccess = resolve;
    });
    const keys = request.result.transaction("meta").objectStore("meta").getAllKeys();
    await new Promise((resolve) => {
      keys.onsuccess = resolve;
    });
    request.result.close();
    return keys.result;
  });
  expect(kept).toEqual(["generation", "passkey"]);
  good(await page.evaluate(({ engine }) => engine.lock()));
  await inState(tab, ["locked"]);
  expect((await page.evaluate(({ engine }) => engine.unlock("anything"))).ok).toBe(false);
  good(await page.evaluate(({ engine }) => engine.unlockWithPasskey()));
  await inState(tab, ["ready"]);
  good(await page.evaluate(({ engine }) => engine.setPassphrase(null, "and a passphrase")));
  expect(await protectionOf(tab)).toEqual({ hasPassphrase: true, hasPasskey: true });
  good(await page.evaluate(({ engine }) => engine.lock()));
  await inState(tab, ["locked"]);
  good(await page.evaluate(({ engine }) => engine.unlock("and a passphrase")));
  good(await page.evaluate(({ engine }) => engine.removePasskey()));
  expect(await protectionOf(tab)).toEqual({ hasPassphrase: true, hasPasskey: false });
  // Another passkey than the one it was locked with, and none at all.
  good(await page.evaluate(({ engine }) => engine.addPasskey("Ada")));
  good(await page.evaluate(({ engine }) => engine.lock()));
  await inState(tab, ["locked"]);
  await cdp.send("WebAuthn.clearCredentials", { authenticatorId: id });
  expect((await page.evaluate(({ engine }) => engine.unlockWithPasskey())).ok).toBe(false);
  good(await page.evaluate(({ engine }) => engine.unlock("and a passphrase")));
});

test("[WB9] a browser that throws the profile away is told of, and linking brings everything back", async () => {
  const tab = await freshTab();
  const ada = await newAccount(world.origin, freshName());
  await linkTab(tab, ada.client);
  good(await ada.client.createTag("kept elsewhere"));
  good(await ada.client.sync());
  const page = await tab.world();
  const before = good(await page.evaluate(({ engine }) => engine.client.account()));

  const cdp = await context.newCDPSession(tab.page);
  await cdp.send("Storage.clearDataForOrigin", { origin: world.origin, storageTypes: "indexeddb" });
  await inState(tab, ["evicted"]);
  const lost = await page.evaluate(({ engine }) => {
    const state = engine.state();
    return state.type === "evicted" ? state.lost : null;
  });
  const { accountId, deviceId, origin } = before;
  expect(lost).toEqual({ accountId, deviceId, origin });
  await tab.page.reload();
  expect(await settled(tab)).toBe("evicted");

  const swapping = { ...ada.client, linkDevice: () => ada.client.linkDevice({ replaces: deviceId }) };
  await linkTab(tab, swapping);
  const again = await tab.world();
  good(await again.evaluate(({ engine }) => engine.client.sync()));
  const tags = good(await again.evaluate(({ engine }) => engine.client.tags()));
  expect(tags.map((tag) => tag.name)).toEqual(["kept elsewhere"]);
  const after = good(await again.evaluate(({ engine }) => engine.client.account()));
  expect(after.accountId).toBe(accountId);
  expect(after.deviceId).not.toBe(deviceId);
  const devices = good(await again.evaluate(({ engine }) => engine.client.devices()));
  expect(devices.map(({ id, isActive }) => [id === deviceId, isActive])).toEqual([
    [false, true],
    [true, false],
    [false, true],
  ]);
  good(await ada.client.stop());
});

test("[ST64] a profile of an earlier version says so, and once it is erased the next link can replace it", async () => {
  const tab = await freshTab();
  const ada = await newAccount(world.origin, freshName());
  await linkTab(tab, ada.client);
  const { deviceId } = good(await (await tab.world()).evaluate(({ engine }) => engine.client.account()));
  await tab.page.evaluate(async () => {
    const request = indexedDB.open("dovetail-default");
    await new Promise((resolve) => {
      request.onsuccess = resolve;
    });
    const transaction = request.result.transaction("rows", "readwrite");
    transaction.objectStore("rows").delete("layout");
    await new Promise((resolve) => {
      transaction.oncomplete = resolve;
    });
    request.result.close();
  });
  await tab.page.reload();
  expect(await settled(tab)).toBe("failed");
  const page = await tab.world();
  const error = () =>
    page.evaluate(({ engine }) => {
      const state = engine.state();
      return state.type === "failed" ? state.error : null;
    });
  expect(await error()).toEqual({ type: "ProfileOutdated", layout: 0, layoutNow: 1 });
  good(await page.evaluate(({ engine }) => engine.beginAnew()));
  await inState(tab, ["evicted"]);
  const lost = await page.evaluate(({ engine }) => {
    const state = engine.state();
    return state.type === "evicted" ? state.lost.deviceId : null;
  });
  expect(lost).toBe(deviceId);
  await linkTab(tab, ada.client);
  await inState(tab, ["ready"]);
  good(await ada.client.stop());
});

test("[WB9] the words bring an account back into an empty browser", async () => {
  const tab = await freshTab();
  const name = freshName();
  const { recoveryWords } = await createAccountIn(tab, name);
  const page = await tab.world();
  good(await page.evaluate(({ engine }) => engine.client.createTag("mine")));
  good(await page.evaluate(({ engine }) => engine.client.sync()));
  good(await page.evaluate(({ engine }) => engine.forget()));
  await inState(tab, ["empty"]);
  expect(await tab.page.evaluate(() => localStorage.length)).toBe(0);
  const recovered = await page.evaluate(
    ({ engine }, given) =>
      engine.recover({
        words: given.recoveryWords,
        account: given.name,
        deviceName: "browser",
        keepsDevices: false,
        passphrase: null,
      }),
    { recoveryWords, name },
  );
  good(recovered);
  await inState(tab, ["ready"]);
  good(await page.evaluate(({ engine }) => engine.client.sync()));
  const tags = good(await page.evaluate(({ engine }) => engine.client.tags()));
  expect(tags.map((tag) => tag.name)).toEqual(["mine"]);
});
