/** The contract of `DirectoryStore`, run on every adapter. */
import { describe, expect, test } from "vitest";
import { idFromBytes } from "../../core/base/ids.ts";
import { ACTIVE_DEVICES_MAX, PREKEY_POOL_MAX } from "../../core/base/limits.ts";
import { ADDED_BOXES_PER_EPOCH_MAX } from "../../sync-server/limits.ts";
import type { StoreEvent } from "../../sync-server/store/log-store.ts";
import { must } from "../support/chain-world.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import {
  genesisStep,
  named,
  nextStep,
  NOW_MS,
  registerAccount,
  storePreKey,
} from "../support/store-world.ts";
import { type ServerStoreMedium, storesOf } from "./log-store.ts";

const filled = (byte: number) => new Uint8Array(32).fill(byte);
const refused = (code: string) => ({ ok: false, error: { type: "Refused", code } });

/** Declares the tests of the contract for one adapter. */
export function describeDirectoryStore(name: string, createMedium: () => ServerStoreMedium): void {
  describe(`DirectoryStore: ${name}`, () => {
    const stores = storesOf(createMedium);

    async function openAccount() {
      const store = stores.open();
      const random = createSeededRandom("directory");
      return { store, random, ...(await registerAccount(store, random)) };
    }

    test("[DI2] registering the same account again is a success, with another handle a conflict", async () => {
      const store = stores.open();
      const genesis = genesisStep(createSeededRandom(1));
      expect((await store.register(genesis, "ann")).ok).toBe(true);
      expect((await store.register(genesis, "ann")).ok).toBe(true);
      expect(await store.register(genesis, "bob")).toEqual(refused("chain-conflict"));
      expect(must(await store.findHandle("ann"))).toBe(genesis.accountId);
      expect(must(await store.findHandle("bob"))).toBe(null);
    });

    test("[DI2] of two that want one handle at once, one gets it and the other nothing at all", async () => {
      const store = stores.open();
      const [a, b] = [genesisStep(createSeededRandom("a")), genesisStep(createSeededRandom("b"))];
      const [one, two] = await Promise.all([store.register(a, "ann"), store.register(b, "ann")]);
      expect(one.ok).toBe(true);
      expect(two).toEqual(refused("handle-taken"));
      expect(must(await store.findAccount(b.accountId))).toBe(null);
    });

    test("[DI14] an invitation lets in as many as it says, until its time, and of two at once one", async () => {
      const store = stores.open();
      const step = (seed: string) => genesisStep(createSeededRandom(seed));
      const hash = filled(7);
      const invited = { type: "invitation", hash, nowMs: NOW_MS } as const;
      expect(await store.register(step("none"), null, invited)).toEqual(refused("bad-invitation"));
      const number = must(
        await store.addInvitation({ hash, usesMax: 2, createdAtMs: NOW_MS, expiresAtMs: NOW_MS + 10 }),
      );
      expect((await store.register(step("a"), "ann", invited)).ok).toBe(true);
      // What is refused, and what is there already, spends nothing.
      expect(await store.register(step("b"), "ann", invited)).toEqual(refused("handle-taken"));
      expect((await store.register(step("a"), "ann", invited)).ok).toBe(true);
      expect(must(await store.listInvitations(NOW_MS))).toEqual([
        { number, usesLeft: 1, usesMax: 2, createdAtMs: NOW_MS, expiresAtMs: NOW_MS + 10 },
      ]);
      expect(await store.register(step("late"), null, { ...invited, nowMs: NOW_MS + 10 })).toEqual(
        refused("bad-invitation"),
      );
      const both = await Promise.all(["c", "d"].map((seed) => store.register(step(seed), null, invited)));
      expect(both.map(({ ok }) => ok)).toEqual([true, false]);
      expect(both[1]).toEqual(refused("bad-invitation"));
      expect(must(await store.findAccount(step("d").accountId))).toBe(null);
      // The account is there: its retry needs no use.
      expect((await store.register(step("c"), null, invited)).ok).toBe(true);
      expect(must(await store.listInvitations(NOW_MS))).toEqual([]);
    });

    test("[DI14] an invitation that was taken back lets nobody in", async () => {
      const store = stores.open();
      const hash = filled(8);
      const made = { hash, usesMax: 2, createdAtMs: NOW_MS, expiresAtMs: NOW_MS + 10 };
      const number = must(await store.addInvitation(made));
      expect(must(await store.revokeInvitation(number))).toBe(true);
      expect(must(await store.revokeInvitation(number))).toBe(false);
      const invited = { type: "invitation", hash, nowMs: NOW_MS } as const;
      expect(await store.register(genesisStep(createSeededRandom("e")), null, invited)).toEqual(
        refused("bad-invitation"),
      );
      expect(must(await store.addInvitation({ ...made, hash: filled(9) }))).toBeGreaterThan(number);
    });

    test("figures are sums of what is kept", async () => {
      const { store, random, accountId } = await openAccount();
      const logId = idFromBytes("log", random.bytes(32));
      must(await store.createLog({ logId, ownerId: accountId, kind: "account", appendKey: null }));
      expect(must(await store.figures())).toMatchObject({
        accounts: 1,
        logs: [
          { kind: "account", logs: 1, entries: 0, bytes: 0 },
          { kind: "inbound", logs: 0 },
          { kind: "request", logs: 0 },
          { kind: "room", logs: 0 },
        ],
        largestAccountBytes: 0,
        erasures: 0,
      });
      expect((await store.probe(NOW_MS)).ok).toBe(true);
    });

    test("[DI3] of two links after one head, one is appended; the same link again is a success", async () => {
      const { store, random, step } = await openAccount();
      const [a, b] = [nextStep(random, step), nextStep(random, step)];
      const [one, two] = await Promise.all([store.appendLink(a), store.appendLink(b)]);
      expect(one.ok).toBe(true);
      expect(two).toEqual(refused("chain-conflict"));
      expect((await store.appendLink(a)).ok).toBe(true);
      expect(await store.appendLink(nextStep(random, a, { previousHash: b.hash }))).toEqual(
        refused("chain-conflict"),
      );
      expect(await store.appendLink(nextStep(random, a, { seq: 9 }))).toEqual(refused("chain-conflict"));
      const chain = must(await store.readChain(step.accountId, 0, 10, 9_999));
      expect(chain?.links.map(named)).toEqual([step, a].map(({ link }) => named(link)));
      expect(chain?.headSeq).toBe(2);
      expect(must(await store.findAccount(step.accountId))).toMatchObject({ headSeq: 2, headHash: a.hash });
      const nobody = genesisStep(createSeededRandom("nobody"));
      expect(await store.appendLink(nextStep(random, nobody))).toEqual(refused("unknown-account"));
    });

    test("a page of a chain ends at its limits, but never before its first link", async () => {
      const { store, random, step } = await openAccount();
      let last = step;
      for (let i = 0; i < 4; i++) {
        last = nextStep(random, last);
        must(await store.appendLink(last));
      }
      const count = async (after: number, linksMax: number, bytesMax: number) =>
        must(await store.readChain(step.accountId, after, linksMax, bytesMax))?.links.length;
      expect(await count(0, 3, 9_999)).toBe(3);
      expect(await count(0, 9, step.link.length + last.link.length)).toBe(2);
      expect(await count(2, 9, 1)).toBe(1);
      expect(await count(5, 9, 9_999)).toBe(0);
      expect(must(await store.readChain(genesisStep(createSeededRandom(3)).accountId, 0, 1, 1))).toBe(null);
    });

    test("[DI4] a revoked device is inactive, without prekeys, and announced, in one act", async () => {
      const { store, random, step, accountId, deviceId } = await openAccount();
      must(
        await store.publishPreKeys(
          accountId,
          deviceId,
          [storePreKey(random, "signed"), storePreKey(random, "lastResort")],
          NOW_MS,
        ),
      );
      const heard: StoreEvent[] = [];
      store.onEvent((event) => heard.push(event));
      const revoke = nextStep(random, step, {
        epoch: 2,
        boxes: random.bytes(3),
        revokedDeviceIds: [deviceId],
      });
      const [, claimed] = await Promise.all([
        store.appendLink(revoke),
        store.claimPreKeys(accountId, null, NOW_MS),
      ]);
      expect(claimed).toEqual(refused("no-prekeys"));
      expect(heard).toEqual([{ type: "revoked", accountId, deviceIds: [deviceId] }]);
      expect(must(await store.findDevice(accountId, deviceId))?.isActive).toBe(false);
      expect(
        await store.publishPreKeys(accountId, deviceId, [storePreKey(random, "signed")], NOW_MS),
      ).toEqual(refused("revoked-device"));
    });

    test("boxes come by epoch with what was added later, in pages", async () => {
      const { store, random, step, accountId } = await openAccount();
      const add = nextStep(random, step, { box: random.bytes(20) });
      const rotate = nextStep(random, add, { epoch: 2, boxes: random.bytes(60) });
      must(await store.appendLink(add));
      must(await store.appendLink(rotate));
      const read = async (epoch: number, bytesMax: number) =>
        must(await store.readBoxes(accountId, epoch, bytesMax)).map((stored) => [
          stored.epoch,
          named(stored.boxes),
          ...stored.added.map(named),
        ]);
      const [first, second] = [
        [1, named(step.boxes ?? random.bytes(1)), named(add.box ?? random.bytes(1))],
        [2, named(rotate.boxes ?? random.bytes(1))],
      ];
      expect(await read(1, 9_999)).toEqual([first, second]);
      expect(await read(2, 9_999)).toEqual([second]);
      expect(await read(1, 1)).toEqual([first]);
      expect(await read(3, 1)).toEqual([]);
    });

    test(`an epoch takes ${ADDED_BOXES_PER_EPOCH_MAX} added boxes and no more`, async () => {
      const { store, random, step } = await openAccount();
      let last = step;
      for (let i = 0; i < ADDED_BOXES_PER_EPOCH_MAX; i++) {
        last = nextStep(random, last, { box: random.bytes(5) });
        must(await store.appendLink(last));
      }
      expect(await store.appendLink(nextStep(random, last, { box: random.bytes(5) }))).toEqual(
        refused("quota"),
      );
      expect((await store.appendLink(nextStep(random, last))).ok).toBe(true);
    });

    test("[DI6] a one-time prekey is given out once, then the last resort stands in", async () => {
      const { store, random, accountId, deviceId } = await openAccount();
      expect(await store.claimPreKeys(accountId, null, NOW_MS)).toEqual(refused("no-prekeys"));
      const [signed, lastResort] = [storePreKey(random, "signed"), storePreKey(random, "lastResort")];
      const oneTime = [0, 1, 2].map(() => storePreKey(random, "oneTime"));
      must(await store.publishPreKeys(accountId, deviceId, [signed, lastResort, ...oneTime], NOW_MS));
      expect(must(await store.countPreKeys(accountId, deviceId, NOW_MS))).toEqual({
        oneTime: 3,
        hasSigned: true,
        hasLastResort: true,
      });
      const claims = await Promise.all(
        Array.from({ length: 6 }, () => store.claimPreKeys(accountId, null, NOW_MS)),
      );
      const bundles = claims.flatMap((claim) => must(claim).bundles);
      expect(bundles.map(({ signed: bytes }) => named(bytes))).toEqual(
        new Array(6).fill(named(signed.bytes)),
      );
      const given = bundles.flatMap((bundle) => (bundle.oneTime === null ? [] : [named(bundle.oneTime)]));
      expect(given.sort()).toEqual(oneTime.map(({ bytes }) => named(bytes)).sort());
      const stoodIn = bundles.flatMap((bundle) =>
        bundle.lastResort === null ? [] : [named(bundle.lastResort)],
      );
      expect(stoodIn).toEqual(new Array(3).fill(named(lastResort.bytes)));
      expect(must(await store.countPreKeys(accountId, deviceId, NOW_MS)).oneTime).toBe(0);
    });

    test("[DI6] an id that was given out is never taken again", async () => {
      const { store, random, accountId, deviceId } = await openAccount();
      const oneTime = storePreKey(random, "oneTime");
      const all = [storePreKey(random, "signed"), storePreKey(random, "lastResort"), oneTime];
      must(await store.publishPreKeys(accountId, deviceId, all, NOW_MS));
      must(await store.claimPreKeys(accountId, null, NOW_MS));
      must(await store.publishPreKeys(accountId, deviceId, [oneTime, oneTime], NOW_MS));
      expect(must(await store.countPreKeys(accountId, deviceId, NOW_MS)).oneTime).toBe(0);
    });

    test("[DI5] a signed or last-resort prekey replaces its predecessor; what has expired is not given out", async () => {
      const { store, random, accountId, deviceId } = await openAccount();
      const [old, fresh] = [storePreKey(random, "signed"), storePreKey(random, "signed")];
      const short = storePreKey(random, "oneTime", NOW_MS + 10);
      const [oldLast, lastResort] = [storePreKey(random, "lastResort"), storePreKey(random, "lastResort")];
      must(await store.publishPreKeys(accountId, deviceId, [old, oldLast, short], NOW_MS));
      must(await store.publishPreKeys(accountId, deviceId, [fresh, lastResort], NOW_MS));
      const [bundle] = must(await store.claimPreKeys(accountId, [deviceId], NOW_MS + 10)).bundles;
      expect(
        bundle === undefined
          ? null
          : [
              named(bundle.signed),
              bundle.oneTime,
              bundle.lastResort === null ? null : named(bundle.lastResort),
            ],
      ).toEqual([named(fresh.bytes), null, named(lastResort.bytes)]);
      expect(must(await store.countPreKeys(accountId, deviceId, NOW_MS + 10)).oneTime).toBe(0);
      expect(await store.claimPreKeys(accountId, null, NOW_MS + 10_000_000)).toEqual(refused("no-prekeys"));
    });

    test(`[DI5] a device keeps ${PREKEY_POOL_MAX} one-time prekeys and no more`, async () => {
      const { store, random, accountId, deviceId } = await openAccount();
      const pool = Array.from({ length: PREKEY_POOL_MAX }, () => storePreKey(random, "oneTime"));
      must(await store.publishPreKeys(accountId, deviceId, pool.slice(1), NOW_MS));
      must(await store.publishPreKeys(accountId, deviceId, pool.slice(0, 1), NOW_MS));
      expect(
        await store.publishPreKeys(accountId, deviceId, [storePreKey(random, "oneTime")], NOW_MS),
      ).toEqual(refused("quota"));
      must(await store.publishPreKeys(accountId, deviceId, [storePreKey(random, "signed")], NOW_MS));
      expect(must(await store.countPreKeys(accountId, deviceId, NOW_MS)).oneTime).toBe(PREKEY_POOL_MAX);
    });

    test("[DI18] a key package is given out once, whoever asks at the same moment; then the last resort stands in", async () => {
      const { store, random, accountId, deviceId } = await openAccount();
      expect(await store.claimKeyPackages(accountId, null, NOW_MS)).toEqual(refused("no-prekeys"));
      const lastResort = storePreKey(random, "lastKeyPackage");
      const oneTime = [0, 1].map(() => storePreKey(random, "keyPackage"));
      must(await store.publishPreKeys(accountId, deviceId, [lastResort, ...oneTime], NOW_MS));
      expect(must(await store.countKeyPackages(accountId, deviceId, NOW_MS))).toEqual({
        oneTime: 2,
        hasLastResort: true,
      });
      const claims = await Promise.all(
        Array.from({ length: 4 }, () => store.claimKeyPackages(accountId, [deviceId], NOW_MS)),
      );
      const given = claims.flatMap((claim) => must(claim).keyPackages);
      const bytesOf = (isLastResort: boolean) =>
        given.filter((one) => one.isLastResort === isLastResort).map((one) => named(one.keyPackage));
      expect(bytesOf(false).sort()).toEqual(oneTime.map(({ bytes }) => named(bytes)).sort());
      expect(bytesOf(true)).toEqual(new Array(2).fill(named(lastResort.bytes)));
      expect(must(await store.countKeyPackages(accountId, deviceId, NOW_MS)).oneTime).toBe(0);
      must(await store.publishPreKeys(accountId, deviceId, oneTime, NOW_MS));
      expect(must(await store.countKeyPackages(accountId, deviceId, NOW_MS)).oneTime, "spent").toBe(0);
      expect(await store.claimKeyPackages(accountId, null, NOW_MS + 10_000_000)).toEqual(
        refused("no-prekeys"),
      );
    });

    test(`[DI18] ${PREKEY_POOL_MAX} key packages wait and no more, beside the prekeys; a revoked device has none`, async () => {
      const { store, random, step, accountId, deviceId } = await openAccount();
      const pool = Array.from({ length: PREKEY_POOL_MAX }, () => storePreKey(random, "keyPackage"));
      must(await store.publishPreKeys(accountId, deviceId, pool, NOW_MS));
      must(await store.publishPreKeys(accountId, deviceId, [storePreKey(random, "oneTime")], NOW_MS));
      expect(
        await store.publishPreKeys(accountId, deviceId, [storePreKey(random, "keyPackage")], NOW_MS),
      ).toEqual(refused("quota"));
      const [old, fresh] = [storePreKey(random, "lastKeyPackage"), storePreKey(random, "lastKeyPackage")];
      must(await store.publishPreKeys(accountId, deviceId, [old], NOW_MS));
      must(await store.publishPreKeys(accountId, deviceId, [fresh], NOW_MS));
      for (let n = 0; n < PREKEY_POOL_MAX; n++) must(await store.claimKeyPackages(accountId, null, NOW_MS));
      const last = must(await store.claimKeyPackages(accountId, null, NOW_MS)).keyPackages;
      expect(last.map(({ keyPackage }) => named(keyPackage))).toEqual([named(fresh.bytes)]);
      must(await store.appendLink(nextStep(random, step, { revokedDeviceIds: [deviceId] })));
      expect(await store.claimKeyPackages(accountId, [deviceId], NOW_MS)).toEqual(refused("no-prekeys"));
    });

    test(`a claim gives a bundle of each of ${ACTIVE_DEVICES_MAX} active devices, and of those asked for only`, async () => {
      const { store, random, step, accountId, deviceId } = await openAccount();
      const others = Array.from({ length: ACTIVE_DEVICES_MAX - 1 }, () => ({
        deviceId: idFromBytes("device", random.bytes(16)),
        signKey: random.bytes(32),
      }));
      must(await store.appendLink(nextStep(random, step, { addedDevices: others })));
      for (const device of [deviceId, ...others.map((other) => other.deviceId)]) {
        must(
          await store.publishPreKeys(
            accountId,
            device,
            [storePreKey(random, "signed"), storePreKey(random, "lastResort")],
            NOW_MS,
          ),
        );
      }
      expect(must(await store.claimPreKeys(accountId, null, NOW_MS)).bundles).toHaveLength(
        ACTIVE_DEVICES_MAX,
      );
      const nobody = idFromBytes("device", random.bytes(16));
      const asked = must(await store.claimPreKeys(accountId, [deviceId, nobody, deviceId], NOW_MS)).bundles;
      expect(asked.map((bundle) => bundle.deviceId)).toEqual([deviceId]);
      expect(await store.claimPreKeys(accountId, [nobody], NOW_MS)).toEqual(refused("no-prekeys"));
      expect(await store.claimPreKeys(idFromBytes("account", random.bytes(32)), null, NOW_MS)).toEqual(
        refused("unknown-account"),
      );
    });

    test("everything is there after a restart", async () => {
      const medium = stores.medium();
      if (!medium.isLasting) return;
      const store = stores.open(medium);
      const random = createSeededRandom("restart");
      const step = genesisStep(random);
      must(await store.register(step, "ann"));
      const { accountId } = step;
      const [device] = step.addedDevices;
      if (device === undefined) throw new Error("the step adds a device");
      must(
        await store.publishPreKeys(
          accountId,
          device.deviceId,
          [storePreKey(random, "signed"), storePreKey(random, "oneTime")],
          NOW_MS,
        ),
      );
      await stores.close(store);
      const again = stores.open(medium);
      expect(must(await again.findHandle("ann"))).toBe(accountId);
      expect(must(await again.findDevice(accountId, device.deviceId))).toEqual({
        signKey: device.signKey,
        isActive: true,
        addedAtMs: NOW_MS,
      });
      expect(must(await again.claimPreKeys(accountId, null, NOW_MS)).bundles).toHaveLength(1);
    });
  });
}
