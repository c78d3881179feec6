/**
 * The inbox of a profile with 10,000 messages on the command line: the whole command as a process, and from the unlocked
 * store to the list.
 *
 * Usage: node test/bench/inbox.ts [--json] [--messages N]
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openClient } from "@dovetail/core";
import { createNodePlatform } from "../../cli/platform/node-platform.ts";
import { openProfile } from "../../cli/platform/profile-folder.ts";
import { present } from "../../core/base/assert.ts";
import { idFromBytes } from "../../core/base/ids.ts";
import { encode } from "../../core/codec/shape.ts";
import { HLC_TICKS_PER_MS } from "../../core/messenger/hlc.ts";
import { createOp, directConversationId, messagePayloadShape, OP_KIND } from "../../core/messenger/op.ts";
import { buildCli } from "../../tools/build-cli.ts";
import { ROOT } from "../support/checkout.ts";
import { good, newAccount } from "../support/client-world.ts";
import { startServer } from "../support/server-process.ts";
import { engineOf } from "../support/story.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { devicesReady } from "./bench-device.ts";
import { percentile, report } from "./figures.ts";

const { values } = parseArgs({ options: { json: { type: "boolean" }, messages: { type: "string" } } });
const isJson = values.json ?? false;
const messages = Number(values.messages ?? 10_000);
const CONTACTS = 20;
const ROUNDS = 5;
const OPS_AT_ONCE = 250;

await devicesReady();
const folder = createTemporaryFolder();
const choice = { name: "bench", home: folder.path };

async function withPlatform<T>(
  create: boolean,
  body: (platform: ReturnType<typeof platformOf>) => Promise<T>,
): Promise<T> {
  const profile = good(await openProfile(choice, { create }));
  const platform = platformOf(profile);
  try {
    return await body(platform);
  } finally {
    await platform.store.close();
    profile.release();
  }
}

function platformOf(profile: Parameters<typeof createNodePlatform>[0]) {
  return good(createNodePlatform(profile));
}

const server = await startServer(`${folder.path}/server`, ["--memory", "--rate-factor", "1000"]);
await withPlatform(true, async (platform) => {
  const { client } = await newAccount(server.origin, "ada", platform);
  const { accountId } = good(await client.account());
  good(await client.stop());
  return accountId;
});

/** Received messages of as many people as there are contacts, as they stand after they have come. */
await withPlatform(false, async (platform) => {
  const { engine, client } = await engineOf(platform);
  const self = engine.context.identity.accountId;
  for (let c = 0; c < CONTACTS; c++) {
    const contact = idFromBytes("account", platform.random.bytes(32));
    const conversationId = directConversationId(self, contact);
    const device = idFromBytes("device", platform.random.bytes(16));
    const state = { state: "accepted" as const, petname: `Person ${c}`, origin: server.origin, addedAtMs: 1 };
    good(await engine.context.serial.run(() => engine.contacts.set(contact, state)));
    const count = Math.floor(messages / CONTACTS);
    const ops = Array.from({ length: count }, (_, deviceSeq) =>
      createOp({
        version: 1,
        conversationId,
        author: contact,
        device,
        deviceSeq,
        devicePrev: null,
        hlc: (Date.now() - (count - deviceSeq) * 60_000) * HLC_TICKS_PER_MS,
        kind: OP_KIND.message,
        target: null,
        payload: encode(messagePayloadShape, {
          text: `message ${deviceSeq}, with some words that people write`,
        }),
        expire: null,
        ext: null,
      }),
    );
    for (let at = 0; at < ops.length; at += OPS_AT_ONCE)
      good(
        await engine.context.serial.run(() => engine.conversations.restore(ops.slice(at, at + OPS_AT_ONCE))),
      );
    good(await engine.context.serial.run(() => engine.conversations.prepareToSync()));
    good(await client.markRead(conversationId));
  }
  // At rest: nothing waits to be sent, as in a profile that is in use.
  good(await client.sync());
  good(await client.stop());
});
await server.stop();

await buildCli();
const env = { ...process.env, DOVETAIL_HOME: folder.path };
const commandMs: number[] = [];
for (let round = 0; round <= ROUNDS; round++) {
  const startMs = performance.now();
  const run = spawnSync(
    process.execPath,
    [join(ROOT, "cli", "bin", "dovetail.js"), "--profile", "bench", "inbox", "--json"],
    {
      env,
      encoding: "utf8",
      maxBuffer: 1 << 26,
    },
  );
  const { conversations } = JSON.parse(run.stdout);
  if (present(conversations, "a list").length !== CONTACTS) throw new Error(run.stderr);
  // The first one compiles.
  if (round > 0) commandMs.push(performance.now() - startMs);
}
const openMs: number[] = [];
const openCpuMs: number[] = [];
for (let round = 0; round < ROUNDS; round++)
  await withPlatform(false, async (platform) => {
    const startMs = performance.now();
    const before = process.cpuUsage();
    const client = present(good(await openClient(platform)), "the profile has an account");
    good(await client.conversations());
    openMs.push(performance.now() - startMs);
    const { user, system } = process.cpuUsage(before);
    openCpuMs.push((user + system) / 1_000);
    good(await client.stop());
  });
const median = (times: number[]): number =>
  percentile(
    times.sort((a, b) => a - b),
    0.5,
  );
const figure = (name: string, value: number) =>
  report(isJson, { suite: "inbox", name, value, unit: "ms", better: "less" });
figure(`${messages} messages, store to list, median`, median(openMs));
figure("store to list, of a processor, median", median(openCpuMs));
figure("dovetail inbox as a process, median", median(commandMs));
folder.discard();
