/** A browser that is killed in the middle of writing: what it had confirmed is there when it is started again, once. */
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import {
  type BrowserWorld,
  befriendTab,
  inState,
  openBrowserWorld,
  openTab,
  type Tab,
} from "../support/browser-world.ts";
import { engineReady, good } from "../support/client-world.ts";
import { startMortalChromium } from "../support/killed-chromium.ts";
import { stopAll, textsOf } from "../support/story.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const KILLS = 3;
/** So many are confirmed at least before each kill. */
const CONFIRMED = 8;
/** So many are on their way to the disk at any moment. */
const AT_ONCE = 16;

let world: BrowserWorld;
beforeAll(async () => {
  await engineReady();
  world = await openBrowserWorld();
});
afterAll(() => world.close());

/** Writes as fast as it can, without end; tells each text that was confirmed as soon as it was. */
async function beginWriting(tab: Tab, conversationId: string, round: number): Promise<void> {
  await (await tab.world()).evaluate(
    ({ engine }, given) => {
      const write = async (writer: number): Promise<void> => {
        for (let number = 0; ; number++) {
          const text = `${given.round}.${writer}.${number}`;
          const id = given.conversationId as Parameters<typeof engine.client.send>[0];
          const sent = await engine.client.send(id, text);
          if (sent.ok) console.log(`confirmed ${text}`);
        }
      };
      for (let writer = 0; writer < given.count; writer++) void write(writer);
    },
    { conversationId, round, count: AT_ONCE },
  );
}

test("[WB1] a browser that is killed in the middle of writing has all it confirmed when it is started again, and the other side has it once", async () => {
  const folder = createTemporaryFolder();
  let browser = await startMortalChromium(folder.path);
  onTestFinished(async () => {
    await browser.context.close();
    folder.discard();
  });
  const { tab: first, ben, conversationId } = await befriendTab(browser.context, world.origin);
  const confirmed: string[] = [];
  let tab = first;
  for (let round = 0; round < KILLS; round++) {
    const enough = Promise.withResolvers<void>();
    const before = confirmed.length;
    tab.page.on("console", (message) => {
      const [word, text] = message.text().split(" ");
      if (word !== "confirmed" || text === undefined) return;
      confirmed.push(text);
      if (confirmed.length - before === CONFIRMED) enough.resolve();
    });
    await beginWriting(tab, conversationId, round);
    await enough.promise;
    await browser.kill();
    browser = await startMortalChromium(folder.path);
    tab = await openTab(browser.context, world.origin);
    await inState(tab, ["ready"]);
    const page = good(
      await (await tab.world()).evaluate(
        ({ engine }, id) => engine.client.messages(id, { limit: 100_000 }),
        conversationId,
      ),
    );
    const texts = page.messages.map(({ text }) => text);
    expect(new Set(texts).size).toBe(texts.length);
    expect(texts).toEqual(expect.arrayContaining(confirmed));
  }
  await expect
    .poll(async () => {
      good(await ben.client.sync());
      const page = good(
        await (await tab.world()).evaluate(
          ({ engine }, id) => engine.client.messages(id, { limit: 100_000 }),
          conversationId,
        ),
      );
      const texts = page.messages.map(({ text }) => text).reverse();
      const received = await textsOf(ben, conversationId);
      return received.length === texts.length && received.every((text, index) => text === texts[index]);
    })
    .toBe(true);
  expect(await textsOf(ben, conversationId)).toEqual(expect.arrayContaining(confirmed));
  await stopAll(ben);
});
