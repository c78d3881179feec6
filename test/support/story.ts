/** What stories of people and devices share: becoming contacts, coming to rest, comparing what devices hold. */
import { expect } from "vitest";
import { present } from "../../core/base/assert.ts";
import { type AccountId, type ConversationId, idFromBytes } from "../../core/base/ids.ts";
import { type NamedOp, nameOp } from "../../core/messenger/op.ts";
import {
  type Alarm,
  type Client,
  type MessagePage,
  openClient,
  type Platform,
  type StateFingerprint,
} from "@dovetail/core";
import type { Result } from "../../core/base/result.ts";
import { createEngine, type Engine, sealedStore } from "../../core/client/engine.ts";
import { createClient } from "../../core/client/open-client.ts";
import { createTables, type Tables } from "../../core/client/tables.ts";
import { sealTxStore } from "../../core/store/sealing-tx-store.ts";
import { good, memoryPlatform, newAccount } from "./client-world.ts";

/** A device of a story: a running client and the ports under it. */
export interface Device {
  readonly client: Client;
  readonly platform: Platform;
}

const ROUNDS_MAX = 12;

/** Synchronises devices in turn until a whole round changes nothing on any of them. */
export async function settle(...devices: readonly Device[]): Promise<void> {
  let before = "";
  for (let round = 0; round < ROUNDS_MAX; round++) {
    for (const { client } of devices) good(await client.sync());
    const states = await Promise.all(
      devices.map(async ({ client }) => [await fingerprintOf(client), client.status().pendingCount]),
    );
    const after = JSON.stringify(states);
    if (after === before) return;
    before = after;
  }
  throw new Error(`the devices did not come to rest: ${before}`);
}

/** What a device holds. */
export async function fingerprintOf(client: Client): Promise<StateFingerprint> {
  return good(await client.fingerprint());
}

/** As `settle`, after a time without a server: what waits for somebody's chain is asked for again after a while. */
export async function settleAfterOutage(...devices: readonly Device[]): Promise<void> {
  for (let attempt = 0; attempt < ROUNDS_MAX; attempt++) {
    await settle(...devices);
    const waiting = await Promise.all(
      devices.map(async (device) => good(await tablesOf(device).aside.scan()).length),
    );
    if (waiting.every((count) => count === 0)) return;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  throw new Error("entries wait for a chain that does not come");
}

/**
 * Fails unless `check` comes to pass while these devices synchronise: what heals or is marked by itself may come a moment after
 * a round that changed nothing.
 */
export async function expectAtRest(check: () => Promise<void>, ...devices: readonly Device[]): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await check();
    } catch (thrown) {
      if (attempt === ROUNDS_MAX) throw thrown;
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    await settle(...devices);
  }
}

/** Fails unless all of these devices of one account come to hold the same. */
export async function expectSameState(...devices: readonly Device[]): Promise<void> {
  await expectAtRest(
    async () => {
      const [first, ...others] = await Promise.all(devices.map(({ client }) => fingerprintOf(client)));
      for (const other of others) expect(other).toEqual(first);
    },
    ...devices,
  );
}

/** The messages of a conversation as a person reads them, oldest first. */
export async function textsOf(
  { client }: Device,
  conversationId: ConversationId,
): Promise<readonly string[]> {
  const texts: string[] = [];
  let before: string | null = null;
  do {
    const page: MessagePage = good(await client.messages(conversationId, before === null ? {} : { before }));
    texts.push(...page.messages.map((message) => message.text));
    before = page.older;
  } while (before !== null);
  return texts.reverse();
}

/** Alarms of a device from here on. */
export function alarmsOf({ client }: Device): Alarm[] {
  const alarms: Alarm[] = [];
  client.onEvent((event) => {
    if (event.type === "alarm") alarms.push(event.alarm);
  });
  return alarms;
}

/** Two people who have accepted each other. */
export interface Friends {
  readonly ada: Device;
  readonly ben: Device;
  readonly conversationId: ConversationId;
}

/** Two accounts at `origin`; Ada has asked with a contact link, Ben has accepted. */
export async function createFriends(
  origin: string,
  names: readonly [string, string],
  platforms: { readonly ada?: Platform; readonly ben?: Platform } = {},
): Promise<Friends> {
  const ada = await newAccount(origin, names[0], platforms.ada ?? memoryPlatform());
  const ben = await newAccount(origin, names[1], platforms.ben ?? memoryPlatform());
  const conversationId = await befriend(ada, ben);
  return { ada, ben, conversationId };
}

/** Ada writes to Ben for the first time, and he accepts; nothing is on its way. */
export async function befriend(ada: Device, ben: Device): Promise<ConversationId> {
  good(await ben.client.sync());
  const { conversationId } = good(await ada.client.addContact(good(await ben.client.contactLink())));
  await settle(ada, ben);
  good(await ben.client.acceptContact(await accountIdOf(ada)));
  await settle(ada, ben);
  return conversationId;
}

export async function accountIdOf({ client }: Device): Promise<AccountId> {
  return good(await client.account()).accountId;
}

/** Who asked `client`, once the request has come. */
export async function requestAt(client: Client): Promise<AccountId> {
  for (;;) {
    good(await client.sync());
    const [contact] = good(await client.contacts());
    if (contact !== undefined) return contact.accountId;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A room as somebody sees it who is in it, or was. */
export async function roomViewOf({ client }: Device, id: ConversationId) {
  const room = good(await client.rooms()).find((one) => one.id === id);
  const { name, state, members } = present(room, "the room is there");
  return { name, state, people: members.length };
}

/** The tables of a device, opened beside its running client. */
export function tablesOf({ platform }: Device): Tables {
  return createTables(sealTxStore({ ...platform.store, close: async () => {} }, platform));
}

/** The ops that stand in the rows of a device, in the order of the view. */
export async function storedOps(
  tables: Tables,
  conversationId?: ConversationId,
): Promise<readonly NamedOp[]> {
  const pages = good(await tables.op.scan(conversationId === undefined ? {} : { under: [conversationId] }));
  return pages.flatMap(({ value }) => value.map(({ id, op }) => good(nameOp(idFromBytes("op", id), op))));
}

/** Rows of work that a device at rest has done: none may be left. */
export async function unfinishedRows(device: Device): Promise<Readonly<Record<string, number>>> {
  const tables = tablesOf(device);
  const names = ["out", "sealed", "journal", "archive", "outbox", "parcel", "aside", "archived"] as const;
  const left: Record<string, number> = {};
  for (const name of names) {
    const rows: Result<readonly unknown[], unknown> = await tables[name].scan();
    const count = good(rows).length;
    if (count > 0) left[name] = count;
  }
  return left;
}

/** A running client with its parts at hand, for what no client does. */
export async function engineOf(platform: Platform): Promise<Device & { readonly engine: Engine }> {
  const store = sealedStore(platform);
  const profile = present(good(await createTables(store).profile.get()), "the profile has an account");
  const engine = good(await createEngine(platform, store, profile));
  return { platform, engine, client: createClient(engine) };
}

/** Starts a client again on the ports of one that was stopped. */
export async function reopened(platform: Platform): Promise<Device> {
  return { platform, client: present(good(await openClient(platform)), "the profile has an account") };
}

/** Stops clients; what cannot be stopped cleanly fails the test. */
export async function stopAll(...devices: readonly Device[]): Promise<void> {
  for (const { client } of devices) good(await client.stop());
}
