/** Rooms in the app, with the other member on the command line: a process that stays connected, and commands. */
import type { RoomDocumentView } from "@dovetail/core";
import type { Locator, Page } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runHere } from "../support/cli-here.ts";
import { type CliWorld, createCliHome } from "../support/cli-process.ts";
import { ask, bubble, createAccount, useScreenWorld, write } from "../support/screen-world.ts";

const screens = useScreenWorld();
const PATIENCE = { timeout: 30_000, interval: 100 };
let cli: CliWorld;
beforeAll(async () => {
  cli = createCliHome();
  await ben("account", "create", "--server", screens.origin, "--name", "ben", "--device", "desktop");
  // One process stays connected; the commands are its guests.
  await cli.start("ben", ["sync", "--watch", "--json"], true).line((text) => text.includes("online"));
});
afterAll(() => cli.close());

async function ben(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await runHere(cli.home, "ben", [...args, "--json"]);
  if (exitCode !== 0) throw new Error(`${args.join(" ")}: ${stderr}`);
  return JSON.parse(stdout);
}

/** What Ben's command line shows of a room. */
async function roomAtBen(name: string) {
  const { room } = await ben("room", "show", name);
  return room as {
    readonly state: string;
    readonly lifetimeMs: number | null;
    readonly history: { readonly days: number | null } | null;
    readonly members: readonly { readonly name: string; readonly role: string }[];
  };
}

/** How far the name in a button stands from the words before it, their own space not counted. */
function gapBeforeNamePx(button: Locator): Promise<number> {
  return button.evaluate((element) => {
    const name = element.querySelector("bdi");
    const words = document.createRange();
    words.selectNodeContents(element);
    if (name !== null) words.setEndBefore(name);
    const wordsPx = Math.max(...[...words.getClientRects()].map(({ left, width }) => left + width));
    return (name?.getBoundingClientRect().left ?? Number.POSITIVE_INFINITY) - wordsPx;
  });
}

/** Ben accepts who has asked him, once that has come. */
async function acceptAtBen(name: string): Promise<void> {
  const names = async (): Promise<readonly string[]> =>
    (await ben("contact", "list")).contacts.map((contact: { readonly name: string }) => contact.name);
  await expect.poll(names, PATIENCE).toContain(name);
  await ben("contact", "accept", name);
}

async function textsAtBen(name: string): Promise<readonly string[]> {
  const { messages } = await ben("inbox", "show", name);
  return messages.map(({ text }: { readonly text: string }) => text);
}

const line = (page: Page, text: string) => page.locator("dt-conversation .ev").filter({ hasText: text });
const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

/** Nora in a browser and Ben on the command line have accepted each other. */
async function noraKnowsBen(name = "Nora"): Promise<Page> {
  const nora = await createAccount(await screens.browserOf(), name);
  const { link } = await ben("contact", "link");
  await ask(nora, link, "Hello Ben.");
  await acceptAtBen(name);
  await nora.getByText("Sent. Waiting").or(nora.getByText("Delivered")).first().waitFor();
  return nora;
}

async function make(nora: Page, form: "Note" | "List", title: string): Promise<void> {
  await button(nora, "Make a note or list").click();
  await nora.getByLabel("Title").fill(title);
  await nora.getByRole("radio", { name: form }).check();
  await button(nora, "Make it").click();
  await nora.getByRole("heading", { name: title }).waitFor();
}

const noteRow = (page: Page, title: string) => page.locator("dt-room-notes a.row", { hasText: title });
const item = (page: Page, name: string) => page.getByRole("checkbox", { name, exact: true });
const UNSENT = "Kept here until the server answers";

