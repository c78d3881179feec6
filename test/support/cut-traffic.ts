/** People with several devices in the middle of writing, cut off from the server again and again: what comes of it. */
import type { Platform } from "@dovetail/core";
import { present } from "../../core/base/assert.ts";
import type { ConversationId } from "../../core/base/ids.ts";
import { good, linkedDevice } from "./client-world.ts";
import type { CuttingTap } from "./cutting-tap.ts";
import { createSeededRandom } from "./seeded-random.ts";
import { createFriends, type Device, reopened, settle, stopAll, textsOf } from "./story.ts";

export interface CutPlan {
  /** Pairs of people who write to each other. */
  readonly pairs: number;
  readonly devicesEach: number;
  /** A device writes so many in a row, at most, before it lets anything else happen: by chance from one to this. */
  readonly runMax?: number;
  /** At least so many messages are written, by all devices alike, and at least so many connections cut. */
  readonly messages: number;
  readonly cuts: number;
  /** After so long nothing more is written, however few these are. */
  readonly secondsMax?: number;
  /** Where a device keeps what it has. */
  platform(name: string): Platform;
  readonly onProgress?: (messages: number, cuts: number) => void;
  /** What is done once all is written, which takes long where it is much. */
  readonly onStep?: (step: string) => void;
}

/** What was found on all devices at the end. */
export interface CutReport extends Found {
  readonly devices: number;
  readonly messages: number;
  readonly cuts: number;
  /** Of all devices and the tap, from the first message until all hold all. */
  readonly processorMs: number;
}

interface Found {
  /** Messages that a device lacks, and that it has twice. */
  lost: number;
  doubled: number;
  /** How often a device shows what some device wrote in another order. */
  outOfOrder: number;
  /** Shown, and written by nobody. */
  unknown: number;
}

const FOUND = ["lost", "doubled", "outOfOrder", "unknown"] as const;
const nothingFound = (): Found => ({ lost: 0, doubled: 0, outOfOrder: 0, unknown: 0 });

/** A device of a pair, and what was said to be kept of what was written on it. */
interface Author {
  readonly name: string;
  readonly device: Device;
  readonly written: string[];
}

interface Pair {
  readonly conversationId: ConversationId;
  readonly authors: readonly Author[];
}

/** So much may wait on a device before it writes more. */
const WAITING_MAX = 32;
const LOOK_EVERY_MS = 2;
/** What a device sends for what it has read comes to the others a round later, and what they send for that in the next. */
const ROUNDS_MIN = 3;
const ROUNDS_MAX = 12;
const SYNCS_MAX = 16;
/** A sync that fails so has shown nothing of what was kept. */
const UNREACHED = new Set(["ServerUnreachable", "NotOnline"]);
const PROGRESS_EVERY = 500;

/** All devices write at once through a tap that cuts their connections; then it leaves them alone, and they come to rest. */
export async function cutTraffic(origin: string, tap: CuttingTap, plan: CutPlan): Promise<CutReport> {
  const pairs: Pair[] = [];
  for (let number = 0; number < plan.pairs; number++) pairs.push(await createPair(origin, number, plan));
  const authors = pairs.flatMap((pair) => pair.authors);
  let messages = 0;
  const endsAtMs = performance.now() + (plan.secondsMax ?? Number.POSITIVE_INFINITY) * 1_000;
  const isEnough = () =>
    (messages >= plan.messages && tap.cutCount() >= plan.cuts) || performance.now() > endsAtMs;
  const random = createSeededRandom("runs");
  const runLength = (): number => 1 + random.below(plan.runMax ?? 1);
  const write = async ({ conversationId }: Pair, { device, name, written }: Author): Promise<void> => {
    const { client } = device;
    client.start();
    let left = runLength();
    while (!isEnough()) {
      const text = `${name} ${written.length}`;
      good(await client.send(conversationId, text));
      written.push(text);
      messages += 1;
      if (messages % PROGRESS_EVERY === 0) plan.onProgress?.(messages, tap.cutCount());
      if (--left > 0) continue;
      left = runLength();
      do await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      while (client.status().pendingCount > WAITING_MAX && !isEnough());
    }
  };
  const before = process.cpuUsage();
  tap.begin();
  await Promise.all(pairs.flatMap((pair) => pair.authors.map((author) => write(pair, author))));
  const cuts = tap.cutCount();
  tap.end();
  // Pair by pair, on devices started again: twenty that read all there is at once keep each other from hearing the server.
  await stopAll(...authors.map(({ device }) => device));
  const found = nothingFound();
  for (const [index, pair] of pairs.entries()) {
    const onStep = (step: string) => plan.onStep?.(`pair ${index + 1} of ${pairs.length}: ${step}`);
    onStep("started again");
    const again = { ...pair, authors: await Promise.all(pair.authors.map(startedAgain)) };
    onStep("online");
    const inPair = await findAtRest(again, onStep);
    for (const kind of FOUND) found[kind] += inPair[kind];
    await stopAll(...again.authors.map(({ device }) => device));
  }
  const { user, system } = process.cpuUsage(before);
  return { devices: authors.length, messages, cuts, processorMs: (user + system) / 1_000, ...found };
}

