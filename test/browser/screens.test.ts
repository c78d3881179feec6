/** The screens, as built and served, used by people: two browsers meet, link, answer requests, and receive what attacks. */
import type { Page } from "playwright";
import { expect, test } from "vitest";
import type { Engine } from "../../app/engine/engine.ts";
import { present } from "../../core/base/assert.ts";
import { idFromBytes } from "../../core/base/ids.ts";
import { type FileContact, formatContactsFile } from "../../core/messenger/exported/contacts-file.ts";
import { DISPLAY_NAME_BYTES_MAX, MESSAGE_TEXT_BYTES_MAX } from "../../core/base/limits.ts";
import { ok } from "../../core/base/result.ts";
import { good, newAccount } from "../support/client-world.ts";
import {
  acceptRequest,
  ask,
  bubble,
  contactLinkOf,
  createAccount,
  linkedToPage,
  openSection,
  PHONE,
  useScreenWorld,
  write,
} from "../support/screen-world.ts";
import { reopened, textsOf, requestAt } from "../support/story.ts";
import { vectorSet } from "../support/vector-set.ts";

const screens = useScreenWorld();
const { browserOf, friendOf, friends } = screens;

test("from an empty browser to the first message and its answer, and the field is empty after sending", async () => {
  const { nora, ines } = await friends();
  await write(nora, "Good. Saturday at ten?");
  await bubble(ines, "Good. Saturday at ten?").waitFor();
  await write(ines, "Ten is fine.");
  await bubble(nora, "Ten is fine.").waitFor();
  await nora.locator("dt-conversation .st", { hasText: "Delivered" }).waitFor();
  expect(await nora.getByRole("textbox", { name: /^Message to/ }).inputValue()).toBe("");
  expect(nora.url()).toBe(`${screens.origin}/#/inbox`);
});

test("what is sent stands in the log within a frame, before it is stored, and once", async () => {
  const nora = await createAccount(await browserOf(), "Nora");
  const ben = await newAccount(screens.origin, "ben.echo");
  good(await ben.client.sync());
  await ask(nora, good(await ben.client.contactLink()), "Hello Ben.");
  const field = nora.getByRole("textbox", { name: /^Message to/ });
  await field.fill("At once");
  const shown = await field.evaluate(async (element) => {
    element.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
    await new Promise((resolve) => setTimeout(resolve, 0));
    const log = (element.getRootNode() as ShadowRoot).host.parentNode?.querySelector(".log");
    return log?.querySelector(".echo")?.textContent?.trim().replace(/\s+/g, " ") ?? null;
  });
  expect(shown).toMatch(/^At once ?\d\d:\d\d Being kept$/);
  await nora.locator("dt-conversation .row .m .t", { hasText: "At once" }).waitFor();
  await nora.locator("dt-conversation .echo").waitFor({ state: "detached" });
  expect(await bubble(nora, "At once").count()).toBe(1);
  good(await ben.client.stop());
});

/** What a screen reader is told in the open conversation, without the marks around names and texts. */
async function announced(page: Page): Promise<string> {
  const region = page.locator('dt-conversation p[role="status"][aria-live="polite"]');
  return ((await region.textContent()) ?? "").replace(/[\u2068\u2069]/g, "");
}

test("what arrives in a conversation that is looked at is read, and its row counts nothing", async () => {
  const ines = await createAccount(await browserOf(PHONE), "Ines");
  const { client, conversationId } = await friendOf(ines, "nora.reads");
  good(await client.send(conversationId, "Bring the plane."));
  good(await client.sync());
  await bubble(ines, "Bring the plane.").waitFor();
  // The name may come after the message.
  await expect.poll(() => announced(ines)).toBe("nora.reads: Bring the plane.");
  await ines.getByRole("button", { name: "Back" }).click();
  await ines.locator("dt-inbox a.row").waitFor();
  await ines.locator("dt-inbox a.row .cnt").waitFor({ state: "detached", timeout: 5_000 });
  good(await client.stop());
});

