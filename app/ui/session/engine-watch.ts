/**
 * A page's tie to its engine, in every layout: what stands on it, a session while a profile is open, and what of the browser
 * they have to know: that the network is back, that the page goes, how high it is.
 */
import type { ReactiveController, ReactiveControllerHost } from "lit";
import type { Engine, EngineState } from "../../engine/engine.ts";
import { hideToasts, showOnTop, type Toast } from "../parts/dt-toast.ts";
import { describeError } from "../words/error-words.ts";
import { Session } from "./session.ts";

type Host = ReactiveControllerHost & HTMLElement & { readonly engine: Engine };

/** What stands on the page. */
export type Screen =
  | { readonly type: "first-run"; readonly wasEvicted: boolean }
  | { readonly type: "open"; readonly session: Session }
  | Extract<EngineState, { readonly type: "locked" | "failed" | "starting" }>;

const STARTING = { type: "starting" } as const;

/** Follows the engine of `host`, which draws `screen`. */
export class EngineWatch implements ReactiveController {
  #state: EngineState = STARTING;
  /** Open in `ready`, and in `starting` when it was before: what stands in the page stays while the engine changes tabs. */
  #session: Session | null = null;
  /** The first run goes on after the account is there: its words are still to be written down. */
  #isFirstRun = false;
  #host: Host;
  #unsubscribe: (() => void) | null = null;

  constructor(host: Host) {
    this.#host = host;
    host.addController(this);
  }

  get screen(): Screen {
    const state = this.#state;
    const session = this.#session;
    if (state.type === "locked" || state.type === "failed") return state;
    if (this.#isFirstRun) return { type: "first-run", wasEvicted: state.type === "evicted" };
    return session?.isOpen === true ? { type: "open", session } : STARTING;
  }

  readonly endFirstRun = (): void => {
    this.#isFirstRun = false;
    this.#host.requestUpdate();
  };

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
    this.#session?.close();
    window.visualViewport?.removeEventListener("resize", this.#resized);
    window.removeEventListener("pagehide", this.#leaving);
    window.removeEventListener("beforeunload", this.#askToStay);
    window.removeEventListener("online", this.#connect);
    document.removeEventListener("visibilitychange", this.#turned);
    this.#host.removeEventListener("dt-toast", this.#toast);
  }

  #follow(state: EngineState): void {
    this.#state = state;
    if (state.type === "empty" || state.type === "evicted") this.#isFirstRun = true;
    this.#tend(state);
    this.#host.requestUpdate();
  }

  #tend({ type }: EngineState): void {
    const { client } = this.#host.engine;
    if (type === "ready") {
      this.#session ??= new Session(client, (error) => showOnTop({ ...describeError(error), isError: true }));
      this.#session.open();
      client.start();
      return;
    }
    // An engine that moves to another tab is back in a moment, and calls wait for it.
    if (type === "starting") return;
    this.#session?.close();
    // One may name people, and undo what only an open profile can. WB33
    hideToasts();
    // It was that of an account that is not here any more. One that is locked keeps what was typed and not kept.
    if (type === "empty" || type === "evicted") this.#session = null;
  }

  /** A network that is back, or a person who looks: no reason to wait for the next attempt. */
  #connect = (): void => {
    if (this.#state.type === "ready" && document.visibilityState === "visible")
      this.#host.engine.client.start();
  };

  /** A page that is out of sight may be ended without a word. */
  #turned = (): void => {
    this.#connect();
    if (document.visibilityState === "hidden") this.#leaving();
  };

  /** What was typed a moment ago, or while no engine answers, goes with the page: the browser asks first. */
  #askToStay = (event: Event): void => {
    if (this.#session?.isKept === false) event.preventDefault();
  };

  #leaving = (): void => void this.#session?.flush();

  /** A keyboard on the screen of a phone leaves less height; what one writes stays above it. */
  #resized = (): void => {
    const height = window.visualViewport?.height;
    if (height !== undefined) this.#host.style.setProperty("--app-height", `${height}px`);
  };

  #toast = (event: Event): void => {
    if (event instanceof CustomEvent) showOnTop(event.detail as Toast);
  };
}
