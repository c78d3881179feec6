/** A bar with numbers for what takes longer than a moment; where nothing else is known of it, for how long it goes on. */
import { css, html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { say } from "../words/say.ts";
import { secondsSince } from "../words/times.ts";

/** How often the seconds are counted on. */
const TICK_MS = 100;

export class DtProgress extends LitElement {
  static override properties = {
    label: {},
    done: { type: Number },
    total: { type: Number },
    nowMs: { state: true },
  };
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
      /* No length of it is filled: how much there is to do is not known. */
      progress:indeterminate {
        background: repeating-linear-gradient(90deg, var(--edge) 0 4px, var(--inset) 4px 12px);
      }
      .line {
        display: flex;
        flex-wrap: wrap;
        justify-content: space-between;
        gap: 0 12px;
      }
    `,
  ];
  declare label: string;
  declare done: number | null;
  declare total: number | null;
  declare nowMs: number;
  #sinceMs = 0;
  #tick: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    this.label = "";
    this.done = null;
    this.total = null;
    this.nowMs = 0;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#sinceMs = performance.now();
    this.nowMs = this.#sinceMs;
    this.#tick = setInterval(() => {
      if (this.total === null) this.nowMs = performance.now();
    }, TICK_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#tick);
  }

  override render() {
    const { done, total, label } = this;
    // A reader is told once what goes on, and not each tenth of a second.
    return html`<span class="line"
        ><span role="status">${label}</span>${
          total === null
            ? html`<span class="seconds" aria-hidden="true">${say("progressSince", { seconds: secondsSince(this.#sinceMs, this.nowMs) })}</span>`
            : nothing
        }</span
      >
      <progress aria-label=${label} max=${total ?? nothing} value=${done ?? nothing}></progress>`;
  }
}

customElements.define("dt-progress", DtProgress);