test("without a server one is told since when, what is written waits and says so, and goes once the server is back", async () => {
  const nora = await createAccount(await browserOf(), "Nora");
  const ines = await friendOf(nora, "ines.waits");
  await screens.stopServer();
  await nora.getByText(/^No server since .*\d\d:\d\d.* You can keep writing\.$/).waitFor();
  await write(nora, "Kept meanwhile.");
  await nora
    .locator("dt-conversation .st", { hasText: "Kept here, sends when the server answers" })
    .waitFor();
  await screens.startServer();
  await nora.evaluate(() => window.dispatchEvent(new Event("online")));
  await nora.locator("dt-conversation .st", { hasText: /Sent|Delivered/ }).waitFor();
  await nora.getByText("No server since").waitFor({ state: "detached" });
  await expect
    .poll(async () => {
      await ines.client.sync();
      return textsOf(ines, ines.conversationId);
    })
    .toContain("Kept meanwhile.");
  good(await ines.client.stop());
});

test("a message that finds the conversation closed says so, and offers no second attempt", async () => {
  const nora = await createAccount(await browserOf(), "Nora");
  const ben = await newAccount(screens.origin, "ben.closes");
  good(await ben.client.sync());
  await ask(nora, good(await ben.client.contactLink()), "The boards are in.");
  const accountId = await requestAt(ben.client);
  const { conversationId } = good(await ben.client.acceptContact(accountId));
  good(await ben.client.send(conversationId, "Thank you."));
  good(await ben.client.sync());
  await bubble(nora, "Thank you.").waitFor();
  good(await ben.client.blockContact(accountId));
  good(await ben.client.sync());
  await write(nora, "Are you there?");
  const line = nora.locator("dt-conversation .st.bad");
  await line.waitFor();
  expect(await announced(nora)).toBe("Not sent: Are you there?");
  expect(await line.locator("span").textContent()).toBe(
    "Not sent: the other side closed this conversation. It is kept here.",
  );
  expect(await line.getByRole("button").allTextContents()).toEqual(["Copy", "Delete"]);
  await nora.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await line.getByRole("button", { name: "Copy" }).click();
  await expect.poll(() => nora.evaluate(() => navigator.clipboard.readText())).toBe("Are you there?");
  await line.getByRole("button", { name: "Delete" }).click();
  await nora.locator("dt-delete-message").getByRole("button", { name: "Delete for me" }).click();
  await line.waitFor({ state: "detached" });
  expect(await bubble(nora, "Are you there?").count()).toBe(0);
  expect(await bubble(nora, "Thank you.").count()).toBe(1);
  good(await ben.client.stop());
});

test("a message that the server refuses says so where it stands, and goes when it is sent again", async () => {
  const nora = await createAccount(await browserOf(), "Nora");
  const ben = await newAccount(screens.origin, "ben.again");
  good(await ben.client.sync());
  await ask(nora, good(await ben.client.contactLink()), "The boards are in.");
  const { conversationId } = good(await ben.client.acceptContact(await requestAt(ben.client)));
  good(await ben.client.send(conversationId, "Thank you."));
  good(await ben.client.sync());
  await bubble(nora, "Thank you.").waitFor();
  const { accountId } = good(await ben.client.account());
  let isRefusing = true;
  screens.changeStore(({ append, findLog }) => ({
    async append(request) {
      const log = await findLog(request.logId);
      return isRefusing && log.ok && log.value?.ownerId === accountId
        ? ok(
            request.entries.map(
              () => ({ type: "refused", code: "entry-too-large", writerSeq: null }) as const,
            ),
          )
        : append(request);
    },
  }));
  await write(nora, "Send this twice.");
  const line = nora.locator("dt-conversation .st.bad");
  await line.getByText("Not sent: the server refused it. It is kept here.").waitFor();
  isRefusing = false;
  await line.getByRole("button", { name: "Send again" }).click();
  await nora.locator("dt-conversation .st", { hasText: /^\s*(Sent|Delivered)/ }).waitFor();
  await expect
    .poll(async () => {
      good(await ben.client.sync());
      const { messages } = good(await ben.client.messages(conversationId));
      return messages.filter(({ text }) => text === "Send this twice.").length;
    })
    .toBe(1);
  good(await ben.client.stop());
});

