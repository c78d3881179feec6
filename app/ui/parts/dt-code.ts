/** Six digits in six cells: to a reader and a keyboard one field, which takes digits only. */
import { css, html, LitElement } from "lit";
import { baseStyles } from "../look/base-styles.ts";

const DIGITS = 6;

export class DtCode extends LitElement {
  static override properties = { label: {}, disabled: { type: Boolean }, digits: { state: true } };
  static override styles = [
    baseStyles,
    css`
      :host {
        display: block;
        position: relative;
      }
      .cells {
        display: flex;
        gap: 6px;
        direction: ltr;
      }
      .cells span {
        flex: 1;
        min-inline-size: 0;
        block-size: 64px;
        border: 1px solid var(--edge);
        border-radius: var(--r2);
        display: grid;
        place-items: center;
        font: 500 var(--t6);
      }
      .cells span:nth-child(3) {
        margin-inline-end: 16px;
      }
      input {
        position: absolute;
        inset: 0;
        inline-size: 100%;
        block-size: 100%;
        border: 0;
        padding: 0;
        opacity: 0;
        font-size: 17px;
      }
      input:focus + .cells .cur {
        border: 2px solid var(--chalk);
      }
      @media (forced-colors: active) {
        input:focus + .cells .cur {
          border-color: Highlight;
        }
      }
    `,
  ];
  declare label: string;
  declare disabled: boolean;
  declare digits: string;

  constructor() {
    super();
    this.label = "";
    this.disabled = false;
    this.digits = "";
  }

  protected override firstUpdated(): void {
    this.renderRoot.querySelector("input")?.focus();
  }

  #input = (event: Event): void => {
    if (!(event.target instanceof HTMLInputElement)) return;
    this.digits = event.target.value.replace(/\D/g, "").slice(0, DIGITS);
    event.target.value = this.digits;
    this.dispatchEvent(new CustomEvent<string>("dt-digits", { detail: this.digits }));
  };

  #key = (event: KeyboardEvent): void => {
    if (event.key === "Enter") this.dispatchEvent(new CustomEvent("dt-enter"));
  };

  override render() {
    const { digits } = this;
    return html`<input
        inputmode="numeric"
        autocomplete="one-time-code"
        pattern="[0-9]*"
        maxlength=${DIGITS + 1}
        aria-label=${this.label}
        ?disabled=${this.disabled}
        @input=${this.#input}
        @keydown=${this.#key}
      />
      <div class="cells" aria-hidden="true">
        ${Array.from({ length: DIGITS }, (_, index) => html`<span class=${index === digits.length ? "cur" : ""}>${digits[index] ?? ""}</span>`)}
      </div>`;
  }
}

customElements.define("dt-code", DtCode);
