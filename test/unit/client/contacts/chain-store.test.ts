/** Chains as a client keeps them: verified, stored, and fetched no longer than is reasonable at once. */
import { beforeAll, expect, test } from "vitest";
import { CHAIN_PAGES_PER_REFRESH_MAX } from "../../../../core/base/limits.ts";
import { ok } from "../../../../core/base/result.ts";
import { createChainStore } from "../../../../core/client/contacts/chain-store.ts";
import type { DirectoryClient } from "../../../../core/client/connection/directory-client.ts";
import { createTables } from "../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import { createMemoryTxStore } from "../../../../core/store/memory-tx-store.ts";
import { createWorld, rotate, stateOf } from "../../../support/chain-world.ts";
import { bad, good } from "../../../support/client-world.ts";

beforeAll(cryptoReady);

const LINKS = CHAIN_PAGES_PER_REFRESH_MAX + 1;

/** A server that gives one link a page. */
function createSlowDirectory(links: readonly Uint8Array[]) {
  const asked: number[] = [];
  const chain: DirectoryClient["chain"] = async (_accountId, afterSeq) => {
    asked.push(afterSeq);
    return ok({ links: links.slice(afterSeq, afterSeq + 1), headSeq: links.length });
  };
  const unused = (): never => {
    throw new Error("only the chain is asked for");
  };
  const directory: DirectoryClient = new Proxy({ chain } as DirectoryClient, {
    get: (target, name) => (name === "chain" ? target.chain : unused),
  });
  return { directory, asked };
}

test("a chain is read up to 64 pages at once; one page more comes with the next refresh", async () => {
  const world = createWorld("chain-store");
  while (world.links.length < LINKS) rotate(world);
  const { accountId } = stateOf(world);
  const store = createMemoryTxStore();
  const chains = createChainStore(store, createTables(store));
  const most = createSlowDirectory(world.links.slice(0, LINKS - 1));
  expect(good(await chains.refresh(accountId, most.directory)).seq).toBe(CHAIN_PAGES_PER_REFRESH_MAX);
  expect(most.asked).toHaveLength(CHAIN_PAGES_PER_REFRESH_MAX);

  const emptyStore = createMemoryTxStore();
  const fresh = createChainStore(emptyStore, createTables(emptyStore));
  const over = createSlowDirectory(world.links);
  expect(bad(await fresh.refresh(accountId, over.directory))).toMatchObject({ type: "ServerMisbehaved" });
  expect(over.asked).toHaveLength(CHAIN_PAGES_PER_REFRESH_MAX);
  expect(good(await fresh.refresh(accountId, over.directory)).seq).toBe(LINKS);
});
