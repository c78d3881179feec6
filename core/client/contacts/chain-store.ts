/**
 * Verified chains of this account and of others, kept as the links received. Rules SC36-SC39 from the client's side.
 *
 * What is stored here is the pin: a server that later shows less, or another chain, is told apart from one that shows more.
 */
import type { AccountId } from "../../base/ids.ts";
import { CHAIN_PAGES_PER_REFRESH_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { ChainState } from "../../sigchain/chain-state.ts";
import { verifyChain } from "../../sigchain/verify-chain.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { ClientError } from "../client-error.ts";
import type { DirectoryClient } from "../connection/directory-client.ts";
import type { TxStore } from "../../store/tx-store.ts";
import type { Tables } from "../tables.ts";

export interface ChainStore {
  /** The chain as far as it is stored, or null. */
  load(accountId: AccountId): Promise<Result<ChainState | null, ClientError>>;
  /** Fetches what is new, verifies it against what is stored, stores it. */
  refresh(accountId: AccountId, directory: DirectoryClient): Promise<Result<ChainState, ClientError>>;
  /** Stores links that were verified elsewhere, from `firstSeq`. */
  writes(accountId: AccountId, firstSeq: number, links: readonly Uint8Array[]): WriteOp[];
  /** Links as they are stored, from `firstSeq` to `lastSeq`; fewer when there are no more. */
  links(
    accountId: AccountId,
    firstSeq: number,
    lastSeq: number,
  ): Promise<Result<readonly Uint8Array[], ClientError>>;
  /** The stored chain is this one now. */
  keep(state: ChainState): void;
}

export function createChainStore(store: TxStore, tables: Tables): ChainStore {
  const cache = new Map<AccountId, ChainState>();

  async function load(accountId: AccountId): Promise<Result<ChainState | null, ClientError>> {
    const known = cache.get(accountId);
    if (known !== undefined) return ok(known);
    const rows = await tables.chain.scan({ under: [accountId] });
    if (!rows.ok) return rows;
    if (rows.value.length === 0) return ok(null);
    const verified = verifyChain(pagesOf(rows.value.map((row) => row.value.link)), { accountId });
    if (!verified.ok) return err({ type: "ChainDistrusted", accountId, rule: verified.error.type });
    cache.set(accountId, verified.value);
    return ok(verified.value);
  }

  const writes = (accountId: AccountId, firstSeq: number, links: readonly Uint8Array[]): WriteOp[] =>
    links.map((link, index) => tables.chain.put([accountId, firstSeq + index], { link }));

  async function refresh(
    accountId: AccountId,
    directory: DirectoryClient,
  ): Promise<Result<ChainState, ClientError>> {
    const stored = await load(accountId);
    if (!stored.ok) return stored;
    let state = stored.value;
    // A server could lead us on for ever. What was verified is stored, so an honest account of any length is read in time.
    for (let pages = 0; pages < CHAIN_PAGES_PER_REFRESH_MAX; pages++) {
      const page = await directory.chain(accountId, state?.seq ?? 0);
      if (!page.ok) return page;
      if (state !== null && page.value.headSeq < state.seq)
        return err({ type: "ChainDistrusted", accountId, rule: "ChainTruncated" });
      if (page.value.links.length === 0) {
        return state === null ? err({ type: "ChainDistrusted", accountId, rule: "EmptyChain" }) : ok(state);
      }
      const firstSeq: number = (state?.seq ?? 0) + 1;
      const verified = verifyChain(
        [page.value.links],
        state === null ? { accountId } : { accountId, from: state },
      );
      if (!verified.ok) return err({ type: "ChainDistrusted", accountId, rule: verified.error.type });
      const written = await store.batch(writes(accountId, firstSeq, page.value.links));
      if (!written.ok) return written;
      state = verified.value;
      cache.set(accountId, state);
      if (state.seq >= page.value.headSeq) return ok(state);
    }
    return err({ type: "ServerMisbehaved", why: "sends a chain without end" });
  }

  async function links(
    accountId: AccountId,
    firstSeq: number,
    lastSeq: number,
  ): Promise<Result<readonly Uint8Array[], ClientError>> {
    const rows = await tables.chain.scan({ under: [accountId] });
    return rows.ok ? ok(rows.value.slice(firstSeq - 1, lastSeq).map((row) => row.value.link)) : rows;
  }

  return { load, refresh, writes, links, keep: (state) => void cache.set(state.accountId, state) };
}

function* pagesOf(links: readonly Uint8Array[]): Iterable<readonly Uint8Array[]> {
  for (let start = 0; start < links.length; start += 256) yield links.slice(start, start + 256);
}
