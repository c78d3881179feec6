/** Passphrase or none, said plainly; stands in the forms of the first run. */
import { css, html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { say, text } from "../words/say.ts";
import { firstRunStyles } from "./first-run-styles.ts";

/** What was chosen: a passphrase, none, or two that differ. */
export type PassphraseChoice =
  | { readonly type: "passphrase"; readonly passphrase: string }
  | { readonly type: "none" }
  | { readonly type: "differ" };

export class DtPassphraseChoice extends LitElement {
  static override properties = { hasPassphrase: { state: true } };
  static override styles = [
    baseStyles,
    firstRunStyles,
    css`
      :host {
        display: block;
        block-size: auto;
      }
      fieldset {
        display: grid;
        gap: 12px;
      }
    `,
  ];
  declare hasPassphrase: boolean;

  constructor() {
    super();
    this.hasPassphrase = true;
  }

  get choice(): PassphraseChoice {
    if (!this.hasPassphrase) return { type: "none" };
    const first = this.renderRoot.querySelector<HTMLInputElement>("#passphrase")?.value ?? "";
    const again = this.renderRoot.querySelector<HTMLInputElement>("#again")?.value ?? "";
    return first === again ? { type: "passphrase", passphrase: first } : { type: "differ" };
  }

  #enter = (event: KeyboardEvent): void => {
    if (event.key === "Enter")
      this.dispatchEvent(new CustomEvent("dt-enter", { bubbles: true, composed: true }));
  };

  override render() {
    return html`<fieldset @keydown=${this.#enter}>
      <legend>${say("lockTitle")}</legend>
      <label class="choice"
        ><input
          type="radio"
          name="lock"
          .checked=${this.hasPassphrase}
          @change=${() => (this.hasPassphrase = true)}
        />${say("setPassphrase")}</label
      >
      ${
        this.hasPassphrase
          ? html`<div class="field">
                <label for="passphrase">${say("passphrase")}</label>
                <input id="passphrase" type="password" autocomplete="new-password" aria-describedby="passphrase-note" />
                <p id="passphrase-note" class="note">${say("passphraseNote")}</p>
              </div>
              <div class="field">
                <label for="again">${say("passphraseAgain")}</label>
                <input id="again" type="password" autocomplete="new-password" />
              </div>`
          : nothing
      }
      <label class="choice"
        ><input
          type="radio"
          name="lock"
          .checked=${!this.hasPassphrase}
          @change=${() => (this.hasPassphrase = false)}
        />${say("noLock")}</label
      >
      ${this.hasPassphrase ? nothing : html`<p class="warn" role="status">${text("noLockNote")}</p>`}
    </fieldset>`;
  }
}

customElements.define("dt-passphrase-choice", DtPassphraseChoice);
