/** The safety number with a person: twelve groups of five digits and a QR, and theirs by the camera. */
import type { ContactView } from "@dovetail/core";
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import type { Session } from "../session/session.ts";
import { say, text } from "../words/say.ts";
import "../parts/dt-qr.ts";
import "../parts/dt-scan.ts";

export class DtSafetyNumber extends LitElement {
  static override properties = {
    session: { attribute: false },
    contact: { attribute: false },
    number: { state: true },
    isScanning: { state: true },
    isSame: { state: true },
  };
  static override styles = [
    baseStyles,
    css`
      section {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 16px;
      }
      h3 {
        font: 600 var(--t4);
      }
      ol {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(64px, 1fr));
        gap: 8px 16px;
        max-inline-size: 320px;
        font: 500 var(--t4);
        font-family: var(--mono);
      }
      dt-qr {
        max-inline-size: 220px;
      }
      .same {
        padding: 12px;
        border-radius: var(--r2);
        background: var(--proven-wash);
        font: 500 var(--t2);
      }
      .other {
        padding: 12px;
        border-radius: var(--r2);
        background: var(--stop-wash);
        color: var(--stop);
        font: 500 var(--t2);
      }
    `,
  ];
  declare session: Session;
  declare contact: ContactView;
  declare number: string | null;
  declare isScanning: boolean;
  declare isSame: boolean | null;

  constructor() {
    super();
    this.number = null;
    this.isScanning = false;
    this.isSame = null;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get("contact") as ContactView | undefined;
    if (!changed.has("contact") || before?.accountId === this.contact.accountId) return;
    this.number = null;
    this.isSame = null;
    this.isScanning = false;
    void this.#read(this.contact);
  }

  async #read(contact: ContactView): Promise<void> {
    const number = await this.session.client.safetyNumber(contact.accountId);
    if (number.ok && this.contact.accountId === contact.accountId) this.number = number.value;
  }

  #scanned = (event: CustomEvent<string>): void => {
    this.isScanning = false;
    void this.#verify(event.detail);
  };

  /** The engine compares and notes it, on all devices. */
  async #verify(shown: string): Promise<void> {
    const verified = await this.session.client.verifyContact(this.contact.accountId, shown);
    this.session.refresh();
    this.isSame = verified.ok;
  }

  override render() {
    const { number, isSame } = this;
    if (number === null) return nothing;
    return html`<section aria-labelledby="title">
      <h3 id="title">${say("safetyTitle")}</h3>
      <p class="note">${say("safetyNote")}</p>
      <ol aria-label=${text("safetyLabel")}>
        ${number.split(" ").map((group) => html`<li>${group}</li>`)}
      </ol>
      <dt-qr .text=${number} .label=${text("safetyQr")}></dt-qr>
      ${
        this.isScanning
          ? html`<dt-scan expects="number" @dt-found=${this.#scanned}></dt-scan>`
          : html`<div>
              <button class="btn line" type="button" @click=${() => (this.isScanning = true)}>
                ${say("safetyScan")}
              </button>
            </div>`
      }
      ${
        isSame === null
          ? nothing
          : html`<p class=${isSame ? "same" : "other"} role="alert">${say(isSame ? "safetyMatch" : "safetyDiffers")}</p>`
      }
    </section>`;
  }
}

customElements.define("dt-safety-number", DtSafetyNumber);
