/** The lists of conversations and messages: unread, drafts, starred, archive, and from a row to its message. */
import type { Client } from "@dovetail/core";
import { expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import type { ConversationId } from "../../core/base/ids.ts";
import { good } from "../support/client-world.ts";
import {
  bubble,
  createAccount,
  DESKTOP,
  linkedToPage,
  openSection,
  PHONE,
  useScreenWorld,
} from "../support/screen-world.ts";

const screens = useScreenWorld();
const { friendOf } = screens;

async function say(
  client: Client,
  conversationId: ConversationId,
  ...texts: readonly string[]
): Promise<void> {
  for (const text of texts) good(await client.send(conversationId, text));
  good(await client.sync());
}

test("unread shows what is new, and what is being read stays until one leaves it", async () => {
  const nora = await createAccount(await screens.browserOf(), "Nora");
  const ben = await friendOf(nora, "ben.unread");
  const carla = await friendOf(nora, "carla.unread");
  await say(carla.client, carla.conversationId, "Read at once.");
  await bubble(nora, "Read at once.").waitFor();
  await nora.keyboard.press("Escape");
  await nora.keyboard.press("Escape");
  await say(ben.client, ben.conversationId, "Not read.");
  const rows = nora.locator("dt-inbox a.row");
  await rows.filter({ hasText: "1 unread" }).waitFor();
  await nora.getByRole("button", { name: "Unread" }).click();
  expect(await rows.allTextContents()).toHaveLength(1);
  await rows.click();
  await bubble(nora, "Not read.").waitFor();
  await nora.locator("dt-inbox .cnt").waitFor({ state: "detached" });
  expect(await rows.count()).toBe(1);
  await nora.keyboard.press("Escape");
  await nora.keyboard.press("Escape");
  await nora.getByText("Everything here is read.").waitFor();
  await nora.getByRole("button", { name: "Show all" }).click();
  expect(await rows.count()).toBe(2);
  // From one to the next by keys, which go on from there and are not typed; at an end there is nowhere to go, nor back from.
  await rows.first().click();
  await nora.locator("dt-conversation h2").click();
  const steps = await nora.evaluate(() => history.length);
  for (const [key, at] of [
    ["]", 1],
    ["]", 1],
    ["[", 0],
    ["[", 0],
  ] as const) {
    await nora.keyboard.press(key);
    await rows.nth(at).and(nora.locator("[aria-current]")).waitFor();
  }
  expect(await nora.evaluate(() => history.length)).toBe(steps + 2);
  good(await ben.client.stop());
  good(await carla.client.stop());
});

test.each([
  ["a desktop", DESKTOP],
  ["a phone", PHONE],
] as const)(
  "on %s a message is starred, found among the starred however old, and the star taken back",
  async (_kind, viewport) => {
    const nora = await createAccount(await screens.browserOf(viewport), "Nora");
    const ben = await friendOf(nora, `ben.star.${viewport.width}`);
    const many = Array.from({ length: 130 }, (_, i) => `Line ${i}.`);
    await say(ben.client, ben.conversationId, "The plane with the wide mouth.", ...many);
    await bubble(nora, "Line 129.").waitFor();
    await say(ben.client, ben.conversationId, "Bring clamps.");
    await bubble(nora, "Bring clamps.").click();
    await nora.getByRole("button", { name: "Star", exact: true }).click();
    await nora.getByRole("button", { name: "Remove the star" }).waitFor();
    const log = nora.locator("dt-conversation .log");
    await expect
      .poll(
        async () => {
          await log.evaluate((element) => element.scrollTo(0, 0));
          return bubble(nora, "The plane with the wide mouth.").count();
        },
        { timeout: 20_000 },
      )
      .toBe(1);
    await bubble(nora, "The plane with the wide mouth.").click();
    await nora.getByRole("button", { name: "Star", exact: true }).click();
    await nora.locator("dt-conversation .m .starred").first().waitFor();
    if (viewport === PHONE) await nora.getByRole("button", { name: "Back" }).click();
    else await nora.reload();
    await nora.getByRole("link", { name: "Starred", exact: true }).click();
    const rows = nora.locator("dt-starred a.row");
    await rows.nth(1).waitFor();
    expect(await rows.locator(".hit").allTextContents()).toEqual([
      expect.stringContaining("Bring clamps."),
      expect.stringContaining("The plane with the wide mouth."),
    ]);
    await rows.nth(1).click();
    await nora.locator("dt-conversation .m.found", { hasText: "The plane" }).waitFor();
    expect(await nora.locator("dt-conversation .m.found").boundingBox()).toMatchObject({
      y: expect.any(Number),
    });
    await expect
      .poll(() =>
        nora.evaluate(() => {
          let active: Element | null = document.activeElement;
          while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
          return active?.textContent?.includes("The plane") ?? false;
        }),
      )
      .toBe(true);
    if (viewport === PHONE) await nora.getByRole("button", { name: "Back" }).click();
    await nora
      .locator("dt-starred li", { hasText: "Bring clamps." })
      .getByRole("button", { name: "Remove the star" })
      .click();
    await expect.poll(() => rows.count()).toBe(1);
    await nora.getByRole("button", { name: "Undo" }).click();
    await expect.poll(() => rows.count()).toBe(2);
    good(await ben.client.stop());
  },
);

test("a draft stands under Drafts until it is sent; a conversation goes to the archive and comes back", async () => {
  const nora = await createAccount(await screens.browserOf(), "Nora");
  const ben = await friendOf(nora, "ben.boxes");
  await nora.getByRole("textbox", { name: /^Message to/ }).fill("About the flat");
  await nora.getByRole("link", { name: /^Drafts/ }).click();
  await nora.locator("dt-inbox a.row .pv", { hasText: "About the flat" }).waitFor();
  await nora.getByRole("link", { name: /^Inbox/ }).click();
  await nora.locator("dt-inbox a.row").click();
  await nora.locator("dt-conversation h2").click();
  await nora.keyboard.press("a");
  await nora.getByText("Archived.").waitFor();
  await nora.getByText("Nobody here yet.").waitFor();
  await openSection(nora, "Archive");
  await nora.locator("dt-inbox a.row").click();
  await nora.getByRole("button", { name: "Details" }).click();
  await nora.getByRole("button", { name: "Back to the inbox" }).click();
  await nora.keyboard.press("Escape");
  await nora.getByText("Nothing is archived.").waitFor();
  good(await ben.client.stop());
});

test("a muted conversation is listed and counts nowhere, by key and by button, on every device, until it is unmuted", async () => {
  const nora = await createAccount(await screens.browserOf(), "Nora");
  const ben = await friendOf(nora, "ben.mutes");
  const row = nora.locator("dt-inbox a.row");
  const counted = nora.locator("dt-nav").getByText(/conversations? with new messages/);
  await nora.locator("dt-conversation h2").click();
  await nora.keyboard.press("m");
  await nora.getByText("is muted.").waitFor();
  await row.getByText("Muted", { exact: true }).waitFor();
  const tablet = await linkedToPage(nora);
  good(await tablet.client.sync());
  expect(good(await tablet.client.conversations())).toMatchObject([{ isMuted: true }]);
  await say(ben.client, ben.conversationId, "Not urgent.");
  await row.waitFor({ state: "detached" });
  await openSection(nora, "Inbox");
  await row.getByText("1 unread").waitFor();
  expect(await counted.count()).toBe(0);
  const [conversation] = good(await tablet.client.conversations());
  good(await tablet.client.setMuted(present(conversation, "Ben").id, false));
  good(await tablet.client.sync());
  await counted.first().waitFor({ state: "attached" });
  await row.getByText("Muted", { exact: true }).waitFor({ state: "detached" });
  await row.click();
  await nora.getByRole("button", { name: "Details" }).click();
  await nora.getByRole("button", { name: "Mute", exact: true }).click();
  await nora.getByText("Muted on all your devices until you unmute it").waitFor();
  await nora.getByRole("dialog").getByRole("button", { name: "Undo" }).click();
  await nora.getByRole("button", { name: "Mute", exact: true }).waitFor();
  good(await tablet.client.stop());
  good(await ben.client.stop());
});

test("a tag is made, a rule puts who writes under it, its list shows them alone, and both go again", async () => {
  const nora = await createAccount(await screens.browserOf(), "Nora");
  const ben = await friendOf(nora, "ben.tags");
  const carla = await friendOf(nora, "carla.tags");
  await nora.getByRole("link", { name: "New tag" }).click();
  await nora.getByLabel("New tag").fill("Choir");
  await nora.getByRole("button", { name: "Add", exact: true }).click();
  await nora.getByLabel("Sender").selectOption({ label: "ben.tags" });
  await nora.getByLabel("Tag", { exact: true }).selectOption({ label: "Choir" });
  await nora.getByRole("button", { name: "Add rule" }).click();
  await nora.getByText("Messages of ben.tags go under Choir").waitFor();
  await say(carla.client, carla.conversationId, "Of no tag.");
  await say(ben.client, ben.conversationId, "Pencils on Monday.");
  await nora
    .locator("dt-nav")
    .getByRole("link", { name: /^Choir/ })
    .click();
  const rows = nora.locator("dt-inbox a.row");
  await rows.filter({ hasText: "Pencils on Monday." }).waitFor();
  expect(await rows.count()).toBe(1);
  await nora.evaluate(() => {
    location.hash = "#/tags";
  });
  await nora.getByRole("button", { name: /^Delete the rule for .*ben\.tags/ }).click();
  await nora.getByText("Messages of ben.tags go under Choir").waitFor({ state: "detached" });
  await nora.getByRole("button", { name: "Undo" }).click();
  await nora.getByText("Messages of ben.tags go under Choir").waitFor();
  await nora.getByRole("button", { name: /^Delete tag .*Choir/ }).click();
  await nora.getByText("No tags yet.").waitFor();
  await nora
    .locator("dt-nav")
    .getByRole("link", { name: /^Choir/ })
    .waitFor({ state: "detached" });
  good(await ben.client.stop());
  good(await carla.client.stop());
});

test("a theme, shortcuts of one letter and the name of a device are chosen, and kept; motion stops for whom it is too much", async () => {
  const nora = await createAccount(await screens.browserOf(), "Nora");
  const ground = () => nora.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await openSection(nora, "Settings");
  await nora.getByLabel("Dark").check();
  const dark = await ground();
  expect(dark).not.toBe(light);
  await nora.getByLabel("Single letters are shortcuts").uncheck();
  await nora.reload();
  await nora.getByRole("heading", { name: "Settings" }).waitFor();
  expect(await ground()).toBe(dark);
  await nora.keyboard.press("g");
  await nora.keyboard.press("p");
  expect(nora.url()).toBe(`${screens.origin}/#/settings`);
  await nora.getByLabel("Single letters are shortcuts").check();
  await nora.getByRole("heading", { name: "Settings" }).click();
  await nora.keyboard.press("g");
  await nora.keyboard.press("d");
  await nora.locator("dt-devices .row").click();
  await nora.getByLabel("Name of this device").fill("Workshop laptop");
  await nora.getByRole("button", { name: "Rename" }).click();
  await nora.locator("dt-devices .row", { hasText: "Workshop laptop" }).waitFor();
  const closing = () =>
    nora.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue("--joint-close").trim());
  expect(await closing()).toBe("0ms");
  await nora.emulateMedia({ reducedMotion: "no-preference" });
  expect(await closing()).toBe("400ms");
});
