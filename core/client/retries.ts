/** What failed is tried again by itself: a while later, and later each time until it is done. */
import type { Clock } from "../base/clock.ts";

export interface Retries<Key> {
  /** It failed: it is done again a while later, once. */
  later(key: Key): void;
  /** Nothing of it is left to try: when it fails again it waits the shortest while. */
  done(key: Key): void;
  /** Tries nothing again. */
  clear(): void;
}

export interface RetryTimes {
  /** How long until the first attempt; each time twice as long, up to the second. */
  readonly minMs: number;
  readonly maxMs: number;
}

/** Each key waits for itself: what stays refused keeps nothing else waiting. - Cost: a timer for each key that failed. */
export function createRetries<Key>(
  clock: Clock,
  { minMs, maxMs }: RetryTimes,
  act: (key: Key) => void,
): Retries<Key> {
  const failed = new Map<Key, { waitMs: number; cancel: (() => void) | null }>();

  function forget(key: Key): void {
    failed.get(key)?.cancel?.();
    failed.delete(key);
  }

  return {
    later(key) {
      const one = failed.get(key) ?? { waitMs: minMs, cancel: null };
      failed.set(key, one);
      one.cancel ??= clock.schedule(one.waitMs, () => {
        one.cancel = null;
        one.waitMs = Math.min(maxMs, one.waitMs * 2);
        act(key);
      });
    },
    done: forget,
    clear() {
      for (const key of [...failed.keys()]) forget(key);
    },
  };
}