/** The drafts that the engine of `page` has stored. */
function keptDrafts(page: Page): Promise<readonly string[]> {
  return page.evaluate(async () => {
    const { engine } = document.querySelector("dt-app") as unknown as { readonly engine: Engine };
    const drafts = await engine.client.drafts();
    return drafts.ok ? drafts.value.map(({ text }) => text) : [];
  });
}

test("[DC40] a draft is there after a reload and in its row, and texts that devices wrote apart are all shown", async () => {
  const ben = await newAccount(screens.origin, "ben.drafts");
  good(await ben.client.sync());
  const nora = await createAccount(await browserOf(), "Nora");
  await ask(nora, good(await ben.client.contactLink()), "Hello Ben.");
  const field = nora.getByRole("textbox", { name: /^Message to/ });
  await field.pressSequentially("About Sunday");
  await nora.locator("dt-inbox a.row .pv", { hasText: "About Sunday" }).waitFor();
  await expect.poll(() => keptDrafts(nora)).toEqual(["About Sunday"]);
  await nora.reload();
  await nora.locator("dt-inbox a.row .pv", { hasText: "Draft: About Sunday" }).waitFor();
  await nora.locator("dt-inbox a.row").click();
  await field.waitFor();
  expect(await field.inputValue()).toBe("About Sunday");
  const linked = await linkedToPage(nora);
  good(await linked.client.sync());
  expect(good(await linked.client.drafts())).toMatchObject([{ text: "About Sunday", textCount: 1 }]);
  // Without a connection, until it synchronises again.
  good(await linked.client.stop());
  const { client: tablet } = await reopened(linked.platform);
  good(await tablet.setDraft(present(good(await tablet.conversations())[0], "Ben").id, "Never mind"));
  await openSection(nora, "Inbox");
  await nora.locator("dt-inbox a.row").click();
  await field.fill("About Sunday at ten");
  await expect.poll(() => keptDrafts(nora)).toEqual(["About Sunday at ten"]);
  good(await tablet.sync());
  await nora.getByText("Your devices wrote 2 texts apart. They stand below each other.").waitFor();
  expect(await field.inputValue()).toBe("About Sunday at ten\n\nNever mind");
  await field.fill("");
  await field.fill("Both, then.");
  await nora.keyboard.press("Enter");
  await bubble(nora, "Both, then.").waitFor();
  expect(await field.inputValue()).toBe("");
  await expect
    .poll(async () => {
      good(await tablet.sync());
      return good(await tablet.drafts());
    })
    .toEqual([]);
  good(await tablet.stop());
  good(await ben.client.stop());
});

/** Notes from now on whether there is a frame of `page` in which `text` is neither in the field nor in the log. */
async function watchText(page: Page, text: string): Promise<() => Promise<number>> {
  await page.evaluate((wanted) => {
    const seen = { frames: 0, missing: 0 };
    Reflect.set(globalThis, "watched", seen);
    const inside = (element: Element | null | undefined, name: string): ShadowRoot | null | undefined =>
      element?.shadowRoot?.querySelector(name)?.shadowRoot;
    const look = (): void => {
      const shell = inside(document.querySelector("dt-app"), "dt-shell");
      const open = shell?.querySelector("dt-conversation")?.shadowRoot;
      const field = open?.querySelector("dt-composer")?.shadowRoot?.querySelector("textarea");
      const inLog = [...(open?.querySelectorAll(".log .t") ?? [])].some((one) => one.textContent === wanted);
      seen.frames += 1;
      if (!inLog && field?.value !== wanted) seen.missing += 1;
      requestAnimationFrame(look);
    };
    look();
  }, text);
  return () => page.evaluate(() => (Reflect.get(globalThis, "watched") as { missing: number }).missing);
}

