/**
 * Receiving chains and the keys of messages that were passed over.
 *
 * A late message must still open, so each key that is passed is kept until it is used or dropped by rule; a key that
 * was used is gone, so a message opens once. Rules DR7-DR10.
 */
import type { Bytes } from "../base/bytes.ts";
import {
  RECEIVING_CHAINS_MAX,
  SKIPPED_KEYS_PER_CHAIN_MAX,
  SKIPPED_KEYS_PER_SESSION_MAX,
} from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { wipe } from "../crypto/secret.ts";
import { messageKeyOf, nextChainKey } from "./ratchet-kdf.ts";

export interface SkippedMessageKey {
  readonly index: number;
  readonly key: Bytes;
}

export interface ReceivingChain {
  readonly headerKey: Bytes;
  /** Null once the peer has gone on to another chain. */
  readonly chainKey: Bytes | null;
  /** Lowest index never passed. */
  readonly nextIndex: number;
  /** Below it keys were dropped, so a missing one says nothing. */
  readonly keptFrom: number;
  /** Keys passed and not used, ascending by index. */
  readonly skipped: readonly SkippedMessageKey[];
}

/** The message would pass more keys at once than a chain may keep. */
export interface GapTooLarge {
  readonly type: "GapTooLarge";
  readonly gap: number;
  readonly gapMax: number;
}

/** A new chain, nothing received on it. */
export function createReceivingChain(headerKey: Bytes, chainKey: Bytes): ReceivingChain {
  return { headerKey, chainKey, nextIndex: 0, keptFrom: 0, skipped: [] };
}

/** Refuses a jump of `chain` to `index` before any key is derived. */
export function checkGap(nextIndex: number, index: number): Result<void, GapTooLarge> {
  const gap = index - nextIndex;
  // DR8
  if (gap > SKIPPED_KEYS_PER_CHAIN_MAX)
    return err({ type: "GapTooLarge", gap, gapMax: SKIPPED_KEYS_PER_CHAIN_MAX });
  return ok();
}

/**
 * Advances `chain` to `index`, keeping the key of every message passed.
 *
 * - Spec: `SkipMessageKeysHE`. The caller has done `checkGap`.
 * - Secrets: `chain` is left as it is; the keys in between that no state keeps are wiped.
 * - Cost: `index - chain.nextIndex` steps.
 */
export function skipTo(chain: ReceivingChain, index: number): ReceivingChain {
  if (chain.chainKey === null || index <= chain.nextIndex) return chain;
  const skipped = chain.skipped.slice();
  let chainKey = chain.chainKey;
  for (let at = chain.nextIndex; at < index; at++) {
    skipped.push({ index: at, key: messageKeyOf(chainKey) });
    const next = nextChainKey(chainKey);
    if (at !== chain.nextIndex) wipe(chainKey);
    chainKey = next;
  }
  return { ...chain, chainKey, nextIndex: index, skipped };
}

/** Where `index` is among the kept keys, or -1. */
export function findSkipped(chain: ReceivingChain, index: number): number {
  let low = 0;
  let high = chain.skipped.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const at = chain.skipped[middle]?.index ?? index;
    if (at === index) return middle;
    if (at < index) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** `chain` without the kept key at `place`. */
export function withoutSkipped(chain: ReceivingChain, place: number): ReceivingChain {
  return { ...chain, skipped: chain.skipped.toSpliced(place, 1) };
}

export interface TrimmedChains {
  readonly chains: readonly ReceivingChain[];
  readonly dropped: readonly Bytes[];
}

/**
 * Holds the chains of a session, oldest first, within the limits.
 *
 * DR9: the oldest goes first. On one chain over `SKIPPED_KEYS_PER_CHAIN_MAX`, its lowest indices; over
 * `SKIPPED_KEYS_PER_SESSION_MAX` in all, the lowest indices of the oldest chain, then of the next. DR10: over
 * `RECEIVING_CHAINS_MAX` chains, the oldest one without kept keys, or the oldest when each but the newest has some.
 */
export function trimChains(chains: readonly ReceivingChain[]): TrimmedChains {
  const dropped: Bytes[] = [];
  const kept = chains.map((chain) =>
    dropOldest(chain, chain.skipped.length - SKIPPED_KEYS_PER_CHAIN_MAX, dropped),
  );
  let excess = kept.reduce((sum, chain) => sum + chain.skipped.length, 0) - SKIPPED_KEYS_PER_SESSION_MAX;
  for (let at = 0; excess > 0 && at < kept.length; at++) {
    const chain = kept[at];
    if (chain === undefined) break;
    const count = Math.min(excess, chain.skipped.length);
    kept[at] = dropOldest(chain, count, dropped);
    excess -= count;
  }
  while (kept.length > RECEIVING_CHAINS_MAX) {
    const empty = kept.findIndex((chain) => chain.skipped.length === 0);
    const [gone] = kept.splice(empty === -1 || empty === kept.length - 1 ? 0 : empty, 1);
    if (gone !== undefined) dropped.push(gone.headerKey, ...gone.skipped.map((one) => one.key));
  }
  return { chains: kept, dropped };
}

function dropOldest(chain: ReceivingChain, count: number, dropped: Bytes[]): ReceivingChain {
  if (count <= 0) return chain;
  const gone = chain.skipped.slice(0, count);
  for (const one of gone) dropped.push(one.key);
  const last = gone[gone.length - 1];
  return { ...chain, skipped: chain.skipped.slice(count), keptFrom: (last?.index ?? 0) + 1 };
}
