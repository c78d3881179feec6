/** The recovery key while it is not written down: shown on request, erased once it is. */
import { html, LitElement, nothing } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { paneStyles } from "../look/pane-styles.ts";
import type { Session } from "../session/session.ts";
import { say, text } from "../words/say.ts";
import "../first-run/dt-words.ts";
import "../parts/dt-prove.ts";
import "../parts/dt-sheet.ts";

export class DtRecoverySettings extends LitElement {
  static override properties = {
    session: { attribute: false },
    engine: { attribute: false },
    isAsking: { state: true },
    words: { state: true },
    isShown: { state: true },
    isRead: { state: true },
  };
  static override styles = [baseStyles, paneStyles];
  declare session: Session;
  declare engine: Engine;
  declare isAsking: boolean;
  declare words: string | null;
  declare isShown: boolean;
  declare isRead: boolean;

  constructor() {
    super();
    this.words = null;
    this.isAsking = false;
    this.isShown = false;
    this.isRead = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#read();
  }

  async #read(): Promise<void> {
    const words = await this.session.client.recoveryWords();
    if (words.ok) this.words = words.value;
    this.isRead = words.ok;
  }

  #confirmed = async (): Promise<void> => {
    const confirmed = await this.session.tried(this.session.client.confirmRecoveryWords());
    if (confirmed !== null) this.words = null;
  };

  override render() {
    if (!this.isRead) return nothing;
    return html`<section aria-labelledby="title">
      <h2 id="title">${say("recovery")}</h2>
      ${this.#state()}
    </section>`;
  }

  #state() {
    const { words } = this;
    if (words === null) return html`<p class="note">${say("recoveryDone")}</p>`;
    if (this.isShown) return html`<dt-words .words=${words} @dt-confirmed=${this.#confirmed}></dt-words>`;
    return html`<p class="note">${say("wordsOpen")}</p>
      <div>
        <button class="btn line" type="button" @click=${() => (this.isAsking = true)}>${say("wordsShow")}</button>
      </div>
      ${this.isAsking ? this.#sheet() : nothing}`;
  }

  #sheet() {
    const close = () => (this.isAsking = false);
    const show = () => {
      this.isAsking = false;
      this.isShown = true;
    };
    return html`<dt-sheet .label=${text("wordsShow")} @dt-close=${close}>
      <p>${say("wordsNote")}</p>
      <dt-prove .engine=${this.engine} .label=${text("wordsShow")} @dt-proven=${show}
        ><button class="btn line" type="button" @click=${close}>${say("cancel")}</button></dt-prove
      >
    </dt-sheet>`;
  }
}

customElements.define("dt-recovery-settings", DtRecoverySettings);
