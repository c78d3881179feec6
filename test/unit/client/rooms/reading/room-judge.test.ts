/** What a commit brings is verified the same way by who has it already and by who has not. */
import { beforeAll, expect, test } from "vitest";
import { present } from "../../../../../core/base/assert.ts";
import { createChainStore } from "../../../../../core/client/contacts/chain-store.ts";
import { readChains } from "../../../../../core/client/rooms/reading/room-judge.ts";
import { createTables } from "../../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import type { Group } from "../../../../../core/group/group.ts";
import type { RoomContext } from "../../../../../core/messenger/room/room-context.ts";
import { verifyChain } from "../../../../../core/sigchain/verify-chain.ts";
import { createMemoryTxStore } from "../../../../../core/store/memory-tx-store.ts";
import { addDevice, createWorld, rotate, stateOf } from "../../../../support/chain-world.ts";
import { good } from "../../../../support/client-world.ts";

beforeAll(cryptoReady);

/** Without leaves; what is here of chains does not go by it. */
const group = { state: { ratchetTree: [] } } as unknown as Group;

/** A chain of four links, and stores that hold so many of them. */
function createCase() {
  const world = createWorld("evidence");
  addDevice(world);
  rotate(world);
  addDevice(world);
  const { accountId } = stateOf(world);
  const known = good(verifyChain([world.links.slice(0, 2)], { accountId }));
  const room: RoomContext = {
    name: "room",
    about: "",
    keysSince: 0,
    lifetimeMs: null,
    history: null,
    members: [
      {
        accountId,
        name: "ada",
        origin: "https://one.example",
        role: "owner",
        sinceEpoch: 0,
        seq: known.seq,
        head: known.head,
        mutedUntilMs: null,
      },
    ],
  };
  async function storeOf(count: number) {
    const store = createMemoryTxStore();
    const chains = createChainStore(store, createTables(store));
    good(await store.batch(chains.writes(accountId, 1, world.links.slice(0, count))));
    return chains;
  }
  const evidence = (links: readonly Uint8Array[], firstSeq = 3) => ({
    version: 1 as const,
    timeMs: 1,
    chains: [{ accountId, firstSeq, links }],
    departures: [],
  });
  return { world, accountId, room, storeOf, evidence };
}

test("[RM2] links that hold are taken in; who has them already stores nothing, and has no less", async () => {
  const { world, accountId, room, storeOf, evidence } = createCase();
  const brought = evidence(world.links.slice(2));
  const behind = present(
    good(await readChains(await storeOf(2), { before: room, group }, brought)),
    "it holds",
  );
  const ahead = present(
    good(await readChains(await storeOf(4), { before: room, group }, brought)),
    "it holds",
  );
  for (const read of [behind, ahead]) expect(read.chains.get(accountId)?.head).toBe(stateOf(world).head);
  expect([behind.writes.length, ahead.writes.length]).toEqual([2, 0]);
});

test("[RM2] a link with another signature, or after a gap, is refused by all alike, whatever they have", async () => {
  const { world, room, storeOf, evidence } = createCase();
  const bent = world.links.slice(2).map((link) => link.slice());
  const last = present(bent.at(-1), "a link");
  last[last.length - 3] = (last[last.length - 3] ?? 0) ^ 1;
  const foreign = createWorld("another").links;
  for (const count of [2, 3, 4]) {
    const chains = await storeOf(count);
    expect(
      good(await readChains(chains, { before: room, group }, evidence(bent))),
      `${count} links here`,
    ).toBe(null);
    expect(
      good(await readChains(chains, { before: room, group }, evidence(foreign))),
      `${count} links here`,
    ).toBe(null);
  }
  expect(
    good(await readChains(await storeOf(2), { before: room, group }, evidence(world.links.slice(3), 4))),
  ).toBe(null);
});
