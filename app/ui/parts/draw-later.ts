/** Draws a component once more after a while: what it shows changes by time alone. */
import type { ReactiveController, ReactiveControllerHost } from "lit";

/** The longest that a browser's timer waits. */
const TIMER_MS_MAX = 2_147_483_647;

/** One timer at a time, and none outside of the page: it would hold all that was shown there. */
export class DrawLater implements ReactiveController {
  #host: ReactiveControllerHost & Element;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(host: ReactiveControllerHost & Element) {
    this.#host = host;
    host.addController(this);
  }

  /** In place of what was set before. */
  set(afterMs: number): void {
    this.clear();
    if (!this.#host.isConnected) return;
    this.#timer = setTimeout(() => this.#host.requestUpdate(), Math.min(afterMs, TIMER_MS_MAX));
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  hostDisconnected(): void {
    this.clear();
  }
}
