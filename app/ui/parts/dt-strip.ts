/** One line across a pane that says what stands between here and the server. Nothing while the server answers. */
import { css, html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { goTo } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import { homeElsewhere, serverLossOf, versionGapOf, wasDeleted } from "../session/connection-words.ts";
import { Watch } from "../session/watch.ts";
import { say } from "../words/say.ts";
import { momentTime } from "../words/times.ts";
import { DrawLater } from "./draw-later.ts";
import { icon } from "./icon.ts";

/** A pause shorter than this is no news: connections are renewed all the time. */
const GRACE_MS = 4_000;

export class DtStrip extends LitElement {
  static override properties = { session: { attribute: false } };
  static override styles = [
    baseStyles,
    css`
      :host {
        display: block;
        flex: none;
      }
      p {
        display: flex;
        align-items: center;
        gap: 12px;
        padding: 8px 16px;
        background: var(--open-wash);
        font: 400 var(--t2);
      }
      .ic {
        inline-size: 16px;
        block-size: 16px;
        color: var(--open);
      }
    `,
  ];
  declare session: Session;
  readonly #later = new DrawLater(this);
  #hasLooked = false;

  constructor() {
    super();
    new Watch(this, () => this.session ?? null);
  }

  override render() {
    const { state, sinceMs } = this.session.status;
    this.#later.clear();
    if (state === "online") return nothing;
    const graceMs = sinceMs + GRACE_MS - Date.now();
    if (graceMs > 0) {
      this.#later.set(graceMs);
      return nothing;
    }
    return html`<p role="status">${icon("offline")}<span>${this.#words(sinceMs)}</span>${this.#act()}</p>`;
  }

  #words(sinceMs: number) {
    const { status } = this.session;
    if (status.state === "stopped") return say("stripStopped");
    switch (versionGapOf(status)) {
      case "server-newer":
        return say("stripServerNewer");
      case "server-older":
        return say("stripServerOlder");
      case null:
        return this.#away(sinceMs);
    }
  }

  #away(sinceMs: number) {
    const { status, views } = this.session;
    const home = homeElsewhere(status, views.account, location.origin);
    if (home !== null) return say("stripElsewhere", { server: new URL(home).host, own: location.host });
    if (wasDeleted(status)) return say("stripDeleted");
    switch (serverLossOf(status)) {
      case "account":
        return say("stripLostAccount");
      case "entries":
        return say("stripLostEntries");
      case null:
        return say("stripOffline", { time: momentTime(sinceMs, Date.now()) });
    }
  }

  #act() {
    const { status, views } = this.session;
    const home = homeElsewhere(status, views.account, location.origin);
    if (home !== null)
      return html`<a class="btn line" href=${new URL(home).origin} rel="noreferrer">${say("serverOpen")}</a>`;
    if (serverLossOf(status) !== null)
      return html`<button class="btn line" type="button" @click=${() => goTo(window, { section: "devices" })}>${say("putBackSee")}</button>`;
    if (versionGapOf(this.session.status) !== "server-newer") return nothing;
    return html`<button class="btn line" type="button" @click=${() => this.#look("asked")}>${say("lookForNewer")}</button>`;
  }

  /** Found in the background, a newer version is only offered. */
  protected override updated(): void {
    if (this.#hasLooked || versionGapOf(this.session.status) !== "server-newer") return;
    this.#hasLooked = true;
    this.#look("unasked");
  }

  #look(detail: "asked" | "unasked"): void {
    this.dispatchEvent(new CustomEvent("dt-look-for-newer", { detail, bubbles: true, composed: true }));
  }
}

customElements.define("dt-strip", DtStrip);
