import { describe, expect, test } from "vitest";
import { HANDLE_RATE_OF_ALL, RATE, RATE_BUCKETS_MAX, type RateName } from "../../../sync-server/limits.ts";
import { createRateLimits } from "../../../sync-server/rate-limits.ts";

function at(startMs = 1_000_000) {
  let nowMs = startMs;
  const clock = { nowMs: () => nowMs, schedule: () => () => {} };
  return {
    clock,
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

describe("a rate", () => {
  const names = Object.keys(RATE) as RateName[];
  test.each(names)("[DI10] of %s is its burst, then one after each wait", (name) => {
    const { clock, pass } = at();
    const rates = createRateLimits(clock, 1);
    const { burst, refillMs } = RATE[name];
    for (let i = 0; i < burst; i++) expect(rates.take(name, "a").ok).toBe(true);
    expect(rates.take(name, "a")).toEqual({
      ok: false,
      error: { type: "RateLimited", retryAfterMs: refillMs },
    });
    expect(rates.take(name, "b").ok, "another address").toBe(true);
    pass(refillMs - 1);
    expect(rates.take(name, "a").ok).toBe(false);
    pass(1);
    expect(rates.take(name, "a").ok).toBe(true);
    expect(rates.take(name, "a").ok).toBe(false);
    pass(refillMs * burst * 10);
    for (let i = 0; i < burst; i++) expect(rates.take(name, "a").ok).toBe(true);
    expect(rates.take(name, "a").ok, "no more than a burst is saved up").toBe(false);
  });

  test("[DI10] of handles holds for all addresses together too", () => {
    const { clock } = at();
    const rates = createRateLimits(clock, 1);
    const taken = Array.from(
      { length: HANDLE_RATE_OF_ALL.burst + 1 },
      (_, i) => rates.take("handle", `address ${i}`).ok,
    );
    expect(taken.filter((ok) => ok)).toHaveLength(HANDLE_RATE_OF_ALL.burst);
    expect(taken.at(-1)).toBe(false);
  });

  test("does not gain by a clock that jumps back", () => {
    const { clock, pass } = at();
    const rates = createRateLimits(clock, 1);
    for (let i = 0; i < RATE.register.burst; i++) rates.take("register", "a");
    pass(-1e9);
    expect(rates.take("register", "a").ok).toBe(false);
    pass(RATE.register.refillMs);
    expect(rates.take("register", "a").ok).toBe(true);
  });

  test("is forgotten, longest idle first, when there are too many addresses", () => {
    const { clock } = at();
    const rates = createRateLimits(clock, 1);
    for (let i = 0; i < RATE.register.burst; i++) rates.take("register", "first");
    for (let i = 0; i < RATE.register.burst; i++) rates.take("register", "second");
    for (let i = 0; i < RATE_BUCKETS_MAX - 2; i++) rates.take("signIn", `address ${i}`);
    expect(rates.take("register", "second").ok, "still there").toBe(false);
    rates.take("signIn", "one more");
    expect(rates.take("register", "second").ok, "in use").toBe(false);
    expect(rates.take("register", "first").ok, "forgotten").toBe(true);
  });
});
