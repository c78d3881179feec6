/** Several tabs, one engine: who leads, what happens when the leader goes, and that nothing is lost or doubled by it. */
import { createServer, type ServerResponse } from "node:http";
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from "vitest";
import type { BrowserContext } from "playwright";
import type { ConversationId } from "../../core/base/ids.ts";
import { present } from "../../core/base/assert.ts";
import type { Random } from "../../core/base/random.ts";
import {
  befriendTab,
  type BrowserWorld,
  inState,
  openBrowserWorld,
  openTab,
  roleOf,
  type Tab,
  type TabFriends,
  workersOf,
} from "../support/browser-world.ts";
import { engineReady, good } from "../support/client-world.ts";
import { freePort } from "../support/free-port.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { stopAll, textsOf } from "../support/story.ts";

let world: BrowserWorld;
let context: BrowserContext;

beforeAll(async () => {
  await engineReady();
  world = await openBrowserWorld();
});
afterAll(() => world.close());
afterEach(() => context.close());

async function befriend(): Promise<TabFriends> {
  context = await world.browser.newContext();
  return befriendTab(context, world.origin);
}

/** Sends `count` messages from a tab, one after the other, and tells which calls were answered well. */
async function sendMany(
  tab: Tab,
  conversationId: ConversationId,
  count: number,
): Promise<readonly boolean[]> {
  return (await tab.world()).evaluate(
    async ({ engine }, given) => {
      const answers: boolean[] = [];
      for (let number = 1; number <= given.count; number++) {
        const sent = await engine.client.send(given.conversationId, `message ${number}`);
        answers.push(sent.ok);
      }
      return answers;
    },
    { conversationId, count },
  );
}

/** Ben gets every one of them once, in any case, and the tab shows the same in their order. */
async function expectOnce(tab: Tab, { ben, conversationId }: TabFriends, count: number): Promise<void> {
  const expected = Array.from({ length: count }, (_, index) => `message ${index + 1}`);
  await expect
    .poll(
      async () => {
        good(await ben.client.sync());
        return [...(await textsOf(ben, conversationId))].sort();
      },
      { timeout: 60_000, interval: 500 },
    )
    .toEqual([...expected].sort());
  const page = await (await tab.world()).evaluate(
    ({ engine }, id) => engine.client.messages(id, { limit: 200 }),
    conversationId,
  );
  const texts = good(page).messages.map(({ text }) => text);
  expect(texts.reverse()).toEqual(expected);
}

