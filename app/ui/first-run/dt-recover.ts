/** Coming back with the recovery key: the words, whose account, which devices stay. */
import { html, LitElement, nothing } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { fieldsOf } from "../parts/form.ts";
import { describeEngineError } from "../words/engine-error-words.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import { say, text } from "../words/say.ts";
import { suggestedDeviceName } from "./device-name.ts";
import type { DtPassphraseChoice } from "./dt-passphrase-choice.ts";
import { firstRunStyles } from "./first-run-styles.ts";
import { innerStep } from "./inner-step.ts";
import "../parts/dt-progress.ts";
import "./dt-passphrase-choice.ts";

export class DtRecover extends LitElement {
  static override properties = {
    engine: { attribute: false },
    fault: { state: true },
    isBusy: { state: true },
    wordCount: { state: true },
  };
  static override styles = [baseStyles, firstRunStyles, innerStep];
  declare engine: Engine;
  declare fault: ErrorWords | null;
  declare isBusy: boolean;
  declare wordCount: number;

  constructor() {
    super();
    this.fault = null;
    this.isBusy = false;
    this.wordCount = 0;
  }

  #submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const { account, words, device, devices } = fieldsOf(event, ["account", "words", "device", "devices"]);
    const choice = this.renderRoot.querySelector<DtPassphraseChoice>("dt-passphrase-choice")?.choice;
    if (choice === undefined || choice.type === "differ") {
      this.fault = { text: text("passphrasesDiffer") };
      return;
    }
    this.isBusy = true;
    this.fault = null;
    const recovered = await this.engine.recover({
      words: words.trim().toLowerCase().split(/\s+/).join(" "),
      account: account.trim(),
      deviceName: device.trim(),
      keepsDevices: devices === "keep",
      passphrase: choice.type === "none" ? null : choice.passphrase,
    });
    this.isBusy = false;
    if (recovered.ok) {
      this.#emit("dt-joined");
      this.#emit("dt-finished");
    } else this.fault = describeEngineError(recovered.error);
  };

  #count = (event: Event): void => {
    if (event.target instanceof HTMLTextAreaElement)
      this.wordCount = event.target.value.split(/\s+/).filter((word) => word !== "").length;
  };

  #emit(type: string): void {
    this.dispatchEvent(new CustomEvent(type, { bubbles: true, composed: true }));
  }

  override render() {
    const { fault } = this;
    return html`<h1 class="step">${say("recoverTitle")}</h1>
      <form @submit=${this.#submit}>
        <div class="field">
          <label for="account">${say("recoverHandle")}</label>
          <input id="account" name="account" required autocomplete="username" autocapitalize="none" spellcheck="false" aria-describedby="account-note" />
          <p id="account-note" class="note">${say("recoverHandleNote")}</p>
        </div>
        <div class="field">
          <label for="words">${say("recoverWords")}</label>
          <textarea id="words" name="words" rows="4" required autocomplete="off" autocapitalize="none" spellcheck="false" aria-describedby="words-note" @input=${this.#count}></textarea>
          <p id="words-note" class="note">${say("recoverWordsNote")} ${say("recoverCount", { count: this.wordCount })}</p>
        </div>
        <fieldset>
          <legend>${say("recoverDevices")}</legend>
          <label class="choice"><input type="radio" name="devices" value="drop" checked />${say("recoverDrop")}</label>
          <label class="choice"><input type="radio" name="devices" value="keep" />${say("recoverKeep")}</label>
          <p class="note">${say("recoverDropNote")}</p>
        </fieldset>
        <div class="field">
          <label for="device">${say("deviceName")}</label>
          <input id="device" name="device" dir="auto" required autocomplete="off" .value=${suggestedDeviceName(navigator.userAgent)} />
        </div>
        <dt-passphrase-choice></dt-passphrase-choice>
        ${fault === null ? nothing : html`<p role="alert"><span class="bad">${fault.text}</span> ${fault.hint ?? ""}</p>`}
        ${this.isBusy ? html`<dt-progress .label=${text("recovering")}></dt-progress>` : nothing}
        <div class="acts">
          <button class="btn ink lg" ?disabled=${this.isBusy}>${say("recoverGo")}</button>
          <button class="btn lg" type="button" ?disabled=${this.isBusy} @click=${() => this.#emit("dt-back")}>${say("back")}</button>
        </div>
      </form>`;
  }
}

customElements.define("dt-recover", DtRecover);
