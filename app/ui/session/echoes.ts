/**
 * What was just sent, shown before the engine has stored it: an act shows within a frame.
 *
 * An echo is no message yet. It goes as soon as its message is in the list, or when storing it failed.
 */
import type { MessageView } from "@dovetail/core";

export interface Echo {
  readonly text: string;
  readonly sentAtMs: number;
}

/** A message's time may lie a little before the page's own, never more. */
const CLOCK_SLACK_MS = 1_000;
/** How far back in the list a message that was just sent is looked for. */
const LOOK_BACK_MESSAGES = 100;

export class Echoes {
  #waiting: readonly Echo[] = [];
  /** Messages that an echo was already for: the same text twice is two messages. */
  #found = new Set<string>();

  add(text: string, nowMs: number): Echo {
    const echo = { text, sentAtMs: nowMs };
    this.#waiting = [...this.#waiting, echo];
    return echo;
  }

  drop(echo: Echo): void {
    this.#waiting = this.#waiting.filter((one) => one !== echo);
  }

  /** Those whose message is not among `messages`, which are in order, oldest first. */
  notIn(messages: readonly MessageView[]): readonly Echo[] {
    if (this.#waiting.length === 0) return this.#waiting;
    const newest = messages.slice(-LOOK_BACK_MESSAGES);
    for (const echo of this.#waiting) {
      const message = newest.find((one) => this.#isOf(echo, one));
      if (message === undefined) continue;
      this.#found.add(message.id);
      this.drop(echo);
    }
    return this.#waiting;
  }

  #isOf(echo: Echo, { id, isOwn, text, sentAtMs }: MessageView): boolean {
    return isOwn && text === echo.text && sentAtMs >= echo.sentAtMs - CLOCK_SLACK_MS && !this.#found.has(id);
  }
}
