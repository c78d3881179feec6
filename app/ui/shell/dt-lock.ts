/** The locked profile: one field, and the passkey where there is one. */
import { css, html, LitElement, nothing } from "lit";
import type { Engine, EngineError, Protection } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { fieldsOf } from "../parts/form.ts";
import { describeEngineError } from "../words/engine-error-words.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import { say, text } from "../words/say.ts";
import { faultLine } from "../parts/fault-line.ts";
import "../parts/dt-joint.ts";
import "../parts/dt-progress.ts";

export class DtLock extends LitElement {
  static override properties = {
    engine: { attribute: false },
    protection: { attribute: false },
    framed: { type: Boolean },
    fault: { state: true },
    asked: { state: true },
  };
  static override styles = [
    baseStyles,
    css`
      main {
        display: grid;
        gap: 24px;
        max-inline-size: 400px;
        padding: clamp(32px, 16vh, 160px) 24px;
        margin-inline-start: clamp(0px, 6vw, 88px);
      }
      h1 {
        font: 600 var(--t6);
        letter-spacing: -0.02em;
      }
      .brand {
        display: flex;
        align-items: center;
        gap: 12px;
        font: 600 var(--t4);
      }
    `,
  ];
  declare engine: Engine;
  declare protection: Protection;
  /** In a page of another site, whose focus is not taken. */
  declare framed: boolean;
  declare fault: ErrorWords | null;
  /** What is being tried. */
  declare asked: "unlocking" | "provePasskey" | null;

  constructor() {
    super();
    this.framed = false;
    this.fault = null;
    this.asked = null;
  }

  protected override firstUpdated(): void {
    if (!this.framed) this.renderRoot.querySelector("input")?.focus();
  }

  #submit = (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const { passphrase } = fieldsOf(event, ["passphrase"]);
    return this.#try("unlocking", () => this.engine.unlock(passphrase));
  };

  async #try(asked: NonNullable<DtLock["asked"]>, unlock: () => ReturnType<Engine["unlock"]>): Promise<void> {
    this.asked = asked;
    this.fault = null;
    const unlocked = await unlock();
    this.asked = null;
    if (!unlocked.ok) this.#failed(unlocked.error);
  }

  #failed(error: EngineError): void {
    this.fault = describeEngineError(error);
    const field = this.renderRoot.querySelector("input");
    void this.updateComplete.then(() => field?.select());
  }

  override render() {
    const { fault, protection } = this;
    return html`<main aria-label=${text("appName")}>
      <div class="brand"><dt-joint state="half"></dt-joint>${say("appName")}</div>
      <h1>${say("lockedTitle")}</h1>
      ${
        protection.hasPassphrase
          ? html`<form @submit=${this.#submit}>
              <div class="field">
                <label for="passphrase">${say("passphrase")}</label>
                <input
                  id="passphrase"
                  name="passphrase"
                  type="password"
                  required
                  autocomplete="current-password"
                  aria-invalid=${fault !== null}
                  aria-describedby="note"
                />
                <p id="note" class="note">${say("lockedText")}</p>
              </div>
              ${this.#outcome()}
              <div><button class="btn ink lg" ?disabled=${this.asked !== null}>${say("unlock")}</button></div>
            </form>`
          : nothing
      }
      ${
        protection.hasPasskey
          ? html`${protection.hasPassphrase ? nothing : this.#outcome()}<div>
              <button
                class="btn line lg"
                type="button"
                ?disabled=${this.asked !== null}
                @click=${() => this.#try("provePasskey", () => this.engine.unlockWithPasskey())}
              >
                ${say("usePasskey")}
              </button>
            </div>`
          : nothing
      }
    </main>`;
  }

  #outcome() {
    return html`${faultLine(this.fault)}
    ${this.asked === null ? nothing : html`<dt-progress .label=${text(this.asked)}></dt-progress>`}`;
  }
}

customElements.define("dt-lock", DtLock);
