/** A Chromium of its own process and profile folder, which can be killed as a machine's would be, and started again on what it left. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium } from "playwright";
import { present } from "../../core/base/assert.ts";
import { CHROMIUM_ARGS, findChromium } from "../../tools/chromium.ts";

const START_ATTEMPTS = 300;
const PORT_FILE = "DevToolsActivePort";

export interface MortalChromium {
  /** The context of its profile folder. */
  readonly context: BrowserContext;
  /** `SIGKILL` to all of its processes, with nothing said to it before. */
  kill(): Promise<void>;
}

/** Starts it over the profile in `folder`; it listens on loopback, at a port of its own choice. */
export async function startMortalChromium(folder: string): Promise<MortalChromium> {
  rmSync(join(folder, PORT_FILE), { force: true });
  const args = [
    ...CHROMIUM_ARGS,
    "--headless=new",
    "--remote-debugging-port=0",
    `--user-data-dir=${folder}`,
    "about:blank",
  ];
  // A process group of its own: its children go with it.
  const child = spawn(findChromium() ?? "chromium", args, { detached: true, stdio: "ignore" });
  const end = (): void => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, "SIGKILL");
  };
  process.once("exit", end);
  const browser: Browser = await chromium.connectOverCDP(`http://127.0.0.1:${await portOf(child, folder)}`);
  return {
    context: present(browser.contexts()[0], "a profile has a context"),
    async kill() {
      const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      end();
      await gone;
      process.off("exit", end);
      await browser.close();
    },
  };
}

async function portOf(child: ChildProcess, folder: string): Promise<number> {
  const file = join(folder, PORT_FILE);
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
    const port = existsSync(file) ? Number(readFileSync(file, "utf8").split("\n")[0]) : Number.NaN;
    if (Number.isInteger(port) && port > 0) return port;
    if (child.exitCode !== null) throw new Error(`Chromium ended with ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("Chromium has not said where it listens");
}
