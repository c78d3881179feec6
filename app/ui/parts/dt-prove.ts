/**
 * Asks for the passphrase or the passkey before an act that hands out or takes away; where the profile has neither, its
 * button is the confirmation. Goes up as `dt-proven`. WB30
 */
import { html, LitElement, nothing } from "lit";
import type { Engine, Protection } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { describeEngineError } from "../words/engine-error-words.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import { say, text } from "../words/say.ts";
import { fieldsOf } from "./form.ts";
import "./dt-progress.ts";

/** How it was proven who acts. */
export type Proof = "passphrase" | "passkey" | "none";

/** What protects the profile now. */
export function protectionOf(engine: Engine): Protection {
  const state = engine.state();
  return state.type === "ready" ? state.protection : { hasPassphrase: false, hasPasskey: false };
}

export class DtProve extends LitElement {
  static override properties = {
    engine: { attribute: false },
    label: {},
    isStop: { attribute: false },
    disabled: { attribute: false },
    fault: { state: true },
    isBusy: { state: true },
  };
  static override styles = [baseStyles];
  declare engine: Engine;
  /** What the button says: the act itself. */
  declare label: string;
  /** Whether the act destroys. */
  declare isStop: boolean;
  declare disabled: boolean;
  declare fault: ErrorWords | null;
  declare isBusy: boolean;

  constructor() {
    super();
    this.label = "";
    this.isStop = false;
    this.disabled = false;
    this.fault = null;
    this.isBusy = false;
  }

  #submit = (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const { hasPassphrase, hasPasskey } = protectionOf(this.engine);
    if (hasPassphrase) {
      const { passphrase } = fieldsOf(event, ["passphrase"]);
      return this.#prove("passphrase", () => this.engine.prove(passphrase));
    }
    if (hasPasskey) return this.#byPasskey();
    this.#proven("none");
    return Promise.resolve();
  };

  #byPasskey = (): Promise<void> => this.#prove("passkey", () => this.engine.proveWithPasskey());

  async #prove(proof: Proof, ask: () => ReturnType<Engine["prove"]>): Promise<void> {
    if (this.isBusy || this.disabled) return;
    this.isBusy = true;
    this.fault = null;
    const proven = await ask();
    this.isBusy = false;
    const field = this.renderRoot.querySelector("input");
    if (proven.ok) {
      if (field !== null) field.value = "";
      this.#proven(proof);
      return;
    }
    this.fault = describeEngineError(proven.error);
    await this.updateComplete;
    field?.select();
  }

  #proven(proof: Proof): void {
    this.dispatchEvent(new CustomEvent<Proof>("dt-proven", { detail: proof }));
  }

  override render() {
    const { fault, isBusy } = this;
    const { hasPassphrase, hasPasskey } = protectionOf(this.engine);
    const isOff = isBusy || this.disabled;
    return html`<form @submit=${this.#submit}>
      ${hasPassphrase ? this.#field() : html`<p class="note">${say(hasPasskey ? "provePasskeyNote" : "proveNothingNote")}</p>`}
      ${fault === null ? nothing : html`<p class="bad" role="alert" id="fault">${fault.text}</p>`}
      ${isBusy ? html`<dt-progress .label=${text(hasPassphrase ? "unlocking" : "provePasskey")}></dt-progress>` : nothing}
      <div class="acts">
        <button class="btn ${this.isStop ? "stop" : "ink"}" ?disabled=${isOff}>${this.label}</button>
        ${
          hasPassphrase && hasPasskey
            ? html`<button class="btn line" type="button" ?disabled=${isOff} @click=${this.#byPasskey}>${say("usePasskey")}</button>`
            : nothing
        }
        <slot></slot>
      </div>
    </form>`;
  }

  #field() {
    return html`<div class="field">
      <label for="passphrase">${say("provePassphrase")}</label>
      <input
        id="passphrase"
        name="passphrase"
        type="password"
        required
        autocomplete="current-password"
        aria-invalid=${this.fault !== null}
        aria-describedby=${this.fault === null ? nothing : "fault"}
        ?disabled=${this.disabled}
      />
    </div>`;
  }
}

customElements.define("dt-prove", DtProve);
