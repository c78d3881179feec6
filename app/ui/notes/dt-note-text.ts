/**
 * The text of a note, written in place: kept as it is typed, with what others write coming in around the caret. Characters and
 * nothing else, whatever they look like.
 */
import type { RoomDocumentView } from "@dovetail/core";
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { bytesOverNote } from "../session/message-size.ts";
import { describeError } from "../words/error-words.ts";
import { say, text } from "../words/say.ts";
import type { Merged } from "./merge-texts.ts";
import type { NoteText } from "./note-text.ts";
import type { NoteTexts } from "./note-texts.ts";

export class DtNoteText extends LitElement {
  static override properties = {
    texts: { attribute: false },
    note: { attribute: false },
    canWrite: { attribute: false },
  };
  static override styles = [
    baseStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 8px;
      }
      textarea,
      .said {
        flex: 1 0 auto;
        inline-size: 100%;
        margin: 0;
        font: 400 var(--t3);
        overflow-wrap: anywhere;
        white-space: pre-wrap;
        /* Each paragraph runs as its own language does. */
        unicode-bidi: plaintext;
        text-align: start;
      }
      textarea {
        display: block;
        min-block-size: 240px;
        field-sizing: content;
        padding: 12px 16px;
        border: 1px solid var(--edge);
        border-radius: var(--r3);
        background: var(--raised);
        resize: none;
      }
      textarea:focus-visible {
        outline-offset: -1px;
      }
      textarea[aria-invalid="true"] {
        border-color: var(--stop);
      }
      textarea::placeholder {
        color: var(--faint);
        opacity: 1;
      }
      .refused {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 8px 16px;
        padding: 8px 12px;
        border-radius: var(--r2);
        background: var(--stop-wash);
        color: var(--stop);
        font: 500 var(--t2);
      }
      .refused span {
        flex: 1 1 240px;
      }
      @media (max-width: 639px) {
        textarea,
        .said {
          font: 400 var(--t4);
        }
        textarea {
          padding: 12px;
        }
      }
    `,
  ];
  declare texts: NoteTexts;
  declare note: RoomDocumentView;
  declare canWrite: boolean;
  #text: NoteText | null = null;
  #stop: () => void = () => {};

  constructor() {
    super();
    this.canWrite = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#leave();
  }

  override focus(): void {
    void this.updateComplete.then(() => this.#field?.focus());
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!this.isConnected) return;
    if (this.#text?.documentId === this.note.id) {
      // Only what was read anew: the text may be ahead of what is shown around it.
      if (changed.has("note")) this.#text.take(this.note);
      return;
    }
    this.#leave();
    const shown = this.texts.of(this.note);
    this.#text = shown;
    this.#stop = shown.onChange((merged) => {
      if (merged !== null) this.#show(merged);
      this.requestUpdate();
    });
  }

  protected override updated(): void {
    const field = this.#field;
    if (field !== null && this.#text !== null && field.value !== this.#text.text)
      field.value = this.#text.text;
  }

  get #field(): HTMLTextAreaElement | null {
    return this.renderRoot.querySelector("textarea");
  }

  #leave(): void {
    this.#stop();
    // What was being composed ends with the field.
    this.#text?.hold(false);
    if (this.#text !== null) void this.texts.leave(this.#text);
    this.#text = null;
  }

  /** Puts in what others wrote; the caret stays beside what it stood beside, and that where it was on the screen. */
  #show({ text: written, moved }: Merged): void {
    const field = this.#field;
    if (field === null) return;
    const { selectionStart, selectionEnd, selectionDirection } = field;
    const isActive = field.matches(":focus");
    const isAboveOnly = field.value.slice(selectionEnd) === written.slice(moved(selectionEnd));
    const heightPx = field.offsetHeight;
    field.value = written;
    if (!isActive) return;
    field.setSelectionRange(moved(selectionStart), moved(selectionEnd), selectionDirection);
    const scroller = this.closest(".scroll");
    if (isAboveOnly && scroller !== null) scroller.scrollTop += field.offsetHeight - heightPx;
  }

  #typed = (event: Event): void => {
    if (!(event.target instanceof HTMLTextAreaElement)) return;
    this.#text?.type(event.target.value);
    this.requestUpdate();
  };

  #flush = (): void => {
    void this.#text?.flush();
  };

  override render() {
    const written = this.#text?.text ?? this.note.text;
    const { title } = this.note;
    const over = bytesOverNote(written);
    if (!this.canWrite)
      return html`${this.#refused()}<p class="said">${written === "" ? html`<span class="soft">${say("noteNothing")}</span>` : written}</p>`;
    return html`${over > 0 ? html`<p class="refused" role="alert"><span>${say("noteOver", { count: over })}</span></p>` : this.#refused()}
      <textarea
        rows="12"
        aria-label=${text("noteTextLabel", { name: title })}
        aria-invalid=${over > 0}
        placeholder=${text("noteTextEmpty")}
        @input=${this.#typed}
        @blur=${this.#flush}
        @compositionstart=${() => this.#text?.hold(true)}
        @compositionend=${() => this.#text?.hold(false)}
      ></textarea>`;
  }

  /** Why what is shown is not kept. */
  #refused() {
    const fault = this.#text?.fault ?? null;
    if (fault === null) return nothing;
    const { text: why, hint } = describeError(fault);
    return html`<p class="refused" role="alert">
      <span>${say("noteNotKept")} ${why} ${hint ?? ""}</span>
      <button class="btn line" type="button" @click=${this.#flush}>${say("tryAgain")}</button>
    </p>`;
  }
}

customElements.define("dt-note-text", DtNoteText);