/** A server that answers nobody before `wake`: who waits for it in a worker does nothing else. */
async function holdRequests(): Promise<{ readonly address: string; wake(): Promise<void> }> {
  const held: ServerResponse[] = [];
  const server = createServer((_request, response) => void held.push(response));
  const port = await freePort();
  await new Promise<void>((resolve) => void server.listen(port, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${port}`,
    async wake() {
      for (const { socket } of held.splice(0)) socket?.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const allTrue = (count: number) => Array.from({ length: count }, () => true);

test("[WB7] of three tabs one runs the engine, and all show the same", async () => {
  const friends = await befriend();
  const second = await openTab(context, world.origin);
  const third = await openTab(context, world.origin);
  const tabs = [friends.tab, second, third];
  expect((await Promise.all(tabs.map(roleOf))).sort()).toEqual(["follower", "follower", "leader"]);
  expect(await sendMany(third, friends.conversationId, 3)).toEqual(allTrue(3));
  for (const tab of tabs) await expectOnce(tab, friends, 3);
  for (const tab of tabs) expect(tab.errors).toEqual([]);
  await stopAll(friends.ben);
});

test("[WB6] the tab that runs the engine is closed while another one sends: nothing is lost or doubled", async () => {
  const friends = await befriend();
  const other = await openTab(context, world.origin);
  expect(await roleOf(other)).toBe("follower");
  const sending = sendMany(other, friends.conversationId, 40);
  await other.page.waitForTimeout(150);
  await friends.tab.page.close();
  expect(await sending).toEqual(allTrue(40));
  // All may have been answered before it was gone.
  await expect.poll(() => roleOf(other), { timeout: 40_000, interval: 100 }).toBe("leader");
  await expectOnce(other, friends, 40);
  await stopAll(friends.ben);
});

test("[WB6] the engine's worker is killed while its own tab sends: nothing is lost or doubled", async () => {
  const friends = await befriend();
  const other = await openTab(context, world.origin);
  const sending = sendMany(friends.tab, friends.conversationId, 40);
  await friends.tab.page.waitForTimeout(150);
  await present(workersOf(friends.tab)[0], "the tab has a worker").evaluate(() => self.close());
  expect(await sending).toEqual(allTrue(40));
  // All may have been answered before it was gone.
  await expect.poll(() => roleOf(other), { timeout: 40_000, interval: 100 }).toBe("leader");
  await expectOnce(friends.tab, friends, 40);
  await stopAll(friends.ben);
});

test("[WB7] the engine's worker hangs: another tab takes over, and the one that wakes up is no second engine", async () => {
  const friends = await befriend();
  const other = await openTab(context, world.origin);
  const worker = present(workersOf(friends.tab)[0], "the tab has a worker");
  // As a computer that sleeps, or a tab that is frozen: no answer, no end, until somebody wakes it.
  const sleep = await holdRequests();
  onTestFinished(sleep.wake);
  const hanging = worker.evaluate((address) => {
    const request = new XMLHttpRequest();
    request.open("GET", address, false);
    try {
      request.send();
    } catch {
      // It was woken: no answer is waited for.
    }
  }, sleep.address);
  await other.page.bringToFront();
  const sending = sendMany(other, friends.conversationId, 10);
  await expect.poll(() => roleOf(other), { timeout: 40_000, interval: 500 }).toBe("leader");
  expect(await sending).toEqual(allTrue(10));
  await sleep.wake();
  await hanging;
  await expectOnce(other, friends, 10);
  await inState(friends.tab, ["ready"]);
  expect((await Promise.all([friends.tab, other].map(roleOf))).sort()).toEqual(["follower", "leader"]);
  // The worker that woke up has let go of its engine, and runs the next one.
  await other.page.close();
  await expect.poll(() => roleOf(friends.tab), { timeout: 40_000, interval: 500 }).toBe("leader");
  expect(await sendMany(friends.tab, friends.conversationId, 1)).toEqual(allTrue(1));
  await stopAll(friends.ben);
});

test("[WB6] [WB7] of eight tabs that send, some are closed or lose their worker at random: nothing is lost or doubled", async () => {
  const friends = await befriend();
  const random = createSeededRandom("eight tabs");
  const tabs = [
    friends.tab,
    ...(await Promise.all(Array.from({ length: 7 }, () => openTab(context, world.origin)))),
  ];
  const answered: string[] = [];
  const asked: string[] = [];
  const open = new Set(tabs);
  const sendFrom = async (tab: Tab, number: number): Promise<void> => {
    for (let count = 1; count <= 8 && open.has(tab); count++) {
      const text = `tab ${number} message ${count}`;
      asked.push(text);
      const sent = await tab
        .world()
        .then((page) =>
          page.evaluate(({ engine }, given) => engine.client.send(given.conversationId, given.text), {
            conversationId: friends.conversationId,
            text,
          }),
        )
        .catch(() => null);
      if (sent?.ok === true) answered.push(text);
      else if (open.has(tab)) throw new Error(`${text} was refused in a tab that is there`);
    }
  };
  const sending = Promise.all(tabs.map((tab, index) => sendFrom(tab, index + 1)));
  const [kept, ...others] = shuffled(tabs, random);
  for (const [index, tab] of others.slice(0, 5).entries()) {
    await present(kept, "a tab stays").page.waitForTimeout(100 + (random.bytes(1)[0] ?? 0));
    if (index % 2 === 1)
      await workersOf(tab)[0]
        ?.evaluate(() => self.close())
        .catch(() => {});
    else {
      open.delete(tab);
      await tab.page.close();
    }
  }
  await sending;
  const last = present(kept, "a tab stays");
  await inState(last, ["ready"]);
  // A call whose tab was closed has no answer: its message is there once, or not at all.
  const atBen = async (): Promise<readonly string[]> => {
    good(await (await last.world()).evaluate(({ engine }) => engine.client.sync()));
    good(await friends.ben.client.sync());
    return textsOf(friends.ben, friends.conversationId);
  };
  await expect
    .poll(async () => answered.filter(missingIn(await atBen())), { timeout: 60_000, interval: 300 })
    .toEqual([]);
  const arrived = await atBen();
  expect(new Set(arrived).size).toBe(arrived.length);
  expect(arrived.filter(missingIn(asked))).toEqual([]);
  expect(answered.length).toBeGreaterThan(24);
  await stopAll(friends.ben);
});

const missingIn = (texts: readonly string[]) => (text: string) => !texts.includes(text);

function shuffled<T>(items: readonly T[], random: Random): readonly T[] {
  const keyed = items.map((item) => ({ item, key: random.bytes(1)[0] ?? 0 }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}
