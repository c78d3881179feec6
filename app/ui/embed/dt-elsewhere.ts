/** What a frame leaves to Dovetail itself, and the way there. WB44 */
import { html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { say } from "../words/say.ts";
import { embedStyles } from "./embed-styles.ts";

export class DtElsewhere extends LitElement {
  static override properties = { refused: { type: Boolean } };
  static override styles = [baseStyles, embedStyles];
  /** This browser lets a frame keep nothing: all of it is done elsewhere, and there is nothing to go back to. */
  declare refused: boolean;

  constructor() {
    super();
    this.refused = false;
  }

  protected override firstUpdated(): void {
    if (!this.refused) this.renderRoot.querySelector("a")?.focus();
  }

  override render() {
    return html`<div class="text">
      <h1>${say("embedElsewhere")}</h1>
      <p>${say(this.refused ? "embedRefusedNote" : "embedElsewhereNote")}</p>
      <div class="acts">
        <a class="btn ink" href="/" target="_blank" rel="noopener">${say("embedOpen")}</a>
        ${
          this.refused
            ? nothing
            : html`<button class="btn line" type="button" @click=${() => this.dispatchEvent(new CustomEvent("dt-back"))}>
                ${say("back")}
              </button>`
        }
      </div>
    </div>`;
  }
}

customElements.define("dt-elsewhere", DtElsewhere);
