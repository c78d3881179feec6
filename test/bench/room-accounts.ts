/**
 * One person's client with a room of many accounts of a device each: letting them in, what faces ask for, and what own devices are told.
 *
 * Usage: node test/bench/room-accounts.ts [--json] [--accounts 1000]
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { present } from "../../core/base/assert.ts";
import type { AccountId } from "../../core/base/ids.ts";
import type { ContactPatch } from "../../core/client/contacts/contact-book.ts";
import { createPlatformRandom } from "../../core/base/random.ts";
import { createGroupCrypto } from "../../core/group/crypto-provider.ts";
import { createKeyPackage } from "../../core/group/key-package.ts";
import { activeKeys, createWorld, stateOf } from "../support/chain-world.ts";
import { engineReady, good, memoryPlatform, newAccount } from "../support/client-world.ts";
import { connectSignedIn, exchange, expectFrame } from "../support/raw-client.ts";
import { doneShape } from "../../core/protocol/directory.ts";
import { registration } from "../support/server-account.ts";
import { startLocalServer } from "../support/server-in-process.ts";
import { engineOf, reopened, settle } from "../support/story.ts";
import { percentile, report } from "./figures.ts";

const SUITE = "room-accounts";
const DAY_MS = 86_400_000;
const SEED_BYTES = 32;
const INTENTS_AT_ONCE = 50;
const TIMES = 20;

const { values } = parseArgs({ options: { json: { type: "boolean" }, accounts: { type: "string" } } });
const accounts = Number(values.accounts ?? 1_000);
const tell = (name: string, value: number, unit: string): void =>
  report(values.json === true, { suite: SUITE, name: `${accounts}: ${name}`, value, unit, better: "less" });

await engineReady();
const server = await startLocalServer();
const random = createPlatformRandom();
const bytesByLog = new Map<string, number>();
server.store.onEvent((event) => {
  if (event.type !== "appended") return;
  const sum = event.entries.reduce((bytes, { sealed }) => bytes + sealed.length, 0);
  bytesByLog.set(event.logId, (bytesByLog.get(event.logId) ?? 0) + sum);
});

/** An account with a device that can be let in, and nobody who runs it. */
async function createGuest(name: string): Promise<AccountId> {
  const world = createWorld(name);
  await exchange(server.origin, "POST", "/v1/accounts", doneShape, registration(world, null));
  const device = present(activeKeys(world)[0], "a device");
  const { accountId } = stateOf(world);
  const nowMs = Date.now();
  const { published } = await createKeyPackage(
    createGroupCrypto(random),
    { member: { accountId, deviceId: device.id }, signSeed: device.mls.secretKey.slice(0, SEED_BYTES) },
    { fromMs: nowMs - DAY_MS, untilMs: nowMs + DAY_MS },
  );
  const client = await connectSignedIn(server.origin, world);
  const keyPackages = [{ keyPackage: published, isLastResort: true, expiresAtMs: nowMs + DAY_MS }];
  expectFrame(await client.call({ type: "publishKeyPackages", keyPackages }), "done");
  client.ws.terminate();
  return accountId;
}

/** Milliseconds of processor time, the median of so many. */
async function cpuMs(name: string, work: () => Promise<unknown>, times = TIMES): Promise<void> {
  const each: number[] = [];
  for (let i = 0; i < times; i++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    each.push((user + system) / 1_000);
  }
  tell(
    name,
    percentile(
      each.sort((a, b) => a - b),
      0.5,
    ),
    "CPU-ms",
  );
}

const made = await newAccount(server.origin, "ada", memoryPlatform());
good(await made.client.stop());
const ada = await engineOf(made.platform);
const guests: AccountId[] = [];
for (let at = 1; at < accounts; at++) guests.push(await createGuest(`guest ${at}`));
const patch: ContactPatch = { state: "accepted", origin: server.origin, givenName: "Guest" };
good(await ada.engine.contacts.setAll(new Map(guests.map((id) => [id, patch]))));
await settle(ada);
const { id } = good(await ada.client.createRoom("Crowd"));
await settle(ada);
const roomLogId = present(good(await ada.engine.rooms.book.get(id)), "the room").keys.logId;
/** Of all logs but the room's: there is no other than the account's. */
const accountLogBytes = (): number =>
  [...bytesByLog].reduce((sum, [logId, bytes]) => sum + (logId === roomLogId ? 0 : bytes), 0);
const each: number[] = [];
for (let from = 0; from < guests.length; from += INTENTS_AT_ONCE) {
  const before = process.cpuUsage();
  for (const guest of guests.slice(from, from + INTENTS_AT_ONCE))
    good(await ada.client.inviteToRoom(id, guest));
  good(await ada.client.sync());
  const { user, system } = process.cpuUsage(before);
  each.push((user + system) / 1_000);
}
const [room] = good(await ada.client.rooms());
if (room?.members.length !== accounts) throw new Error(`${room?.members.length} members`);
tell("letting the last fifty in", each.at(-1) ?? Number.NaN, "CPU-ms");
await cpuMs("rooms()", () => ada.client.rooms());
await cpuMs("room happenings", () => ada.client.roomHappenings(id));
await cpuMs("send()", async () => good(await ada.client.send(id, "Hello all")));
await cpuMs("send and sync", async () => {
  good(await ada.client.send(id, "Hello all"));
  good(await ada.client.sync());
});
await cpuMs("sync with nothing to do", async () => good(await ada.client.sync()));
let before = accountLogBytes();
let names = 0;
tell("account log so far", before, "bytes");
await cpuMs(
  "a change of the name",
  async () => {
    good(await ada.client.renameRoom(id, `Crowd ${++names}`));
    good(await ada.client.sync());
  },
  5,
);
tell("account log for a name", (accountLogBytes() - before) / 5, "bytes");
before = accountLogBytes();
await cpuMs(
  "somebody taken out",
  async () => {
    good(await ada.client.removeFromRoom(id, present(guests.pop(), "a guest")));
    good(await ada.client.sync());
  },
  5,
);
tell("account log for a removal", (accountLogBytes() - before) / 5, "bytes");
good(await ada.client.stop());
const openMs = performance.now();
const again = await reopened(made.platform);
good(await again.client.rooms());
tell("opening and rooms()", performance.now() - openMs, "ms");
good(await again.client.stop());
await server.close();
