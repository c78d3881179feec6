/**
 * Runs the slot effects both sides of linking have: put, watch, leave. The machines decide; this only carries.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { sleep } from "../../base/clock.ts";
import type { RendezvousId } from "../../base/ids.ts";
import type { Rendezvous } from "../../sigchain/linking/rendezvous.ts";

const RETRY_MS = 1_000;

/** Effects that concern the slot. */
export type SlotEffect =
  | { readonly type: "put"; readonly expectedVersion: number; readonly message: Bytes }
  | { readonly type: "watch"; readonly afterVersion: number }
  | { readonly type: "leave"; readonly afterVersion: number; readonly message: Bytes };

/** What the slot tells the machine. */
export type SlotEvent =
  | { readonly type: "received"; readonly version: number; readonly message: Bytes }
  | { readonly type: "put-conflict" }
  | { readonly type: "slot-gone" };

export interface SlotRunner {
  run(effect: SlotEffect): void;
  /** Ends watching; what is to be put still goes out. */
  stop(): void;
  /** Settles when the last word has gone out, or could not: only then may the program end. */
  idle(): Promise<void>;
}

/** Carries effects to the slot and its events to `onEvent`. Puts keep their order. */
export function createSlotRunner(
  deps: { readonly rendezvous: Rendezvous; readonly clock: Clock },
  id: RendezvousId,
  onEvent: (event: SlotEvent) => void,
): SlotRunner {
  let isStopped = false;
  /** The last one counts. */
  let watches = 0;
  let puts: Promise<void> = Promise.resolve();
  let lastWord: Promise<void> = Promise.resolve();

  async function put(expectedVersion: number, message: Bytes): Promise<void> {
    for (;;) {
      const answer = await deps.rendezvous.put(id, expectedVersion, message);
      // The last word goes out although nothing is waited for any more.
      if (answer.ok || isStopped) return;
      if (answer.error.type === "RendezvousConflict") return onEvent({ type: "put-conflict" });
      if (answer.error.type === "RendezvousGone") return onEvent({ type: "slot-gone" });
      await sleep(deps.clock, RETRY_MS);
    }
  }

  /** Reports every newer value until the machine ends or watches from elsewhere. */
  async function watch(afterVersion: number): Promise<void> {
    const watch = ++watches;
    let seen = afterVersion;
    await puts;
    while (!isStopped && watch === watches) {
      const state = await deps.rendezvous.get(id, seen);
      if (isStopped || watch !== watches) return;
      if (!state.ok) {
        if (state.error.type === "RendezvousGone") return onEvent({ type: "slot-gone" });
        await sleep(deps.clock, RETRY_MS);
      } else if (state.value.message !== null && state.value.version > seen) {
        seen = state.value.version;
        onEvent({ type: "received", version: seen, message: state.value.message });
      }
    }
  }

  /** A last word at whatever version is current; when it cannot be said, the slot's own time ends it. */
  async function leave(afterVersion: number, message: Bytes): Promise<void> {
    await puts;
    const first = await deps.rendezvous.put(id, afterVersion, message);
    if (first.ok || first.error.type !== "RendezvousConflict") return;
    await deps.rendezvous.put(id, afterVersion + 1, message);
  }

  return {
    run(effect) {
      if (effect.type === "put") puts = puts.then(() => put(effect.expectedVersion, effect.message));
      else if (effect.type === "watch") void watch(effect.afterVersion);
      else lastWord = leave(effect.afterVersion, effect.message);
    },
    stop: () => {
      isStopped = true;
    },
    idle: async () => {
      await puts;
      await lastWord;
    },
  };
}
