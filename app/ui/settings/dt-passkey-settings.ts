/** The passkey of this profile: what it does, added and removed after proof. One profile has one. */
import { html, LitElement, nothing } from "lit";
import type { Engine, EngineError } from "../../engine/engine.ts";
import type { Result } from "@dovetail/core";
import { baseStyles } from "../look/base-styles.ts";
import { paneStyles } from "../look/pane-styles.ts";
import { protectionOf } from "../parts/dt-prove.ts";
import { showToast } from "../parts/dt-toast.ts";
import { oneLine } from "../parts/form.ts";
import { icon } from "../parts/icon.ts";
import type { Session } from "../session/session.ts";
import { describeEngineError } from "../words/engine-error-words.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import { say, text } from "../words/say.ts";
import { faultLine } from "../parts/fault-line.ts";
import "../parts/dt-progress.ts";
import "../parts/dt-sheet.ts";

type Act = "add" | "remove" | "back";

export class DtPasskeySettings extends LitElement {
  static override properties = {
    session: { attribute: false },
    engine: { attribute: false },
    canHave: { state: true },
    act: { state: true },
    isBusy: { state: true },
    fault: { state: true },
    needsWords: { state: true },
  };
  static override styles = [baseStyles, paneStyles];
  declare session: Session;
  declare engine: Engine;
  /** Null until the browser has said. */
  declare canHave: boolean | null;
  declare act: Act | null;
  declare isBusy: boolean;
  declare fault: ErrorWords | null;
  /** The words were confirmed, so that they are kept nowhere here. */
  declare needsWords: boolean;
  #unsubscribe: (() => void) | null = null;

  constructor() {
    super();
    this.canHave = null;
    this.act = null;
    this.isBusy = false;
    this.fault = null;
    this.needsWords = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unsubscribe = this.engine.onState(() => this.requestUpdate());
    void this.engine.hasPasskeys().then((canHave) => {
      this.canHave = canHave;
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unsubscribe?.();
  }

  #change = async (): Promise<void> => {
    const isAdding = this.act === "add";
    const name = this.session.views.account?.displayName ?? text("appName");
    await this.#run(() => (isAdding ? this.engine.addPasskey(name) : this.engine.removePasskey()));
    if (this.fault === null) showToast(this, { text: text(isAdding ? "passkeyAdded" : "passkeyRemoved") });
  };

  #openBack = async (): Promise<void> => {
    const words = await this.session.client.recoveryWords();
    this.needsWords = !words.ok || words.value === null;
    this.act = "back";
  };

  #letBringBack = async (): Promise<void> => {
    const typed = this.renderRoot.querySelector<HTMLTextAreaElement>("#words")?.value ?? "";
    const name = this.session.views.account?.displayName ?? text("appName");
    await this.#run(() => this.engine.keepForPasskey(name, this.needsWords ? oneLine(typed) : null));
    if (this.fault === null) showToast(this, { text: text("passkeyBackDone") });
  };

  async #run(change: () => Promise<Result<void, EngineError>>): Promise<void> {
    this.act = null;
    this.isBusy = true;
    this.fault = null;
    const changed = await change();
    this.isBusy = false;
    if (!changed.ok) this.fault = describeEngineError(changed.error);
  }

  override render() {
    const { hasPassphrase, hasPasskey } = protectionOf(this.engine);
    const { fault, canHave, isBusy } = this;
    if (canHave === null) return nothing;
    return html`<section aria-labelledby="title">
      <h2 id="title">${say("passkey")}</h2>
      <p class="note">${say(canHave ? "passkeyNote" : "passkeyNone")}</p>
      ${
        hasPasskey
          ? html`<ul class="rows">
              <li>
                ${icon("check")}<span class="grow">${say("passkeyThis")}</span>
                <button class="btn line" type="button" ?disabled=${isBusy} @click=${() => (this.act = "remove")}>
                  ${say("passkeyRemove")}
                </button>
              </li>
            </ul>`
          : canHave
            ? html`<div>
                <button class="btn line" type="button" ?disabled=${isBusy} @click=${() => (this.act = "add")}>
                  ${say("passkeyAdd")}
                </button>
              </div>`
            : nothing
      }
      ${
        canHave
          ? html`<div>
              <button class="btn line" type="button" ?disabled=${isBusy} @click=${this.#openBack}>${say("passkeyBack")}</button>
            </div>`
          : nothing
      }
      ${isBusy ? html`<dt-progress .label=${text("passkeyAsking")}></dt-progress>` : nothing}
      ${faultLine(fault)}
      ${this.act === null ? nothing : this.#sheet(this.act, hasPassphrase)}
    </section>`;
  }

  #sheet(act: Act, hasPassphrase: boolean) {
    if (act === "back") return this.#backSheet();
    const note = act === "add" ? "passkeyAddNote" : hasPassphrase ? "passkeyRemoveNote" : "passkeyRemoveBare";
    const close = () => (this.act = null);
    const label = text(act === "add" ? "passkeyAdd" : "passkeyRemove");
    return html`<dt-sheet .label=${label} @dt-close=${close}>
      <p>${say(note)}</p>
      <dt-prove .engine=${this.engine} .label=${label} .isStop=${act === "remove"} @dt-proven=${this.#change}
        ><button class="btn line" type="button" @click=${close}>${say("cancel")}</button></dt-prove
      >
    </dt-sheet>`;
  }

  #backSheet() {
    const close = () => (this.act = null);
    return html`<dt-sheet .label=${text("passkeyBack")} @dt-close=${close}>
      <p>${say("passkeyBackNote")}</p>
      ${
        this.needsWords
          ? html`<div class="field">
              <label for="words">${say("recoverWords")}</label>
              <textarea id="words" rows="4" autocomplete="off" autocapitalize="none" spellcheck="false" aria-describedby="words-note"></textarea>
              <p id="words-note" class="note">${say("recoverWordsNote")}</p>
            </div>`
          : nothing
      }
      <dt-prove .engine=${this.engine} .label=${text("passkeyBack")} @dt-proven=${this.#letBringBack}
        ><button class="btn line" type="button" @click=${close}>${say("cancel")}</button></dt-prove
      >
    </dt-sheet>`;
  }
}

customElements.define("dt-passkey-settings", DtPasskeySettings);
