/** Proof that an account's chain was forked: two valid links for one place. Rule SC39. Holds no secret. */
import type { Bytes } from "../base/bytes.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { ChainState } from "./chain-state.ts";
import type { ForkedChain, LinkError } from "./link-error.ts";
import { reduceLink } from "./reduce-link.ts";

/** The two links are one and the same. */
export interface SameLink {
  readonly type: "SameLink";
  readonly seq: number;
}

/**
 * Checks that `ours` and `theirs` are both valid on top of `before` and differ. Anyone who holds the chain up to
 * `before` can repeat this, so the three together are a portable proof.
 *
 * - Fails: `LinkError` when one of them is not valid there, so nothing is proven; `SameLink`.
 */
export function proveFork(
  before: ChainState | null,
  ours: Bytes,
  theirs: Bytes,
): Result<ForkedChain, LinkError | SameLink> {
  const a = reduceLink(before, ours);
  if (!a.ok) return a;
  const b = reduceLink(before, theirs);
  if (!b.ok) return b;
  const seq = a.value.seq;
  if (a.value.head === b.value.head) return err({ type: "SameLink", seq });
  return ok({ type: "ForkedChain", seq, ours: a.value.head, theirs: b.value.head });
}
