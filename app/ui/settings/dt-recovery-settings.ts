/** The recovery key while it is not written down: shown on request, erased once it is. */
import { html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { paneStyles } from "../look/pane-styles.ts";
import type { Session } from "../session/session.ts";
import { say } from "../words/say.ts";
import "../first-run/dt-words.ts";

export class DtRecoverySettings extends LitElement {
  static override properties = {
    session: { attribute: false },
    words: { state: true },
    isShown: { state: true },
    isRead: { state: true },
  };
  static override styles = [baseStyles, paneStyles];
  declare session: Session;
  declare words: string | null;
  declare isShown: boolean;
  declare isRead: boolean;

  constructor() {
    super();
    this.words = null;
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
        <button class="btn line" type="button" @click=${() => (this.isShown = true)}>${say("wordsShow")}</button>
      </div>`;
  }
}

customElements.define("dt-recovery-settings", DtRecoverySettings);
