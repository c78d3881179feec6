/**
 * The reducer: a chain's state and one received link give the next state, or the rule the link breaks. Rules SC6-SC34.
 *
 * Pure, and a function of the links alone: `timeMs`, clocks and order of arrival decide nothing. The server runs it
 * before it appends and every client runs it for itself. Holds no secret.
 */
import type { Bytes } from "../base/bytes.ts";
import { toHex } from "../base/bytes.ts";
import { err, ok, type Result } from "../base/result.ts";
import { hash } from "../crypto/hash.ts";
import { LABEL } from "../crypto/labels.ts";
import { applyPayload } from "./apply-payload.ts";
import { type ChainState, hashAt } from "./chain-state.ts";
import { accountIdOf, type ParsedLink, parseLink } from "./link.ts";
import type { LinkError, PositionError, RuleError } from "./link-error.ts";
import { checkKeys, keysOf, type NamedKey, verifySigners } from "./verify-link.ts";

/**
 * Applies one received link; `state` is null before the genesis.
 *
 * - Fails: any `LinkError`; the state given stays as it was. - Cost: one or two signature checks.
 */
export function reduceLink(state: ChainState | null, linkBytes: Bytes): Result<ChainState, LinkError> {
  const seq = (state?.seq ?? 0) + 1;
  const link = parseLink(linkBytes);
  return link.ok ? reduceParsedLink(state, link.value) : err({ ...link.error, seq });
}

/** `reduceLink` for a link that was parsed before. */
export function reduceParsedLink(state: ChainState | null, link: ParsedLink): Result<ChainState, LinkError> {
  const placed = checkPosition(state, link);
  if (!placed.ok) return placed;
  const { body } = link;
  const keys = keysOf(body.payload);
  const strong = checkKeys(body.seq, keys);
  if (!strong.ok) return strong;
  const signed = verifySigners(state, link);
  if (!signed.ok) return signed;
  const before = state ?? emptyState(link);
  const fresh = claimKeys(before.usedKeyIds, body.seq, keys);
  const next = applyPayload(before, body);
  if (!next.ok) return next;
  if (!fresh.ok) return fresh;
  return ok({
    ...next.value,
    seq: body.seq,
    head: link.hash,
    hashes: [...before.hashes, link.hash],
    usedKeyIds: fresh.value,
  });
}

/** Does the link continue this very chain? (SC6-SC9) */
function checkPosition(state: ChainState | null, link: ParsedLink): Result<void, PositionError> {
  const { accountId, seq: found, prevHash, payload } = link.body;
  const seq = (state?.seq ?? 0) + 1;
  if (state === null) {
    if (found !== seq) return err({ type: "LinkMissing", seq, found });
    const isFirst = payload.type === "genesis" && accountId === null && prevHash === null;
    return isFirst ? ok() : err({ type: "NotAGenesis", seq });
  }
  if (found < seq && hashAt(state, found) === link.hash) return err({ type: "LinkRepeated", seq: found });
  if (payload.type === "genesis" || accountId === null) return err({ type: "SecondGenesis", seq });
  // SC9
  if (accountId !== state.accountId) return err({ type: "WrongAccount", seq });
  // SC7
  if (found > seq) return err({ type: "LinkMissing", seq, found });
  if (found < seq) return err({ type: "LinkOutOfOrder", seq, found });
  // SC8
  return prevHash === state.head ? ok() : err({ type: "WrongPrev", seq });
}

/** No public key occurs twice on a chain, whatever its use (SC20). */
function claimKeys(
  used: ReadonlySet<string>,
  seq: number,
  keys: readonly NamedKey[],
): Result<ReadonlySet<string>, RuleError> {
  if (keys.length === 0) return ok(used);
  const claimed = new Set(used);
  for (const { use, key } of keys) {
    const keyId = toHex(hash(LABEL.keyId, key).subarray(0, 16));
    if (claimed.has(keyId)) return err({ type: "KeyReused", seq, use });
    claimed.add(keyId);
  }
  return ok(claimed);
}

function emptyState(link: ParsedLink): ChainState {
  return {
    accountId: accountIdOf(link.hash),
    seq: 0,
    head: link.hash,
    hashes: [],
    devicesById: new Map(),
    epochs: [],
    recoveries: [],
    service: null,
    cuts: [],
    recoverSeqs: [],
    usedKeyIds: new Set(),
  };
}
