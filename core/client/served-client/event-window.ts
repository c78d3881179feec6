/**
 * Events to one reader, no faster than it confirms them: a tab in the background or a stopped process must not make the
 * owner's memory grow.
 *
 * At most `SERVED_EVENTS_UNSEEN_MAX` are on their way; what comes meanwhile waits, merged by `merge`, which keeps what
 * waits small.
 */
import { SERVED_EVENTS_UNSEEN_MAX } from "../../base/limits.ts";

/** What waits, after `event` came: at most a fixed number, and enough to know what to read again. */
export type MergeEvent<E> = (waiting: readonly E[], event: E) => readonly E[];

export interface EventWindow<E> {
  push(event: E): void;
  /** Everything up to `number` has been handled over there. A number never sent changes nothing. */
  confirm(number: number): void;
}

export function createEventWindow<E>(
  send: (number: number, event: E) => void,
  merge: MergeEvent<E>,
): EventWindow<E> {
  let waiting: readonly E[] = [];
  let sent = 0;
  let seen = 0;

  function flow(): void {
    while (sent - seen < SERVED_EVENTS_UNSEEN_MAX) {
      const [event, ...rest] = waiting;
      if (event === undefined) return;
      waiting = rest;
      sent += 1;
      send(sent, event);
    }
  }

  return {
    push(event) {
      waiting = sent - seen < SERVED_EVENTS_UNSEEN_MAX ? [...waiting, event] : merge(waiting, event);
      flow();
    },
    confirm(number) {
      if (number > sent || number <= seen) return;
      seen = number;
      flow();
    },
  };
}
