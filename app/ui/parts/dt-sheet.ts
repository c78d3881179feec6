/** A sheet over the page: a native dialog, so the rest is inert, Esc closes it and focus returns to what opened it. */
import { css, html, LitElement } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { text } from "../words/say.ts";
import { icon } from "./icon.ts";
import "./dt-toast.ts";

/** Sheets that are in the page, wherever in it. */
let openCount = 0;

/** Whether a key is a sheet's: Escape closes the sheet, and nothing under it. */
export function isSheetOpen(): boolean {
  return openCount > 0;
}

export class DtSheet extends LitElement {
  static override properties = { label: {}, wide: { type: Boolean, reflect: true } };
  static override styles = [
    baseStyles,
    css`
      dialog {
        inline-size: min(420px, calc(100vw - 32px));
        max-block-size: calc(100dvh - 32px);
        padding: 32px 32px 24px;
        border: 1px solid var(--line);
        border-radius: var(--r3);
        background: var(--raised);
        color: var(--ink);
        box-shadow: var(--lift);
        overflow: auto;
      }
      :host([wide]) dialog {
        inline-size: min(640px, calc(100vw - 32px));
      }
      dialog::backdrop {
        background: light-dark(oklch(0.24 0.012 250 / 0.32), oklch(0 0 0 / 0.6));
      }
      .top {
        display: flex;
        align-items: flex-start;
        gap: 16px;
        margin-block-end: 6px;
      }
      h2 {
        font: 600 var(--t5);
        letter-spacing: -0.015em;
        margin-inline-end: auto;
      }
      .ib {
        margin-block-start: -4px;
        margin-inline-end: -12px;
      }
      .body {
        display: grid;
        gap: 16px;
      }
      @media (prefers-reduced-motion: no-preference) {
        dialog[open] {
          animation: rise var(--enter) var(--ease);
        }
        @keyframes rise {
          from {
            opacity: 0;
            transform: translateY(8px);
          }
        }
      }
      @media (max-width: 639px) {
        dialog,
        :host([wide]) dialog {
          inline-size: 100vw;
          max-inline-size: 100vw;
          margin: auto 0 0;
          border-end-start-radius: 0;
          border-end-end-radius: 0;
          padding: 24px 20px calc(20px + env(safe-area-inset-bottom));
        }
      }
    `,
  ];
  declare label: string;
  declare wide: boolean;
  #opener: HTMLElement | null = null;
  #hasLeft = false;

  constructor() {
    super();
    this.label = "";
    this.wide = false;
  }

  protected override firstUpdated(): void {
    this.#opener = deepActive();
    this.renderRoot.querySelector("dialog")?.showModal();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    openCount += 1;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    openCount -= 1;
    const opener = this.#opener;
    if (opener?.isConnected === true) opener.focus();
  }

  override render() {
    return html`<dialog aria-labelledby="title" @cancel=${this.#cancel} @close=${this.#leave} @click=${this.#click}>
      <div class="top">
        <h2 id="title">${this.label}</h2>
        <button class="ib" type="button" aria-label=${text("close")} @click=${this.close}>${icon("close")}</button>
      </div>
      <div class="body"><slot></slot></div>
      <dt-toast above></dt-toast>
    </dialog>`;
  }

  /** Closes the sheet; its `dt-close` event tells whoever shows it. */
  readonly close = (): void => {
    this.renderRoot.querySelector("dialog")?.close();
    this.#leave();
  };

  /** At once, not with the dialog's own `close`, which comes a moment later: a key pressed in between is the page's. */
  #cancel = (event: Event): void => {
    event.stopPropagation();
    this.#leave();
  };

  #leave = (): void => {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.dispatchEvent(new CustomEvent("dt-close"));
  };

  #click = (event: MouseEvent): void => {
    if (event.target === event.currentTarget) this.close();
  };
}

/** What has the focus, looked for inside shadow roots too. */
export function deepActive(): HTMLElement | null {
  let active: Element | null = document.activeElement;
  while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
  return active instanceof HTMLElement ? active : null;
}

customElements.define("dt-sheet", DtSheet);
