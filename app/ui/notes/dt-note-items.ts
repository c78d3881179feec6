/** The items of a list: added, ticked, reworded, taken off and brought back. An act shows at once, before the engine has stored it. */
import type { OpId, RoomDocumentEdit, RoomDocumentItem, RoomDocumentView } from "@dovetail/core";
import { html, LitElement, nothing } from "lit";
import { live } from "lit/directives/live.js";
import { baseStyles } from "../look/base-styles.ts";
import { icon } from "../parts/icon.ts";
import { showToast } from "../parts/dt-toast.ts";
import type { Session } from "../session/session.ts";
import { say, text } from "../words/say.ts";
import { noteItemsStyles } from "./note-items-styles.ts";
import { shortItem } from "./note-lines.ts";
import type { RoomNotes } from "./room-notes.ts";
import { focusLater } from "../parts/focus-later.ts";
import { keyed } from "../parts/keyed.ts";

/** An item that is being reworded, as it was when that began. */
interface Rewording {
  readonly item: RoomDocumentItem;
  readonly version: readonly OpId[];
}

export class DtNoteItems extends LitElement {
  static override properties = {
    session: { attribute: false },
    notes: { attribute: false },
    note: { attribute: false },
    canWrite: { attribute: false },
    rewording: { state: true },
    adding: { state: true },
    doneById: { state: true },
  };
  static override styles = [baseStyles, noteItemsStyles];
  declare session: Session;
  declare notes: RoomNotes;
  declare note: RoomDocumentView;
  declare canWrite: boolean;
  declare rewording: Rewording | null;
  /** Being added: shown until the list has them. */
  declare adding: readonly string[];
  /** Being ticked. */
  declare doneById: ReadonlyMap<string, boolean>;

  constructor() {
    super();
    this.canWrite = false;
    this.rewording = null;
    this.adding = [];
    this.doneById = new Map();
  }

  override focus(): void {
    focusLater(this, "#add");
  }

