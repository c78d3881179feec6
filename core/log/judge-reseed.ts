/** Whether a reseed that a server shows is the word of the log's owner. Rule IN3. */
import type { Bytes } from "../base/bytes.ts";
import type { LogId } from "../base/ids.ts";
import { err, type Result } from "../base/result.ts";
import { openReseed, type ReseedContent, type ReseedError } from "../protocol/reseed.ts";
import { type ChainState, hashAt } from "../sigchain/chain-state.ts";

export type ReseedFault =
  | ReseedError
  | { readonly type: "WrongLog" }
  | { readonly type: "DeviceNotOnChain" }
  | { readonly type: "ChainMismatch" };

/** What the server shows must be of this log, of this incarnation, and of a device on its owner's chain. */
export function judgeReseed(
  chain: ChainState,
  claim: { readonly logId: LogId; readonly incarnation: number; readonly reseed: Bytes | null },
): Result<ReseedContent, ReseedFault> {
  if (claim.reseed === null) return err({ type: "WrongLog" });
  const opened = openReseed(claim.reseed, (device) => chain.devicesById.get(device)?.signKey ?? null);
  if (!opened.ok) return opened;
  const { accountId, logId, incarnation, device, chainSeq, chainHead } = opened.value;
  if (accountId !== chain.accountId || logId !== claim.logId || incarnation !== claim.incarnation)
    return err({ type: "WrongLog" });
  const signer = chain.devicesById.get(device);
  if (signer === undefined || chainSeq < signer.addedSeq) return err({ type: "DeviceNotOnChain" });
  // Of a device revoked since only what it signed before its revocation.
  if (signer.revokedSeq !== null && chainSeq >= signer.revokedSeq) return err({ type: "DeviceNotOnChain" });
  const hash = hashAt(chain, chainSeq);
  return hash === null || hash === chainHead ? opened : err({ type: "ChainMismatch" });
}
