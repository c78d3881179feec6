import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createSystemClock, TIMER_MS_MAX } from "../../../core/base/clock.ts";

describe("the platform's clock", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** Milliseconds until the task ran; null when it had not after `untilMs`. */
  async function ranAfter(delayMs: number, untilMs: number): Promise<number | null> {
    const startMs = Date.now();
    let ranMs: number | null = null;
    createSystemClock().schedule(delayMs, () => {
      ranMs = Date.now() - startMs;
    });
    await vi.advanceTimersByTimeAsync(untilMs);
    return ranMs;
  }

  test.each([TIMER_MS_MAX - 1, TIMER_MS_MAX, TIMER_MS_MAX + 1, 3 * TIMER_MS_MAX + 7])(
    "a task in %i ms runs then and not before",
    async (delayMs) => {
      expect(await ranAfter(delayMs, delayMs - 1)).toBeNull();
      expect(await ranAfter(delayMs, delayMs)).toBe(delayMs);
    },
  );

  test("what is due already runs as soon as it can", async () => {
    expect(await ranAfter(-140, 1)).toBe(0);
  });

  test("what was cancelled never runs, in its second piece either", async () => {
    const task = vi.fn();
    const cancel = createSystemClock().schedule(TIMER_MS_MAX + 5, task);
    await vi.advanceTimersByTimeAsync(TIMER_MS_MAX + 1);
    cancel();
    await vi.advanceTimersByTimeAsync(10);
    expect(task).not.toHaveBeenCalled();
  });
});
