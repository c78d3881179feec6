/** What one can do with a note or list as a whole: call it something else, take it away for everybody. */
import type { RoomDocumentView } from "@dovetail/core";
import { css, html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { fieldsOf } from "../parts/form.ts";
import { showToast } from "../parts/dt-toast.ts";
import type { Session } from "../session/session.ts";
import { say, text } from "../words/say.ts";
import { momentTime } from "../words/times.ts";
import type { RoomNotes } from "./room-notes.ts";
import "../parts/dt-sheet.ts";
import { focusLater } from "../parts/focus-later.ts";

export class DtNoteDetails extends LitElement {
  static override properties = {
    session: { attribute: false },
    notes: { attribute: false },
    note: { attribute: false },
    canWrite: { attribute: false },
    maker: { attribute: false },
    isRemoving: { state: true },
    isBusy: { state: true },
  };
  static override styles = [
    baseStyles,
    css`
      section {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 12px;
        justify-items: start;
        padding-block-start: 16px;
        border-block-start: 1px solid var(--line);
      }
      section p {
        overflow-wrap: anywhere;
      }
    `,
  ];
  declare session: Session;
  declare notes: RoomNotes;
  declare note: RoomDocumentView;
  declare canWrite: boolean;
  /** What who made it is called here; null for oneself. */
  declare maker: string | null;
  declare isRemoving: boolean;
  declare isBusy: boolean;
  /** As it was when the sheet was opened: what others call it meanwhile is kept beside it. */
  #opened: RoomDocumentView | null = null;

  constructor() {
    super();
    this.canWrite = false;
    this.maker = null;
    this.isRemoving = false;
    this.isBusy = false;
  }

  protected override willUpdate(): void {
    this.#opened ??= this.note;
  }

  #closed = (): void => {
    this.dispatchEvent(new CustomEvent("dt-close"));
  };

  #rename = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const { title, version } = this.#opened ?? this.note;
    const { id, roomId } = this.note;
    const typed = fieldsOf(event, ["title"]).title.trim();
    if (typed === title) return this.#closed();
    this.isBusy = true;
    const renamed = await this.notes.act(
      this.session.client.editRoomDocument(roomId, id, { type: "title", text: typed }, version),
    );
    this.isBusy = false;
    if (renamed !== null) this.#closed();
  };

  /** The button that had the focus goes: what takes it next destroys nothing. */
  #ask(isRemoving: boolean): void {
    this.isRemoving = isRemoving;
    focusLater(this, "section .btn:last-child");
  }

  #remove = async (): Promise<void> => {
    const { id, roomId, title } = this.note;
    this.isBusy = true;
    const removed = await this.session.tried(this.session.client.removeRoomDocument(roomId, id));
    this.isBusy = false;
    if (removed === null) return;
    this.notes.drop(id);
    showToast(this, { text: text("noteRemoved", { name: title }) });
    this.dispatchEvent(new CustomEvent("dt-removed"));
  };

  override render() {
    const { title } = this.#opened ?? this.note;
    const { createdAtMs } = this.note;
    const time = momentTime(createdAtMs, Date.now());
    return html`<dt-sheet .label=${this.note.title} @dt-close=${this.#closed}>
      <p class="note">
        ${this.maker === null ? say("noteMadeByYou", { time }) : say("noteMadeBy", { name: this.maker, time })}
      </p>
      ${
        this.canWrite && !this.note.isFull
          ? html`<form @submit=${this.#rename}>
              <div class="field">
                <label for="title">${say("noteName")}</label>
                <input id="title" name="title" required dir="auto" autocomplete="off" .value=${title} />
              </div>
              <div><button class="btn line" ?disabled=${this.isBusy}>${say("save")}</button></div>
            </form>`
          : nothing
      }
      <section>${this.maker === null ? (this.canWrite ? this.#removal() : nothing) : html`<p class="note">${say("noteRemoveOther")}</p>`}</section>
    </dt-sheet>`;
  }

  #removal() {
    const { title: name } = this.note;
    if (!this.isRemoving)
      return html`<button class="btn stop" type="button" @click=${() => this.#ask(true)}>${say("noteRemove")}</button>`;
    return html`<p role="status">${say("noteRemoveAsk", { name })}</p>
      <div class="acts">
        <button class="btn stop" type="button" ?disabled=${this.isBusy} @click=${this.#remove}>
          ${say("noteRemoveGo")}
        </button>
        <button class="btn line" type="button" ?disabled=${this.isBusy} @click=${() => this.#ask(false)}>
          ${say("cancel")}
        </button>
      </div>`;
  }
}

customElements.define("dt-note-details", DtNoteDetails);
