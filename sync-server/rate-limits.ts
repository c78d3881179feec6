/** Token buckets per address, in memory. They slow one address down; they are not an account's quota. */
import type { Clock } from "@dovetail/core/base/clock.ts";
import { err, ok, type Result } from "@dovetail/core/base/result.ts";
import { HANDLE_RATE_OF_ALL, RATE, RATE_BUCKETS_MAX, type Rate, type RateName } from "./limits.ts";

export interface RateLimited {
  readonly type: "RateLimited";
  readonly retryAfterMs: number;
}

export interface RateLimits {
  /** Takes one token. */
  take(name: RateName, address: string): Result<void, RateLimited>;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** Buckets of all rates; `changes` take the place of first values, and `factor` multiplies bursts and speeds. */
export function createRateLimits(
  clock: Clock,
  factor: number,
  changes: ReadonlyMap<RateName, Rate> = new Map(),
  onLimited: (name: RateName) => void = () => {},
): RateLimits {
  const bucketByKey = new Map<string, Bucket>();

  function takeFrom(key: string, rate: Rate): Result<void, RateLimited> {
    const burst = rate.burst * factor;
    const refillMs = rate.refillMs / factor;
    const nowMs = clock.nowMs();
    const there = bucketByKey.get(key);
    // Time may jump back: a bucket never loses by it.
    const gained = there === undefined ? 0 : Math.max(0, nowMs - there.atMs) / refillMs;
    const tokens = there === undefined ? burst : Math.min(burst, there.tokens + gained);
    bucketByKey.delete(key);
    if (bucketByKey.size >= RATE_BUCKETS_MAX) forgetOldest(bucketByKey);
    if (tokens < 1) {
      bucketByKey.set(key, { tokens, atMs: nowMs });
      return err({ type: "RateLimited", retryAfterMs: Math.ceil((1 - tokens) * refillMs) });
    }
    bucketByKey.set(key, { tokens: tokens - 1, atMs: nowMs });
    return ok();
  }

  return {
    take(name, address) {
      const own = takeFrom(`${name} ${address}`, changes.get(name) ?? RATE[name]);
      const taken = own.ok && name === "handle" ? takeFrom("handle of all", HANDLE_RATE_OF_ALL) : own;
      if (!taken.ok) onLimited(name);
      return taken;
    },
  };
}

/** The map keeps the order of use, so its first is the one that has been idle longest. */
function forgetOldest(buckets: Map<string, Bucket>): void {
  const [oldest] = buckets.keys();
  if (oldest !== undefined) buckets.delete(oldest);
}
