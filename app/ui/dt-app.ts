/** The app: what stands on the page in each state of the engine. */
import { css, html, LitElement, nothing } from "lit";
import type { AppInstallation, AppUpdate } from "../engine/app-updates.ts";
import type { Engine, EngineState } from "../engine/engine.ts";
import { baseStyles } from "./look/base-styles.ts";
import { adoptTokens } from "./look/tokens.ts";
import { showOnTop, type Toast } from "./parts/dt-toast.ts";
import { Session } from "./session/session.ts";
import { showTheme } from "./session/preferences.ts";
import { describeError } from "./words/error-words.ts";
import { say, text } from "./words/say.ts";
import { keepInvitation } from "./first-run/invitation-link.ts";
import "./first-run/dt-first-run.ts";
import "./parts/dt-progress.ts";
import "./shell/dt-failed.ts";
import "./shell/dt-lock.ts";
import "./shell/dt-shell.ts";

export class DtApp extends LitElement {
  static override properties = {
    engine: { attribute: false },
    state: { state: true },
    isFirstRun: { state: true },
    newer: { state: true },
  };
  static override styles = [
    baseStyles,
    css`
      :host {
        display: block;
        block-size: var(--app-height, 100dvh);
        overflow: hidden;
        background: var(--pane);
      }
      .wait {
        max-inline-size: 400px;
        padding: 40px 24px;
        display: grid;
        gap: 16px;
      }
      .newer {
        position: fixed;
        inset-block-end: 16px;
        inset-inline-end: 16px;
        z-index: var(--z-toast);
        display: flex;
        align-items: center;
        gap: 12px;
        padding: 8px 8px 8px 16px;
        border: 1px solid var(--line);
        border-radius: var(--r3);
        background: var(--raised);
        box-shadow: var(--lift);
      }
    `,
  ];
  declare engine: Engine;
  declare state: EngineState;
  /** The first run goes on after the account is there: its words are still to be written down. */
  declare isFirstRun: boolean;
  declare newer: AppUpdate | null;
  /** Null before there is one, as at the very start. */
  installation: AppInstallation | null = null;
  /** Open in `ready`, and in `starting` when it was before: what stands in the page stays while the engine changes tabs. */
  #session: Session | null = null;
  #unsubscribe: (() => void) | null = null;

  constructor() {
    super();
    this.state = { type: "starting" };
    this.isFirstRun = false;
    this.newer = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#keepInvitation();
    this.#follow(this.engine.state());
    this.#unsubscribe = this.engine.onState((state) => this.#follow(state));
    window.visualViewport?.addEventListener("resize", this.#resized);
    window.addEventListener("pagehide", this.#leaving);
    window.addEventListener("beforeunload", this.#askToStay);
    window.addEventListener("online", this.#connect);
    window.addEventListener("hashchange", this.#keepInvitation);
    document.addEventListener("visibilitychange", this.#turned);
    this.addEventListener("dt-toast", this.#toast);
    this.addEventListener("dt-look-for-newer", this.#lookForNewer);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unsubscribe?.();
    this.#session?.close();
    window.visualViewport?.removeEventListener("resize", this.#resized);
    window.removeEventListener("pagehide", this.#leaving);
    window.removeEventListener("beforeunload", this.#askToStay);
    window.removeEventListener("online", this.#connect);
    window.removeEventListener("hashchange", this.#keepInvitation);
    document.removeEventListener("visibilitychange", this.#turned);
  }

  #follow(state: EngineState): void {
    this.state = state;
    if (state.type === "ready") {
      this.#session ??= new Session(this.engine.client, (error) =>
        showOnTop({ ...describeError(error), isError: true }),
      );
      this.#session.open();
      this.engine.client.start();
      return;
    }
    // An engine that moves to another tab is back in a moment, and calls wait for it.
    if (state.type === "starting") return;
    this.#session?.close();
    if (state.type !== "empty" && state.type !== "evicted") return;
    this.isFirstRun = true;
    // It was that of an account that is not here any more. One that is locked keeps what was typed and not kept.
    this.#session = null;
  }

  /** A network that is back, or a person who looks: no reason to wait for the next attempt. */
  #connect = (): void => {
    if (this.state.type === "ready" && document.visibilityState === "visible") this.engine.client.start();
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

  #keepInvitation = (): void => keepInvitation(window);

  #leaving = (): void => void this.#session?.flush();

  /** A keyboard on the screen of a phone leaves less height; what one writes stays above it. */
  #resized = (): void => {
    const height = window.visualViewport?.height;
    if (height !== undefined) this.style.setProperty("--app-height", `${height}px`);
  };

  #toast = (event: Event): void => {
    if (event instanceof CustomEvent) showOnTop(event.detail as Toast);
  };

  /** Offers a newer version; nothing is loaded before the person says so. */
  offer(update: AppUpdate): void {
    this.newer = update;
  }

  #lookForNewer = async (event: Event): Promise<void> => {
    if (this.newer !== null) {
      if (isAsked(event)) this.newer.apply();
      return;
    }
    const isThere = (await this.installation?.look()) ?? false;
    if (!isThere && isAsked(event))
      showOnTop({ text: text("noNewer"), hint: text("noNewerHint"), isError: true });
  };

  #finished = (): void => {
    this.isFirstRun = false;
  };

  override render() {
    const { newer } = this;
    return html`${this.#screen()}<dt-toast></dt-toast>
      ${
        newer === null
          ? nothing
          : html`<p class="newer" role="status">
              <span>${say("update")}</span>
              <button class="btn line" type="button" @click=${() => newer.apply()}>${say("reload")}</button>
            </p>`
      }`;
  }

  #screen() {
    const { state, engine } = this;
    const isJoining = state.type === "empty" || state.type === "evicted" || state.type === "ready";
    if (this.isFirstRun && (isJoining || state.type === "starting"))
      return html`<dt-first-run
        .engine=${engine}
        .wasEvicted=${state.type === "evicted"}
        @dt-finished=${this.#finished}
      ></dt-first-run>`;
    if (this.#session?.isOpen === true)
      return html`<dt-shell .session=${this.#session} .engine=${engine}></dt-shell>`;
    switch (state.type) {
      case "locked":
        return html`<dt-lock .engine=${engine} .protection=${state.protection}></dt-lock>`;
      case "failed":
        return html`<dt-failed .engine=${engine} .error=${state.error}></dt-failed>`;
      default:
        return html`<main class="wait"><dt-progress .label=${text("starting")}></dt-progress></main>`;
    }
  }
}

/** Whether a person asked, and waits for an answer. */
function isAsked(event: Event): boolean {
  return event instanceof CustomEvent && event.detail === "asked";
}

customElements.define("dt-app", DtApp);

/** Shows the app of `engine` in the page. */
export function showApp(page: Window, engine: Engine): DtApp {
  adoptTokens(page.document);
  showTheme(page);
  const app = new DtApp();
  app.engine = engine;
  page.document.body.append(app);
  return app;
}
