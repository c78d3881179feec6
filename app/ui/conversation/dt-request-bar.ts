/** Stands where one would write while somebody's request is open, or after it was refused. */
import type { ContactView } from "@dovetail/core";
import { css, html, LitElement } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { showToast } from "../parts/dt-toast.ts";
import { goTo } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import { say, text } from "../words/say.ts";

export class DtRequestBar extends LitElement {
  static override properties = {
    session: { attribute: false },
    contact: { attribute: false },
    isBusy: { state: true },
  };
  static override styles = [
    baseStyles,
    css`
      :host {
        display: block;
        padding: 16px 24px 20px;
        border-block-start: 1px solid var(--line);
      }
      .in {
        max-inline-size: 728px;
        margin: 0 auto;
        display: grid;
        gap: 12px;
      }
      @media (max-width: 639px) {
        :host {
          padding: 16px 16px calc(16px + env(safe-area-inset-bottom));
        }
      }
    `,
  ];
  declare session: Session;
  declare contact: ContactView;
  declare isBusy: boolean;

  constructor() {
    super();
    this.isBusy = false;
  }

  async #accept(): Promise<void> {
    this.isBusy = true;
    const accepted = await this.session.tried(this.session.client.acceptContact(this.contact.accountId));
    this.isBusy = false;
    if (accepted !== null)
      goTo(window, { section: "inbox", conversationId: accepted.value.conversationId }, true);
  }

  async #decline(): Promise<void> {
    this.isBusy = true;
    const { name, accountId } = this.contact;
    const declined = await this.session.tried(this.session.client.declineContact(accountId));
    this.isBusy = false;
    if (declined === null) return;
    showToast(this, { text: text("requestDeleted", { name }) });
    this.dispatchEvent(new CustomEvent("dt-back", { bubbles: true, composed: true }));
  }

  /** Whoever is blocked gets in no other request either. */
  async #block(): Promise<void> {
    this.isBusy = true;
    const { name, accountId } = this.contact;
    const blocked = await this.session.tried(this.session.client.blockContact(accountId));
    this.isBusy = false;
    if (blocked === null) return;
    showToast(this, {
      text: text("blockedNow", { name }),
      undo: () => void this.session.tried(this.session.client.unblockContact(accountId)),
    });
    this.dispatchEvent(new CustomEvent("dt-back", { bubbles: true, composed: true }));
  }

  #unblock = async (): Promise<void> => {
    this.isBusy = true;
    await this.session.tried(this.session.client.unblockContact(this.contact.accountId));
    this.isBusy = false;
  };

  override render() {
    const { name, state } = this.contact;
    if (state === "blocked")
      return html`<div class="in">
        <p class="note">${say("blockedNote", { name })}</p>
        <div>
          <button class="btn line" type="button" ?disabled=${this.isBusy} @click=${this.#unblock}>${say("unblock")}</button>
        </div>
      </div>`;
    if (state !== "incoming")
      return html`<div class="in"><p class="note">${say("declinedNote", { name })}</p></div>`;
    return html`<div class="in">
      <p>${say("requestText", { name })}</p>
      <div class="acts">
        <button class="btn ink" type="button" ?disabled=${this.isBusy} @click=${this.#accept}>
          ${say("requestAccept")}
        </button>
        <button class="btn line" type="button" ?disabled=${this.isBusy} @click=${this.#decline}>
          ${say("requestDelete")}
        </button>
        <button class="btn stop" type="button" ?disabled=${this.isBusy} @click=${this.#block}>
          ${say("requestBlock")}
        </button>
      </div>
    </div>`;
  }
}

customElements.define("dt-request-bar", DtRequestBar);
