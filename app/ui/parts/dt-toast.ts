/** One line at the lower edge that says what has just happened or why it did not; it may offer to undo. */
import { css, html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { text } from "../words/say.ts";
import { icon } from "./icon.ts";

export interface Toast {
  readonly text: string;
  readonly hint?: string;
  readonly isError?: boolean;
  readonly undo?: () => void;
}

const SHOWN_MS = 8_000;

/** Where a toast can be shown: that of the page, and of each sheet over it, under which all else can be neither seen nor used. */
const places: DtToast[] = [];

export class DtToast extends LitElement {
  static override properties = { toast: { state: true } };
  static override styles = [
    baseStyles,
    css`
      .toast {
        position: fixed;
        inset-inline-start: 16px;
        inset-block-end: calc(16px + env(safe-area-inset-bottom));
        z-index: var(--z-toast);
        display: flex;
        align-items: center;
        gap: 12px;
        max-inline-size: min(560px, calc(100vw - 32px));
        padding: 8px 8px 8px 16px;
        border-radius: var(--r3);
        background: var(--ink);
        color: var(--pane);
        font: 400 var(--t2);
        box-shadow: var(--lift);
      }
      .toast p + p {
        opacity: 0.8;
      }
      .toast .ib,
      .toast .btn {
        color: inherit;
      }
      .toast .ib:hover,
      .toast .btn:hover {
        background: none;
        text-decoration: underline;
      }
      .grow {
        margin-inline-end: auto;
        overflow-wrap: anywhere;
      }
      @media (max-width: 639px) {
        .toast {
          inset-block-end: calc(88px + env(safe-area-inset-bottom));
        }
        /* A sheet stands at the lower edge there. */
        :host([above]) .toast {
          inset-block: calc(16px + env(safe-area-inset-top)) auto;
        }
      }
      @media (forced-colors: active) {
        .toast {
          border: 1px solid CanvasText;
        }
      }
    `,
  ];
  declare toast: Toast | null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.toast = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    places.push(this);
  }

  /** What it showed is shown by what lies under the sheet that goes. */
  override disconnectedCallback(): void {
    super.disconnectedCallback();
    places.splice(places.indexOf(this), 1);
    const { toast } = this;
    this.hide();
    if (toast !== null) showOnTop(toast);
  }

  /** Shows `toast` in place of what was shown; errors stay until they are closed. */
  show(toast: Toast): void {
    clearTimeout(this.#timer);
    this.toast = toast;
    if (toast.isError !== true) this.#timer = setTimeout(this.hide, SHOWN_MS);
  }

  /** Shows nothing any more. */
  readonly hide = (): void => {
    clearTimeout(this.#timer);
    this.toast = null;
  };

  #undo(): void {
    this.toast?.undo?.();
    this.hide();
  }

  override render() {
    const { toast } = this;
    return html`<div role="status" aria-live="polite">
      ${
        toast === null
          ? nothing
          : html`<div class="toast">
              <div class="grow">
                <p>${toast.text}</p>
                ${toast.hint === undefined ? nothing : html`<p>${toast.hint}</p>`}
              </div>
              ${
                toast.undo === undefined
                  ? nothing
                  : html`<button class="btn" type="button" @click=${this.#undo}>${text("undo")}</button>`
              }
              <button class="ib" type="button" aria-label=${text("close")} @click=${this.hide}>
                ${icon("close")}
              </button>
            </div>`
      }
    </div>`;
  }
}

/** Shows `toast` over all that is in the page. */
export function showOnTop(toast: Toast): void {
  places.at(-1)?.show(toast);
}

/** Shows nothing anywhere any more. */
export function hideToasts(): void {
  for (const place of places) place.hide();
}

/** Asks the app around `from` to show `toast`. */
export function showToast(from: EventTarget, toast: Toast): void {
  from.dispatchEvent(new CustomEvent<Toast>("dt-toast", { detail: toast, bubbles: true, composed: true }));
}

customElements.define("dt-toast", DtToast);