/** A note and a list of a room, written here and by Ben: at once, and apart without a server. */
async function writeTogether(nora: Page, room: string): Promise<void> {
  const note = (command: string, ...args: readonly string[]) => ben("room", "note", command, room, ...args);
  /** What Ben has of both, in one question. */
  const atBen = async () => {
    const { notes } = await note("list");
    // The oldest first.
    return (notes as readonly RoomDocumentView[]).map(({ form, text, items }) =>
      form === "note" ? text : items.map((one) => [one.text, one.isDone]),
    );
  };
  await button(nora, "Notes").click();
  await nora.getByText("Nothing is written together here yet.").waitFor();
  await make(nora, "Note", "Watering");
  await nora.keyboard.type("Every evening");
  await button(nora, "Back").click();
  await make(nora, "List", "Seeds");
  for (const name of ["Beans", "Peas", "Beets"]) {
    await nora.keyboard.type(name);
    await nora.keyboard.press("Enter");
    await item(nora, name).waitFor();
  }
  await item(nora, "Beans").press("Space");
  const begun = [
    ["Beans", true],
    ["Peas", false],
    ["Beets", false],
  ];
  await expect.poll(atBen, PATIENCE).toEqual(["Every evening", begun]);

  // What Ben writes comes in around the caret, which stays beside what it stood beside.
  await nora.keyboard.press("Escape");
  await noteRow(nora, "Watering").click();
  const field = nora.getByRole("textbox", { name: /^Text of/ });
  await field.press("Control+End");
  for (let step = 0; step < " evening".length; step += 1) await nora.keyboard.press("ArrowLeft");
  await note("write", "Watering", "In May: Every evening\n<b>Not in the rain</b>");
  await expect.poll(() => field.inputValue(), PATIENCE).toBe("In May: Every evening\n<b>Not in the rain</b>");
  await nora.keyboard.type(" warm");
  await nora.keyboard.press("Escape");
  await nora.keyboard.press("Escape");

  // Apart.
  await screens.stopServer();
  await note("check", "Seeds", "Peas");
  await note("append", "Watering", "Ask Lea");
  await noteRow(nora, "Seeds").click();
  await nora.getByRole("button", { name: /^Change .*Peas/ }).click();
  await nora.keyboard.type(" and more peas");
  await nora.keyboard.press("Enter");
  await item(nora, "Peas and more peas").waitFor();
  // The offer to undo goes after a while.
  await Promise.all([button(nora, "Undo").click(), item(nora, "Beans").press("Delete")]);
  await item(nora, "Beans").and(nora.locator(":checked")).waitFor();
  await nora.getByRole("button", { name: /^Take .*Beets/ }).click();
  await item(nora, "Beets").waitFor({ state: "detached" });
  await nora.getByText(UNSENT).waitFor();
  await nora.keyboard.press("Escape");
  await noteRow(nora, "Watering").click();
  await field.press("Control+Home");
  await nora.keyboard.type("June: ");
  await nora.getByText(UNSENT).waitFor();
  await screens.startServer();
  // Both at once, not after the pause between attempts.
  await nora.evaluate(() => dispatchEvent(new Event("online")));
  await ben("sync");
  const apart = "June: In May: Every warm evening\n<b>Not in the rain</b>\nAsk Lea";
  await expect.poll(() => field.inputValue(), PATIENCE).toBe(apart);
  await nora.getByText(UNSENT).waitFor({ state: "detached" });
  const items = [
    ["Beans", true],
    ["Peas and more peas", true],
  ];
  await expect.poll(atBen, PATIENCE).toEqual([apart, items]);
  await button(nora, "Back").click();
  await noteRow(nora, "Seeds").click();
  await item(nora, "Peas and more peas").and(nora.locator(":checked")).waitFor();
  const rows = nora.locator("dt-note-items li");
  expect(
    await rows.evaluateAll((all) =>
      all.map((one) => [one.querySelector(".t")?.textContent, one.querySelector("input")?.checked]),
    ),
  ).toEqual(items);

  // Taken away for everybody, after a question; Escape closes the question and nothing under it.
  await button(nora, "Details").click();
  await button(nora, "Take it away").click();
  await nora.getByText("goes away for everybody in the room").waitFor();
  await nora.keyboard.press("Escape");
  await nora.getByRole("heading", { name: "Seeds" }).waitFor();
  await button(nora, "Details").click();
  await nora.getByLabel("Title").fill("Seeds for spring");
  await button(nora, "Save").click();
  await nora.getByRole("heading", { name: "Seeds for spring" }).waitFor();
  await button(nora, "Details").click();
  await button(nora, "Take it away").click();
  await button(nora, "Take it away for everybody").click();
  await noteRow(nora, "Seeds").waitFor({ state: "detached" });
  await button(nora, "Back").click();
}