async function startedAgain(author: Author): Promise<Author> {
  const device = await reopened(author.device.platform);
  await whenOnline(device);
  return { ...author, device };
}

async function whenOnline({ client }: Device): Promise<void> {
  client.start();
  while (client.status().state !== "online")
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
}

/** A server that devices ask for all there is at once may keep one waiting for longer than it waits. */
async function syncAtLast(device: Device, onStep: (step: string) => void): Promise<void> {
  for (let left = SYNCS_MAX; ; left--) {
    const synced = await device.client.sync();
    if (synced.ok || left === 1 || !UNREACHED.has(synced.error.type)) return void good(synced);
    onStep(`the server is asked again: ${synced.error.type}`);
    await whenOnline(device);
  }
}

/**
 * What the devices of a pair hold once none has anything to send, everybody has read what all sent, and nothing is lost or time is up.
 *
 * Not by the fingerprints of `settle`: each round of them reads every message of every device.
 */
async function findAtRest(pair: Pair, onStep: (step: string) => void): Promise<Found> {
  let found: Found | null = null;
  for (let round = 1; round <= ROUNDS_MAX && (found === null || found.lost > 0); round++) {
    for (const { device } of pair.authors) await syncAtLast(device, onStep);
    const pending = pair.authors.map(({ device }) => device.client.status().pendingCount);
    onStep(`round ${round}, ${pending.join(" ")} to send`);
    if (round < ROUNDS_MIN || pending.some((count) => count > 0)) continue;
    found = nothingFound();
    for (const { device } of pair.authors) compare(pair, await textsOf(device, pair.conversationId), found);
    onStep(`${found.lost} lost`);
  }
  if (found === null) throw new Error("something waits to be sent, and no round sends it");
  return found;
}

function compare({ authors }: Pair, texts: readonly string[], found: Found): void {
  const shown = new Map<string, string[]>(authors.map(({ name }) => [name, []]));
  for (const text of texts) {
    const of = shown.get(text.split(" ")[0] ?? "");
    if (of === undefined) found.unknown += 1;
    else of.push(text);
  }
  for (const { name, written } of authors) {
    const of = shown.get(name) ?? [];
    const once = new Set(of);
    found.doubled += of.length - once.size;
    found.lost += written.filter((text) => !once.has(text)).length;
    const known = new Set(written);
    found.unknown += [...once].filter((text) => !known.has(text)).length;
    if (of.some((text, index) => text !== written[index])) found.outOfOrder += 1;
  }
}

async function createPair(origin: string, number: number, plan: CutPlan): Promise<Pair> {
  const names = [`ada${number}.cut`, `ben${number}.cut`] as const;
  const { ada, ben, conversationId } = await createFriends(origin, names, {
    ada: plan.platform(`${names[0]}.1`),
    ben: plan.platform(`${names[1]}.1`),
  });
  const authors: Author[] = [];
  for (const [side, first] of [ada, ben].entries()) {
    const name = present(names[side], "there are two");
    authors.push({ name: `${name}.1`, device: first, written: [] });
    for (let device = 2; device <= plan.devicesEach; device++) {
      const linked = await linkedDevice(
        first.client,
        `${name}.${device}`,
        plan.platform(`${name}.${device}`),
      );
      authors.push({ name: `${name}.${device}`, device: linked, written: [] });
    }
  }
  await settle(...authors.map(({ device }) => device));
  return { conversationId, authors };
}
