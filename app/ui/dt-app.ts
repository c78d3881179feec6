/** The app: what stands on the page in each state of the engine. */
import { css, html, LitElement, nothing } from "lit";
import type { AppInstallation, AppUpdate } from "../engine/app-updates.ts";
import type { Engine } from "../engine/engine.ts";
import { baseStyles } from "./look/base-styles.ts";
import { pageStyles } from "./look/page-styles.ts";
import { adoptTokens } from "./look/tokens.ts";
import { showOnTop } from "./parts/dt-toast.ts";
import { EngineWatch } from "./session/engine-watch.ts";
import { showTheme } from "./session/preferences.ts";
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
    newer: { state: true },
  };
  static override styles = [
    baseStyles,
    pageStyles,
    css`
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
  declare newer: AppUpdate | null;
  /** Null before there is one, as at the very start. */
  installation: AppInstallation | null = null;
  readonly #watch = new EngineWatch(this);

  constructor() {
    super();
    this.newer = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#keepInvitation();
    window.addEventListener("hashchange", this.#keepInvitation);
    this.addEventListener("dt-look-for-newer", this.#lookForNewer);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener("hashchange", this.#keepInvitation);
  }

  #keepInvitation = (): void => keepInvitation(window);

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
    const { engine } = this;
    const { screen, endFirstRun } = this.#watch;
    switch (screen.type) {
      case "first-run":
        return html`<dt-first-run
          .engine=${engine}
          .wasEvicted=${screen.wasEvicted}
          @dt-finished=${endFirstRun}
        ></dt-first-run>`;
      case "open":
        return html`<dt-shell .session=${screen.session} .engine=${engine}></dt-shell>`;
      case "locked":
        return html`<dt-lock .engine=${engine} .protection=${screen.protection}></dt-lock>`;
      case "failed":
        return html`<dt-failed .engine=${engine} .error=${screen.error}></dt-failed>`;
      case "starting":
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