test("a room is made here, the other joins on the command line, and both write, also notes and lists at once and apart, rule, rename and leave", async () => {
  const nora = await noraKnowsBen();
  await button(nora, "New message").click();
  await button(nora, "Make a room").click();
  await nora.getByLabel("Name of the room").fill("Garden");
  await nora.getByRole("checkbox", { name: "ben" }).check();
  await button(nora, "Make the room").click();
  await line(nora, "You made this room").waitFor();
  await line(nora, "You let ben in").waitFor();
  await expect.poll(async () => (await ben("room", "list")).rooms.length, PATIENCE).toBe(1);
  await ben("room", "accept", "Garden");
  await ben("send", "Garden", "The rake is at mine.");
  await bubble(nora, "The rake is at mine.").waitFor();
  expect(await nora.locator("dt-conversation .by").textContent()).toBe("ben");
  await write(nora, "Bring it at ten.");
  await nora.locator("dt-conversation .st", { hasText: "Sent" }).waitFor();
  await expect
    .poll(() => textsAtBen("Garden"), PATIENCE)
    .toEqual(["The rake is at mine.", "Bring it at ten."]);
  await writeTogether(nora, "Garden");

  // What Ben may do, and that nobody is shown what he writes.
  await button(nora, "Details").click();
  await nora.getByRole("button", { name: /^Change what .*ben/ }).click();
  await nora.getByLabel(/^Role of/).selectOption("moderator");
  await nora.locator("dt-room-member", { hasText: "ben" }).getByText("moderator").first().waitFor();
  await nora.getByRole("button", { name: /^Change what .*ben/ }).click();
  // The room itself has such a button too: for its notices.
  await nora
    .locator("dt-room-member", { hasText: "ben" })
    .getByRole("button", { name: "Mute", exact: true })
    .click();
  await nora.locator("dt-room-member", { hasText: "ben" }).getByText("muted until").waitFor();
  await nora.getByLabel("Name of the room").fill("Orchard");
  await nora.getByLabel("What it is for").fill("Trees and tools");
  await nora.locator("dt-room-info").getByRole("button", { name: "Save" }).click();
  await nora.getByRole("dialog").getByRole("heading", { name: "Orchard" }).waitFor();
  await nora.getByLabel("How long messages stay").selectOption("1 week");
  await button(nora, "Set the time").click();
  await nora.getByText("Messages go 1 week after they were written.").waitFor();
  await expect.poll(async () => (await roomAtBen("Orchard")).lifetimeMs, PATIENCE).toBe(7 * 86_400_000);
  await nora.getByLabel("What people see who come later").selectOption("the last 7 days");
  await button(nora, "Set what they see").click();
  await nora.getByText("Who comes later sees the last 7 days.").waitFor();
  await expect.poll(async () => (await roomAtBen("Orchard")).history, PATIENCE).toEqual({ days: 7 });
  await expect
    .poll(async () => (await roomAtBen("Orchard")).members, PATIENCE)
    .toContainEqual(expect.objectContaining({ name: "ben", role: "moderator" }));

  // Removed with confirmation; what was is told between the messages.
  await nora.getByRole("button", { name: /^Change what .*ben/ }).click();
  await button(nora, "Remove").click();
  await nora.getByText("What is written from now on ben cannot read.").waitFor();
  const remove = nora.getByRole("button", { name: /^Remove .*ben/ });
  expect(await gapBeforeNamePx(remove)).toBeLessThan(1);
  await remove.click();
  await nora.locator("dt-room-member", { hasText: "ben" }).waitFor({ state: "detached" });
  await nora.keyboard.press("Escape");
  await nora.getByText("messages go after 1 week").waitFor();
  for (const words of [
    "ben is moderator now",
    "You muted ben",
    "You named this room Orchard",
    "You let messages go 1 week after they are written, from here on",
    "You let people who come later see the last 7 days, from here on",
    "You removed ben",
  ])
    await line(nora, words).waitFor();
  await expect.poll(async () => (await roomAtBen("Orchard")).state, PATIENCE).toBe("removed");
});

