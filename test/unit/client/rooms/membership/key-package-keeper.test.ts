/** The pool of key packages: kept full, renewed, and never published before its private half is stored. */
import { beforeAll, expect, test } from "vitest";
import { toHex } from "../../../../../core/base/bytes.ts";
import {
  KEY_PACKAGE_LIFETIME_MS_MAX,
  KEY_PACKAGE_POOL_MAX,
  KEY_PACKAGE_REFILL_BELOW,
  KEY_PACKAGE_ROTATE_MS,
  KEY_PACKAGES_KEPT_MAX,
} from "../../../../../core/base/limits.ts";
import { err, ok } from "../../../../../core/base/result.ts";
import type { ClientError } from "../../../../../core/client/client-error.ts";
import type { Gateway } from "../../../../../core/client/connection/gateway.ts";
import { keepKeyPackages } from "../../../../../core/client/rooms/membership/key-package-keeper.ts";
import { createTimes } from "../../../../../core/client/calendar/times.ts";
import { createTables } from "../../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import { createGroupCrypto } from "../../../../../core/group/crypto-provider.ts";
import { verifyPublishedKeyPackage } from "../../../../../core/group/key-package.ts";
import { createDeviceSeeds, deviceKeysFromSeeds } from "../../../../../core/sigchain/keys/device-keys.ts";
import { createMemoryTxStore } from "../../../../../core/store/memory-tx-store.ts";
import { createWorld, stateOf } from "../../../../support/chain-world.ts";
import { good } from "../../../../support/client-world.ts";
import { createManualClock } from "../../../../support/manual-clock.ts";
import { createSeededRandom } from "../../../../support/seeded-random.ts";

beforeAll(cryptoReady);

/** A device and a server that counts what it was given. */
function createKeeper() {
  const store = createMemoryTxStore();
  const tables = createTables(store);
  const random = createSeededRandom("keeper");
  const clock = createManualClock();
  const seeds = createDeviceSeeds(random);
  const { id: deviceId } = deviceKeysFromSeeds(seeds);
  const { accountId } = stateOf(createWorld("keeper"));
  const times = createTimes({ clock, store, tables, onCompared: () => {} });
  const context = { store, tables, times, random, identity: { accountId, deviceId, seeds } };
  const server = { oneTime: 0, hasLastResort: false, fault: null as ClientError | null };
  const published: { readonly keyPackage: Uint8Array; readonly isLastResort: boolean }[] = [];
  const gateway: Pick<Gateway, "call"> = {
    call: async (_answer, request) => {
      if (request.type === "keyPackageCounts") {
        const { oneTime, hasLastResort } = server;
        return ok({ type: "keyPackageCounts", requestId: 1, oneTime, hasLastResort }) as never;
      }
      if (server.fault !== null) return err(server.fault) as never;
      if (request.type !== "publishKeyPackages") return err({ type: "Refused", code: "internal" }) as never;
      published.push(...request.keyPackages);
      server.oneTime += request.keyPackages.filter(({ isLastResort }) => !isLastResort).length;
      server.hasLastResort ||= request.keyPackages.some(({ isLastResort }) => isLastResort);
      return ok({ type: "done", requestId: 1 }) as never;
    },
  };
  const keep = async () => {
    good(await times.told(clock.nowMs()));
    return keepKeyPackages(context, gateway);
  };
  const rows = async () => good(await tables.keypackage.scan()).map(({ value }) => value);
  return { clock, random, server, published, keep, rows, accountId, deviceId };
}

test("[RM14] the pool is filled at once, below half of it again, and a full one is left alone", async () => {
  const { server, published, keep, rows } = createKeeper();
  good(await keep());
  expect(published.filter(({ isLastResort }) => isLastResort)).toHaveLength(1);
  expect(published).toHaveLength(KEY_PACKAGE_POOL_MAX + 1);
  const stored = new Set((await rows()).map((row) => toHex(row.published)));
  expect(published.every(({ keyPackage }) => stored.has(toHex(keyPackage)))).toBe(true);
  server.oneTime = KEY_PACKAGE_REFILL_BELOW;
  good(await keep());
  expect(published).toHaveLength(KEY_PACKAGE_POOL_MAX + 1);
  server.oneTime = KEY_PACKAGE_REFILL_BELOW - 1;
  good(await keep());
  expect(server.oneTime).toBe(KEY_PACKAGE_POOL_MAX);
});

test("[RM14] what was published is good for who adds the device, also by a clock that is a day behind", async () => {
  const { clock, random, published, keep, accountId, deviceId } = createKeeper();
  good(await keep());
  const [first] = published;
  const suite = createGroupCrypto(random);
  const check = async (nowMs: number) => {
    const by = { authenticate: () => true, nowMs };
    return verifyPublishedKeyPackage(suite, first?.keyPackage ?? new Uint8Array(1), by);
  };
  expect(good(await check(clock.nowMs())).member).toEqual({ accountId, deviceId });
  expect((await check(clock.nowMs() - 86_000_000)).ok).toBe(true);
  expect((await check(clock.nowMs() + KEY_PACKAGE_LIFETIME_MS_MAX)).ok).toBe(false);
});

test("[RM14] private halves are stored first: kept where the server may have taken them, erased where it refused", async () => {
  const { server, published, keep, rows } = createKeeper();
  server.fault = { type: "ServerUnreachable", origin: "https://a.example", detail: "cut" };
  expect((await keep()).ok).toBe(false);
  expect(published).toEqual([]);
  expect(await rows()).toHaveLength(KEY_PACKAGE_POOL_MAX + 1);
  server.fault = { type: "Refused", code: "storage-full" };
  expect((await keep()).ok).toBe(false);
  expect(await rows()).toHaveLength(KEY_PACKAGE_POOL_MAX + 1);
  server.fault = null;
  good(await keep());
  expect(published.filter(({ isLastResort }) => isLastResort)).toHaveLength(1);
  expect(await rows()).toHaveLength(2 * KEY_PACKAGE_POOL_MAX + 1);
});

test("[RM14] a server that always says it has none is given no more than a device keeps", async () => {
  const { server, published, keep, rows } = createKeeper();
  const rounds = KEY_PACKAGES_KEPT_MAX / KEY_PACKAGE_POOL_MAX;
  for (let round = 1; round <= rounds + 1; round++) {
    server.oneTime = 0;
    good(await keep());
    expect(await rows()).toHaveLength(Math.min(round, rounds) * KEY_PACKAGE_POOL_MAX + 1);
  }
  expect(published).toHaveLength(KEY_PACKAGES_KEPT_MAX + 1);
});

test("[RM15] the last resort is renewed weekly; the old one opens what still names it, until it has ended", async () => {
  const { clock, published, keep, rows } = createKeeper();
  good(await keep());
  await clock.advance(KEY_PACKAGE_ROTATE_MS - 1);
  good(await keep());
  expect(published.filter(({ isLastResort }) => isLastResort)).toHaveLength(1);
  await clock.advance(1);
  good(await keep());
  expect(published.filter(({ isLastResort }) => isLastResort)).toHaveLength(2);
  expect((await rows()).filter(({ isLastResort }) => isLastResort)).toHaveLength(2);
  await clock.advance(KEY_PACKAGE_LIFETIME_MS_MAX + 86_400_000);
  good(await keep());
  expect((await rows()).filter(({ isLastResort }) => isLastResort)).toHaveLength(1);
});
