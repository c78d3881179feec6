/**
 * A new device from approval to having everything: 10,000 messages, stores on disk, a real server process.
 *
 * Usage: node test/bench/cold-link.ts [--json] [--messages N]
 *
 * The clock runs from the typed code's acceptance until the device holds every message and the same heads as its sibling.
 */
import { parseArgs } from "node:util";
import { joinAccount, openClient } from "@dovetail/core";
import { good, newAccount } from "../support/client-world.ts";
import { startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { benchPlatform, devicesReady } from "./bench-device.ts";
import { report } from "./figures.ts";

const { values } = parseArgs({ options: { json: { type: "boolean" }, messages: { type: "string" } } });
const isJson = values.json ?? false;
const messages = Number(values.messages ?? 10_000);
await devicesReady();
const folder = createTemporaryFolder();
const server = await startServer(`${folder.path}/server`, ["--rate-factor", "1000"]);
try {
  const ada = await newAccount(server.origin, "ada", benchPlatform(folder.path, "ada"));
  const ben = await newAccount(server.origin, "ben", benchPlatform(folder.path, "ben"));
  good(await ben.client.sync());
  const contact = good(await ada.client.addContact(good(await ben.client.contactLink())));
  good(await ada.client.sync());
  await ben.client.stop();
  for (let i = 0; i < messages; i++) {
    good(
      await ada.client.send(
        contact.conversationId,
        `Message ${i}: some words of the usual length for a chat between two people.`,
      ),
    );
    if (i % 500 === 499) good(await ada.client.sync());
  }
  good(await ada.client.sync());
  const expected = JSON.stringify(good(await ada.client.fingerprint()));

  const platform = benchPlatform(folder.path, "phone");
  const host = good(await ada.client.linkDevice());
  const guest = good(await joinAccount(platform, { code: host.code, deviceName: "phone" }));
  const { digits } = good(await guest.accept());
  good(await host.whenAnswered);
  const confirmed = host.confirm(digits);
  const startMs = performance.now();
  good(await confirmed);
  good(await guest.whenLinked());
  const phone = good(await openClient(platform));
  if (phone === null) throw new Error("the linked profile has an account");
  good(await phone.sync());
  const elapsedMs = performance.now() - startMs;
  good(await ada.client.sync());
  good(await phone.sync());
  const conversation = good(await phone.conversations())[0];
  if (conversation?.messageCount !== messages)
    throw new Error(`the new device has ${conversation?.messageCount} messages`);
  const held = JSON.stringify(good(await phone.fingerprint()));
  if (held !== JSON.stringify(good(await ada.client.fingerprint())) || held === "" || expected === "")
    throw new Error("the new device differs from its sibling");
  report(isJson, {
    suite: "cold-link",
    name: `${messages} messages on a new device`,
    value: elapsedMs,
    unit: "ms",
    better: "less",
  });
  good(await ada.client.stop());
  good(await phone.stop());
} finally {
  await server.stop();
  folder.discard();
}
