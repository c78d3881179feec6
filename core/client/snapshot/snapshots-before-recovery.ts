/**
 * The snapshots that hold at the moment an account is recovered. Rule SN40.
 *
 * Afterwards their makers and endorsers may all be revoked, and nothing would tell them from what one of those signs later with
 * keys it kept. So they are noted before the link that revokes them is there.
 */
import type { LogId, SnapshotId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { judgeSnapshot } from "../../log/snapshot/judge-snapshot.ts";
import { openManifest } from "../../log/snapshot/manifest.ts";
import { snapshotId } from "../../protocol/snapshot.ts";
import type { ChainState } from "../../sigchain/chain-state.ts";
import type { EpochSecret } from "../../sigchain/epoch/epoch-secret.ts";
import type { ClientError } from "../client-error.ts";
import type { Gateway } from "../connection/gateway.ts";

interface Account {
  /** As it was verified, without the link that is to come. */
  readonly chain: ChainState;
  readonly secrets: ReadonlyMap<number, EpochSecret>;
  readonly logId: LogId;
}

/** Ids of what the server offers and this chain bears out. What does not hold is left out; whoever loads it says why. */
export async function snapshotsThatHold(
  gateway: Gateway,
  { chain, secrets, logId }: Account,
): Promise<Result<readonly SnapshotId[], ClientError>> {
  const answer = await gateway.call("snapshots", { type: "readSnapshots", logId, known: null });
  // An account that never wrote has no log yet.
  if (!answer.ok)
    return answer.error.type === "Refused" && answer.error.code === "unknown-log" ? ok([]) : answer;
  const { accountId } = chain;
  const keys = {
    epochSecret: (epoch: number) => secrets.get(epoch)?.secret ?? null,
    signKey: (device: Parameters<typeof chain.devicesById.get>[0]) =>
      chain.devicesById.get(device)?.signKey ?? null,
  };
  return ok(
    answer.value.snapshots.flatMap(({ id, snapshot, endorsements }) => {
      if (snapshot === null || snapshotId(snapshot) !== id) return [];
      const manifest = openManifest({ accountId, logId }, snapshot, keys);
      if (!manifest.ok) return [];
      // Of a maker that is revoked already, whoever is active and vouches for it has compared it with its cut.
      const cutSeqOf = () => Number.MAX_SAFE_INTEGER;
      const judged = judgeSnapshot({
        accountId,
        chain,
        cutSeqOf,
        id,
        manifest: manifest.value,
        endorsements,
      });
      return judged.ok ? [id] : [];
    }),
  );
}
