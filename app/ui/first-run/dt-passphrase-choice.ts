/** Passkey, passphrase or none, said plainly; stands in the forms of the first run. */
import { css, html, LitElement, nothing } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import type { MessageKey } from "../words/en.ts";
import { say, text } from "../words/say.ts";
import { firstRunStyles } from "./first-run-styles.ts";

/** What was chosen: a passkey, a passphrase, none, or two that differ. */
export type PassphraseChoice =
  | { readonly type: "passkey" }
  | { readonly type: "passphrase"; readonly passphrase: string }
  | { readonly type: "none" }
  | { readonly type: "differ" };

type Lock = "passkey" | "passphrase" | "none";

const LOCK_WORDS: Readonly<Record<Lock, MessageKey>> = {
  passkey: "setPasskey",
  passphrase: "setPassphrase",
  none: "noLock",
};

export class DtPassphraseChoice extends LitElement {
  static override properties = {
    engine: { attribute: false },
    canPasskey: { state: true },
    lock: { state: true },
  };
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
  declare engine: Engine;
  /** Whether this browser may have passkeys that hold a key. */
  declare canPasskey: boolean;
  declare lock: Lock;

  constructor() {
    super();
    this.canPasskey = false;
    this.lock = "passphrase";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.engine.hasPasskeys().then((canPasskey) => {
      this.canPasskey = canPasskey;
    });
  }

  get choice(): PassphraseChoice {
    if (this.lock !== "passphrase") return { type: this.lock };
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
      ${this.canPasskey ? this.#radio("passkey") : nothing} ${this.#radio("passphrase")}
      ${
        this.lock === "passphrase"
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
      ${this.#radio("none")}
      ${this.lock === "none" ? html`<p class="warn" role="status">${text("noLockNote")}</p>` : nothing}
      ${this.lock === "passkey" ? html`<p class="note" role="status">${text("passkeyLockNote")}</p>` : nothing}
    </fieldset>`;
  }

  #radio(lock: Lock) {
    return html`<label class="choice"
      ><input
        type="radio"
        name="lock"
        .checked=${this.lock === lock}
        @change=${() => {
          this.lock = lock;
        }}
      />${say(LOCK_WORDS[lock])}</label
    >`;
  }
}

customElements.define("dt-passphrase-choice", DtPassphraseChoice);
