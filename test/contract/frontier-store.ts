/** The contract of `FrontierStore`, run on every adapter. */
import { describe, expect, test } from "vitest";
import { idFromBytes } from "../../core/base/ids.ts";
import { must, refusal } from "../support/chain-world.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { nextStep, registerAccount } from "../support/store-world.ts";
import { type ServerStoreMedium, storesOf } from "./log-store.ts";

/** Declares the tests of the contract for one adapter. */
export function describeFrontierStore(name: string, createMedium: () => ServerStoreMedium): void {
  describe(`FrontierStore: ${name}`, () => {
    const stores = storesOf(createMedium);

    async function world() {
      const medium = stores.medium();
      const store = stores.open(medium);
      const random = createSeededRandom("frontiers");
      const { accountId, deviceId: first, step } = await registerAccount(store, random);
      const second = idFromBytes("device", random.bytes(16));
      const added = nextStep(random, step, {
        addedDevices: [{ deviceId: second, signKey: random.bytes(32) }],
      });
      must(await store.appendLink(added));
      return { medium, store, random, accountId, first, second, added };
    }

    test("[FR9] the last one of each device is kept, and handed out as the bytes that came", async () => {
      const { medium, store, random, accountId, first, second } = await world();
      const [old, newer, other] = [random.bytes(50), random.bytes(60), random.bytes(70)];
      must(await store.putFrontier(accountId, first, old));
      must(await store.putFrontier(accountId, second, other));
      must(await store.putFrontier(accountId, first, newer));
      const kept = [
        { device: first, frontier: newer },
        { device: second, frontier: other },
      ].sort((a, b) => (a.device < b.device ? -1 : 1));
      expect(must(await store.readFrontiers(accountId))).toEqual(kept);
      if (!medium.isLasting) return;
      await stores.close(store);
      expect(must(await stores.open(medium).readFrontiers(accountId))).toEqual(kept);
    });

    test("[FR10] a revoked device has no say, and what it said is not handed out", async () => {
      const { store, random, accountId, first, second, added } = await world();
      must(await store.putFrontier(accountId, second, random.bytes(50)));
      must(await store.appendLink(nextStep(random, added, { revokedDeviceIds: [second] })));
      expect(must(await store.readFrontiers(accountId))).toEqual([]);
      expect(refusal(await store.putFrontier(accountId, second, random.bytes(50))).code).toBe(
        "revoked-device",
      );
      const nobody = idFromBytes("account", random.bytes(32));
      expect(refusal(await store.putFrontier(nobody, first, random.bytes(5))).code).toBe("unknown-account");
      expect(refusal(await store.readFrontiers(nobody)).code).toBe("unknown-account");
    });

    test("a deleted account leaves none", async () => {
      const { store, random, accountId, first } = await world();
      must(await store.putFrontier(accountId, first, random.bytes(50)));
      must(await store.deleteAccount(accountId));
      expect(refusal(await store.readFrontiers(accountId)).code).toBe("unknown-account");
    });
  });
}
