/**
 * How a world's people come to be there: accounts made, devices linked, everybody acquainted.
 *
 * That is the dear part, and it is the same for many worlds. So it is played once for each kind of world and run, and the
 * disks it leaves are copied into every world of that kind. A beginning is a function of its own seed, so a world is still
 * a function of its seed alone, wherever its beginning came from.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deserialize, serialize } from "node:v8";
import { createAccount } from "@dovetail/core";
import type { AccountId, ConversationId } from "../../../core/base/ids.ts";
import { good } from "../../support/client-world.ts";
import type { StoryPlan } from "./story-plan.ts";
import type { DiskImage } from "./virtual-disk.ts";
import { createWorld, type World } from "./world.ts";

/** The disks of a world at rest. */
export interface Beginning {
  /** Of each server. */
  readonly serverFiles: readonly ReadonlyMap<string, Uint8Array>[];
  readonly people: readonly {
    readonly accountId: AccountId | null;
    readonly words: string | null;
    readonly conversationByName: ReadonlyMap<string, ConversationId>;
    readonly devices: readonly { readonly storeKey: Uint8Array; readonly image: DiskImage }[];
  }[];
  /** When it ended, so that a world that goes on from it does so later. */
  readonly endedAtMs: number;
}

const beginnings = new Map<string, Promise<Beginning>>();

/** A world with its people in it: founded anew for a server in memory, else from a beginning. */
export async function populatedWorld(
  plan: StoryPlan,
  onLine: ((line: string) => void) | null = null,
): Promise<World> {
  if (plan.server === "memory") {
    const world = createWorld(plan, onLine);
    await orEnd(world, () => found(world));
    return world;
  }
  const left = await beginningFor(plan);
  const world = createWorld(plan, onLine);
  await orEnd(world, () => resume(world, left));
  return world;
}

/** Of this process, of another one of the same run, or played now. */
export function beginningFor(population: Population): Promise<Beginning> {
  const { devicesByPerson, servers = 1 } = population;
  const kind = `${devicesByPerson.join("-")}${servers === 1 ? "" : `-on-${servers}`}`;
  const beginning = beginnings.get(kind) ?? shared(kind, population);
  beginnings.set(kind, beginning);
  return beginning;
}

/** Who there is in a world, which is all its beginning depends on. */
type Population = Pick<StoryPlan, "devicesByPerson" | "servers">;

async function shared(kind: string, population: Population): Promise<Beginning> {
  const folder = process.env.DOVETAIL_BEGINNINGS;
  if (folder === undefined) return play(kind, population);
  const file = join(folder, `${kind}.beginning`);
  if (existsSync(file)) return deserialize(readFileSync(file));
  const played = await play(kind, population);
  // What has a fault in it is nobody else's.
  if (process.env.DOVETAIL_PLANTED !== undefined) return played;
  const whole = `${file}.${process.pid}`;
  writeFileSync(whole, serialize(played));
  renameSync(whole, file);
  return played;
}

async function orEnd(world: World, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    world.end();
    throw error;
  }
}

async function play(kind: string, { devicesByPerson, servers = 1 }: Population): Promise<Beginning> {
  const world = createWorld({
    seed: `beginning/${kind}`,
    devicesByPerson,
    servers,
    server: "sqlite",
    steps: [],
    isWatched: true,
  });
  try {
    await found(world);
    for (const { device } of world.members())
      if (device.client !== null) await world.time.run(device.client.stop());
    for (const server of world.servers) server.crash();
    return {
      serverFiles: world.servers.map(({ disk }) => disk.files()),
      endedAtMs: world.time.elapsedMs(),
      people: await Promise.all(
        world.people.map(async ({ accountId, words, conversationByName, devices }) => ({
          accountId,
          words,
          conversationByName,
          devices: await Promise.all(
            devices.map(async ({ device }) => ({
              storeKey: device.storeKey,
              image: await device.disk.image(),
            })),
          ),
        })),
      ),
    };
  } finally {
    world.end();
  }
}

async function resume(world: World, beginning: Beginning): Promise<void> {
  await world.time.pass(Math.ceil(beginning.endedAtMs) + 1_000);
  for (const [index, server] of world.servers.entries()) {
    server.disk.fill(present(beginning.serverFiles[index]));
    server.start();
  }
  for (const [index, left] of beginning.people.entries()) {
    const person = present(world.people[index]);
    person.accountId = left.accountId;
    person.words = left.words;
    for (const [name, id] of left.conversationByName) person.conversationByName.set(name, id);
    for (const { storeKey, image } of left.devices) {
      const member = world.addDevice(person, storeKey);
      await member.device.disk.restore(image);
      good(await world.time.run(world.open(member)));
    }
  }
}

async function found(world: World): Promise<void> {
  for (const server of world.servers) server.start();
  await world.time.run(settleIn(world));
}

async function settleIn(world: World): Promise<void> {
  for (const [index, person] of world.people.entries()) {
    const first = world.addDevice(person);
    const { client, recoveryWords } = good(
      await createAccount(first.device.boot(), {
        origin: person.home.origin,
        handle: person.name,
        displayName: person.name,
        deviceName: first.device.name,
        invitation: null,
      }),
    );
    world.adopt(first, client);
    person.words = recoveryWords;
    person.accountId = good(await client.account()).accountId;
    for (let number = 1; number < (world.plan.devicesByPerson[index] ?? 1); number++)
      await world.link(client, world.addDevice(person));
  }
  for (const [index, one] of world.people.entries())
    for (const two of world.people.slice(index + 1)) {
      const [client, other] = [one, two].map(({ devices }) => present(devices[0]?.device.client));
      const conversationId = await acquaint(present(client), present(other));
      one.conversationByName.set(two.name, conversationId);
      two.conversationByName.set(one.name, conversationId);
    }
  for (const member of world.members()) good(await present(member.device.client).sync());
}

type SomeClient = NonNullable<World["people"][number]["devices"][number]["device"]["client"]>;

async function acquaint(client: SomeClient, other: SomeClient): Promise<ConversationId> {
  good(await other.sync());
  const { conversationId } = good(await client.addContact(good(await other.contactLink())));
  good(await client.sync());
  good(await other.sync());
  const asked = good(await other.contacts()).find(({ state }) => state === "incoming");
  good(await other.acceptContact(present(asked).accountId));
  good(await other.sync());
  good(await client.sync());
  return conversationId;
}

function present<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error("the world is not set up");
  return value;
}
