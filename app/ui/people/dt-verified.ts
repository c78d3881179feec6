/** One line under a name: whether the safety number was compared. */
import type { ContactView } from "@dovetail/core";
import { css, html, LitElement } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { goTo } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import { say } from "../words/say.ts";

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
    `,
  ];
  declare session: Session;
  declare contact: ContactView;

  #compare = (event: Event): void => {
    event.preventDefault();
    goTo(window, { section: "people", accountId: this.contact.accountId });
  };

  override render() {
    return html`<a href="#/people" @click=${this.#compare}>${say("unverified")}</a>`;
  }
}

customElements.define("dt-verified", DtVerified);
