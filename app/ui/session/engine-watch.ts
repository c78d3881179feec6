/**
 * A page's tie to its engine, in every layout: its state, a session while a profile is open, and what of the browser they
 * have to know: that the network is back, that the page goes, how high it is.
 */
import type { ReactiveController, ReactiveControllerHost } from "lit";
import type { Engine, EngineState } from "../../engine/engine.ts";
import { showOnTop, type Toast } from "../parts/dt-toast.ts";
import { describeError } from "../words/error-words.ts";
import { Session } from "./session.ts";

type Host = ReactiveControllerHost & HTMLElement & { readonly engine: Engine };

export class EngineWatch implements ReactiveController {
  state: EngineState = { type: "starting" };
  /** Open in `ready`, and in `starting` when it was before: what stands in the page stays while the engine changes tabs. */
  session: Session | null = null;
  #host: Host;
  #onState: (state: EngineState) => void;
  #unsubscribe: (() => void) | null = null;

  constructor(host: Host, onState: (state: EngineState) => void) {
    this.#host = host;
    this.#onState = onState;
    host.addController(this);
  }

  hostConnected(): void {
    const { engine } = this.#host;
    this.#follow(engine.state());
    this.#unsubscribe = engine.onState((state) => this.#follow(state));
    window.visualViewport?.addEventListener("resize", this.#resized);
    window.addEventListener("pagehide", this.#leaving);
    window.addEventListener("beforeunload", this.#askToStay);
    window.addEventListener("online", this.#connect);
    document.addEventListener("visibilitychange", this.#turned);
    this.#host.addEventListener("dt-toast", this.#toast);
  }

  hostDisconnected(): void {
    this.#unsubscribe?.();
    this.session?.close();
    window.visualViewport?.removeEventListener("resize", this.#resized);
    window.removeEventListener("pagehide", this.#leaving);
    window.removeEventListener("beforeunload", this.#askToStay);
    window.removeEventListener("online", this.#connect);
    document.removeEventListener("visibilitychange", this.#turned);
    this.#host.removeEventListener("dt-toast", this.#toast);
  }

  #follow(state: EngineState): void {
    this.state = state;
    this.#tend(state);
    this.#onState(state);
    this.#host.requestUpdate();
  }

  #tend({ type }: EngineState): void {
    const { client } = this.#host.engine;
    if (type === "ready") {
      this.session ??= new Session(client, (error) => showOnTop({ ...describeError(error), isError: true }));
      this.session.open();
      client.start();
      return;
    }
    // An engine that moves to another tab is back in a moment, and calls wait for it.
    if (type === "starting") return;
    this.session?.close();
    // It was that of an account that is not here any more. One that is locked keeps what was typed and not kept.
    if (type === "empty" || type === "evicted") this.session = null;
  }

  /** A network that is back, or a person who looks: no reason to wait for the next attempt. */
  #connect = (): void => {
    if (this.state.type === "ready" && document.visibilityState === "visible")
      this.#host.engine.client.start();
  };

  /** A page that is out of sight may be ended without a word. */
  #turned = (): void => {
    this.#connect();
    if (document.visibilityState === "hidden") this.#leaving();
  };

  /** What was typed a moment ago, or while no engine answers, goes with the page: the browser asks first. */
  #askToStay = (event: Event): void => {
    if (this.session?.isKept === false) event.preventDefault();
  };

  #leaving = (): void => void this.session?.flush();

  /** A keyboard on the screen of a phone leaves less height; what one writes stays above it. */
  #resized = (): void => {
    const height = window.visualViewport?.height;
    if (height !== undefined) this.#host.style.setProperty("--app-height", `${height}px`);
  };

  #toast = (event: Event): void => {
    if (event instanceof CustomEvent) showOnTop(event.detail as Toast);
  };
}
