/** The times a running client goes by: kept over restarts, corrected by what its server says. Rules CA7-CA11. */
import type { Clock } from "../../base/clock.ts";
import { ok, type Result } from "../../base/result.ts";
import type { StoreError, TxStore } from "../../store/tx-store.ts";
import type { Tables } from "../tables.ts";
import {
  type ClockDifference,
  clockDifference,
  countedStepMs,
  earliestTime,
  farthestTime,
  hearTime,
  type KnownTimes,
  latestTime,
  likelyTime,
  lookAtTime,
  surestTime,
  writingTime,
} from "./known-times.ts";

/** Counted time is stored when it is more than this. */
const KEPT_STEP_MS = 3_600_000;

export interface Times {
  start(): Promise<Result<void, StoreError>>;
  /** Takes what the server has just said the time is. */
  told(serverMs: number): Promise<Result<void, StoreError>>;
  /** Counted time, for ages: it never jumps. CA7 */
  steadyMs(): number;
  /** For what is written here. CA9 */
  earliestMs(): number;
  /** For what is shown. CA9 */
  latestMs(): number;
  /** For what others judge by their own clocks. CA10 */
  likelyMs(): number;
  /** For what cannot be undone: no clock that is ahead makes it later. RM36 */
  surelyMs(): number;
  /** For how long others may keep what they write. RM35 */
  farthestMs(): number;
  /** For how long others are to keep what is written here. RM34 */
  writingMs(): number;
  /** Whether the server has said the time since this program began, and this clock has not jumped ahead since. */
  isHeard(): boolean;
}

export interface TimesDeps {
  readonly clock: Clock;
  readonly store: TxStore;
  readonly tables: Pick<Tables, "times">;
  /** How the two clocks stand, each time the server has said its own; null when they agree. */
  readonly onCompared: (difference: ClockDifference | null) => void;
}

export function createTimes({ clock, store, tables, onCompared }: TimesDeps): Times {
  const nowMs = (): number => Math.max(0, clock.nowMs());
  let known: KnownTimes = lookAtTime(null, nowMs());
  let keptAtMs = Number.NEGATIVE_INFINITY;
  let isHeard = false;
  /** Since the server said the time, in steps that are no jump. */
  let countedMs = 0;

  function look(): KnownTimes {
    const stepMs = countedStepMs(known.lookedAtMs, nowMs());
    countedMs += stepMs;
    // RM36: by the server's word of before a jump, counted on, as much would be over as by this clock alone.
    if (known.lookedAtMs + stepMs < nowMs()) isHeard = false;
    known = lookAtTime(known, nowMs());
    return known;
  }

  async function keep(): Promise<Result<void, StoreError>> {
    const stored = await store.batch([tables.times.put([], look())]);
    if (stored.ok) keptAtMs = known.steadyMs;
    return stored;
  }

  return {
    async start() {
      const row = await tables.times.get();
      if (!row.ok) return row;
      known = lookAtTime(row.value, nowMs());
      return keep();
    },
    async told(serverMs) {
      const atMs = nowMs();
      const before = known.told;
      known = hearTime(known, serverMs, atMs);
      countedMs = 0;
      isHeard = true;
      onCompared(clockDifference(serverMs, atMs));
      const isNews = before === null || Math.abs(serverMs - before.serverMs) >= KEPT_STEP_MS;
      return isNews || known.steadyMs - keptAtMs >= KEPT_STEP_MS ? keep() : ok();
    },
    steadyMs: () => look().steadyMs,
    earliestMs: () => earliestTime(known, nowMs()),
    latestMs: () => latestTime(look(), nowMs(), countedMs),
    likelyMs: () => likelyTime(known, nowMs()),
    surelyMs: () => surestTime(look(), nowMs()),
    farthestMs: () => farthestTime(known, nowMs()),
    writingMs: () => writingTime(known, nowMs()),
    isHeard: () => {
      look();
      return isHeard;
    },
  };
}
