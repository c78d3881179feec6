/** Verification of whole chains and of what continues a pinned one. Rules SC36-SC40. Holds no secret. */
import type { Bytes } from "../base/bytes.ts";
import type { AccountId } from "../base/ids.ts";
import { CHAIN_PAGE_LINKS_MAX } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { type ChainPin, type ChainState, currentRecovery, hashAt } from "./chain-state.ts";
import type { ChainError, ChainTruncated, ForkedChain, LinkError, PositionError } from "./link-error.ts";
import { reduceLink } from "./reduce-link.ts";

/** What the caller knows of the chain already. */
export interface KnownChain {
  /** Verified links to continue from; without them the pages begin at the genesis. */
  readonly from?: ChainState;
  /** The account asked for. */
  readonly accountId?: AccountId;
  /** The newest place anyone we trust has seen. */
  readonly pin?: ChainPin;
}

/**
 * Verifies links in pages, oldest first, against all that is known.
 *
 * - Fails: the first `ChainError` met; nothing before it is handed out, so no caller goes on with half a chain.
 * - Limits: `CHAIN_PAGE_LINKS_MAX` links a page; no limit on pages.
 */
export function verifyChain(
  pages: Iterable<readonly Bytes[]>,
  known: KnownChain = {},
): Result<ChainState, ChainError> {
  let state: ChainState | null = known.from ?? null;
  for (const page of pages) {
    const next: Result<ChainState | null, ChainError> = verifyPage(state, page, known.accountId);
    if (!next.ok) return next;
    state = next.value;
  }
  if (state === null) return err({ type: "EmptyChain", seq: 1 });
  if (known.accountId !== undefined && state.accountId !== known.accountId) {
    return err({ type: "WrongAccount", seq: 1 });
  }
  if (known.pin === undefined) return ok(state);
  const extended = chainExtends(known.pin, state);
  return extended.ok ? ok(state) : extended;
}

function verifyPage(
  from: ChainState | null,
  page: readonly Bytes[],
  accountId: AccountId | undefined,
): Result<ChainState | null, ChainError> {
  let state = from;
  const seq = (state?.seq ?? 0) + 1;
  if (page.length > CHAIN_PAGE_LINKS_MAX) {
    return err({ type: "PageTooLong", seq, links: page.length, linksMax: CHAIN_PAGE_LINKS_MAX });
  }
  for (const link of page) {
    const next: Result<ChainState, LinkError> = reduceLink(state, link);
    if (!next.ok) return next;
    state = next.value;
    if (accountId !== undefined && state.accountId !== accountId)
      return err({ type: "WrongAccount", seq: 1 });
  }
  return ok(state);
}

/**
 * Checks that `state` contains the pinned place.
 *
 * - Fails: `ChainTruncated` when it ends before; `ForkedChain` when it has another link there; `WrongAccount`.
 */
export function chainExtends(
  pin: ChainPin,
  state: ChainState,
): Result<void, ChainTruncated | ForkedChain | PositionError> {
  if (pin.accountId !== state.accountId) return err({ type: "WrongAccount", seq: 1 }); // SC37
  const theirs = hashAt(state, pin.seq);
  if (theirs === null) return err({ type: "ChainTruncated", seq: state.seq, pinnedSeq: pin.seq }); // SC38
  if (theirs !== pin.head) return err({ type: "ForkedChain", seq: pin.seq, ours: pin.head, theirs }); // SC39
  return ok();
}

/** How two verified chains of one account stand to each other. */
export type ChainRelation = "same" | "ahead" | "behind";

/**
 * Compares what we hold with what somebody else shows; both are verified, so a difference is proof of a fork.
 *
 * - Gives `ahead` when theirs has everything of ours and more.
 * - Fails: `ForkedChain` at the first difference; `WrongAccount`.
 */
export function compareChains(
  ours: ChainState,
  theirs: ChainState,
): Result<ChainRelation, ForkedChain | PositionError> {
  if (ours.accountId !== theirs.accountId) return err({ type: "WrongAccount", seq: 1 });
  const common = Math.min(ours.seq, theirs.seq);
  for (let seq = 1; seq <= common; seq++) {
    const a = hashAt(ours, seq);
    const b = hashAt(theirs, seq);
    if (a !== null && b !== null && a !== b) return err({ type: "ForkedChain", seq, ours: a, theirs: b });
  }
  if (ours.seq === theirs.seq) return ok("same");
  return ok(theirs.seq > ours.seq ? "ahead" : "behind");
}

/**
 * Says which of two forked chains to go on with: the one on which, after the fork, the recovery key both know has
 * signed a `recover` at the greater seq. Without one on either, or with both at one seq, neither: both stop (SC40).
 *
 * Each switch raises that seq, so no device can be led back and forth.
 *
 * - Fails: `ForkedChain` when no branch has been named.
 */
export function settleFork(
  ours: ChainState,
  theirs: ChainState,
): Result<"ours" | "theirs", ForkedChain | PositionError> {
  const relation = compareChains(ours, theirs);
  if (relation.ok) return ok(relation.value === "ahead" ? "theirs" : "ours");
  if (relation.error.type !== "ForkedChain") return relation;
  const fork = relation.error;
  // A recovery key that one branch replaced cannot choose between them any more.
  if (currentRecovery(ours).id !== currentRecovery(theirs).id) return err(fork);
  // What lies before the fork is the same on both, so only a recover after it can make a difference.
  const mine = ours.recoverSeqs.at(-1) ?? 0;
  const other = theirs.recoverSeqs.at(-1) ?? 0;
  if (mine === other) return err(fork);
  return ok(other > mine ? "theirs" : "ours");
}
