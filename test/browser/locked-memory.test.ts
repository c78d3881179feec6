/**
 * What a page still holds once its profile is locked: its heap, as the browser writes it out, is searched for words that were
 * in it before. The words go in by the keyboard and by other people alone, since what a test asks a page for is in its heap too.
 */
import type { Page } from "playwright";
import { expect, test } from "vitest";
import { good } from "../support/client-world.ts";
import { createAccount, openSection, useScreenWorld } from "../support/screen-world.ts";
import { textsOf } from "../support/story.ts";

const screens = useScreenWorld();
const SECRET = "plane with the wide mouth";
const WORDS = {
  sent: "wolframite",
  received: "malachite",
  draft: "tourmaline",
  tag: "Rhodochrosite",
} as const;

/** Which of the words are in a string of the page's heap, once its garbage is collected. */
async function heldIn(page: Page): Promise<readonly string[]> {
  const cdp = await page.context().newCDPSession(page);
  const parts: string[] = [];
  cdp.on("HeapProfiler.addHeapSnapshotChunk", ({ chunk }) => void parts.push(chunk));
  await cdp.send("HeapProfiler.enable");
  await cdp.send("HeapProfiler.collectGarbage");
  await cdp.send("HeapProfiler.takeHeapSnapshot", { reportProgress: false });
  await cdp.detach();
  const { strings } = JSON.parse(parts.join("")) as { readonly strings: readonly string[] };
  return Object.values(WORDS).filter((word) => strings.some((one) => one.includes(word)));
}

test("[WB33] a page whose profile is locked holds nothing of what it showed, or of what was written in it and is stored", async () => {
  const nora = await createAccount(await screens.browserOf(), "Nora", { passphrase: SECRET });
  const ben = await screens.friendOf(nora, "ben.heap");
  good(await ben.client.send(ben.conversationId, `${WORDS.received} comes on Friday`));
  good(await ben.client.sync());
  await nora.locator("dt-conversation .m.they").waitFor();

  await openSection(nora, "New tag");
  await nora.getByLabel("New tag").focus();
  await nora.keyboard.insertText(WORDS.tag);
  await nora.keyboard.press("Enter");
  await nora.locator("dt-tags li").first().waitFor();

  await openSection(nora, "Inbox");
  const ida = await screens.friendOf(nora, "ida.heap");
  const field = nora.getByRole("textbox", { name: /^Message to/ });
  await field.focus();
  await nora.keyboard.insertText(WORDS.draft);
  await nora.locator("dt-inbox a.row .pv").getByText("Draft:").waitFor();

  // Left before it is stored: no list is there that could show it.
  await nora.locator("dt-inbox a.row").nth(1).click();
  await field.focus();
  await nora.keyboard.insertText(WORDS.sent);
  await field.evaluate((element) => {
    element.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
    history.pushState({}, "", "#/settings");
    dispatchEvent(new PopStateEvent("popstate", { state: {} }));
  });
  await nora.getByRole("heading", { name: "Settings" }).waitFor();
  const received = async (): Promise<readonly string[]> => {
    good(await ben.client.sync());
    return textsOf(ben, ben.conversationId);
  };
  await expect.poll(received).toContain(WORDS.sent);

  await openSection(nora, "Tags and rules");
  await nora.locator("dt-tags li button").first().click();
  await nora.locator("dt-toast .toast").waitFor();
  await openSection(nora, "Inbox");
  await nora.getByRole("searchbox").focus();
  await nora.keyboard.insertText("comes on");
  await nora.locator("dt-found a.row").first().waitFor();
  expect([...(await heldIn(nora))].sort()).toEqual(Object.values(WORDS).sort());

  const other = await nora.context().newPage();
  await other.goto(screens.origin);
  await openSection(other, "Settings");
  await other.getByRole("button", { name: "Lock now" }).click();
  for (const page of [nora, other]) {
    await page.getByRole("heading", { name: "Locked" }).waitFor();
    expect(await heldIn(page)).toEqual([]);
  }
  good(await ben.client.stop());
  good(await ida.client.stop());
});
