/** The list of people. */
import type { ContactState, ContactView } from "@dovetail/core";
import { html, LitElement, nothing } from "lit";
import { inboxStyles } from "../inbox/inbox-styles.ts";
import { baseStyles } from "../look/base-styles.ts";
import { icon } from "../parts/icon.ts";
import { keyed } from "../parts/keyed.ts";
import { goTo, type Route } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import { Watch } from "../session/watch.ts";
import type { MessageKey } from "../words/en.ts";
import { say, text } from "../words/say.ts";
import "../parts/dt-avatar.ts";

const STATE_WORDS: Readonly<Partial<Record<ContactState, MessageKey>>> = {
  known: "stateKnown",
  requested: "stateRequested",
  incoming: "stateIncoming",
  declined: "stateDeclined",
  blocked: "stateBlocked",
};

export class DtPeople extends LitElement {
  static override properties = { session: { attribute: false }, route: { attribute: false } };
  static override styles = [baseStyles, inboxStyles];
  declare session: Session;
  declare route: Route;

  constructor() {
    super();
    new Watch(this, () => this.session ?? null);
  }

  #add = (): void => {
    this.dispatchEvent(new CustomEvent("dt-add"));
  };

  #row(contact: ContactView) {
    const isSelected = contact.accountId === this.route.accountId;
    const state = STATE_WORDS[contact.state];
    return html`<li>
      <a
        class="row ${isSelected ? "sel" : ""}"
        href="#/people"
        aria-current=${isSelected ? "true" : nothing}
        @click=${(event: Event) => {
          event.preventDefault();
          goTo(window, { section: "people", accountId: contact.accountId });
        }}
      >
        <dt-avatar .name=${contact.name}></dt-avatar>
        <span class="in">
          <span class="l1"><span class="nm"><bdi>${contact.name}</bdi></span></span>
          <span class="l2"><span class="pv">${state === undefined ? (contact.handle ?? nothing) : say(state)}</span></span>
        </span>
      </a>
    </li>`;
  }

  override render() {
    const { contacts } = this.session.views;
    return html`
      <div class="lh">
        <h1>${say("people")}</h1>
        <button class="ib" type="button" aria-label=${text("addPerson")} @click=${this.#add}>${icon("new")}</button>
      </div>
      <ul aria-label=${text("peopleLabel")}>
        <li>
          <a
            class="req"
            href="#/people"
            @click=${(event: Event) => {
              event.preventDefault();
              this.dispatchEvent(new CustomEvent("dt-own-link"));
            }}
            >${icon("link")}<span>${say("myLink")}</span>${icon("forward")}</a
          >
        </li>
        <li>
          <a
            class="req"
            href="#/people"
            @click=${(event: Event) => {
              event.preventDefault();
              this.dispatchEvent(new CustomEvent("dt-room"));
            }}
            >${icon("room")}<span>${say("roomNew")}</span>${icon("forward")}</a
          >
        </li>
        ${keyed(
          contacts,
          (one) => one.accountId,
          (one) => this.#row(one),
        )}
      </ul>
      ${contacts.length === 0 && this.session.isLoaded ? html`<p class="empty soft">${say("peopleEmpty")}</p>` : nothing}
    `;
  }
}

customElements.define("dt-people", DtPeople);