test("[WB6] [WB7] [WB31] who types and sends while the engine moves to their tab goes on typing, and sees the text all the time", async () => {
  const ben = await newAccount(screens.origin, "ben.moves");
  good(await ben.client.sync());
  const first = await createAccount(await browserOf(), "Nora");
  await ask(first, good(await ben.client.contactLink()), "Hello Ben.");
  const nora = await first.context().newPage();
  await nora.goto(screens.origin);
  await nora.locator("dt-inbox a.row").click();
  const field = nora.getByRole("textbox", { name: /^Message to/ });
  // Whoever opens a conversation types into it, not among the keys of the app.
  await expect.poll(() => field.evaluate((element) => element.matches(":focus"))).toBe(true);
  await nora.keyboard.type("Half of it");
  const states = await nora.evaluateHandle(() => {
    const told: string[] = [];
    const app = document.querySelector("dt-app") as unknown as {
      readonly engine: { onState(listener: (state: { readonly type: string }) => void): void };
    };
    app.engine.onState(({ type }) => told.push(type));
    return told;
  });
  // The tab that is closed has the engine; nothing is kept or sent until this one has it.
  const missing = await watchText(nora, "Half of it");
  await first.close();
  await nora.waitForFunction((told) => told.length > 0, states);
  await nora.keyboard.press("Enter");
  await nora.keyboard.type("Typed on.");
  expect(await field.inputValue()).toBe("Typed on.");
  await nora.waitForFunction((told) => told.at(-1) === "ready", states);
  await nora.locator("dt-conversation .echo").waitFor({ state: "detached" });
  expect(await bubble(nora, "Half of it").count()).toBe(1);
  expect(await missing()).toBe(0);
  expect(await states.jsonValue()).toContain("starting");
  expect(await field.inputValue()).toBe("Typed on.");
  good(await ben.client.stop());
});

test("[WB31] a page that alone has a text is not left without a word", async () => {
  const ben = await newAccount(screens.origin, "ben.leaves");
  good(await ben.client.sync());
  const nora = await createAccount(await browserOf(), "Nora");
  await ask(nora, good(await ben.client.contactLink()), "Hello Ben.");
  const field = nora.getByRole("textbox", { name: /^Message to/ });
  const text = "a".repeat(MESSAGE_TEXT_BYTES_MAX + 1);
  await field.fill(text);
  await nora.getByText("until then only this page holds it").waitFor();
  nora.removeAllListeners("dialog");
  const asking = nora.waitForEvent("dialog");
  await nora.close({ runBeforeUnload: true });
  const question = await asking;
  expect(question.type()).toBe("beforeunload");
  await question.dismiss();
  expect(await field.inputValue()).toBe(text);
  good(await ben.client.stop());
});

test("who accepts a request, or makes a room, goes on in the field, with nothing in between", async () => {
  const nora = await createAccount(await browserOf(), "Nora");
  const lea = await newAccount(screens.origin, "lea.accepted");
  good(await lea.client.addContact(await contactLinkOf(nora), { greeting: "Hello Nora." }));
  good(await lea.client.sync());
  await acceptRequest(nora);
  const field = nora.getByRole("textbox", { name: /^Message to/ });
  const goOn = async (): Promise<void> => {
    await expect.poll(() => field.evaluate((element) => element.matches(":focus"))).toBe(true);
    // Outside of a field these are keys: the first one archives.
    await nora.keyboard.type("as agreed");
    await nora.keyboard.press("Enter");
    await bubble(nora, "as agreed").waitFor();
  };
  await goOn();
  await openSection(nora, "People");
  await nora.getByRole("link", { name: "Make a room" }).click();
  await nora.getByLabel("Name of the room").fill("Choir");
  await nora.keyboard.press("Enter");
  await nora.getByRole("heading", { name: "Choir" }).waitFor();
  await goOn();
  good(await lea.client.stop());
});

test("a deleted request is gone, and nothing is written to who asked", async () => {
  const nora = await createAccount(await browserOf(), "Nora");
  const lea = await newAccount(screens.origin, "lea.deleted");
  good(await lea.client.addContact(await contactLinkOf(nora), { greeting: "Look at https://example.org/a" }));
  good(await lea.client.sync());
  await nora.getByText("One person wants to write to you").click();
  await nora.locator("dt-inbox a.row").click();
  await bubble(nora, "https://example.org/a").waitFor();
  expect(await nora.locator("dt-conversation .m a").count()).toBe(0);
  await nora.getByRole("button", { name: "Delete" }).click();
  await nora.getByText("Nobody waits for an answer.").waitFor();
  good(await lea.client.stop());
});

