/**
 * From `send` on one person's device to the `message` event on the other's, through a real server process and two stores
 * on disk, one message at a time.
 *
 * Usage: node test/bench/delivery.ts [--json]
 */
import { parseArgs } from "node:util";
import type { Client } from "@dovetail/core";
import { good, newAccount } from "../support/client-world.ts";
import { startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { benchPlatform, devicesReady } from "./bench-device.ts";
import { percentile, report } from "./figures.ts";

const MESSAGES = 400;
const WARM_UP = 100;

const { values } = parseArgs({ options: { json: { type: "boolean" } } });
const isJson = values.json ?? false;
await devicesReady();
const folder = createTemporaryFolder();
const server = await startServer(`${folder.path}/server`, ["--rate-factor", "1000"]);
try {
  const ada = await newAccount(server.origin, "ada", benchPlatform(folder.path, "ada"));
  const ben = await newAccount(server.origin, "ben", benchPlatform(folder.path, "ben"));
  good(await ben.client.sync());
  const contact = good(await ada.client.addContact(good(await ben.client.contactLink())));
  good(await ada.client.sync());
  good(await ben.client.sync());
  good(await ben.client.acceptContact((good(await ben.client.contacts())[0] ?? contact).accountId));
  good(await ben.client.sync());
  good(await ada.client.sync());
  ada.client.start();
  ben.client.start();
  const times: number[] = [];
  for (let i = 0; i < WARM_UP + MESSAGES; i++) {
    const arrived = arrival(ben.client, `message ${i}`);
    const startMs = performance.now();
    good(await ada.client.send(contact.conversationId, `message ${i}`));
    await arrived;
    if (i >= WARM_UP) times.push(performance.now() - startMs);
  }
  times.sort((a, b) => a - b);
  report(isJson, {
    suite: "delivery",
    name: "send to screen, median",
    value: percentile(times, 0.5),
    unit: "ms",
    better: "less",
  });
  report(isJson, {
    suite: "delivery",
    name: "send to screen, p99",
    value: percentile(times, 0.99),
    unit: "ms",
    better: "less",
  });
  good(await ada.client.stop());
  good(await ben.client.stop());
} finally {
  await server.stop();
  folder.discard();
}

function arrival(client: Client, text: string): Promise<void> {
  return new Promise((resolve) => {
    const off = client.onEvent((event) => {
      if (event.type !== "message" || event.message.text !== text) return;
      off();
      resolve();
    });
  });
}
