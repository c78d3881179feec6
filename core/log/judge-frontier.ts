/**
 * What another own device's frontier says about this device, and about the server that shows it. Rules FR4-FR8. Pure.
 */
import { equalBytes } from "../base/bytes.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { LogPoint } from "../protocol/entry.ts";
import { type ChainState, hashAt } from "../sigchain/chain-state.ts";
import type { FrontierContent } from "./frontier.ts";

/** Why a frontier is not believed. */
export type FrontierFault =
  | { readonly type: "DeviceNotOnChain" }
  | { readonly type: "DeviceWasRevoked" }
  | { readonly type: "ChainMismatch" }
  /** An older one than this device has seen: the server was set back, or pretends to be. */
  | { readonly type: "Stale" }
  /** Two of one number: the device's profile is in use twice, or was set back. */
  | { readonly type: "Twofold" };

/** Judges a frontier whose signature is verified, against the last one known of that device. */
export function judgeFrontier(
  chain: ChainState,
  known: FrontierContent | null,
  told: FrontierContent,
): Result<void, FrontierFault> {
  const device = chain.devicesById.get(told.device);
  if (device === undefined || told.chainSeq < device.addedSeq) return err({ type: "DeviceNotOnChain" });
  if (device.revokedSeq !== null) return err({ type: "DeviceWasRevoked" });
  const hash = hashAt(chain, told.chainSeq);
  if (hash !== null && hash !== told.chainHead) return err({ type: "ChainMismatch" });
  if (known === null) return ok();
  if (told.number < known.number) return err({ type: "Stale" });
  const isSame =
    told.toldAtMs === known.toldAtMs &&
    told.point.seq === known.point.seq &&
    equalBytes(told.documents, known.documents);
  return told.number > known.number || isSame ? ok() : err({ type: "Twofold" });
}

/** What this device holds, to compare with. `documents` is null while it is not all its own log says. */
export interface OwnHolding {
  readonly point: LogPoint;
  readonly documents: FrontierContent["documents"] | null;
}

/**
 * - `equal`: same place, same documents, nothing left to load or to open.
 * - `behind`: it has not said yet that it has read `entries` entries this device has.
 * - `ahead`: it has read further than this device.
 * - `incomplete`: at the same place, and something is still to come in or to go out, there or here.
 * - `differs`: at the same place, and not the same documents.
 */
export type Comparison =
  | { readonly type: "equal" }
  | { readonly type: "behind"; readonly entries: number }
  | { readonly type: "ahead"; readonly entries: number }
  | { readonly type: "incomplete" }
  | { readonly type: "differs" };

/** Compares a frontier that was judged with what this device holds. FR5 */
export function compareFrontier(own: OwnHolding, told: FrontierContent): Comparison {
  if (told.point.incarnation < own.point.incarnation) return { type: "behind", entries: own.point.seq };
  if (told.point.incarnation > own.point.incarnation) return { type: "ahead", entries: told.point.seq };
  const entries = own.point.seq - told.point.seq;
  if (entries > 0) return { type: "behind", entries };
  if (entries < 0) return { type: "ahead", entries: -entries };
  if (!equalBytes(own.point.chain, told.point.chain)) return { type: "differs" };
  if (told.unopened + told.unloaded + told.unsent > 0 || own.documents === null)
    return { type: "incomplete" };
  return equalBytes(own.documents, told.documents) ? { type: "equal" } : { type: "differs" };
}
