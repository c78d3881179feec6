/** Coming back with the recovery key: the words, whose account, which devices stay. */
import { html, LitElement, nothing } from "lit";
import type { Engine, LostProfile } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { oneLine } from "../parts/form.ts";
import { say, text } from "../words/say.ts";
import { firstRunStyles } from "./first-run-styles.ts";
import { innerStep } from "./inner-step.ts";
import { ProfileForm } from "./profile-form.ts";
import { countWords, devicesField, lostProfileOf, replacing, wordsField } from "./recovery-fields.ts";

export class DtRecover extends LitElement {
  static override properties = {
    engine: { attribute: false },
    wordCount: { state: true },
    canAskPasskey: { state: true },
  };
  static override styles = [baseStyles, firstRunStyles, innerStep];
  declare engine: Engine;
  declare wordCount: number;
  declare canAskPasskey: boolean;
  readonly #form = new ProfileForm(this);
  #lost: LostProfile | null = null;

  constructor() {
    super();
    this.wordCount = 0;
    this.canAskPasskey = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#lost = lostProfileOf(this.engine);
    void this.engine.hasPasskeys().then((canAsk) => {
      this.canAskPasskey = canAsk;
    });
  }

  #submit = async (event: SubmitEvent): Promise<void> => {
    const isByPasskey = event.submitter?.id === "passkey";
    const read = this.#form.read(event, ["account", "words", "devices"]);
    if (read === null) return;
    const { typed, ...fields } = read;
    const recovery = { ...fields, keepsDevices: typed.devices === "keep", ...replacing(this.#lost) };
    const recovered = await this.#form.attempt(() =>
      isByPasskey
        ? this.engine.recoverByPasskey(recovery)
        : this.engine.recover({ ...recovery, words: oneLine(typed.words), account: typed.account.trim() }),
    );
    if (!recovered.ok) return;
    this.#form.emit("dt-joined");
    this.#form.emit("dt-finished");
  };

  #count = (event: Event): void => {
    this.wordCount = countWords(event);
  };

  override render() {
    return html`<h1 class="step">${say("recoverTitle")}</h1>
      ${this.canAskPasskey ? html`<p class="note">${say("recoverPasskeyNote")}</p>` : nothing}
      <form @submit=${this.#submit}>
        <div class="field">
          <label for="account">${say("recoverHandle")}</label>
          <input id="account" name="account" .value=${this.#lost?.accountId ?? ""} required autocomplete="username" autocapitalize="none" spellcheck="false" aria-describedby="account-note" />
          <p id="account-note" class="note">${say("recoverHandleNote")}</p>
        </div>
        ${wordsField(this.wordCount, this.#count)} ${devicesField(this.#lost !== null)}
        ${this.#form.end("recoverGo", text("recovering"), this.canAskPasskey ? this.#passkey() : nothing)}
      </form>`;
  }

  /** The passkey knows whose account it is: nothing of the words has to be typed. */
  #passkey() {
    return html`<button class="btn line lg" id="passkey" formnovalidate ?disabled=${this.#form.isBusy}>
      ${say("usePasskey")}
    </button>`;
  }
}

customElements.define("dt-recover", DtRecover);
