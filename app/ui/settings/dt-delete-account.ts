/** Leaving: this browser alone, or the account with all that its server keeps. What goes and what stays is said first. */
import { css, html, LitElement, nothing } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { paneStyles } from "../look/pane-styles.ts";
import { forgetPreferences } from "../session/preferences.ts";
import type { Session } from "../session/session.ts";
import { describeEngineError } from "../words/engine-error-words.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import type { MessageKey } from "../words/en.ts";
import { say, text } from "../words/say.ts";
import { faultLine } from "../parts/fault-line.ts";
import "../parts/dt-progress.ts";
import "../parts/dt-prove.ts";
import "../parts/dt-sheet.ts";

const DELETED: readonly MessageKey[] = ["deleteServer", "deleteHere"];
const KEPT: readonly MessageKey[] = ["deleteContacts", "deleteDevices"];

export class DtDeleteAccount extends LitElement {
  static override properties = {
    session: { attribute: false },
    engine: { attribute: false },
    isOpen: { state: true },
    typed: { state: true },
    isDeleting: { state: true },
    fault: { state: true },
  };
  static override styles = [
    baseStyles,
    paneStyles,
    css`
      .what {
        display: grid;
        gap: 6px;
        font: 400 var(--t2);
      }
      h3 {
        font: 600 var(--t2);
      }
      .what ul {
        display: grid;
        gap: 6px;
        padding-inline-start: 18px;
        list-style: disc;
        color: var(--soft);
      }
    `,
  ];
  declare session: Session;
  declare engine: Engine;
  declare isOpen: boolean;
  declare typed: string;
  declare isDeleting: boolean;
  declare fault: ErrorWords | null;

  constructor() {
    super();
    this.isOpen = false;
    this.typed = "";
    this.isDeleting = false;
    this.fault = null;
  }

  /** What has to be typed: the handle, which is the account's alone, else the name. */
  get #wanted(): string {
    const { account } = this.session.views;
    return (account?.handle ?? account?.displayName ?? "").trim();
  }

  #delete = async (): Promise<void> => {
    this.isDeleting = true;
    this.fault = null;
    const deleted = await this.session.client.deleteAccount();
    if (!deleted.ok) {
      this.isDeleting = false;
      this.fault = describeEngineError(deleted.error);
      return;
    }
    forgetPreferences(window);
    // Every tab follows: the engine has no account any more.
    const forgotten = await this.engine.forget();
    if (forgotten.ok) return;
    this.isDeleting = false;
    this.fault = describeEngineError(forgotten.error);
  };

  #close = (): void => {
    if (this.isDeleting) return;
    this.isOpen = false;
    this.typed = "";
    this.fault = null;
  };

  override render() {
    return html`<section aria-labelledby="title">
      <h2 id="title">${say("deleteAccount")}</h2>
      <p class="note">${say("deleteNote")}</p>
      <div>
        <button class="btn stop" type="button" @click=${() => (this.isOpen = true)}>${say("deleteAccount")}</button>
      </div>
      ${this.isOpen ? this.#sheet() : nothing}
    </section>`;
  }

  #sheet() {
    const { account } = this.session.views;
    const { fault, isDeleting } = this;
    const wanted = this.#wanted;
    const list = (title: MessageKey, keys: readonly MessageKey[]) => html`<div class="what">
      <h3>${say(title)}</h3>
      <ul>
        ${keys.map((key) => html`<li>${say(key, { server: account === null ? "" : new URL(account.origin).host })}</li>`)}
      </ul>
    </div>`;
    return html`<dt-sheet .label=${text("deleteTitle")} @dt-close=${this.#close}>
      ${list("deleteGoes", DELETED)}
      ${list("deleteStays", account?.handle == null ? KEPT : [...KEPT, "deleteHandle"])}
      <p>${say("deleteFinal")}</p>
      <div class="field">
        <label for="typed">${say("deleteType", { name: wanted })}</label>
        <input
          id="typed"
          dir="auto"
          autocomplete="off"
          autocapitalize="none"
          spellcheck="false"
          ?disabled=${isDeleting}
          @input=${(event: Event) => {
            if (event.target instanceof HTMLInputElement) this.typed = event.target.value;
          }}
        />
      </div>
      ${faultLine(fault)}
      ${isDeleting ? html`<dt-progress .label=${text("deleting")}></dt-progress>` : nothing}
      <dt-prove
        .engine=${this.engine}
        .label=${text("deleteAccount")}
        .isStop=${true}
        .disabled=${isDeleting || wanted === "" || this.typed.trim() !== wanted}
        @dt-proven=${this.#delete}
        ><button class="btn line" type="button" ?disabled=${isDeleting} @click=${this.#close}>${say("cancel")}</button></dt-prove
      >
    </dt-sheet>`;
  }
}

customElements.define("dt-delete-account", DtDeleteAccount);
