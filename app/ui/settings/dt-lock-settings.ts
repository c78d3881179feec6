/** The lock of this browser: set, change or take away the passphrase, lock now; what the browser may do with the storage. */
import { css, html, LitElement, nothing } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { paneStyles } from "../look/pane-styles.ts";
import { protectionOf } from "../parts/dt-prove.ts";
import { showToast } from "../parts/dt-toast.ts";
import { fieldsOf } from "../parts/form.ts";
import { describeEngineError } from "../words/engine-error-words.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import { say, text } from "../words/say.ts";
import { faultLine } from "../parts/fault-line.ts";
import "../parts/dt-progress.ts";

export class DtLockSettings extends LitElement {
  static override properties = {
    engine: { attribute: false },
    fault: { state: true },
    isBusy: { state: true },
    isOpen: { state: true },
    isPersistent: { state: true },
  };
  static override styles = [
    baseStyles,
    paneStyles,
    css`
      section + section {
        margin-block-start: 32px;
      }
    `,
  ];
  declare engine: Engine;
  declare fault: ErrorWords | null;
  declare isBusy: boolean;
  declare isOpen: boolean;
  declare isPersistent: boolean | null;
  #unsubscribe: (() => void) | null = null;

  constructor() {
    super();
    this.fault = null;
    this.isBusy = false;
    this.isOpen = false;
    this.isPersistent = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unsubscribe = this.engine.onState(() => this.requestUpdate());
    void navigator.storage?.persisted().then((isPersistent) => {
      this.isPersistent = isPersistent;
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unsubscribe?.();
  }

  #set = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const { current, next, again } = fieldsOf(event, ["current", "next", "again"]);
    if (next !== again) {
      this.fault = { text: text("passphrasesDiffer") };
      return;
    }
    const { hasPassphrase, hasPasskey } = protectionOf(this.engine);
    // Else whoever finds the browser open makes a proof of their own. WB30
    const proven = hasPasskey && !hasPassphrase ? await this.engine.proveWithPasskey() : null;
    if (proven?.ok === false) this.fault = describeEngineError(proven.error);
    else await this.#change(current, next);
  };

  async #change(current: string, next: string | null): Promise<void> {
    this.isBusy = true;
    this.fault = null;
    const changed = await this.engine.setPassphrase(
      protectionOf(this.engine).hasPassphrase ? current : null,
      next,
    );
    this.isBusy = false;
    if (!changed.ok) {
      this.fault = describeEngineError(changed.error);
      return;
    }
    this.isOpen = false;
    showToast(this, { text: text("saved") });
  }

  #lock = async (): Promise<void> => {
    const locked = await this.engine.lock();
    if (!locked.ok) this.fault = describeEngineError(locked.error);
  };

  #persist = async (): Promise<void> => {
    this.isPersistent = await navigator.storage.persist();
  };

  override render() {
    const { hasPassphrase, hasPasskey } = protectionOf(this.engine);
    const set = hasPassphrase ? "lockSet" : hasPasskey ? "lockPasskey" : "noLockNote";
    return html`<section aria-labelledby="title">
        <h2 id="title">${say("lock")}</h2>
        <p class="note">${say(set)}</p>
        <div class="acts">
          ${
            hasPassphrase || hasPasskey
              ? html`<button class="btn line" type="button" @click=${this.#lock}>${say("lockNow")}</button>`
              : nothing
          }
          <button class="btn line" type="button" aria-expanded=${this.isOpen} @click=${() => (this.isOpen = !this.isOpen)}>
            ${say(hasPassphrase ? "changePassphrase" : "setPassphrase")}
          </button>
        </div>
        ${this.isOpen ? this.#form(hasPassphrase) : faultLine(this.fault)}
      </section>
      ${this.isPersistent === null ? nothing : this.#storage(this.isPersistent)}`;
  }

  #storage(isPersistent: boolean) {
    return html`<section aria-labelledby="storage">
      <h2 id="storage">${say("storage")}</h2>
      <p class="note">${say(isPersistent ? "storagePersistent" : "storageTransient")}</p>
      ${
        isPersistent
          ? nothing
          : html`<div>
              <button class="btn line" type="button" @click=${this.#persist}>${say("storagePersist")}</button>
            </div>`
      }
    </section>`;
  }

  #form(hasPassphrase: boolean) {
    return html`<form @submit=${this.#set}>
      ${
        hasPassphrase
          ? html`<div class="field">
              <label for="current">${say("passphrase")}</label>
              <input id="current" name="current" type="password" required autocomplete="current-password" />
            </div>`
          : nothing
      }
      <div class="field">
        <label for="next">${say(hasPassphrase ? "newPassphrase" : "setPassphrase")}</label>
        <input id="next" name="next" type="password" required autocomplete="new-password" aria-describedby="next-note" />
        <p id="next-note" class="note">${say("passphraseNote")}</p>
      </div>
      <div class="field">
        <label for="again">${say("passphraseAgain")}</label>
        <input id="again" name="again" type="password" required autocomplete="new-password" />
      </div>
      ${faultLine(this.fault)}
      ${this.isBusy ? html`<dt-progress .label=${text("passphraseSetting")}></dt-progress>` : nothing}
      <div class="acts">
        <button class="btn ink" ?disabled=${this.isBusy}>${say("save")}</button>
        ${hasPassphrase ? html`<button class="btn stop" type="button" ?disabled=${this.isBusy} @click=${this.#remove}>${say("removePassphrase")}</button>` : nothing}
      </div>
    </form>`;
  }

  #remove = (): Promise<void> => {
    const field = this.renderRoot.querySelector<HTMLInputElement>("#current");
    return this.#change(field?.value ?? "", null);
  };
}

customElements.define("dt-lock-settings", DtLockSettings);
