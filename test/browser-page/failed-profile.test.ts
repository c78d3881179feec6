/** A profile that does not open, and a wait of which no end is known, in a real page. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Engine, EngineError } from "../../app/engine/engine.ts";
import { DtFailed } from "../../app/ui/shell/dt-failed.ts";
import { DtProgress } from "../../app/ui/parts/dt-progress.ts";
import { err, ok } from "../../core/base/result.ts";

const BUSY: EngineError = { type: "EngineUnavailable", detail: "busy" };
const DAMAGED: EngineError = { type: "StoreKeyDamaged" };

afterEach(() => document.body.replaceChildren());

/** The screen of a profile that fails with `error`, and what was asked of its engine. */
async function failedBy(error: EngineError, isErased = true) {
  const asked: string[] = [];
  const engine: Partial<Engine> = {
    retry: async () => {
      asked.push("retry");
      return ok();
    },
    beginAnew: async () => {
      asked.push("beginAnew");
      return isErased ? ok() : err(BUSY);
    },
  };
  const screen = new DtFailed();
  Object.assign(screen, { engine, error });
  document.body.append(screen);
  await screen.updateComplete;
  const buttons = () => [...screen.renderRoot.querySelectorAll("button")];
  const names = () => buttons().map((one) => one.textContent?.trim());
  const click = async (name: string) => {
    buttons()
      .find((one) => one.textContent?.trim() === name)
      ?.click();
    await screen.updateComplete;
    await new Promise((resolve) => setTimeout(resolve, 0));
    await screen.updateComplete;
  };
  return { screen, asked, names, click };
}

test("a profile that another try may open is tried again, and nothing offers to erase it", async () => {
  const { asked, names, click } = await failedBy(BUSY);
  expect(names()).toEqual(["Try again"]);
  await click("Try again");
  expect(asked).toEqual(["retry"]);
});

test("one that stays closed is erased after a second word, and not by the key that asked for it", async () => {
  const { screen, asked, names, click } = await failedBy(DAMAGED);
  expect(names()).toEqual(["Try again", "Erase it here"]);
  await click("Erase it here");
  expect(names()).toEqual(["Erase it all", "Cancel"]);
  expect(screen.shadowRoot?.activeElement?.textContent?.trim()).toBe("Cancel");
  await click("Cancel");
  expect([asked, names()]).toEqual([[], ["Try again", "Erase it here"]]);
  expect(screen.shadowRoot?.activeElement?.textContent?.trim()).toBe("Erase it here");
  await click("Erase it here");
  await click("Erase it all");
  expect(asked).toEqual(["beginAnew"]);
  expect(screen.renderRoot.querySelectorAll("[role=alert]")).toHaveLength(1);
});

test("erasing that is refused says so, and can be asked for again", async () => {
  const { screen, asked, names, click } = await failedBy(DAMAGED, false);
  await click("Erase it here");
  await click("Erase it all");
  expect(screen.renderRoot.querySelectorAll("[role=alert]")).toHaveLength(2);
  expect(names()).toEqual(["Erase it all", "Cancel"]);
  await click("Erase it all");
  expect(asked).toEqual(["beginAnew", "beginAnew"]);
});

beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] }));
afterEach(() => void vi.useRealTimers());

test("a wait without an end counts its seconds from when it shows, not for a screen reader; one with numbers does not", async () => {
  const bar = new DtProgress();
  bar.label = "Looking";
  document.body.append(bar);
  const shown = async () => {
    await bar.updateComplete;
    return bar.renderRoot.querySelector(".seconds")?.textContent ?? null;
  };
  const counts: (string | null)[] = [await shown()];
  for (const ms of [400, 700, 60_000]) {
    vi.advanceTimersByTime(ms);
    counts.push(await shown());
  }
  expect(counts).toEqual(["0.0 s", "0.4 s", "1.1 s", "61 s"]);
  expect(bar.renderRoot.querySelector(".seconds")?.getAttribute("aria-hidden")).toBe("true");
  Object.assign(bar, { done: 3, total: 7 });
  expect(await shown()).toBeNull();
  expect(bar.renderRoot.querySelector("progress")?.position).toBeCloseTo(3 / 7);
});