/** How often `page` says `words`, in all that a person can see or hear. */
async function timesSaid(page: Page, words: string): Promise<number> {
  await page.getByText(words).first().waitFor();
  return page.getByText(words).count();
}

test("[LK39] a pasted link, or a typed code, links a second browser once its six digits are typed; wrong digits link nothing", async () => {
  const nora = await createAccount(await browserOf(), "Nora");
  const phone = await browserOf(PHONE);
  await phone.getByRole("button", { name: "No, link this browser" }).click();
  for (const isRight of [false, true]) {
    await nora.getByRole("link", { name: "Devices", exact: true }).click();
    await nora.getByRole("button", { name: "Link a device" }).click();
    const shown = nora.locator("dt-host-linking");
    await shown.locator(".typed span").first().waitFor();
    const code = isRight
      ? (await shown.locator(".typed span").allTextContents()).join(" ").toLowerCase()
      : await shown.locator("dt-qr").evaluate((qr) => String(Reflect.get(qr, "text")));
    await phone.getByLabel("Linking code").fill(code);
    await phone.getByLabel("No passphrase").check();
    await phone.getByRole("button", { name: "Continue" }).click();
    await phone.getByRole("button", { name: "Yes, it is mine" }).click();
    const digits = ((await phone.locator("dt-join .code").textContent()) ?? "").replace(/\D/g, "");
    expect(digits).toMatch(/^\d{6}$/);
    const typed = isRight ? digits : digits.replace(/^./, (first) => String((Number(first) + 1) % 10));
    await nora.getByLabel("Code, six digits").fill(typed);
    await nora.getByRole("button", { name: "Link this device" }).click();
    if (isRight) {
      await nora.getByText("is linked.").waitFor();
      await phone.getByRole("heading", { name: "Inbox" }).waitFor({ timeout: 60_000 });
    } else {
      await nora.getByText("Wrong code. Nothing was linked.").waitFor();
      for (const device of [nora, phone]) expect(await timesSaid(device, "Nothing was linked")).toBe(1);
      await phone.getByRole("button", { name: "Use a new code" }).click();
      await nora.getByRole("button", { name: "Close" }).click();
    }
  }
  await nora.getByRole("button", { name: "Done" }).click();
  await nora.getByRole("heading", { name: /2 devices/ }).waitFor();
});

const ATTACKS = [
  "<img src=x onerror=alert(1)>",
  "<script>alert(1)</script>",
  "javascript:alert(1)",
  "<svg/onload=alert(1)>",
  "{{alert(1)}} <!--?lit$1$-->",
  "\u202Emoc.elpmaxe//:sptth\u202C",
  "https://user:pass@evil.example/ https://evil.example\u2044.org",
];

/** The published list, without what is nothing but space. */
function publishedStrings(): readonly string[] {
  const published: unknown = vectorSet("blns")?.json("blns.json") ?? [];
  if (!Array.isArray(published)) throw new Error("a list of strings");
  return published.filter((one): one is string => typeof one === "string" && one.trim() !== "");
}

/** Whole strings together, as many as one message takes. */
function inMessages(strings: readonly string[]): readonly string[] {
  const messages: string[] = [];
  const sizeOf = (text: string): number => new TextEncoder().encode(text).length;
  for (const one of strings) {
    const last = messages.at(-1);
    const joined = last === undefined ? one : `${last}\n${one}`;
    if (last !== undefined && sizeOf(joined) <= MESSAGE_TEXT_BYTES_MAX)
      messages[messages.length - 1] = joined;
    else messages.push(one);
  }
  return messages;
}

/** Nothing of what others wrote has become a part of the page. */
async function expectNoMarkup(page: Page, root: string): Promise<void> {
  const parts = page.locator(
    `${root} :is(img, script, svg:not([aria-hidden], [role="img"]), iframe, object, embed, style, form:has(bdi))`,
  );
  const found = await parts.evaluateAll((all) => all.map((one) => one.outerHTML.slice(0, 120)));
  expect(found).toEqual([]);
}

