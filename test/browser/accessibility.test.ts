/** Every screen and layer of the app: what axe finds, what does not fit a narrow page, and where the focus goes. */
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tourApp } from "../support/app-tour.ts";
import { type BrowserWorld, openBrowserWorld } from "../support/browser-world.ts";
import { engineReady } from "../support/client-world.ts";

let world: BrowserWorld;
beforeAll(async () => {
  await engineReady();
  world = await openBrowserWorld({}, "app");
});
afterAll(() => world.close());

const DESKTOP = { width: 1440, height: 900 };
/** Some fifty stations, each four times measured: on a machine with other work more than a test usually takes. */
const TOUR_MS_MAX = 480_000;
/** A desktop at 200 %, and the narrowest page there is. */
const NARROW = [
  { width: 720, height: 450 },
  { width: 320, height: 640 },
] as const;

async function openPage(): Promise<Page> {
  const context = await world.browser.newContext({ viewport: DESKTOP, reducedMotion: "reduce" });
  const page = await context.newPage();
  await page.goto(world.origin);
  return page;
}

type Direction = "ltr" | "rtl";

/** What can be moved sideways in a page that is read in `direction`, and in all that is in it. */
function wideParts(page: Page, direction: Direction): Promise<readonly string[]> {
  return page.evaluate((dir) => {
    document.documentElement.dir = dir;
    const found: string[] = [];
    const look = (root: ParentNode): void => {
      for (const element of root.querySelectorAll("*")) {
        const isWide = element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1;
        if (isWide && ["auto", "scroll"].includes(getComputedStyle(element).overflowX))
          found.push(`${element.tagName}.${element.className} is ${element.scrollWidth} px wide`);
        if (element.shadowRoot !== null) look(element.shadowRoot);
      }
    };
    look(document);
    if (document.documentElement.scrollWidth > innerWidth) found.push("the page");
    return found;
  }, direction);
}

/** What axe finds in the page alone, which has no frames: by itself it opens another page for each look. */
async function axeFindings(page: Page): Promise<readonly string[]> {
  // Handing it over takes longer than the look does.
  const isThere = await page.evaluate(() => "axe" in globalThis);
  const axe = new AxeBuilder(isThere ? { page, axeSource: "void 0" } : { page });
  const { violations } = await axe
    .options({ resultTypes: ["violations"] })
    .setLegacyMode()
    .analyze();
  return violations.map(({ id, nodes }) => `${id} ${nodes[0]?.html.slice(0, 160) ?? ""}`);
}

test("axe finds nothing on any screen or layer, none is too wide for 320 px, 200 % or right to left", {
  timeout: TOUR_MS_MAX,
}, async () => {
  const page = await openPage();
  const findings: string[] = [];
  let stations = 0;
  await tourApp(page, world.origin, async (station) => {
    for (const viewport of NARROW) {
      await page.setViewportSize(viewport);
      for (const direction of ["rtl", "ltr"] as const)
        for (const part of await wideParts(page, direction))
          findings.push(`${station}, ${direction} at ${viewport.width} px: ${part}`);
    }
    // By turns: a wide page in the light, a narrow one in the dark.
    const isWide = stations % 2 === 0;
    stations += 1;
    await page.emulateMedia({ colorScheme: isWide ? "light" : "dark" });
    if (isWide) await page.setViewportSize(DESKTOP);
    for (const finding of await axeFindings(page)) findings.push(`${station}: ${finding}`);
    await page.setViewportSize(DESKTOP);
  });
  expect(findings).toEqual([]);
  expect(stations).toBeGreaterThan(35);
  await page.context().close();
});

/** What has the focus, inside shadow roots too: its name or text, and whether one sees that it has it. */
function focused(page: Page): Promise<{ readonly name: string; readonly isSeen: boolean }> {
  return page.evaluate(() => {
    let active: Element | null = document.activeElement;
    while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
    if (active === document.body) return { name: "", isSeen: true };
    const name =
      active?.getAttribute("aria-label") ?? active?.getAttribute("name") ?? active?.textContent ?? "";
    // A field in a frame shows the focus by the frame.
    const seen = (element: Element | null): boolean =>
      element !== null &&
      getComputedStyle(element).outlineStyle !== "none" &&
      getComputedStyle(element).outlineWidth !== "0px";
    return {
      name: name.trim().replace(/\s+/g, " "),
      isSeen: seen(active) || seen(active?.parentElement ?? null),
    };
  });
}

test("by keyboard alone: every stop shows its focus, each layer gives it back, Escape closes one at a time", async () => {
  const page = await openPage();
  await page.getByRole("button", { name: "Yes, create an account" }).press("Enter");
  await page.keyboard.type("Nora");
  await page.getByLabel("No passphrase").press("Space");
  await page.getByRole("button", { name: "Create an account" }).press("Enter");
  await page.getByRole("button", { name: "Later, in Settings" }).press("Enter");
  await page.getByRole("heading", { name: "Inbox" }).waitFor();
  for (const section of ["inbox", "people", "devices", "tags", "settings"]) {
    await page.evaluate((one) => {
      location.hash = `#/${one}`;
    }, section);
    await page.locator("h1:visible").first().waitFor();
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    const stops: string[] = [];
    for (let stop = 0; stop < 12; stop += 1) {
      await page.keyboard.press("Tab");
      const { name, isSeen } = await focused(page);
      if (name !== "" && !isSeen) stops.push(`${section}: ${name}`);
    }
    expect(stops).toEqual([]);
  }
  const layers = [
    ["devices", "Link a device"],
    ["inbox", "New message"],
    ["inbox", "Show my link"],
    ["settings", "Save as file"],
    ["settings", "Bring a backup back"],
  ] as const;
  for (const [section, name] of layers) {
    await page.evaluate((one) => {
      location.hash = `#/${one}`;
    }, section);
    const opener = page.getByRole("button", { name, exact: true }).first();
    await opener.press("Enter");
    const dialog = page.locator("dialog[open]");
    await dialog.waitFor();
    expect(await dialog.evaluate((element) => element.matches(":focus-within"))).toBe(true);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    expect((await focused(page)).name).toBe(name);
  }
  await page.context().close();
});
