/**
 * Whether the server can do its work: a write that is committed now, within a time.
 *
 * One write serves all who ask within a while, so asking costs the disk nothing.
 */
import type { Clock } from "@dovetail/core/base/clock.ts";
import { READY_FRESH_MS, READY_TIMEOUT_MS } from "../limits.ts";
import type { OperatorStore } from "../store/operator-store.ts";

/** `queue-stuck`: a write does not come back. */
export type Readiness = "ready" | "store-unavailable" | "storage-full" | "queue-stuck";

/** A check over `store`; answers of the last moments are given again. */
export function createReadiness(store: Pick<OperatorStore, "probe">, clock: Clock): () => Promise<Readiness> {
  let last: { readonly atMs: number; readonly found: Promise<Readiness> } | null = null;

  async function probe(): Promise<Readiness> {
    let cancel = (): void => {};
    const timedOut = new Promise<"late">((resolve) => {
      cancel = clock.schedule(READY_TIMEOUT_MS, () => resolve("late"));
    });
    const written = await Promise.race([store.probe(clock.nowMs()), timedOut]);
    cancel();
    if (written === "late") return "queue-stuck";
    if (written.ok) return "ready";
    return written.error.code === "storage-full" ? "storage-full" : "store-unavailable";
  }

  return () => {
    const nowMs = clock.nowMs();
    // Time may jump back: an answer from the future is not kept.
    const isFresh = last !== null && nowMs >= last.atMs && nowMs - last.atMs < READY_FRESH_MS;
    if (last === null || !isFresh) last = { atMs: nowMs, found: probe() };
    return last.found;
  };
}
