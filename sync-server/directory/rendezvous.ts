/**
 * Slots where two devices meet while one links the other. Rule DI8.
 *
 * In memory on purpose: a slot lives five minutes, and one that is lost costs a second scan. A slot that has ended
 * cannot be made again under its id for as long again, so a late message meets no new conversation.
 */
import { type Bytes, equalBytes } from "@dovetail/core/base/bytes.ts";
import type { Clock } from "@dovetail/core/base/clock.ts";
import type { RendezvousId } from "@dovetail/core/base/ids.ts";
import { RENDEZVOUS_TTL_MS } from "@dovetail/core/base/limits.ts";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import {
  RENDEZVOUS_WAIT_MS,
  type RendezvousPut,
  type RendezvousState,
} from "@dovetail/core/protocol/directory.ts";
import {
  RENDEZVOUS_SLOTS_MAX,
  RENDEZVOUS_VERSION_MAX,
  RENDEZVOUS_WAITERS_MAX,
  RENDEZVOUS_WAITERS_PER_SLOT_MAX,
} from "../limits.ts";
import { type Refusal, refuse } from "../store/refusal.ts";

export interface Rendezvous {
  /** Creates a slot or replaces its message by compare-and-swap. */
  put(id: RendezvousId, put: RendezvousPut, mayCreate: () => boolean): Result<RendezvousState, Refusal>;
  /** The slot once its version is above `after`, or as it is when the wait is over. `isGone` ends the wait early. */
  wait(id: RendezvousId, after: number, isGone: AbortSignal): Promise<Result<RendezvousState, Refusal>>;
}

interface Slot {
  version: number;
  message: Bytes;
  readonly createdAtMs: number;
  readonly waiters: Set<() => void>;
}

/** No slots yet. */
export function createRendezvous(clock: Clock): Rendezvous {
  const slotById = new Map<RendezvousId, Slot>();
  let waiterCount = 0;

  /** All live equally long, so the oldest come first. */
  function forgetEnded(): void {
    const nowMs = clock.nowMs();
    for (const [id, slot] of slotById) {
      if (nowMs - slot.createdAtMs < 2 * RENDEZVOUS_TTL_MS) return;
      slotById.delete(id);
    }
  }

  function live(id: RendezvousId): Slot | null {
    const slot = slotById.get(id);
    return slot !== undefined && clock.nowMs() - slot.createdAtMs < RENDEZVOUS_TTL_MS ? slot : null;
  }

  function create(
    id: RendezvousId,
    message: Bytes,
    mayCreate: () => boolean,
  ): Result<RendezvousState, Refusal> {
    forgetEnded();
    if (slotById.has(id)) return refuse("rendezvous-conflict");
    if (slotById.size >= RENDEZVOUS_SLOTS_MAX) return refuse("overloaded");
    if (!mayCreate()) return refuse("rate-limited");
    slotById.set(id, { version: 1, message, createdAtMs: clock.nowMs(), waiters: new Set() });
    return ok({ version: 1, message: null });
  }

  return {
    put(id, { expectedVersion, message }, mayCreate) {
      const slot = live(id);
      // A retry of what is there already is a success, so a lost answer loses nothing.
      if (slot !== null && slot.version === expectedVersion + 1 && equalBytes(slot.message, message)) {
        return ok({ version: slot.version, message: null });
      }
      if (expectedVersion === 0) return create(id, message, mayCreate);
      if (slot === null) return refuse("rendezvous-gone");
      if (slot.version !== expectedVersion) return refuse("rendezvous-conflict");
      if (slot.version >= RENDEZVOUS_VERSION_MAX) return refuse("quota");
      slot.version += 1;
      slot.message = message;
      for (const wake of [...slot.waiters]) wake();
      return ok({ version: slot.version, message: null });
    },
    async wait(id, after, isGone) {
      const slot = live(id);
      if (slot === null) return refuse("rendezvous-gone");
      if (slot.version <= after && !isGone.aborted) {
        if (waiterCount >= RENDEZVOUS_WAITERS_MAX || slot.waiters.size >= RENDEZVOUS_WAITERS_PER_SLOT_MAX)
          return refuse("overloaded");
        waiterCount += 1;
        await new Promise<void>((resolve) => {
          const cancel = clock.schedule(RENDEZVOUS_WAIT_MS, () => wake());
          const wake = (): void => {
            cancel();
            slot.waiters.delete(wake);
            isGone.removeEventListener("abort", wake);
            resolve();
          };
          slot.waiters.add(wake);
          isGone.addEventListener("abort", wake);
        });
        waiterCount -= 1;
      }
      if (live(id) === null) return refuse("rendezvous-gone");
      return ok({ version: slot.version, message: slot.version > after ? slot.message : null });
    },
  };
}
