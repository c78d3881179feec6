/** The safety number with a person: twelve groups of five digits and a QR, and theirs by the camera. */
import type { ContactView } from "@dovetail/core";
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import type { Session } from "../session/session.ts";
import { describeError } from "../words/error-words.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import { say, text } from "../words/say.ts";
import { momentTime } from "../words/times.ts";
import { icon } from "../parts/icon.ts";
import { showToast } from "../parts/dt-toast.ts";
import "../parts/dt-qr.ts";
import "../parts/dt-scan.ts";

export class DtSafetyNumber extends LitElement {
  static override properties = {
    session: { attribute: false },
    contact: { attribute: false },
    number: { state: true },
    isScanning: { state: true },
    outcome: { state: true },
  };
  static override styles = [
    baseStyles,
    css`
      section {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 16px;
        max-inline-size: 560px;
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
      .verified {
        display: flex;
        align-items: center;
        gap: 8px;
        color: var(--proven);
        font: 500 var(--t2);
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
  /** Of the last comparison: null when it was the same number, else what was wrong; undefined before there was one. */
  declare outcome: ErrorWords | null | undefined;

  constructor() {
    super();
    this.number = null;
    this.isScanning = false;
    this.outcome = undefined;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get("contact") as ContactView | undefined;
    if (!changed.has("contact") || before?.accountId === this.contact.accountId) return;
    this.number = null;
    this.outcome = undefined;
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
    this.outcome = verified.ok ? null : describeError(verified.error);
  }

  #forget = async (): Promise<void> => {
    const { accountId, name } = this.contact;
    const forgotten = await this.session.tried(this.session.client.forgetVerification(accountId));
    if (forgotten === null) return;
    this.outcome = undefined;
    showToast(this, {
      text: text("verificationForgotten", { name }),
      undo: () => void this.#verify(this.number ?? ""),
    });
  };

  override render() {
    const { number, outcome } = this;
    if (number === null) return nothing;
    const { verifiedAtMs, name } = this.contact;
    return html`<section aria-labelledby="title">
      <h3 id="title">${say("safetyTitle")}</h3>
      ${
        verifiedAtMs === null
          ? html`<p class="note">${say("safetyNote")}</p>`
          : html`<p class="verified">
              ${icon("check")}<span>${say("verifiedLine", { name, time: momentTime(verifiedAtMs, Date.now()) })}</span>
            </p>`
      }
      <ol aria-label=${text("safetyLabel")}>
        ${number.split(" ").map((group) => html`<li>${group}</li>`)}
      </ol>
      <dt-qr .text=${number} .label=${text("safetyQr")}></dt-qr>
      ${this.isScanning ? html`<dt-scan expects="number" @dt-found=${this.#scanned}></dt-scan>` : nothing}
      <div class="acts">
        ${
          this.isScanning
            ? html`<button class="btn line" type="button" @click=${() => (this.isScanning = false)}>${say("stop")}</button>`
            : html`<button class="btn line" type="button" @click=${() => (this.isScanning = true)}>${say("safetyScan")}</button>`
        }
        ${
          verifiedAtMs === null
            ? html`<button class="btn line" type="button" @click=${() => this.#verify(number)}>${say("safetySame")}</button>`
            : html`<button class="btn line" type="button" @click=${this.#forget}>${say("forgetVerification")}</button>`
        }
      </div>
      ${
        outcome === undefined
          ? nothing
          : html`<p class=${outcome === null ? "same" : "other"} role="alert">
              ${outcome === null ? say("safetyMatch") : `${outcome.text} ${outcome.hint ?? ""}`}
            </p>`
      }
    </section>`;
  }
}

customElements.define("dt-safety-number", DtSafetyNumber);
