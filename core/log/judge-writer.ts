/**
 * Whether the device that wrote an account entry was entitled to, at that place of the log. Rules AR4, AR5.
 *
 * The log orders everything, so the verdict is a function of the chain and the entry's place, the same on every device.
 */
import type { DeviceId, EntryId } from "../base/ids.ts";
import { err, ok, type Result } from "../base/result.ts";
import { type ChainState, hashAt } from "../sigchain/chain-state.ts";
import type { AccountEntryContent } from "./account-entry.ts";

/** A placed entry and all that its writer is judged by. */
export interface WriterCase {
  readonly chain: ChainState;
  /** Last seq of the account log that still counts for a revoked device; null while its cut is not opened. */
  cutSeqOf(device: DeviceId): number | null;
  readonly epoch: number;
  /** Highest epoch of a valid entry before this one. */
  readonly epochFloor: number;
  readonly seq: number;
  readonly content: AccountEntryContent;
  /** The writer's entry before this one as this reader saw it. */
  readonly expectedPrevious: EntryId | null;
}

/** Why an entry has no effect. */
export type WriterFault =
  | { readonly type: "DeviceNotOnChain" }
  | { readonly type: "DeviceWasRevoked" }
  /** Written under an epoch that was over at this place; an honest writer seals it anew. */
  | { readonly type: "StaleEpoch"; readonly epoch: number; readonly epochFloor: number }
  /** The chain the writer goes by is not ours. */
  | { readonly type: "ChainMismatch" }
  /** An earlier entry of the same device is missing, or this one was moved. */
  | { readonly type: "WriterGap" };

/** Judges one entry whose signature and key are verified. */
export function judgeWriter(writer: WriterCase): Result<void, WriterFault> {
  const { chain, content } = writer;
  const device = chain.devicesById.get(content.device);
  if (device === undefined || content.chainSeq < device.addedSeq) return err({ type: "DeviceNotOnChain" });
  if (device.revokedSeq !== null) {
    const cutSeq = writer.cutSeqOf(content.device);
    if (cutSeq === null || writer.seq > cutSeq) return err({ type: "DeviceWasRevoked" });
  }
  if (writer.epoch < writer.epochFloor)
    return err({ type: "StaleEpoch", epoch: writer.epoch, epochFloor: writer.epochFloor });
  const hash = hashAt(chain, content.chainSeq);
  if (hash !== null && hash !== content.chainHead) return err({ type: "ChainMismatch" });
  if (content.previous !== writer.expectedPrevious) return err({ type: "WriterGap" });
  return ok();
}
