/** The app in a page of another site: what stands in the frame in each state of the engine. */
import { html, LitElement } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { pageStyles } from "../look/page-styles.ts";
import { adoptTokens } from "../look/tokens.ts";
import { EngineWatch } from "../session/engine-watch.ts";
import { text } from "../words/say.ts";
import { type AskedOfFrame, readFrameAddress } from "./frame-address.ts";
import "../parts/dt-progress.ts";
import "../parts/dt-toast.ts";
import "../shell/dt-failed.ts";
import "../shell/dt-lock.ts";
import { DtElsewhere } from "./dt-elsewhere.ts";
import "./dt-embed-chat.ts";
import "./dt-embed-start.ts";

export class DtEmbed extends LitElement {
  static override properties = {
    engine: { attribute: false },
    asked: { state: true },
  };
  static override styles = [baseStyles, pageStyles];
  declare engine: Engine;
  declare asked: AskedOfFrame;
  readonly #watch = new EngineWatch(this);

  constructor() {
    super();
    this.asked = { contact: null, theme: null };
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#read();
    window.addEventListener("hashchange", this.#read);
    this.addEventListener("dt-look-for-newer", this.#lookForNewer);
    this.addEventListener("click", openBeside, true);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener("hashchange", this.#read);
  }

  #read = (): void => {
    const asked = readFrameAddress(location.hash);
    if (asked === null) return;
    this.asked = asked;
    showAskedTheme(asked);
  };

  /** No browser keeps this page: the newest one is a load away. */
  #lookForNewer = (event: Event): void => {
    if (event instanceof CustomEvent && event.detail === "asked") location.reload();
  };

  override render() {
    return html`${this.#screen()}<dt-toast></dt-toast>`;
  }

  #screen() {
    const { engine } = this;
    const { screen, endFirstRun } = this.#watch;
    switch (screen.type) {
      case "first-run":
        return html`<dt-embed-start
          .engine=${engine}
          .wasEvicted=${screen.wasEvicted}
          @dt-finished=${endFirstRun}
        ></dt-embed-start>`;
      case "open":
        return html`<dt-embed-chat
          .session=${screen.session}
          .engine=${engine}
          .contact=${this.asked.contact}
        ></dt-embed-chat>`;
      case "locked":
        return html`<dt-lock framed .engine=${engine} .protection=${screen.protection}></dt-lock>`;
      case "failed":
        return html`<dt-failed .engine=${engine} .error=${screen.error}></dt-failed>`;
      case "starting":
        return html`<main class="wait" aria-label=${text("appName")}><dt-progress .label=${text("starting")}></dt-progress></main>`;
    }
  }
}

function showAskedTheme(asked: AskedOfFrame | null): void {
  const { dataset } = document.documentElement;
  const theme = asked?.theme ?? null;
  if (theme === null) delete dataset.theme;
  else dataset.theme = theme;
}

/** A link to another server, as after a code of its account, opens beside the page: the frame shows this one. */
function openBeside(event: Event): void {
  const link = event.composedPath().find((one) => one instanceof HTMLAnchorElement);
  if (link === undefined || link.origin === location.origin) return;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
}

customElements.define("dt-embed", DtEmbed);

/** Shows the frame's layout over `engine`. */
export function showEmbed(page: Window, engine: Engine): void {
  adoptTokens(page.document);
  const embed = new DtEmbed();
  embed.engine = engine;
  page.document.body.append(embed);
}

/** Shows where else, in a browser that lets the frame keep nothing. */
export function showEmbedRefused(page: Window): void {
  adoptTokens(page.document);
  showAskedTheme(readFrameAddress(page.location.hash));
  const elsewhere = new DtElsewhere();
  elsewhere.refused = true;
  const main = page.document.createElement("main");
  main.ariaLabel = text("appName");
  main.append(elsewhere);
  page.document.body.append(main);
}
