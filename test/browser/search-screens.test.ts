/** Searching messages in the web app: loaded when it is wanted, found with what matches marked, opened where it stands. */
import { expect, test } from "vitest";
import { good, newAccount } from "../support/client-world.ts";
import { ask, bubble, createAccount, useScreenWorld } from "../support/screen-world.ts";
import { requestAt } from "../support/story.ts";

const screens = useScreenWorld();

test("messages are found as they are typed, filtered, opened; what nothing says is said; SQLite loads when somebody searches", async () => {
  const nora = await createAccount(await screens.browserOf(), "Nora");
  const requests: string[] = [];
  nora.on("request", (request) => requests.push(request.url()));
  const loaded = (): boolean => requests.some((url) => url.includes("sqlite3"));
  const ben = await newAccount(screens.origin, "ben.search");
  good(await ben.client.sync());
  await ask(nora, good(await ben.client.contactLink()), "I bring the CLAMPS <img src=x onerror=alert(1)>.");
  const { conversationId } = good(await ben.client.acceptContact(await requestAt(ben.client)));
  const many = Array.from({ length: 120 }, (_, i) => `Line ${i}.`);
  for (const text of ["The short clamps slip: https://example.org/a", "Ten is fine.", ...many])
    good(await ben.client.send(conversationId, text));
  good(await ben.client.sync());
  await bubble(nora, "Line 119.").waitFor();
  expect(loaded()).toBe(false);

  await nora.keyboard.press("Escape");
  await nora.keyboard.press("/");
  const field = nora.getByRole("searchbox", { name: "Search messages, people and rooms" });
  await field.pressSequentially("clam");
  const rows = nora.locator("dt-found a.row");
  await rows.nth(1).waitFor();
  expect(loaded()).toBe(true);
  expect(await nora.locator("dt-found mark").allTextContents()).toEqual(["clamps", "CLAMPS"]);
  expect(await nora.locator("dt-found img").count()).toBe(0);
  await nora.getByRole("button", { name: "From me" }).click();
  await expect.poll(() => rows.count()).toBe(1);
  await nora.getByRole("button", { name: "With a link" }).click();
  await nora.getByText("within these filters").waitFor();
  await nora.getByRole("button", { name: "Without filters" }).click();
  await expect.poll(() => rows.count()).toBe(2);
  await nora.getByRole("combobox", { name: "With whom" }).selectOption({ index: 1 });
  await nora.getByRole("combobox", { name: "When" }).selectOption("Last 7 days");
  await expect.poll(() => rows.count()).toBe(2);

  // Far above what is loaded of the conversation; by keyboard.
  await field.focus();
  await nora.keyboard.press("ArrowDown");
  await nora.keyboard.press("Enter");
  await nora.locator("dt-conversation .m.found", { hasText: "The short clamps slip" }).waitFor();

  await field.fill("fox");
  await nora.getByText("within these filters").waitFor();
  await nora.getByRole("button", { name: "Without filters" }).click();
  await nora.getByText(/Nothing says .* All \d+ messages searched\./).waitFor();
  await field.fill('"open');
  await nora.getByText("The search cannot be read").waitFor();
  await field.fill("ten is f");
  await expect.poll(() => nora.locator("dt-found mark").count()).toBeGreaterThan(0);
  good(await ben.client.send(conversationId, "Ten is far too late."));
  good(await ben.client.sync());
  await expect.poll(() => rows.count()).toBe(2);
  await nora.getByRole("button", { name: "Clear the search" }).click();
  await nora.locator("dt-inbox ul a.row").waitFor();
  good(await ben.client.stop());
});
