/** An account goes from its server: who may say so, who is told, and what people see. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createSystemClock } from "../../core/base/clock.ts";
import { NEW_DEVICE_HOLD_MS } from "../../core/base/limits.ts";
import { silentLogger } from "../../core/base/logger.ts";
import { createPlatformRandom } from "../../core/base/random.ts";
import { LABEL } from "../../core/crypto/labels.ts";
import { sign } from "../../core/crypto/sign.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { encodeDeletionClaim, encodeSignInClaim } from "../../core/protocol/claims.ts";
import type { DeviceKeys } from "../../core/sigchain/keys/device-keys.ts";
import { createServer, DEFAULT_CONFIG } from "../../sync-server/server.ts";
import { createMemoryStore } from "../../sync-server/store/memory/memory-store.ts";
import { addDevice, type ChainWorld, firstKeys, must, stateOf } from "../support/chain-world.ts";
import { type CliWorld, createCliWorld } from "../support/cli-process.ts";
import {
  appendOne,
  claimOf,
  connectRaw,
  connectSignedIn,
  createWriter,
  expectFrame,
  nextEntry,
  openRequest,
  type RawClient,
  signInRequest,
} from "../support/raw-client.ts";
import { createInbound, pushLink, registerWorld } from "../support/server-account.ts";
import { runServerCommand } from "../support/server-command.ts";
import { startLocalServer } from "../support/server-in-process.ts";

beforeAll(cryptoReady);

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const failed = (code: string) => ({ type: "failed", code });

function deleteRequest(client: RawClient, world: ChainWorld, device: DeviceKeys = firstKeys(world)) {
  const claim = { ...claimOf(client), accountId: stateOf(world).accountId, deviceId: device.id };
  return {
    type: "deleteAccount",
    signature: sign(device.sign, LABEL.signAccountDeletion, encodeDeletionClaim(claim)),
  } as const;
}

describe("over the gateway", () => {
  test("[DI15] a device deletes its account by a signature of this connection, and everybody on it is told", async () => {
    const server = await startLocalServer();
    cleanUps.push(() => server.close());
    const world = await registerWorld(server.origin, "deleted", "ann");
    const client = await connectSignedIn(server.origin, world);
    const { logId, key } = await createInbound(client, world);
    const contact = await connectRaw(server.origin);
    const writer = createWriter(logId, world.random.bytes(32));
    expectFrame(await contact.call(openRequest(contact, 1, logId, { capability: key, writer })), "opened");
    await appendOne(contact, 1, nextEntry(writer, world.random.bytes(60)));

    const stranger = await connectRaw(server.origin);
    expect(await stranger.call(deleteRequest(stranger, world))).toMatchObject(failed("not-signed-in"));
    // What was signed for a sign-in, or on another connection, deletes nothing.
    const claim = { ...claimOf(client), accountId: stateOf(world).accountId, deviceId: firstKeys(world).id };
    const signature = sign(firstKeys(world).sign, LABEL.signSignIn, encodeSignInClaim(claim));
    expect(await client.call({ type: "deleteAccount", signature })).toMatchObject(failed("bad-signature"));
    expect(await client.call(deleteRequest(stranger, world))).toMatchObject(failed("bad-signature"));
    expect(must(await server.store.findHandle("ann"))).not.toBe(null);

    const other = await connectSignedIn(server.origin, world);
    expect(await client.call(deleteRequest(client, world))).toMatchObject({ type: "done" });
    await Promise.all([client.whenClosed, other.whenClosed]);
    expect(other.unasked.at(-1)).toEqual({ type: "goodbye", code: "account-deleted" });
    const again = await connectRaw(server.origin);
    expect(await again.call(signInRequest(again, world))).toMatchObject(failed("account-deleted"));
    const late = {
      type: "append",
      channel: 1,
      entries: [nextEntry(writer, world.random.bytes(60))],
      admission: null,
    } as const;
    expect(await contact.call(late)).toMatchObject(failed("unknown-log"));
    expect(must(await server.store.findHandle("ann"))).toBe(null);
  });

  test("[DI15] a device added less than a day ago deletes nothing", async () => {
    let nowMs = Date.now();
    const clock = { ...createSystemClock(), nowMs: () => nowMs };
    const deps = { store: createMemoryStore(), clock, random: createPlatformRandom(), logger: silentLogger };
    const local = must(await createServer({ ...DEFAULT_CONFIG, port: 0 }, deps));
    cleanUps.push(() => local.close());
    const origin = local.origins[0] ?? "";
    const world = await registerWorld(origin, "hold");
    const young = addDevice(world);
    expect(await pushLink(origin, world)).toBe(null);
    nowMs += NEW_DEVICE_HOLD_MS - 1;
    const client = await connectSignedIn(origin, world, young);
    expect(await client.call(deleteRequest(client, world, young))).toMatchObject(failed("device-on-hold"));
    nowMs += 1;
    expect(await client.call(deleteRequest(client, world, young))).toMatchObject({ type: "done" });
  });
});

describe("at the command line", () => {
  let world: CliWorld;
  beforeAll(async () => {
    world = await createCliWorld();
  });
  afterAll(() => world.close());
  const create = (profile: string, handle: string) =>
    world.run(profile, [
      "account",
      "create",
      "--server",
      world.origin,
      "--name",
      profile,
      "--handle",
      handle,
    ]);

  test("a person deletes the account, and is told what that means", { timeout: 240_000 }, async () => {
    expect(await create("ada", "ada")).toMatchObject({ exitCode: 0 });
    expect(await world.run("ada", ["account", "delete"])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("--yes"),
    });
    expect(await world.run("ada", ["account", "delete", "--yes"])).toMatchObject({
      exitCode: 0,
      stderr: expect.stringMatching(/deleted from[\s\S]*still here[\s\S]*dovetail profile remove ada$/m),
    });
    expect(await world.run("ada", ["sync"])).toMatchObject({
      exitCode: 8,
      stderr: expect.stringMatching(/this account was deleted/),
    });
    // Asked for again, as after a lost answer.
    expect(await world.run("ada", ["account", "delete", "--yes"])).toMatchObject({ exitCode: 0 });
    expect(await create("eve", "ada")).toMatchObject({ exitCode: 6 });
  });

  test("the operator deletes an account while the server runs, and lets its handle go", {
    timeout: 240_000,
  }, async () => {
    const created = await world.run("ben", [
      "account",
      "create",
      "--server",
      world.origin,
      "--name",
      "Ben",
      "--handle",
      "ben",
      "--json",
    ]);
    const { account }: { readonly account: { readonly accountId: string } } = JSON.parse(created.stdout);
    const operate = (...args: readonly string[]) =>
      runServerCommand([...args, "--data", `${world.home}/server`]);
    expect(await operate("accounts", "delete", account.accountId)).toMatchObject({ exitCode: 2 });
    expect(await operate("accounts", "delete", "ff".repeat(32), "--yes")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/no such account/),
    });
    expect(await operate("accounts", "delete", account.accountId, "--yes")).toMatchObject({ exitCode: 0 });
    expect(await world.run("ben", ["sync"])).toMatchObject({ exitCode: 8 });
    expect(await create("eve", "ben")).toMatchObject({ exitCode: 6 });
    expect(await operate("accounts", "release-handle", "ben")).toMatchObject({ exitCode: 0 });
    expect(await create("eve", "ben")).toMatchObject({ exitCode: 0 });
  });
});
