/**
 * The time of a simulated world: it stands still until everything that can happen now has happened, then jumps to the
 * next thing that is due. What is due at one moment runs in the order it was asked for.
 */
import type { Clock } from "../../../core/base/clock.ts";

/** The real one, taken before a world replaces the ambient timers. */
const nextTurn = setImmediate;

export interface VirtualTime extends Clock {
  /** The moment, with its fraction. */
  exactMs(): number;
  /** Events that have run. */
  eventCount(): number;
  /** Milliseconds since the world began. */
  elapsedMs(): number;
  /** Lets the world go on until `work` has settled. - Fails: throws when nothing more would ever happen. */
  run<T>(work: Promise<T>): Promise<T>;
  /** Lets the world go on for so long. */
  pass(durationMs: number): Promise<void>;
  /** Hears each moment at which something ran. */
  onEvent: ((atMs: number) => void) | null;
}

interface Due {
  readonly atMs: number;
  readonly order: number;
  task: (() => void) | null;
}

/** A world that hangs is stopped here: an hour without the awaited result is an endless retry. */
const RUN_MAX_MS = 3_600_000;

/** A world's time, beginning at `startMs`. */
export function createVirtualTime(startMs: number): VirtualTime {
  const queue: Due[] = [];
  let nowMs = startMs;
  let orders = 0;
  let events = 0;

  const isBefore = (a: Due, b: Due) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

  function push(due: Due): void {
    let index = queue.push(due) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = queue[parent];
      if (above === undefined || !isBefore(due, above)) break;
      queue[index] = above;
      index = parent;
    }
    queue[index] = due;
  }

  function pop(): Due | null {
    const first = queue[0];
    const last = queue.pop();
    if (first === undefined || last === undefined) return null;
    if (queue.length === 0) return first;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const leftDue = queue[left];
      if (leftDue === undefined) break;
      const rightDue = queue[left + 1];
      const isRight = rightDue !== undefined && isBefore(rightDue, leftDue);
      const child = isRight ? rightDue : leftDue;
      if (!isBefore(child, last)) break;
      queue[index] = child;
      index = isRight ? left + 1 : left;
    }
    queue[index] = last;
    return first;
  }

  /** Runs the next thing that is due up to `untilMs`; false when there is none. */
  function step(untilMs: number): boolean {
    for (;;) {
      const first = queue[0];
      if (first === undefined || first.atMs > untilMs) return false;
      const due = pop();
      const task = due?.task ?? null;
      if (due === null || task === null) continue;
      nowMs = Math.max(nowMs, due.atMs);
      due.task = null;
      events += 1;
      time.onEvent?.(nowMs - startMs);
      task();
      return true;
    }
  }

  const settleTurn = () => new Promise<void>((resolve) => nextTurn(resolve));

  const time: VirtualTime = {
    onEvent: null,
    // A clock shows whole milliseconds; what happens within one still has its order.
    nowMs: () => Math.floor(nowMs),
    exactMs: () => nowMs,
    eventCount: () => events,
    elapsedMs: () => nowMs - startMs,
    schedule(delayMs, task) {
      const due: Due = { atMs: nowMs + Math.max(0, delayMs), order: orders++, task };
      push(due);
      return () => {
        due.task = null;
      };
    },
    async run(work) {
      let isSettled = false;
      const settled = work.finally(() => {
        isSettled = true;
      });
      settled.catch(() => {});
      const untilMs = nowMs + RUN_MAX_MS;
      await settleTurn();
      while (!isSettled) {
        if (!step(untilMs)) throw new Error("the world stands still and what is waited for has not come");
        await settleTurn();
      }
      return settled;
    },
    async pass(durationMs) {
      const untilMs = nowMs + durationMs;
      await settleTurn();
      while (step(untilMs)) await settleTurn();
      nowMs = untilMs;
    },
  };
  return time;
}