test("an invitation waits in the inbox and is accepted; messages are taken back and deleted; the room is left", async () => {
  const nora = await createAccount(await screens.browserOf({ width: 390, height: 844 }), "Nora Two");
  const { link } = await ben("contact", "link");
  await ask(nora, link, "Hello again.");
  await acceptAtBen("Nora Two");
  await ben("room", "create", "Choir");
  await ben("room", "history", "Choir", "all");
  await ben("send", "Choir", "Of before.");
  await ben("room", "invite", "Choir", "Nora Two");
  await nora.getByRole("button", { name: "Back" }).click();
  await nora.getByText("One room waits for your answer").click();
  await nora.locator("dt-inbox a.row", { hasText: "Choir" }).click();
  await nora.getByText("ben let you into this room.").waitFor();
  await nora.getByText("You would see everything since that was allowed.").waitFor();
  await button(nora, "Join").click();
  await bubble(nora, "Of before.").waitFor();
  await write(nora, "La.");
  await expect.poll(() => textsAtBen("Choir"), PATIENCE).toEqual(["Of before.", "La."]);
  // Taken back for everyone, deleted for oneself, and all that is left deleted.
  await bubble(nora, "La.").click();
  await button(nora, "Delete").click();
  await nora.getByText("What they have read, copied or saved elsewhere stays with them").waitFor();
  await button(nora, "Take back for everyone").click();
  await bubble(nora, "Message taken back").waitFor();
  await expect.poll(() => textsAtBen("Choir"), PATIENCE).toEqual(["Of before.", ""]);
  await ben("send", "Choir", "Do re mi.");
  await bubble(nora, "Do re mi.").click();
  await button(nora, "Delete").click();
  expect(await button(nora, "Take back for everyone").count()).toBe(0);
  await button(nora, "Delete for me").click();
  await bubble(nora, "Do re mi.").waitFor({ state: "detached" });
  await button(nora, "Details").click();
  await button(nora, "Delete the conversation").click();
  await nora.getByText("You stay in").waitFor();
  // The button that was pressed is gone: what has the focus now destroys nothing.
  await expect.poll(() => focusedIn(nora), PATIENCE).toBe("Cancel");
  await button(nora, "Delete 2 messages").click();
  await bubble(nora, "Message taken back").waitFor({ state: "detached" });
  expect(await textsAtBen("Choir")).toEqual(["Of before.", "", "Do re mi."]);
  expect(await nora.getByRole("button", { name: /^Change what .*ben/ }).count()).toBe(0);
  await button(nora, "Leave the room").click();
  await nora.getByText("You leave with all your devices.").waitFor();
  await expect.poll(() => focusedIn(nora), PATIENCE).toBe("Cancel");
  await nora.getByRole("button", { name: /^Leave .*Choir/ }).click();
  await nora.getByText("You left this room.").waitFor();
  expect(await nora.locator("dt-composer").count()).toBe(0);
  await expect.poll(async () => (await roomAtBen("Choir")).members.length, PATIENCE).toBe(1);
});

test("[RM31] [RM32] people come in by a link made here, and by one pasted here; one that has ended is not shown any more", async () => {
  const nora = await noraKnowsBen("Nora Three");
  await button(nora, "New message").click();
  await button(nora, "Make a room").click();
  await nora.getByLabel("Name of the room").fill("Workshop");
  await button(nora, "Make the room").click();
  await line(nora, "You made this room").waitFor();
  await button(nora, "Details").click();
  const links = nora.locator("dt-room-links");
  await links.getByRole("button", { name: "Make a link" }).click();
  const code = await links.getByLabel("Link into this room").textContent();
  expect(await links.locator("dt-qr").evaluate((qr) => Reflect.get(qr, "text"))).toBe(code);
  await links.getByText(/^Until \w+day \d+ \w+, \d\d:\d\d, for one person$/).waitFor();
  await ben("room", "join", code ?? "");
  await nora.locator("dt-room-member", { hasText: "ben" }).waitFor();
  // For one person, who is in.
  await links.getByText("Until").waitFor({ state: "detached" });
  await links.getByLabel("For how many people").fill("3");
  await links.getByRole("button", { name: "Make a link" }).click();
  await links.getByText("used by 0 of 3 people").waitFor();
  await links.getByRole("button", { name: "End it" }).click();
  await links.getByText("Until").waitFor({ state: "detached" });
  // What has happened is said over the sheet, where it can be closed; what is said as the sheet goes, stays.
  const toast = nora.locator(".toast", { hasText: "It lets nobody in any more." });
  await toast.getByRole("button", { name: "Close" }).click();
  await toast.waitFor({ state: "detached" });
  await nora.getByLabel("How long messages stay").selectOption("1 day");
  await button(nora, "Set the time").click();
  const set = nora.locator(".toast", { hasText: "Set. It holds for what is written once the room has it." });
  await set.waitFor();
  await nora.keyboard.press("Escape");
  await nora.locator("dialog").waitFor({ state: "detached" });
  await set.waitFor();

  await ben("room", "create", "Attic");
  const made = await ben("room", "link", "Attic");
  await button(nora, "New message").click();
  await nora.getByLabel("Contact link or handle").fill(made.link.code);
  await nora.getByText("This is a link into a room.").waitFor();
  await button(nora, "Ask to come in").click();
  await nora.locator("dt-inbox a.row", { hasText: "Attic" }).click();
  await write(nora, "Here by the link.");
  await expect.poll(() => textsAtBen("Attic"), PATIENCE).toEqual(["Here by the link."]);
});

/** What the element says that has the focus. */
function focusedIn(page: Page): Promise<string> {
  return page.evaluate(() => {
    let active: Element | null = document.activeElement;
    while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
    return active?.textContent?.trim() ?? "";
  });
}
