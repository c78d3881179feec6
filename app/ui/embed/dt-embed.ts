/** The app in a page of another site: what stands in the frame in each state of the engine. */
import { css, html, LitElement } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
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
    isFirstRun: { state: true },
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
        padding: 20px;
      }
    `,
  ];
  declare engine: Engine;
  declare asked: AskedOfFrame;
  /** The first run goes on after the account is there: its words are still to be written down. */
  declare isFirstRun: boolean;
  readonly #watch = new EngineWatch(this, ({ type }) => {
    if (type === "empty" || type === "evicted") this.isFirstRun = true;
  });

  constructor() {
    super();
    this.asked = { contact: null, theme: null };
    this.isFirstRun = false;
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
    const { state, session } = this.#watch;
    const isJoining = ["empty", "evicted", "ready", "starting"].includes(state.type);
    if (this.isFirstRun && isJoining)
      return html`<dt-embed-start
        .engine=${engine}
        .wasEvicted=${state.type === "evicted"}
        @dt-finished=${() => (this.isFirstRun = false)}
      ></dt-embed-start>`;
    if (session?.isOpen === true)
      return html`<dt-embed-chat .session=${session} .engine=${engine} .contact=${this.asked.contact}></dt-embed-chat>`;
    switch (state.type) {
      case "locked":
        return html`<dt-lock framed .engine=${engine} .protection=${state.protection}></dt-lock>`;
      case "failed":
        return html`<dt-failed .engine=${engine} .error=${state.error}></dt-failed>`;
      default:
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
