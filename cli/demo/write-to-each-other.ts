/** The middle chapters: both write from both devices, with and without cables, and mark things while alone. */
import { ADA, BEN, devicesOf, type Person, type World } from "./cast.ts";
import { DemoFailure } from "./demo-failure.ts";
import type { DemoDevice } from "./demo-processes.ts";
import { firstDevice, secondDevice } from "./meet.ts";
import type { StoryText } from "./story-texts.ts";

const CHUNK_TEXTS = 50;
const SETTLE_MAX_MS = 60_000;

/** Sends texts in chunks; each person's device changes with the chunk, and both people write at the same time. */
export async function sendTexts(
  world: World,
  texts: readonly StoryText[],
  onProgress: (done: number) => void,
): Promise<{ readonly texts: number }> {
  for (let start = 0; start < texts.length; start += CHUNK_TEXTS) {
    const chunk = texts.slice(start, start + CHUNK_TEXTS);
    const turn = Math.floor(start / CHUNK_TEXTS);
    await Promise.all([
      sendChunk(
        world,
        world.ada,
        turn,
        chunk.filter(({ isFirst }) => isFirst),
      ),
      // The other way round, so that every pair of devices is at it once.
      sendChunk(
        world,
        world.ben,
        turn >> 1,
        chunk.filter(({ isFirst }) => !isFirst),
      ),
    ]);
    onProgress(start + chunk.length);
  }
  return { texts: texts.length };
}

async function sendChunk(
  world: World,
  person: Person,
  turn: number,
  texts: readonly StoryText[],
): Promise<void> {
  const writer = person.writers[turn % person.writers.length];
  if (writer === undefined || texts.length === 0) return;
  const plain = texts.map(({ text }) => text);
  await writer.device.call("sendTexts", { conversationId: world.conversationId, texts: plain });
  writer.sent.push(...plain);
  world.expected.push(...plain.map((text) => ({ author: person.accountId, text })));
}

export async function setNetwork(devices: readonly DemoDevice[], isOn: boolean): Promise<void> {
  await Promise.all(devices.map((device) => device.call("setNetwork", { isOn })));
}

/** Edits of the same things on both devices of each person, while neither knows of the other. */
export async function editApart(world: World): Promise<void> {
  const { ada, ben, conversationId } = world;
  await Promise.all([
    editAs(firstDevice(ada), secondDevice(ada), {
      conversationId,
      contact: ben.accountId,
      petname: BEN.otherPetname,
    }),
    editAs(firstDevice(ben), secondDevice(ben), {
      conversationId,
      contact: ada.accountId,
      petname: ADA.otherPetname,
    }),
  ]);
}

/** Names given on the second device while it was alone. */
export const LATE_TAG_NAME = "to be answered by hand";

async function editAs(
  one: DemoDevice,
  two: DemoDevice,
  about: { readonly conversationId: string; readonly contact: string; readonly petname: string },
): Promise<void> {
  const { conversationId, contact, petname } = about;
  await one.call("setPetname", { accountId: contact, petname });
  await two.call("setPetname", { accountId: contact, petname: `${petname}, as the other device says` });
  await starAt(one, conversationId, 0);
  await starAt(two, conversationId, 1);
  const tag = await two.call("createTag", { name: LATE_TAG_NAME });
  await two.call("setTagged", { conversationId, tagId: tag.id });
  await one.call("setArchived", { conversationId, isArchived: true });
  await two.call("markRead", { conversationId });
}

async function starAt(device: DemoDevice, conversationId: string, index: number): Promise<void> {
  const message = (await device.call("transcript", { conversationId }))[index];
  if (message === undefined) throw new DemoFailure(`${device.name} shows fewer than ${index + 1} messages`);
  await device.call("star", { conversationId, messageId: message.id });
}

/**
 * Synchronises all devices until those of each person hold the same, and everybody everything that was sent.
 *
 * Twice in a row without a change: receipts go on for a moment after the last text has arrived.
 */
export async function settle(
  world: World,
  onProgress: (done: number) => void,
): Promise<{ readonly rounds: number }> {
  const until = performance.now() + SETTLE_MAX_MS;
  let last = "";
  for (let rounds = 1; ; rounds++) {
    await Promise.all(devicesOf(world).map((device) => device.call("sync", {})));
    const stands = await Promise.all(
      [world.ada, world.ben].map((person) => standOf(person, world.conversationId)),
    );
    onProgress(Math.min(...stands.map(({ messages }) => messages)));
    const prints = JSON.stringify(stands.map((stand) => stand.prints));
    const isComplete = stands.every(
      ({ prints: own, messages }) => new Set(own).size === 1 && messages === world.expected.length,
    );
    if (isComplete && prints === last) return { rounds };
    // What differs is named by the comparison that follows.
    if (performance.now() > until) return { rounds };
    last = prints;
  }
}

async function standOf(person: Person, conversationId: string) {
  const devices = person.writers.map(({ device }) => device);
  const [prints, counts] = await Promise.all([
    Promise.all(devices.map((device) => device.call("fingerprint", {}))),
    Promise.all(devices.map((device) => device.call("conversations", {}))),
  ]);
  const messages = counts.map((list) => list.find(({ id }) => id === conversationId)?.messageCount ?? 0);
  return { prints: prints.map((print) => JSON.stringify(print)), messages: Math.min(...messages) };
}
