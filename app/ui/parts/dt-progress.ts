/** A bar with numbers for what takes longer than a moment; without a number it says what is going on. */
import { css, html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";

export class DtProgress extends LitElement {
  static override properties = { label: {}, done: { type: Number }, total: { type: Number } };
  static override styles = [
    baseStyles,
    css`
      :host {
        display: grid;
        gap: 8px;
        font: 400 var(--t2);
        color: var(--soft);
      }
      progress {
        appearance: none;
        inline-size: 100%;
        block-size: 4px;
        border: 0;
        border-radius: var(--rf);
        overflow: hidden;
        background: var(--inset);
      }
      progress::-webkit-progress-bar {
        background: var(--inset);
      }
      progress::-webkit-progress-value {
        background: var(--ink);
      }
      progress::-moz-progress-bar {
        background: var(--ink);
      }
      progress:indeterminate {
        background: linear-gradient(90deg, var(--ink) 30%, var(--inset) 30%);
      }
    `,
  ];
  declare label: string;
  declare done: number | null;
  declare total: number | null;

  constructor() {
    super();
    this.label = "";
    this.done = null;
    this.total = null;
  }

  override render() {
    const { done, total, label } = this;
    return html`<span role="status">${label}</span>
      <progress aria-label=${label} max=${total ?? nothing} value=${done ?? nothing}></progress>`;
  }
}

customElements.define("dt-progress", DtProgress);
