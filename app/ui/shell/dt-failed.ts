/** A profile that does not open: why, and what can be done; where only a new link helps, beginning it after a second word. */
import { css, html, LitElement, nothing } from "lit";
import type { Engine, EngineError } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { faultLine } from "../parts/fault-line.ts";
import { focusLater } from "../parts/focus-later.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import { describeEngineError } from "../words/engine-error-words.ts";
import { say, text } from "../words/say.ts";

/** What is kept here stays closed for good. */
const FINAL: ReadonlySet<EngineError["type"]> = new Set([
  "ProfileOutdated",
  "StoreCorrupt",
  "StoreKeyDamaged",
]);

export class DtFailed extends LitElement {
  static override properties = {
    engine: { attribute: false },
    error: { attribute: false },
    isAsking: { state: true },
    isBusy: { state: true },
    fault: { state: true },
  };
  static override styles = [
    baseStyles,
    css`
      main {
        max-inline-size: 400px;
        padding: 40px 24px;
        display: grid;
        gap: 16px;
      }
      h1 {
        font: 600 var(--t5);
      }
    `,
  ];
  declare engine: Engine;
  declare error: EngineError;
  declare isAsking: boolean;
  declare isBusy: boolean;
  declare fault: ErrorWords | null;

  constructor() {
    super();
    this.isAsking = false;
    this.isBusy = false;
    this.fault = null;
  }

  /** The button that had the focus goes: what takes it next destroys nothing. */
  #ask(isAsking: boolean): void {
    this.isAsking = isAsking;
    focusLater(this, isAsking ? ".line" : ".stop");
  }

  #erase = async (): Promise<void> => {
    this.isBusy = true;
    const erased = await this.engine.beginAnew();
    this.isBusy = false;
    if (!erased.ok) this.fault = describeEngineError(erased.error);
  };

  override render() {
    const words = describeEngineError(this.error);
    return html`<main aria-label=${text("appName")}>
      <h1>${say("startFailed")}</h1>
      <p role="alert">${words.text} ${words.hint ?? ""}</p>
      ${this.isAsking ? this.#question() : this.#acts()}
      ${faultLine(this.fault)}
    </main>`;
  }

  #acts() {
    return html`<div class="acts">
      <button class="btn ink" type="button" @click=${() => void this.engine.retry()}>${say("tryAgain")}</button>
      ${
        FINAL.has(this.error.type)
          ? html`<button class="btn stop" type="button" @click=${() => this.#ask(true)}>${say("eraseHere")}</button>`
          : nothing
      }
    </div>`;
  }

  #question() {
    return html`<p role="status">${say("eraseHereAsk")}</p>
      <div class="acts">
        <button class="btn stop" type="button" ?disabled=${this.isBusy} @click=${this.#erase}>
          ${say("eraseHereGo")}
        </button>
        <button class="btn line" type="button" ?disabled=${this.isBusy} @click=${() => this.#ask(false)}>
          ${say("cancel")}
        </button>
      </div>`;
  }
}

customElements.define("dt-failed", DtFailed);
