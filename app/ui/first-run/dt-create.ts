/** Making an account: name and server, the lock, then the recovery words. */
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
import "./dt-words.ts";

export class DtCreate extends LitElement {
  static override properties = {
    engine: { attribute: false },
    words: { state: true },
    fault: { state: true },
    isBusy: { state: true },
    needsInvitation: { state: true },
  };
  static override styles = [baseStyles, firstRunStyles, innerStep];
  declare engine: Engine;
  declare words: string | null;
  declare fault: ErrorWords | null;
  declare isBusy: boolean;
  declare needsInvitation: boolean;

  constructor() {
    super();
    this.words = null;
    this.fault = null;
    this.isBusy = false;
    this.needsInvitation = false;
  }

  protected override firstUpdated(): void {
    this.renderRoot.querySelector("input")?.focus();
  }

  #submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const { name, handle, device, invitation } = fieldsOf(event, ["name", "handle", "device", "invitation"]);
    const choice = this.renderRoot.querySelector<DtPassphraseChoice>("dt-passphrase-choice")?.choice;
    if (choice === undefined || choice.type === "differ") {
      this.fault = { text: text("passphrasesDiffer") };
      return;
    }
    this.isBusy = true;
    this.fault = null;
    const created = await this.engine.createAccount({
      displayName: name.trim(),
      handle: handle.trim() === "" ? null : handle.trim(),
      deviceName: device.trim(),
      invitation: invitation.trim() === "" ? null : invitation.trim(),
      passphrase: choice.type === "none" ? null : choice.passphrase,
    });
    this.isBusy = false;
    if (created.ok) {
      this.words = created.value.recoveryWords;
      this.#emit("dt-joined");
      return;
    }
    const { error } = created;
    this.needsInvitation = error.type === "Refused" && error.code === "registration-closed";
    this.fault = describeEngineError(error);
  };

  #confirmed = async (): Promise<void> => {
    // What cannot be noted now is asked again under Settings.
    await this.engine.client.confirmRecoveryWords();
    this.#emit("dt-finished");
  };

  #emit(type: string): void {
    this.dispatchEvent(new CustomEvent(type, { bubbles: true, composed: true }));
  }

  override render() {
    const { words } = this;
    if (words !== null)
      return html`<h1 class="step">${say("wordsTitle")}</h1>
        <dt-words .words=${words} @dt-confirmed=${this.#confirmed}>
          <button class="btn lg" slot="later" type="button" @click=${() => this.#emit("dt-finished")}>
            ${say("wordsLater")}
          </button>
        </dt-words>`;
    return html`<h1 class="step">${say("createTitle")}</h1>
      ${this.#form()}`;
  }

  #form() {
    const { fault } = this;
    const server = location.host;
    return html`<form @submit=${this.#submit}>
      <div class="field">
        <label for="name">${say("displayName")}</label>
        <input id="name" name="name" dir="auto" required autocomplete="name" aria-describedby="name-note" />
        <p id="name-note" class="note">${say("displayNameNote")}</p>
      </div>
      <div class="field">
        <label for="handle">${say("handle")}</label>
        <input
          id="handle"
          name="handle"
          autocomplete="username"
          autocapitalize="none"
          spellcheck="false"
          pattern="[a-z0-9][a-z0-9._\\-]{1,31}"
          aria-describedby="handle-note"
        />
        <p id="handle-note" class="note">${say("handleNote")}</p>
      </div>
      <div class="field">
        <label for="device">${say("deviceName")}</label>
        <input id="device" name="device" dir="auto" required autocomplete="off" .value=${suggestedDeviceName(navigator.userAgent)} />
      </div>
      ${
        this.needsInvitation
          ? html`<div class="field">
              <label for="invitation">${say("invitation")}</label>
              <input id="invitation" name="invitation" required autocomplete="off" spellcheck="false" aria-describedby="invitation-note" />
              <p id="invitation-note" class="note">${say("invitationNote")}</p>
            </div>`
          : nothing
      }
      <dt-passphrase-choice></dt-passphrase-choice>
      ${fault === null ? nothing : html`<p role="alert"><span class="bad">${fault.text}</span> ${fault.hint ?? ""}</p>`}
      ${this.isBusy ? html`<dt-progress .label=${text("creating", { server })}></dt-progress>` : nothing}
      <div class="acts">
        <button class="btn ink lg" ?disabled=${this.isBusy}>${say("createTitle")}</button>
        <button class="btn lg" type="button" ?disabled=${this.isBusy} @click=${() => this.#emit("dt-back")}>${say("back")}</button>
      </div>
    </form>`;
  }
}

customElements.define("dt-create", DtCreate);
