/** The contract of `RestoreStore`, run on every adapter. Rule IN6. */
import { describe, expect, test } from "vitest";
import { idFromBytes, type LinkHash } from "../../core/base/ids.ts";
import { ADDED_BOXES_PER_EPOCH_MAX, RESTORE_LAPSE_MS, RESTORES_MAX } from "../../sync-server/limits.ts";
import type { ChainStep } from "../../sync-server/store/directory-store.ts";
import type { ServerStore } from "../../sync-server/store/server-store.ts";
import { must } from "../support/chain-world.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { firstDevice, genesisStep, named, nextStep, NOW_MS } from "../support/store-world.ts";
import { type ServerStoreMedium, storesOf } from "./log-store.ts";

const refused = (code: string) => ({ ok: false, error: { type: "Refused", code } });
const OPEN = { type: "open" } as const;

/** Declares the tests of the contract for one adapter. */
export function describeRestoreStore(name: string, createMedium: () => ServerStoreMedium): void {
  describe(`RestoreStore: ${name}`, () => {
    const stores = storesOf(createMedium);

    /** A chain of `length` made-up links. */
    function chainOf(seed: string, length: number): readonly [ChainStep, ...ChainStep[]] {
      const random = createSeededRandom(seed);
      const genesis = genesisStep(random);
      const later: ChainStep[] = [];
      for (let last: ChainStep = genesis; later.length < length - 1; later.push(last))
        last = nextStep(random, last);
      return [genesis, ...later];
    }

    const headOf = (chain: readonly ChainStep[]) => (chain.at(-1) as ChainStep).hash;
    const nameOf = (chain: readonly [ChainStep, ...ChainStep[]]) => ({
      accountId: chain[0].accountId,
      head: headOf(chain),
    });
    const begin = (
      store: ServerStore,
      chain: readonly [ChainStep, ...ChainStep[]],
      { handle = null as string | null, admission = OPEN as Parameters<ServerStore["register"]>[2] } = {},
    ) => store.beginRestore(chain[0], { head: headOf(chain), handle, admission: admission ?? OPEN }, NOW_MS);

    async function seen(store: ServerStore, [genesis]: readonly [ChainStep, ...ChainStep[]]) {
      const { accountId } = genesis;
      return {
        account: must(await store.findAccount(accountId))?.headSeq ?? null,
        chain: must(await store.readChain(accountId, 0, 99, 99_999))?.links.map(named) ?? null,
        device: must(await store.findDevice(accountId, firstDevice(genesis))) !== null,
        handle: must(await store.findHandle("ann")),
        accounts: must(await store.figures()).accounts,
      };
    }
    const NOTHING = { account: null, chain: null, device: false, handle: null, accounts: 0 };

    test("[IN6] a chain is found by nobody before its last link, and then whole", async () => {
      const medium = stores.medium();
      let store = stores.open(medium);
      const chain = chainOf("whole", 5);
      must(await begin(store, chain, { handle: "ann" }));
      for (const step of chain.slice(1, 4)) {
        expect(await seen(store, chain)).toEqual(NOTHING);
        must(await store.stageLink(step, headOf(chain), NOW_MS));
        if (!medium.isLasting) continue;
        await stores.close(store);
        store = stores.open(medium);
      }
      expect(await seen(store, chain)).toEqual(NOTHING);
      expect(await store.appendLink(chain[4] as ChainStep)).toEqual(refused("unknown-account"));
      expect(must(await store.findRestore(nameOf(chain)))).toMatchObject({ headSeq: 4 });
      const page = must(await store.readRestore(nameOf(chain), 1, 2, 99_999));
      expect(page?.links.map(named)).toEqual(chain.slice(1, 3).map(({ link }) => named(link)));
      must(await store.stageLink(chain[4] as ChainStep, headOf(chain), NOW_MS));
      expect(await seen(store, chain)).toEqual({
        account: 5,
        chain: chain.map(({ link }) => named(link)),
        device: true,
        handle: chain[0].accountId,
        accounts: 1,
      });
      expect(must(await store.findRestore(nameOf(chain)))).toBe(null);
      must(await store.lapseRestores(NOW_MS + RESTORE_LAPSE_MS));
      expect((await seen(store, chain)).account).toBe(5);
    });

    test("[IN6] a link follows the one before, or nothing changes; the same again is a success", async () => {
      const store = stores.open();
      const chain = chainOf("order", 4);
      const [, second, third] = chain as readonly [ChainStep, ChainStep, ChainStep, ChainStep];
      expect(await store.stageLink(second, headOf(chain), NOW_MS)).toEqual(refused("unknown-account"));
      must(await begin(store, chain));
      must(await begin(store, chain));
      expect(await store.stageLink(third, headOf(chain), NOW_MS)).toEqual(refused("chain-conflict"));
      must(await store.stageLink(second, headOf(chain), NOW_MS));
      must(await store.stageLink(second, headOf(chain), NOW_MS));
      const other = nextStep(createSeededRandom("other"), second, { seq: 2, previousHash: chain[0].hash });
      expect(await store.stageLink(other, headOf(chain), NOW_MS)).toEqual(refused("chain-conflict"));
      expect(must(await store.findRestore(nameOf(chain)))).toMatchObject({
        headSeq: 2,
        headHash: second.hash,
      });
      const boxed = (last: ChainStep) =>
        nextStep(createSeededRandom(last.seq), last, { box: new Uint8Array(9) });
      let last = second;
      for (let i = 0; i < ADDED_BOXES_PER_EPOCH_MAX; i++) {
        last = boxed(last);
        must(await store.stageLink(last, headOf(chain), NOW_MS));
      }
      expect(await store.stageLink(boxed(last), headOf(chain), NOW_MS)).toEqual(refused("quota"));
    });

    test("[IN6] chains that end differently are not in each other's way; the first that is whole is the account's", async () => {
      const store = stores.open();
      const long = chainOf("two", 4);
      const short = long.slice(0, 3) as unknown as typeof long;
      for (const chain of [long, short]) must(await begin(store, chain, { handle: "ann" }));
      for (const chain of [long, short])
        must(await store.stageLink(chain[1] as ChainStep, headOf(chain), NOW_MS));
      must(await store.stageLink(short[2] as ChainStep, headOf(short), NOW_MS));
      expect((await seen(store, long)).account).toBe(3);
      expect(await store.stageLink(long[2] as ChainStep, headOf(long), NOW_MS)).toEqual(
        refused("chain-conflict"),
      );
      // It is there: as a registration again.
      expect((await begin(store, long, { handle: "ann" })).ok).toBe(true);
      expect(await begin(store, long, { handle: "bob" })).toEqual(refused("chain-conflict"));
      must(await store.appendLink(long[3] as ChainStep));
      must(await store.lapseRestores(NOW_MS + RESTORE_LAPSE_MS));
      expect(await seen(store, long)).toMatchObject({ account: 4, accounts: 1 });
    });

    test("[IN6] [DI2] a handle is taken with the last link; who finds it taken then names another one", async () => {
      const store = stores.open();
      const chain = chainOf("handle", 2);
      const [other] = chainOf("other", 1);
      must(await begin(store, chain, { handle: "ann" }));
      must(await store.register(other, "ann"));
      expect(await begin(store, chainOf("third", 2), { handle: "ann" })).toEqual(refused("handle-taken"));
      const last = () => store.stageLink(chain[1] as ChainStep, headOf(chain), NOW_MS);
      expect(await last()).toEqual(refused("handle-taken"));
      expect((await seen(store, chain)).account).toBe(null);
      must(await begin(store, chain, { handle: "ann.b" }));
      must(await last());
      expect(must(await store.findHandle("ann.b"))).toBe(chain[0].accountId);
    });

    test("[IN6] [DI14] an invitation is spent with the last link, once, and not by what lapses", async () => {
      const store = stores.open();
      const hash = new Uint8Array(32).fill(7);
      const uses = async () => must(await store.listInvitations(NOW_MS)).map(({ usesLeft }) => usesLeft);
      const admission = { type: "invitation", hash, nowMs: NOW_MS } as const;
      const [lost, chain] = [chainOf("lost", 3), chainOf("brought", 2)];
      expect(await begin(store, chain, { admission })).toEqual(refused("bad-invitation"));
      must(await store.addInvitation({ hash, usesMax: 1, createdAtMs: NOW_MS, expiresAtMs: NOW_MS + 10 }));
      must(await begin(store, lost, { admission }));
      must(await begin(store, chain, { admission }));
      must(await store.stageLink(lost[1] as ChainStep, headOf(lost), NOW_MS));
      expect(await uses()).toEqual([1]);
      expect(await store.stageLink(chain[1] as ChainStep, headOf(chain), NOW_MS + 10)).toEqual(
        refused("bad-invitation"),
      );
      must(await store.stageLink(chain[1] as ChainStep, headOf(chain), NOW_MS + 9));
      expect(await uses()).toEqual([]);
      expect(await store.stageLink(lost[2] as ChainStep, headOf(lost), NOW_MS)).toEqual(
        refused("bad-invitation"),
      );
      expect(must(await store.findAccount(lost[0].accountId))).toBe(null);
    });

    test("[IN6] [DI16] a deleted account is not put back", async () => {
      const store = stores.open();
      const chain = chainOf("deleted", 3);
      must(await begin(store, chain));
      must(await store.register(chain[0], null));
      must(await store.deleteAccount(chain[0].accountId));
      expect(await begin(store, chain)).toEqual(refused("account-deleted"));
      must(await store.stageLink(chain[1] as ChainStep, headOf(chain), NOW_MS));
      expect(await store.stageLink(chain[2] as ChainStep, headOf(chain), NOW_MS)).toEqual(
        refused("account-deleted"),
      );
    });

    test(`[IN6] ${RESTORES_MAX} chains wait at once; with one more the one that has waited longest goes`, async () => {
      const store = stores.open();
      const random = createSeededRandom("many");
      const [genesis] = chainOf("many", 1);
      // What a chain is said to end with costs nothing.
      const heads = Array.from({ length: RESTORES_MAX + 1 }, () => idFromBytes("link", random.bytes(32)));
      const beginAt = async (at: number, nowMs: number) =>
        must(
          await store.beginRestore(
            genesis,
            { head: heads[at] as LinkHash, handle: null, admission: OPEN },
            nowMs,
          ),
        );
      const waits = async (at: number) =>
        must(await store.findRestore({ accountId: genesis.accountId, head: heads[at] as LinkHash })) !== null;
      await Promise.all(
        heads.slice(0, RESTORES_MAX).map((_, at) => beginAt(at, at === 7 ? NOW_MS - 1 : NOW_MS)),
      );
      // One that waits already is not one more.
      await beginAt(3, NOW_MS);
      for (const at of [0, 3, 7, RESTORES_MAX - 1]) expect(await waits(at)).toBe(true);
      await beginAt(RESTORES_MAX, NOW_MS);
      expect(await waits(7)).toBe(false);
      for (const at of [0, 3, RESTORES_MAX - 1, RESTORES_MAX]) expect(await waits(at)).toBe(true);
    });

    test(`[IN6] what waits ${RESTORE_LAPSE_MS} ms for its next link is erased`, async () => {
      const medium = stores.medium();
      let store = stores.open(medium);
      const chain = chainOf("lapses", 4);
      must(await begin(store, chain, { handle: "ann" }));
      must(await store.lapseRestores(NOW_MS + RESTORE_LAPSE_MS - 1));
      must(await store.stageLink(chain[1] as ChainStep, headOf(chain), NOW_MS + 5));
      must(await store.lapseRestores(NOW_MS + 5 + RESTORE_LAPSE_MS - 1));
      expect(must(await store.findRestore(nameOf(chain)))).toMatchObject({ headSeq: 2 });
      must(await store.lapseRestores(NOW_MS + 5 + RESTORE_LAPSE_MS));
      expect(must(await store.findRestore(nameOf(chain)))).toBe(null);
      expect(must(await store.readRestore(nameOf(chain), 0, 9, 9_999))).toBe(null);
      expect(await store.stageLink(chain[2] as ChainStep, headOf(chain), NOW_MS)).toEqual(
        refused("unknown-account"),
      );
      if (medium.isLasting) {
        await stores.close(store);
        store = stores.open(medium);
      }
      // Nothing of it is in the way.
      must(await begin(store, chain, { handle: "ann" }));
      for (const step of chain.slice(1)) must(await store.stageLink(step, headOf(chain), NOW_MS));
      expect(await seen(store, chain)).toMatchObject({ account: 4, accounts: 1 });
    });
  });
}
