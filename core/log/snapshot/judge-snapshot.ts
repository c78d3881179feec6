/** Whether a device that signed a snapshot was entitled to. Rules SN21, SN22. */
import type { Bytes } from "../../base/bytes.ts";
import type { AccountId, DeviceId, SnapshotId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { type ChainState, hashAt } from "../../sigchain/chain-state.ts";
import type { LogPoint } from "../../protocol/entry.ts";
import { openEndorsement } from "./endorsement.ts";
import type { OpenedManifest } from "./manifest.ts";

export interface SnapshotCase {
  readonly accountId: AccountId;
  readonly chain: ChainState;
  /** Last seq of the account log that counts for a revoked device; null while its cut is not opened. */
  cutSeqOf(device: DeviceId): number | null;
  readonly id: SnapshotId;
  readonly manifest: OpenedManifest;
  readonly endorsements: readonly Bytes[];
}

/** Why a snapshot is void. */
export type SnapshotFault =
  | { readonly type: "DeviceNotOnChain" }
  | { readonly type: "ChainMismatch" }
  /** Its maker was revoked, and no device that is still ours vouches for it. */
  | { readonly type: "DeviceWasRevoked" };

/** Judges a snapshot whose signature is verified. */
export function judgeSnapshot(snapshot: SnapshotCase): Result<void, SnapshotFault> {
  const { chain, manifest } = snapshot;
  const { device, chainSeq, chainHead } = manifest.content;
  const maker = chain.devicesById.get(device);
  if (maker === undefined || chainSeq < maker.addedSeq) return err({ type: "DeviceNotOnChain" });
  const hash = hashAt(chain, chainSeq);
  if (hash !== null && hash !== chainHead) return err({ type: "ChainMismatch" });
  if (maker.revokedSeq === null) return ok();
  // A device that keeps its keys could still sign one that pretends to be from before its revocation.
  const cutSeq = snapshot.cutSeqOf(device);
  const isBeforeCut = cutSeq !== null && manifest.header.upto.seq <= cutSeq;
  return isBeforeCut && endorsersOf(snapshot).size > 0 ? ok() : err({ type: "DeviceWasRevoked" });
}

/** Revoked devices of which a snapshot may hold what is past their cut: its maker did not know of their revocation. Rule AR18. */
export function uncutIn(
  { header, content }: OpenedManifest,
  chain: ChainState,
  cutOf: (device: DeviceId) => LogPoint | null,
): readonly DeviceId[] {
  const { upto } = header;
  return [...chain.devicesById.values()].flatMap(({ id, revokedSeq }) => {
    const cut = revokedSeq === null || revokedSeq <= content.chainSeq ? null : cutOf(id);
    if (cut === null || cut.incarnation > upto.incarnation) return [];
    return cut.incarnation < upto.incarnation || cut.seq < upto.seq ? [id] : [];
  });
}

/** Devices still on the chain, other than its maker, that have signed for this snapshot. */
export function endorsersOf(
  snapshot: Pick<SnapshotCase, "accountId" | "chain" | "id" | "manifest" | "endorsements">,
): ReadonlySet<DeviceId> {
  const active = (device: DeviceId) => {
    const found = snapshot.chain.devicesById.get(device);
    return found?.revokedSeq === null ? found.signKey : null;
  };
  const endorsers = new Set<DeviceId>();
  for (const bytes of snapshot.endorsements) {
    const opened = openEndorsement(bytes, active);
    if (!opened.ok) continue;
    const { accountId, snapshotId, device } = opened.value;
    const isForThis = accountId === snapshot.accountId && snapshotId === snapshot.id;
    if (isForThis && device !== snapshot.manifest.content.device) endorsers.add(device);
  }
  return endorsers;
}
