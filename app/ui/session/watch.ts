/** A component's tie to its session: renders again when the session changes, and lets go when it leaves the page. */
import type { ReactiveController, ReactiveControllerHost } from "lit";
import type { ClientEvent } from "@dovetail/core";
import type { Session } from "./session.ts";

export class Watch implements ReactiveController {
  #host: ReactiveControllerHost & Element;
  #session: () => Session | null;
  #onEvent: (event: ClientEvent | null) => void;
  #watched: Session | null = null;
  #unsubscribe: (() => void) | null = null;

  constructor(
    host: ReactiveControllerHost & Element,
    session: () => Session | null,
    onEvent: (event: ClientEvent | null) => void = () => {},
  ) {
    this.#host = host;
    this.#session = session;
    this.#onEvent = onEvent;
    host.addController(this);
  }

  hostConnected(): void {
    this.#follow();
  }

  /** One that was to be drawn as it left the page is drawn once more; it must not come back. */
  hostUpdate(): void {
    if (this.#host.isConnected) this.#follow();
  }

  hostDisconnected(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    this.#watched = null;
  }

  #follow(): void {
    const session = this.#session();
    if (session === this.#watched) return;
    this.#unsubscribe?.();
    this.#watched = session;
    this.#unsubscribe =
      session?.onChange((event) => {
        this.#onEvent(event);
        this.#host.requestUpdate();
      }) ?? null;
  }
}
