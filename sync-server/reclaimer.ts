/** Gives space back while the server runs, a few logs at a time. Rules SN9-SN16, IN6. */
import type { Clock } from "@dovetail/core/base/clock.ts";
import { RECLAIM_MS } from "./limits.ts";
import type { RestoreStore } from "./store/restore-store.ts";
import type { SnapshotStore } from "./store/snapshot-store.ts";

export interface ReclaimerConfig {
  readonly snapshotGraceMs: number;
  readonly deviceSilentMs: number;
}

/** Starts it; the result ends it. */
export function startReclaimer(
  store: Pick<SnapshotStore, "reclaim"> & Pick<RestoreStore, "lapseRestores">,
  clock: Clock,
  config: ReclaimerConfig,
): () => void {
  let isStopped = false;
  let cancel = (): void => {};
  const runLater = (): void => {
    cancel = clock.schedule(RECLAIM_MS, () => {
      const rules = {
        nowMs: clock.nowMs(),
        graceMs: config.snapshotGraceMs,
        silentMs: config.deviceSilentMs,
      };
      // A refusal is the medium's; the store has logged it and the next round tries again.
      const round = Promise.all([store.lapseRestores(rules.nowMs), store.reclaim(rules)]);
      void round.then(() => {
        if (!isStopped) runLater();
      });
    });
  };
  runLater();
  return () => {
    isStopped = true;
    cancel();
  };
}
