/**
 * A new device from approval to being of use, and to having everything: 10,000 messages, stores on disk, a real server process.
 *
 * Usage: node test/bench/cold-link.ts [--json] [--messages N] [--kept FOLDER] [--chromium]
 *
 * With `--chromium` the new device is a browser with the web app, and what is timed is what a person sees there.
 * What `--kept` names is where the account that is measured lies, and is written once if it is not there: of 100,000 messages it takes minutes.
 * The clock runs from the typed code's acceptance until the newest screen of the conversation can be read, and until the device
 * holds every message. Afterwards it has the same heads as its sibling. Processor time is that of both devices.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright";
import { type Client, joinAccount, openClient } from "@dovetail/core";
import { APP_DIST, buildApp, isAppBuilt } from "../../tools/app-build.ts";
import { CHROMIUM_ARGS, findChromium } from "../../tools/chromium.ts";
import { good } from "../support/client-world.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { benchPlatform, devicesReady } from "./bench-device.ts";
import { report } from "./figures.ts";
import { linkBrowser } from "./link-browser.ts";
import { copyWritten } from "./written-account.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean" },
    messages: { type: "string" },
    kept: { type: "string" },
    chromium: { type: "boolean" },
  },
});
const isJson = values.json ?? false;
const messages = Number(values.messages ?? 10_000);
await devicesReady();
const folder = createTemporaryFolder();
const kept = values.kept ?? `${folder.path}/kept`;
const { client, server, conversationId } = await copyWritten(kept, `${folder.path}/used`, messages);
try {
  if (values.chromium === true) await linkChromium();
  else await linkNode();
} finally {
  await server.stop();
  folder.discard();
}

async function linkChromium(): Promise<void> {
  if (!isAppBuilt(APP_DIST)) await buildApp({ outFolder: APP_DIST });
  const context = await chromium.launchPersistentContext(join(folder.path, "chromium"), {
    executablePath: findChromium() ?? "chromium",
    args: [...CHROMIUM_ARGS],
  });
  try {
    const { usableMs, allMs } = await linkBrowser(context, { origin: server.origin, client, messages });
    say(`${messages} messages in Chromium: inbox usable`, usableMs);
    say(`${messages} messages in Chromium: all there`, allMs);
  } finally {
    await context.close();
    good(await client.stop());
  }
}

async function linkNode(): Promise<void> {
  const expected = JSON.stringify(good(await client.fingerprint()));

  const platform = benchPlatform(folder.path, "phone");
  const host = good(await client.linkDevice());
  const guest = good(await joinAccount(platform, { code: host.code, deviceName: "phone" }));
  const { digits } = good(await guest.accept());
  good(await host.whenAnswered);
  const confirmed = host.confirm(digits);
  const startMs = performance.now();
  const startCpu = process.cpuUsage();
  good(await confirmed);
  good(await guest.whenLinked());
  const phone = good(await openClient(platform));
  if (phone === null) throw new Error("the linked profile has an account");
  const newest = whenNewestReadable(phone, conversationId, messages - 1);
  good(await phone.sync());
  const elapsedMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(startCpu);
  const usableMs = (await newest) - startMs;
  good(await client.sync());
  good(await phone.sync());
  const conversation = good(await phone.conversations())[0];
  if (conversation?.messageCount !== messages)
    throw new Error(`the new device has ${conversation?.messageCount} messages`);
  const held = JSON.stringify(good(await phone.fingerprint()));
  if (held !== JSON.stringify(good(await client.fingerprint())) || held === "" || expected === "")
    throw new Error("the new device differs from its sibling");
  say(`${messages} messages: newest on a new device`, usableMs);
  say(`${messages} messages on a new device`, elapsedMs);
  say(`${messages} messages: processor time`, (user + system) / 1_000);
  good(await client.stop());
  good(await phone.stop());
}

function say(name: string, value: number): void {
  report(isJson, { suite: "cold-link", name, value, unit: "ms", better: "less" });
}

/** When the newest 50 messages, the last of them `number`, can be read while the rest is on its way. */
function whenNewestReadable(
  phone: Client,
  conversationId: Parameters<Client["messages"]>[0],
  number: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    let isLooking = false;
    const stop = phone.onEvent(() => {
      if (isLooking) return;
      isLooking = true;
      void look()
        .catch(reject)
        .finally(() => {
          isLooking = false;
        });
    });
    async function look(): Promise<void> {
      if (good(await phone.conversations()).length === 0) return;
      const page = good(await phone.messages(conversationId, { limit: 50 }));
      if (
        page.messages.length < 50 ||
        !page.messages.some(({ text }) => text?.startsWith(`Message ${number}:`) === true)
      )
        return;
      stop();
      resolve(performance.now());
    }
  });
}