test("names and texts that attack are characters and nothing else, in the list, the log and the labels", async () => {
  const nora = await createAccount(await browserOf(), "Nora");
  const ines = await newAccount(screens.origin, "ines.attacks");
  good(await ines.client.setDisplayName('<img src=x onerror="alert(1)">'));
  const { conversationId } = good(
    await ines.client.addContact(await contactLinkOf(nora), { greeting: "The boards are in." }),
  );
  good(await ines.client.sync());
  await acceptRequest(nora);
  await expect
    .poll(async () => {
      good(await ines.client.sync());
      return good(await ines.client.contacts())[0]?.state;
    })
    .toBe("accepted");
  const texts = [...ATTACKS, ...inMessages(publishedStrings())];
  for (const text of [...texts, "the end of it"]) good(await ines.client.send(conversationId, text));
  good(await ines.client.sync());
  const expectCharacters = async () => {
    await expectNoMarkup(nora, "dt-conversation .m");
    const hrefs = await nora
      .locator("dt-conversation .m a")
      .evaluateAll((all) => all.map((one) => one.getAttribute("href") ?? ""));
    expect(hrefs.filter((href) => !/^https?:\/\//.test(href))).toEqual([]);
    expect(hrefs.filter((href) => href.includes("evil.example"))).toEqual([]);
  };
  await bubble(nora, "the end of it").waitFor();
  await expectCharacters();
  // And in what one sends oneself.
  for (const text of [...texts, "the end of mine"]) await write(nora, text);
  await bubble(nora, "the end of mine").waitFor();
  await expectCharacters();
  await nora.getByRole("link", { name: "People", exact: true }).click();
  await nora.locator("dt-people a.row").first().click();
  await nora.locator("dt-person h2").waitFor();
  good(await ines.client.stop());
});

test("the published naughty strings as names of people, by one’s own words and by theirs, each shown as it is", async () => {
  const nora = await createAccount(await browserOf(), "Nora");
  const names = [...ATTACKS, ...publishedStrings()].filter(
    (one) => one.isWellFormed() && new TextEncoder().encode(one).length <= DISPLAY_NAME_BYTES_MAX,
  );
  const accountOf = (number: number) =>
    idFromBytes(
      "account",
      new Uint8Array(32).map((_, at) => [number, number >> 8][at] ?? 1),
    );
  const person = {
    origin: screens.origin,
    handle: null,
    name: null,
    petname: null,
    notes: null,
    verified: null,
  };
  const people = names.map(
    (petname, number): FileContact => ({
      ...person,
      accountId: accountOf(number),
      ...(number % 2 === 0 ? { petname } : { name: petname }),
      state: "known",
      addedAtMs: number,
    }),
  );
  const file = formatContactsFile({ account: accountOf(60_000), name: "Nora", exportedAtMs: 1 }, people);
  await openSection(nora, "Settings");
  await nora
    .getByLabel("File of contacts")
    .setInputFiles({ name: "contacts.ndjson", mimeType: "text/plain", buffer: Buffer.from(file) });
  await nora.locator("dt-contact-files dt-sheet").getByRole("button", { name: "Take them over" }).click();
  await nora.getByText("taken over.").waitFor();
  await openSection(nora, "People");
  const rows = nora.locator("dt-people a.row .nm bdi");
  await expect.poll(() => rows.count()).toBe(names.length);
  expect((await rows.allTextContents()).toSorted()).toEqual(names.toSorted());
  await expectNoMarkup(nora, "dt-people");
  await nora.locator("dt-people a.row").nth(1).click();
  await nora.locator("dt-person h2").waitFor();
  await expectNoMarkup(nora, "dt-person");
});

test("all by keyboard: an account, a section by letters, the sheet of keys and back", async () => {
  const page = await browserOf();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.keyboard.type("Nora");
  for (let step = 0; step < 3; step += 1) await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Later, in Settings" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Inbox" }).waitFor();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("g");
  await page.keyboard.press("d");
  await page.getByRole("heading", { name: "1 device on this account" }).waitFor();
});
