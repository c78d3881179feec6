/** Where one writes: grows with the text, sends by Enter, says when it is too long. The text of each keystroke goes up. */
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { live } from "lit/directives/live.js";
import { baseStyles } from "../look/base-styles.ts";
import { icon } from "../parts/icon.ts";
import { bytesOver } from "../session/message-size.ts";
import { say, text } from "../words/say.ts";

export class DtComposer extends LitElement {
  static override properties = { name: {}, value: {}, textCount: { attribute: false } };
  static override styles = [
    baseStyles,
    css`
      :host {
        display: block;
        padding: 8px 24px 20px;
      }
      form {
        max-inline-size: 728px;
        margin: 0 auto;
        gap: 4px;
      }
      .box {
        display: flex;
        align-items: flex-end;
        gap: 4px;
        min-block-size: 48px;
        padding: 5px;
        padding-inline-start: 12px;
        border: 1px solid var(--edge);
        border-radius: var(--r3);
        background: var(--raised);
      }
      .box:focus-within {
        outline: 2px solid var(--chalk);
        outline-offset: -1px;
      }
      textarea {
        flex: 1;
        min-inline-size: 0;
        field-sizing: content;
        overflow-wrap: anywhere;
        max-block-size: 40dvh;
        padding: 7px 0;
        border: 0;
        background: none;
        outline: none;
        resize: none;
        font: 400 var(--t3);
      }
      textarea:focus-visible {
        outline: none;
      }
      textarea::placeholder {
        color: var(--faint);
        opacity: 1;
        /* A long name is no reason for an empty field of three lines. */
        white-space: nowrap;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .send {
        inline-size: 36px;
        block-size: 36px;
        flex: none;
        border: 0;
        border-radius: var(--r2);
        background: var(--ink);
        color: var(--pane);
        display: grid;
        place-items: center;
        padding: 0;
      }
      .send:disabled {
        background: var(--inset);
        color: var(--faint);
      }
      .apart {
        padding-block-end: 4px;
      }
      .over {
        font: 400 var(--t1);
        color: var(--stop);
        padding-inline: 4px;
      }
      @media (max-width: 639px) {
        :host {
          padding: 6px 12px calc(12px + env(safe-area-inset-bottom));
        }
        textarea {
          font: 400 var(--t4);
          padding-block: 8px;
        }
        .send {
          inline-size: 44px;
          block-size: 44px;
        }
      }
      @media (forced-colors: active) {
        .send {
          border: 1px solid ButtonText;
        }
      }
    `,
  ];
  declare name: string;
  declare value: string;
  /** More than one: devices wrote this many texts apart, and they stand below each other. */
  declare textCount: number;

  constructor() {
    super();
    this.name = "";
    this.value = "";
    this.textCount = 0;
  }

  get #field(): HTMLTextAreaElement | null {
    return this.renderRoot?.querySelector("textarea") ?? null;
  }

  override focus(): void {
    this.#field?.focus();
  }

  /** What another device wrote comes below: who is typing goes on where they are. */
  protected override willUpdate(changed: PropertyValues<this>): void {
    const field = this.#field;
    const isLonger = field !== null && this.value !== field.value && this.value.startsWith(field.value);
    this.#caret =
      changed.has("value") && isLonger && field.value !== ""
        ? [field.selectionStart, field.selectionEnd]
        : null;
  }
  #caret: [start: number, end: number] | null = null;

  protected override updated(): void {
    if (this.#caret !== null) this.#field?.setSelectionRange(...this.#caret);
  }

  #input = (event: Event): void => {
    if (!(event.target instanceof HTMLTextAreaElement)) return;
    this.value = event.target.value;
    this.dispatchEvent(new CustomEvent<string>("dt-draft", { detail: this.value }));
  };

  #key = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#send();
  };

  #submit = (event: Event): void => {
    event.preventDefault();
    this.#send();
    this.focus();
  };

  #send(): void {
    if (!this.#canSend) return;
    const { value } = this;
    this.value = "";
    this.dispatchEvent(new CustomEvent<string>("dt-send", { detail: value }));
  }

  get #bytesOver(): number {
    return bytesOver(this.value);
  }

  get #canSend(): boolean {
    return this.value.trim() !== "" && this.#bytesOver <= 0;
  }

  override render() {
    const over = this.#bytesOver;
    return html`<form @submit=${this.#submit}>
      ${this.textCount > 1 ? html`<p class="note apart" role="status">${say("draftsApart", { count: this.textCount })}</p>` : nothing}
      <div class="box">
        <textarea
          rows="1"
          dir="auto"
          enterkeyhint="send"
          aria-label=${text("composerLabel", { name: this.name })}
          aria-invalid=${over > 0}
          placeholder=${text("composerPlaceholder", { name: this.name })}
          .value=${live(this.value)}
          @input=${this.#input}
          @keydown=${this.#key}
        ></textarea>
        <button class="send" aria-label=${text("send")} ?disabled=${!this.#canSend}>${icon("up")}</button>
      </div>
      ${over > 0 ? html`<p class="over" role="alert">${say("overLimit", { count: over })}</p>` : nothing}
    </form>`;
  }
}

customElements.define("dt-composer", DtComposer);
