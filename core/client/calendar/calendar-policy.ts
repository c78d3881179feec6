/**
 * When this device starts an epoch, and when it gives itself a fresh X-Wing key: pure functions of what it has seen.
 *
 * Ages are counted, not computed from dates: time that passed between two looks counts when it is credible. A clock that
 * jumps by years, in either direction and however often, therefore makes nothing due. Rules CA1-CA5.
 */
import { CALENDAR_STAGGER_MS, EPOCH_ROTATE_MS, KEM_ROTATE_MS } from "../../base/limits.ts";
import type { DeviceId } from "../../base/ids.ts";
import { activeDevices, type ChainState } from "../../sigchain/chain-state.ts";
import { countedGapMs } from "./known-times.ts";

/** What is kept from one look at the chain to the next. */
export interface CalendarState {
  /** The epoch and the link of the own X-Wing key whose ages these are. */
  readonly epoch: number;
  readonly kemSeq: number;
  readonly epochAgeMs: number;
  readonly kemAgeMs: number;
  /** By this device's clock, whatever that is worth. */
  readonly lookedAtMs: number;
}

/** What is due. */
export interface CalendarPlan {
  readonly rotate: boolean;
  readonly updateKem: boolean;
}

/** Counts the time since the last look. A newer epoch or key is as old as this device has known it. */
export function lookAt(
  before: CalendarState | null,
  seen: { readonly epoch: number; readonly kemSeq: number },
  nowMs: number,
): CalendarState {
  // CA2: what no honest gap is long enough for, or went backwards, says something about the clock only.
  const countedMs = before === null ? 0 : countedGapMs(before.lookedAtMs, nowMs);
  const isSameEpoch = before?.epoch === seen.epoch;
  const isSameKem = before?.kemSeq === seen.kemSeq;
  return {
    ...seen,
    epochAgeMs: isSameEpoch ? before.epochAgeMs + countedMs : 0,
    kemAgeMs: isSameKem ? before.kemAgeMs + countedMs : 0,
    lookedAtMs: nowMs,
  };
}

/** Says what this device is to do, now that it has read the chain to its end. */
export function planCalendar(state: CalendarState, chain: ChainState, self: DeviceId): CalendarPlan {
  const delayMs = turnOf(chain, self) * CALENDAR_STAGGER_MS;
  return {
    // CA1
    rotate: state.epochAgeMs >= EPOCH_ROTATE_MS + delayMs,
    updateKem: state.kemAgeMs >= KEM_ROTATE_MS + delayMs,
  };
}

/** CA3: 0 for the device whose turn it is in this epoch, 1 for the one that steps in when it does not, and so on. */
function turnOf(chain: ChainState, self: DeviceId): number {
  const ids = activeDevices(chain).map((device) => device.id);
  const place = ids.indexOf(self);
  return (place + chain.epochs.length) % Math.max(1, ids.length);
}
