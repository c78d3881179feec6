/** Coming back with the recovery key: the words, whose account, which devices stay. */
import { html, LitElement } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { oneLine } from "../parts/form.ts";
import { say, text } from "../words/say.ts";
import { firstRunStyles } from "./first-run-styles.ts";
import { innerStep } from "./inner-step.ts";
import { ProfileForm } from "./profile-form.ts";
import { countWords, devicesField, wordsField } from "./recovery-fields.ts";

export class DtRecover extends LitElement {
  static override properties = {
    engine: { attribute: false },
    wordCount: { state: true },
  };
  static override styles = [baseStyles, firstRunStyles, innerStep];
  declare engine: Engine;
  declare wordCount: number;
  readonly #form = new ProfileForm(this);

  constructor() {
    super();
    this.wordCount = 0;
  }

  #submit = async (event: SubmitEvent): Promise<void> => {
    const read = this.#form.read(event, ["account", "words", "devices"]);
    if (read === null) return;
    const { typed, ...fields } = read;
    const recovered = await this.#form.attempt(() =>
      this.engine.recover({
        ...fields,
        words: oneLine(typed.words),
        account: typed.account.trim(),
        keepsDevices: typed.devices === "keep",
      }),
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
      <form @submit=${this.#submit}>
        <div class="field">
          <label for="account">${say("recoverHandle")}</label>
          <input id="account" name="account" required autocomplete="username" autocapitalize="none" spellcheck="false" aria-describedby="account-note" />
          <p id="account-note" class="note">${say("recoverHandleNote")}</p>
        </div>
        ${wordsField(this.wordCount, this.#count)} ${devicesField()}
        ${this.#form.end("recoverGo", text("recovering"))}
      </form>`;
  }
}

customElements.define("dt-recover", DtRecover);
