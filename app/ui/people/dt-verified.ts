/** One line under a name: whether the safety number was compared. */
import type { ContactView } from "@dovetail/core";
import { css, html, LitElement } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { icon } from "../parts/icon.ts";
import { goTo } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import { say } from "../words/say.ts";
import { listTime } from "../words/times.ts";

export class DtVerified extends LitElement {
  static override properties = { session: { attribute: false }, contact: { attribute: false } };
  static override styles = [
    baseStyles,
    css`
      :host {
        display: flex;
        align-items: center;
        gap: 4px;
        font: 400 var(--t1);
        color: var(--soft);
      }
      a {
        color: inherit;
      }
      .ic {
        inline-size: 14px;
        block-size: 14px;
        stroke-width: 2;
      }
      .ic,
      b {
        color: var(--proven);
        font-weight: 500;
      }
    `,
  ];
  declare session: Session;
  declare contact: ContactView;

  #compare = (event: Event): void => {
    event.preventDefault();
    goTo(window, { section: "people", accountId: this.contact.accountId });
  };

  override render() {
    const { verifiedAtMs, isStopped } = this.contact;
    // What was compared is not what the server shows now: that is proven by nothing.
    if (verifiedAtMs !== null && isStopped)
      return html`<a href="#/people" @click=${this.#compare}
        >${say("verifiedStopped", { time: listTime(verifiedAtMs, Date.now()) })}</a
      >`;
    if (verifiedAtMs !== null)
      return html`${icon("check")}<b>${say("verified", { time: listTime(verifiedAtMs, Date.now()) })}</b>`;
    return html`<a href="#/people" @click=${this.#compare}>${say("unverified")}</a>`;
  }
}

customElements.define("dt-verified", DtVerified);
