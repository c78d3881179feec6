/** Two people and their server with everything on real disks: files, SQLite, documents; in folders that can be copied. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  automergeReady,
  type Client,
  cryptoReady,
  openClient,
  type Platform,
  silentLogger,
} from "@dovetail/core";
import { present } from "../../core/base/assert.ts";
import type { ConversationId } from "../../core/base/ids.ts";
import { createNodePlatform } from "../../cli/platform/node-platform.ts";
import { openSqliteStore } from "../../sync-server/store/sqlite/sqlite-store.ts";
import { good } from "../support/client-world.ts";
import { openTestProfile } from "../support/sealed-profile.ts";
import { type LocalServer, startLocalServer } from "../support/server-in-process.ts";
import { createFriends, type Device, textsOf } from "../support/story.ts";

/** What stands in the folder of a world. */
export const PARTS = ["server", "ada", "ben"] as const;

export interface CrashWorld {
  readonly server: LocalServer;
  readonly ada: Device;
  readonly ben: Device;
  readonly conversationId: ConversationId;
  stop(): Promise<void>;
}

interface Opened {
  readonly platform: Platform;
  release(): void;
}

async function openPlatform(folder: string, name: string): Promise<Opened> {
  const profile = good(await openTestProfile(join(folder, name)));
  return { platform: good(createNodePlatform(profile)), release: profile.release };
}

async function startServerOf(folder: string, port: number): Promise<LocalServer> {
  mkdirSync(join(folder, "server"), { recursive: true, mode: 0o700 });
  const store = good(openSqliteStore(join(folder, "server", "server.sqlite"), silentLogger));
  return startLocalServer({ port, admissionWorkBits: 4 }, store);
}

/** A fresh world in `folder`, whose people have accepted each other. */
export async function createCrashWorld(folder: string): Promise<CrashWorld> {
  await cryptoReady();
  await automergeReady();
  const server = await startServerOf(folder, 0);
  const [ada, ben] = [await openPlatform(folder, "ada"), await openPlatform(folder, "ben")];
  const friends = await createFriends(server.origin, ["ada", "ben"], {
    ada: ada.platform,
    ben: ben.platform,
  });
  return { ...friends, server, stop: stopOf(server, [friends.ada, friends.ben], [ada, ben]) };
}

/** The world of `folder` as it was left, its server on the port it had. */
export async function reopenCrashWorld(
  folder: string,
  { port, conversationId }: { readonly port: number; readonly conversationId: ConversationId },
): Promise<CrashWorld> {
  await cryptoReady();
  await automergeReady();
  const server = await startServerOf(folder, port);
  const profiles = [await openPlatform(folder, "ada"), await openPlatform(folder, "ben")] as const;
  const [ada, ben] = [await openDevice(profiles[0]), await openDevice(profiles[1])];
  return { server, ada, ben, conversationId, stop: stopOf(server, [ada, ben], profiles) };
}

async function openDevice({ platform }: Opened): Promise<Device> {
  const client: Client = present(good(await openClient(platform)), "the profile has an account");
  return { client, platform };
}

function stopOf(server: LocalServer, devices: readonly Device[], profiles: readonly Opened[]) {
  return async (): Promise<void> => {
    for (const { client } of devices) good(await client.stop());
    for (const { release } of profiles) release();
    await server.close();
  };
}

/** What the world's people have been told is kept, as far as the story has come. */
export interface Confirmed {
  readonly texts: readonly string[];
  readonly tags: readonly string[];
  readonly takenBack: readonly string[];
}

/** A story that touches most of what is stored: messages both ways, a tag, a star, a redaction, a new epoch, a draft. */
export async function liveCrashStory(
  { ada, ben, conversationId }: CrashWorld,
  confirmed: { texts: string[]; tags: string[]; takenBack: string[] },
): Promise<void> {
  const send = async ({ client }: Device, text: string) => {
    const sent = good(await client.send(conversationId, text));
    confirmed.texts.push(text);
    return sent;
  };
  await send(ada, "ada one");
  const wrong = await send(ada, "ada wrong");
  good(await ada.client.sync());
  good(await ben.client.sync());
  await send(ben, "ben one");
  const tag = good(await ada.client.createTag("kin"));
  confirmed.tags.push("kin");
  good(await ada.client.setTagged(conversationId, tag.id, true));
  // From here on it may be there or not; once that is confirmed it may not.
  confirmed.texts.splice(confirmed.texts.indexOf("ada wrong"), 1);
  good(await ada.client.redact({ conversationId, id: wrong.id }));
  confirmed.takenBack.push("ada wrong");
  good(await ada.client.setDraft(conversationId, "not sent yet"));
  good(await ben.client.sync());
  good(await ada.client.rotateEpoch());
  await send(ada, "ada two");
  good(await ada.client.sync());
  good(await ben.client.sync());
}

/** What is not as it was promised once the world has come to rest; nothing when all is well. */
export async function findBroken(
  { ada, ben, conversationId }: CrashWorld,
  confirmed: Confirmed,
): Promise<readonly string[]> {
  const broken: string[] = [];
  const [adas, bens] = [await textsOf(ada, conversationId), await textsOf(ben, conversationId)];
  const shown = (texts: readonly string[]): string => JSON.stringify(texts);
  if (shown(adas) !== shown(bens)) broken.push(`ada sees ${shown(adas)}, ben ${shown(bens)}`);
  for (const text of confirmed.texts)
    if (adas.filter((one) => one === text).length !== 1) broken.push(`"${text}" is there ${shown(adas)}`);
  for (const text of confirmed.takenBack) if (adas.includes(text)) broken.push(`"${text}" was taken back`);
  const tags = good(await ada.client.tags()).map(({ name }) => name);
  for (const tag of confirmed.tags) if (!tags.includes(tag)) broken.push(`the tag ${tag} is lost`);
  for (const { client } of [ada, ben]) {
    const { pendingCount } = client.status();
    if (pendingCount > 0) broken.push(`${pendingCount} still wait`);
    const alarms = good(await client.alarms());
    if (alarms.length > 0) broken.push(`alarms: ${JSON.stringify(alarms)}`);
  }
  return broken;
}