  #edit(edit: RoomDocumentEdit, since?: readonly OpId[]): Promise<RoomDocumentView | null> {
    const { roomId, id } = this.note;
    return this.notes.act(this.session.client.editRoomDocument(roomId, id, edit, since));
  }

  #add = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const field = this.renderRoot.querySelector<HTMLTextAreaElement>("#add");
    const typed = field?.value.trim() ?? "";
    if (field === null || typed === "") return;
    field.value = "";
    field.focus();
    this.adding = [...this.adding, typed];
    void this.updateComplete.then(() => field.scrollIntoView({ block: "nearest" }));
    const added = await this.#edit({ type: "add", text: typed });
    const at = this.adding.indexOf(typed);
    this.adding = this.adding.filter((_, index) => index !== at);
    // Refused: what was typed is still there, unless something else is being typed.
    if (added === null && field.value === "") field.value = typed;
  };

  async #tick({ id }: RoomDocumentItem, isDone: boolean): Promise<void> {
    this.doneById = new Map([...this.doneById, [id, isDone]]);
    await this.#edit({ type: isDone ? "check" : "uncheck", item: id });
    if (this.doneById.get(id) === isDone)
      this.doneById = new Map([...this.doneById].filter(([one]) => one !== id));
  }

  async #take(item: RoomDocumentItem): Promise<void> {
    const { items } = this.note;
    const at = items.findIndex(({ id }) => id === item.id);
    const next = items[at + 1];
    const taken = await this.#edit({ type: "remove", item: item.id });
    if (taken === null) return;
    await this.updateComplete;
    this.#focusItem((next ?? items[at - 1])?.id ?? null);
    showToast(this, {
      text: text("itemTaken", { text: shortItem(item.text) }),
      undo: () => void this.#putBack(item, next?.id),
    });
  }

  /** To where it stood; ticked if it was. */
  async #putBack({ text: words, isDone }: RoomDocumentItem, nextId: string | undefined): Promise<void> {
    const before = new Set(this.note.items.map(({ id }) => id));
    const place = nextId === undefined ? {} : { item: nextId };
    const back = await this.#edit({ type: "add", text: words, ...place });
    const item = back?.items.find((one) => !before.has(one.id) && one.text === words);
    if (isDone && item !== undefined) await this.#edit({ type: "check", item: item.id });
  }

  #startRewording(item: RoomDocumentItem): void {
    this.rewording = { item, version: this.note.version };
    void this.updateComplete.then(() => {
      const field = this.renderRoot.querySelector<HTMLTextAreaElement>(".reword textarea");
      field?.focus();
      field?.setSelectionRange(field.value.length, field.value.length);
    });
  }

  #stopRewording = (): void => {
    const id = this.rewording?.item.id ?? null;
    this.rewording = null;
    void this.updateComplete.then(() => this.#focusItem(id, ".change"));
  };

  #reword = async (event: Event): Promise<void> => {
    event.preventDefault();
    const { rewording } = this;
    const words = this.renderRoot.querySelector<HTMLTextAreaElement>(".reword textarea")?.value.trim() ?? "";
    if (rewording === null) return;
    const { item, version } = rewording;
    if (words === "" || words === item.text) return this.#stopRewording();
    const isThere = this.note.items.some(({ id }) => id === item.id);
    const edit: RoomDocumentEdit = isThere
      ? { type: "item-text", item: item.id, text: words }
      : { type: "add", text: words };
    const done = await this.#edit(edit, isThere ? version : undefined);
    if (done !== null && this.rewording === rewording) this.#stopRewording();
  };

  /** Puts the focus on what belongs to an item; where one adds if there is none. */
  #focusItem(id: string | null, selector = "input"): void {
    const row = id === null ? null : this.renderRoot.querySelector(`[data-id="${CSS.escape(id)}"]`);
    const target = row?.querySelector<HTMLElement>(selector) ?? this.renderRoot.querySelector("#add");
    if (target instanceof HTMLElement) target.focus();
  }

  /** Arrows go from item to item, Delete takes one off; in fields they mean what they mean there. */
  #key = (event: KeyboardEvent): void => {
    const { target } = event;
    if (!(target instanceof HTMLInputElement) || event.ctrlKey || event.metaKey || event.altKey) return;
    const { items } = this.note;
    const at = items.findIndex(({ id }) => id === target.closest<HTMLElement>("[data-id]")?.dataset.id);
    const item = items[at];
    const next = { ArrowUp: items[at - 1], ArrowDown: items[at + 1] }[event.key];
    if (item === undefined) return;
    if (next !== undefined) this.#focusItem(next.id);
    else if (event.key === "Delete" && this.canWrite) void this.#take(item);
    else return;
    event.preventDefault();
  };

  /** Enter is done, Shift and Enter a line. */
  #enter = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (event.target instanceof HTMLTextAreaElement) event.target.form?.requestSubmit();
  };

  #rewordKey = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && !event.isComposing) {
      event.preventDefault();
      this.#stopRewording();
    } else this.#enter(event);
  };

  override render() {
    const { title, items } = this.note;
    const { rewording } = this;
    const isGone = rewording !== null && items.every(({ id }) => id !== rewording.item.id);
    return html`${
      items.length === 0 && this.adding.length === 0
        ? html`<p class="soft">${say("noteNoItems")}</p>`
        : html`<ul aria-label=${text("itemsLabel", { name: title })} @keydown=${this.#key}>
            ${keyed(
              items,
              ({ id }) => id,
              (item) =>
                html`<li data-id=${item.id}>${rewording?.item.id === item.id ? this.#form(rewording) : this.#row(item)}</li>`,
            )}
            ${this.adding.map((words) => html`<li class="soft"><span class="one"><span class="tick"></span><span class="t">${words}</span></span></li>`)}
          </ul>`
    }
    ${rewording !== null && isGone ? html`<p class="note" role="status">${say("itemTakenOff")}</p>${this.#form(rewording)}` : nothing}
    ${this.canWrite ? this.#adder() : nothing}`;
  }

  #row(item: RoomDocumentItem) {
    const isDone = this.doneById.get(item.id) ?? item.isDone;
    const words = shortItem(item.text);
    return html`<label class="one"
        ><input
          type="checkbox"
          .checked=${live(isDone)}
          ?disabled=${!this.canWrite}
          @change=${(event: Event) => {
            if (event.target instanceof HTMLInputElement) void this.#tick(item, event.target.checked);
          }}
        /><span class="t ${isDone ? "done" : ""}">${item.text}</span></label
      >
      ${
        this.canWrite
          ? html`<button class="ib change" type="button" aria-label=${text("itemChange", { text: words })} @click=${() => this.#startRewording(item)}>
                ${icon("draft")}
              </button>
              <button class="ib" type="button" aria-label=${text("itemTake", { text: words })} @click=${() => this.#take(item)}>
                ${icon("close")}
              </button>`
          : nothing
      }`;
  }

  #form({ item }: Rewording) {
    return html`<form class="reword" @submit=${this.#reword} @keydown=${this.#rewordKey}>
      <textarea rows="1" aria-label=${text("itemText")} .defaultValue=${item.text}></textarea>
      <div class="acts">
        <button class="btn line">${say("save")}</button>
        <button class="btn line" type="button" @click=${this.#stopRewording}>${say("cancel")}</button>
      </div>
    </form>`;
  }

  #adder() {
    return html`<form class="add" @submit=${this.#add} @keydown=${this.#enter}>
      <textarea
        id="add"
        rows="1"
        enterkeyhint="done"
        aria-label=${text("itemAddLabel", { name: this.note.title })}
        placeholder=${text("itemAddPlaceholder")}
      ></textarea>
      <button class="btn line">${say("itemAdd")}</button>
    </form>`;
  }
}

customElements.define("dt-note-items", DtNoteItems);
