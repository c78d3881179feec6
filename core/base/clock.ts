/**
 * Port: time. Machines take `nowMs` in events; only `client` and the adapters hold a clock, so a simulator can replace it.
 */

export interface Clock {
  /** Milliseconds since 1970-01-01T00:00Z by this device. May jump either way. */
  nowMs(): number;
  /** Runs `task` once after `delayMs`, however long; what is due already, as soon as it can be. The returned function cancels it. */
  schedule(delayMs: number, task: () => void): () => void;
}

/** The longest delay a platform's timer holds: a longer one would run out at once. */
export const TIMER_MS_MAX = 2_147_483_647;

/** The platform's clock. */
export function createSystemClock(): Clock {
  return {
    nowMs: () => Date.now(),
    schedule(delayMs, task) {
      let timer: ReturnType<typeof setTimeout>;
      const wait = (leftMs: number): void => {
        const stepMs = Math.min(Math.max(0, leftMs), TIMER_MS_MAX);
        timer = setTimeout(() => (leftMs > stepMs ? wait(leftMs - stepMs) : task()), stepMs);
      };
      wait(delayMs);
      return () => clearTimeout(timer);
    },
  };
}

/** Resolves after `delayMs` of `clock`. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule(delayMs, resolve);
  });
}

/** Waits for `work`, but not longer than `delayMs`; it goes on in any case. */
export async function within(clock: Clock, delayMs: number, work: Promise<unknown>): Promise<void> {
  const over = Promise.withResolvers<void>();
  const cancel = clock.schedule(delayMs, () => over.resolve());
  await Promise.race([work, over.promise]);
  cancel();
}

/** A person's calendar: which moment a day of theirs begins. */
export interface LocalCalendar {
  /** `month` counts from 1; a month or day outside its range counts on. */
  dayStartMs(year: number, month: number, day: number): number;
  dayOf(timeMs: number): { readonly year: number; readonly month: number; readonly day: number };
}

/** The calendar of the time zone this program runs in. */
export const systemCalendar: LocalCalendar = {
  dayStartMs: (year, month, day) => new Date(year, month - 1, day).getTime(),
  dayOf(timeMs) {
    const date = new Date(timeMs);
    return { year: date.getFullYear(), month: date.getMonth() + 1, day: date.getDate() };
  },
};

/** A time as logs and programs write it, in UTC: `2026-11-21T16:05:00.000Z`. */
export function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
