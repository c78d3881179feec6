/** A Chromium over a profile folder of its own, which can be killed in the middle of what it does, and started again on what it left. */
import { readlinkSync } from "node:fs";
import { join } from "node:path";
import { type BrowserContext, chromium } from "playwright";
import { CHROMIUM_ARGS, findChromium } from "../../tools/chromium.ts";

export interface MortalChromium {
  readonly context: BrowserContext;
  /** `SIGKILL` to all of its processes, with nothing said to it before. */
  kill(): Promise<void>;
}

/** Starts it over the profile in `folder`. It ends with the test's process at the latest. */
export async function startMortalChromium(folder: string): Promise<MortalChromium> {
  const executablePath = findChromium() ?? "chromium";
  const context = await chromium.launchPersistentContext(folder, {
    executablePath,
    args: [...CHROMIUM_ARGS],
  });
  // Who has a profile says so in it: a host's name and the process.
  const pid = Number(readlinkSync(join(folder, "SingletonLock")).split("-").at(-1));
  const closed = new Promise<void>((resolve) => context.once("close", () => resolve()));
  return {
    context,
    async kill() {
      // Playwright starts it as the head of a process group.
      process.kill(-pid, "SIGKILL");
      await closed;
    },
  };
}
