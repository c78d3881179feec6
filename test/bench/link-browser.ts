/** Links a browser to an account, as a person does it, and waits until it has every message. */
import { setTimeout as sleep } from "node:timers/promises";
import type { BrowserContext, Page } from "playwright";
import type { Client } from "@dovetail/core";
import { good } from "../support/client-world.ts";

const POLL_MS = 100;

export interface BrowserLink {
  readonly origin: string;
  /** The device that lets it in. */
  readonly client: Client;
  readonly messages: number;
}

/** How long it took after the person said yes: until the inbox can be used, and until all of one conversation is there. */
export async function linkBrowser(
  context: BrowserContext,
  { origin, client, messages }: BrowserLink,
): Promise<{ readonly usableMs: number; readonly allMs: number }> {
  const page = await context.newPage();
  await page.goto(origin);
  await page.getByRole("button", { name: "No, link this browser" }).click();
  const host = good(await client.linkDevice());
  await page.getByLabel("Linking code").fill(host.code);
  await page.getByLabel("No passphrase").check();
  await page.getByRole("button", { name: "Continue" }).click();
  const startMs = performance.now();
  await page.getByRole("button", { name: "Yes, it is mine" }).click();
  const digits = ((await page.locator("dt-join .code").textContent()) ?? "").replace(/\D/g, "");
  good(await host.whenAnswered);
  good(await host.confirm(digits));
  await page.locator("dt-inbox a.row").waitFor();
  const usableMs = performance.now() - startMs;
  while ((await countMessages(page)) !== messages) await sleep(POLL_MS);
  const allMs = performance.now() - startMs;
  await page.close();
  return { usableMs, allMs };
}

/** Asked again and again: `waitForFunction` takes the promise of an async function for a yes. */
function countMessages(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const app = document.querySelector("dt-app") as unknown as {
      readonly engine: { readonly client: Client };
    };
    const listed = await app.engine.client.conversations();
    return listed.ok ? (listed.value[0]?.messageCount ?? 0) : 0;
  });
}
