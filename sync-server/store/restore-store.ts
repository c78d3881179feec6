/**
 * Port: chains that are put back, link by link, and shown to nobody before they are whole. Rule IN6.
 *
 * Until then a chain is known by its account and the link it ends with, so that two that end differently are not in each
 * other's way, and nothing else in the store finds it.
 */
import type { AccountId, LinkHash } from "@dovetail/core/base/ids.ts";
import type { Result } from "@dovetail/core/base/result.ts";
import type { AccountRecord, ChainStep, StoredChainPage } from "./directory-store.ts";
import type { RegistrationAdmission } from "./operator-store.ts";
import type { Refusal } from "./refusal.ts";

/** What a chain that is put back is known by. */
export interface RestoreName {
  readonly accountId: AccountId;
  /** The link that it ends with. */
  readonly head: LinkHash;
}

/** How the account is registered once its chain is whole. */
export interface Restoration {
  readonly head: LinkHash;
  readonly handle: string | null;
  readonly admission: RegistrationAdmission;
}

export interface RestoreStore {
  /**
   * Begins a chain, or says anew how the account of one that was begun will be registered. Takes neither handle nor use. Of more
   * than `RESTORES_MAX` the one that has waited longest is erased.
   *
   * - Fails: as `register`. Of an account that is there nothing is begun.
   */
  beginRestore(genesis: ChainStep, restoration: Restoration, nowMs: number): Promise<Result<void, Refusal>>;
  /**
   * Adds the next link. With the last one, in the same act, the account is there: with its whole chain, its handle, and its
   * invitation spent.
   *
   * - Fails: `unknown-account` for one that was not begun or has lapsed; `chain-conflict` where the link does not follow, or
   * the account is there; `quota`; with the last one as `register`. Then nothing is shown, and the rest waits on.
   */
  stageLink(step: ChainStep, head: LinkHash, nowMs: number): Promise<Result<void, Refusal>>;
  findRestore(name: RestoreName): Promise<Result<AccountRecord | null, Refusal>>;
  /** As `readChain`. */
  readRestore(
    name: RestoreName,
    after: number,
    linksMax: number,
    bytesMax: number,
  ): Promise<Result<StoredChainPage | null, Refusal>>;
  /** Erases chains whose next link did not come within `RESTORE_LAPSE_MS`. */
  lapseRestores(nowMs: number): Promise<Result<void, Refusal>>;
}
