/** A device whose disk refuses a write, or all from one on: batches of its store and chunks of documents alike. */
import type { Platform } from "@dovetail/core";
import { createCrashDevice } from "./crash-platform.ts";

export interface RefusingDevice {
  /** Ports for the next start; those of the last one are dead. */
  boot(): Platform;
  /** Cuts the power. */
  cut(): void;
  /** Refuses the `count`-th write from now, and those after it too where `isForGood`. */
  refuseAt(count: number, isForGood: boolean): void;
  /** Refuses nothing from now on. Tells whether anything was refused. */
  allow(): boolean;
}

/** A device with an empty disk. */
export function createRefusingDevice(): RefusingDevice {
  const device = createCrashDevice();
  /** Writes until one is refused; zero for never. */
  let left = 0;
  let isForGood = false;
  let hasRefused = false;

  function refuses(): boolean {
    if (left === 0) return false;
    if (left > 1) {
      left--;
      return false;
    }
    if (!isForGood) left = 0;
    hasRefused = true;
    return true;
  }

  function refusing(storage: Platform["documentStorage"]): Platform["documentStorage"] {
    const guarded =
      <A extends unknown[]>(write: (...args: A) => Promise<void>) =>
      async (...args: A): Promise<void> => {
        if (refuses()) throw Object.assign(new Error("the disk is full"), { code: "ENOSPC" });
        return write(...args);
      };
    return {
      load: storage.load,
      loadRange: storage.loadRange,
      save: guarded(storage.save),
      remove: guarded(storage.remove),
      removeRange: guarded(storage.removeRange),
    };
  }

  return {
    boot() {
      const platform = device.boot();
      const { store } = platform;
      return {
        ...platform,
        store: {
          ...store,
          async batch(ops, expect) {
            if (!refuses()) return store.batch(ops, expect);
            return { ok: false, error: { type: "StoreUnavailable", detail: "the disk is full" } };
          },
        },
        documentStorage: refusing(platform.documentStorage),
      };
    },
    cut: device.cutNow,
    refuseAt(count, forGood) {
      left = count;
      isForGood = forGood;
      hasRefused = false;
    },
    allow() {
      left = 0;
      return hasRefused;
    },
  };
}
