/** The own account as a device holds it. */
import { beforeAll, expect, test } from "vitest";
import { loadOwnAccount } from "../../../../core/client/account/own-account.ts";
import { createChainStore } from "../../../../core/client/contacts/chain-store.ts";
import { createTables } from "../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import { createDeviceSeeds } from "../../../../core/sigchain/keys/device-keys.ts";
import { createMemoryTxStore } from "../../../../core/store/memory-tx-store.ts";
import {
  addDevice,
  createWorld,
  firstKeys,
  must,
  rotate,
  stateOf,
  TEST_ORIGIN,
} from "../../../support/chain-world.ts";
import { createSeededRandom } from "../../../support/seeded-random.ts";

beforeAll(cryptoReady);

test("[IN6] a link that the server has taken counts, unless the chain went on otherwise", async () => {
  const [world, other] = [createWorld("taken"), createWorld("taken")];
  const { accountId } = stateOf(world);
  rotate(other);
  addDevice(other);
  const store = createMemoryTxStore();
  const tables = createTables(store);
  const chains = createChainStore(store, tables);
  must(await store.batch(chains.writes(accountId, 1, [world.links[0] as Uint8Array])));
  const keys = firstKeys(world);
  const seeds = createDeviceSeeds(createSeededRandom("taken"));
  const identity = { accountId, deviceId: keys.id, origin: TEST_ORIGIN, handle: null, seeds, keys };
  const own = must(await loadOwnAccount({ store, tables, chains, identity }));

  addDevice(world);
  const [, link] = world.links;
  must(await own.take({ link: link as Uint8Array, state: stateOf(world), boxes: null }));
  expect(own.chain().head).toBe(stateOf(world).head);

  const [, , foreign] = other.links;
  const boxes = new Uint8Array(8);
  must(await own.take({ link: foreign as Uint8Array, state: stateOf(other), boxes }));
  expect(own.chain().head).toBe(stateOf(world).head);
  expect(must(await tables.boxes.scan())).toEqual([]);
});
