/** What a room writes together, in the place of its messages: all notes and lists, or one of them. */
import type { AccountId, ConversationId, OpId, RoomDocumentView } from "@dovetail/core";
import { html, LitElement, nothing, type PropertyValues } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { DrawLater } from "../parts/draw-later.ts";
import { icon } from "../parts/icon.ts";
import { keyed } from "../parts/keyed.ts";
import { mayWrite } from "../rooms/room-rights.ts";
import type { Session, SessionViews } from "../session/session.ts";
import type { RoomThread } from "../session/threads.ts";
import { Watch } from "../session/watch.ts";
import { describeError } from "../words/error-words.ts";
import { say, text } from "../words/say.ts";
import { comingTime, momentTime } from "../words/times.ts";
import { changedLine, changerName } from "./note-lines.ts";
import { noteRow } from "./note-row.ts";
import { notesStyles } from "./notes-styles.ts";
import { RoomNotes } from "./room-notes.ts";
import "../parts/dt-joint.ts";
import "./dt-create-note.ts";
import "./dt-note-details.ts";
import "./dt-note-items.ts";
import "./dt-note-text.ts";

export class DtRoomNotes extends LitElement {
  static override properties = {
    session: { attribute: false },
    roomId: { attribute: false },
    noteId: { attribute: false },
    sheet: { state: true },
  };
  static override styles = [baseStyles, notesStyles];
  declare session: Session;
  declare roomId: ConversationId;
  /** Null for all of them. */
  declare noteId: OpId | null;
  declare sheet: "make" | "details" | null;
  #notes: RoomNotes | null = null;
  /** The open one as it was seen last: it may be taken away while one looks at it. */
  #seen: RoomDocumentView | null = null;
  #readViews: SessionViews | null = null;
  readonly #muteEnds = new DrawLater(this);
  /** Whether the field of what was just made is to have the focus. */
  #isNew = false;

  constructor() {
    super();
    this.noteId = null;
    this.sheet = null;
    new Watch(
      this,
      () => this.session ?? null,
      (event) => {
        // Typing tells too, and changes no view. How much waits is told often, and matters where something waits.
        if (event === null && this.#readViews !== this.session.views) this.#notes?.refreshSoon();
        else if (event?.type === "connection" && this.#notes?.hasUnsent === true) this.#notes.refreshSoon();
        this.#readViews = this.session.views;
      },
    );
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#notes?.close();
    this.#notes = null;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!this.isConnected) return;
    if (this.#notes?.roomId !== this.roomId) {
      this.#notes?.close();
      this.#notes = new RoomNotes(this.session, this.roomId, () => this.requestUpdate());
    }
    if (changed.has("noteId")) this.sheet = null;
    const note = this.noteId === null ? null : this.#notes.find(this.noteId);
    if (note !== undefined) this.#seen = note;
    else if (this.#seen?.id !== this.noteId) this.#seen = null;
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has("noteId")) this.#focusStart(changed.get("noteId") ?? null);
  }

  /** The heading; the row one comes back from; where one writes in what was just made. */
  #focusStart(cameFrom: OpId | null): void {
    const row = this.noteId === null && cameFrom !== null ? `[data-id="${CSS.escape(cameFrom)}"]` : null;
    const field = this.#isNew ? "dt-note-text, dt-note-items" : null;
    this.#isNew = false;
    const start =
      (field === null ? null : this.renderRoot.querySelector<HTMLElement>(field)) ??
      (row === null ? null : this.renderRoot.querySelector<HTMLElement>(row)) ??
      this.renderRoot.querySelector<HTMLElement>("h2");
    start?.focus();
  }

  #go(notes: "all" | OpId | null): void {
    this.dispatchEvent(
      new CustomEvent<"all" | OpId | null>("dt-notes", { detail: notes, bubbles: true, composed: true }),
    );
  }

  #closeSheet = (): void => {
    this.sheet = null;
  };

  #made = (event: CustomEvent<RoomDocumentView>): void => {
    this.#notes?.show(event.detail);
    this.#isNew = true;
    this.#go(event.detail.id);
  };

  override render() {
    const room = this.session.thread(this.roomId);
    if (room === undefined || room.kind !== "room") return nothing;
    const { noteId } = this;
    return html`
      ${noteId === null ? this.#headerOfAll(room) : this.#headerOfOne(room)}
      <slot name="strip"></slot>
      <div class="scroll"><div class="column">${this.#unread() ?? (noteId === null ? this.#all(room) : this.#one(room))}</div></div>
      ${noteId === null ? nothing : this.#news(room)}
      ${this.#sheet(room)}
    `;
  }

  #headerOfAll(room: RoomThread) {
    const canMake = mayWrite(room, Date.now()).type === "open" && (this.#notes?.notes.length ?? 0) > 0;
    return html`<header>
      <button class="ib back" type="button" aria-label=${text("back")} @click=${() => this.#go(null)}>${icon("back")}</button>
      <div class="who">
        <h2 tabindex="-1">${say("notesTitle")}</h2>
        <p class="since"><span>${say("noteOf", { name: room.name })}</span></p>
      </div>
      ${
        canMake
          ? html`<button
              class="btn line"
              type="button"
              @click=${() => {
                this.sheet = "make";
              }}
            >
              ${say("noteMake")}
            </button>`
          : nothing
      }
    </header>`;
  }

  #headerOfOne(room: RoomThread) {
    const note = this.#seen;
    const isThere = note !== null && this.#notes?.find(note.id) !== undefined;
    return html`<header>
      <button class="ib back" type="button" aria-label=${text("back")} @click=${() => this.#go("all")}>${icon("back")}</button>
      <div class="who">
        <h2 tabindex="-1">${note === null ? say("notesTitle") : html`<bdi>${note.title}</bdi>`}</h2>
        <p class="since">${note === null ? nothing : this.#since(note, room)}</p>
      </div>
      ${
        isThere
          ? html`<button
              class="ib"
              type="button"
              aria-label=${text("details")}
              @click=${() => {
                this.sheet = "details";
              }}
            >
              ${icon("more")}
            </button>`
          : nothing
      }
    </header>`;
  }

  #since(note: RoomDocumentView, room: RoomThread) {
    if (note.unsentCount === 0) return html`<span>${this.#changed(note, room)}</span>`;
    const waits = room.state === "joining" ? "stateWaitsRoom" : "noteKept";
    return html`<dt-joint state="kept"></dt-joint><span>${say(waits)}</span>`;
  }

  #changed(note: RoomDocumentView, room: RoomThread) {
    return changedLine(note, this.#nameIn(room), momentTime(note.changedAtMs, Date.now()));
  }

  /** For who does not see it: that somebody else has changed it. What one writes oneself is no news. */
  #news(room: RoomThread) {
    const note = this.#seen;
    const isTheirs = note !== null && this.#nameIn(room)(note.changedBy) !== null;
    return html`<p class="vh" role="status">${isTheirs ? this.#changed(note, room) : nothing}</p>`;
  }

  #nameIn = (room: RoomThread) => (accountId: AccountId) =>
    changerName(room, accountId, this.session.views.contacts, this.session.views.account?.accountId);

  /** Why there is nothing to show. */
  #unread() {
    const { fault, isLoaded } = this.#notes ?? {};
    if (isLoaded === true || fault === undefined || fault === null) return null;
    const { text: why, hint } = describeError(fault);
    return html`<p class="fault" role="alert">${why} ${hint ?? ""}</p>
      <div>
        <button class="btn line" type="button" @click=${() => this.#notes?.refreshSoon()}>${say("tryAgain")}</button>
      </div>`;
  }

  #all(room: RoomThread) {
    const notes = this.#notes?.notes ?? [];
    if (notes.length === 0) return this.#notes?.isLoaded === true ? this.#empty(room) : nothing;
    return html`${this.#hindrance(room)}
      <ul aria-label=${text("notesTitle")}>
        ${keyed(
          notes,
          ({ id }) => id,
          (note) =>
            html`<li>${noteRow(note, this.#nameIn(room)(note.changedBy), () => this.#go(note.id))}</li>`,
        )}
      </ul>`;
  }

  #empty(room: RoomThread) {
    const { type } = mayWrite(room, Date.now());
    if (type === "outside") return html`<p class="soft">${say("notesEmptyOutside")}</p>`;
    return html`<div class="empty">
      <p>${say("notesEmpty")}</p>
      <p class="note">${say("notesEmptyNote")}</p>
      ${this.#hindrance(room)}
      <button
        class="btn ink"
        type="button"
        ?disabled=${type !== "open"}
        @click=${() => {
          this.sheet = "make";
        }}
      >
        ${say("noteMake")}
      </button>
    </div>`;
  }

  #one(room: RoomThread) {
    const note = this.#seen;
    if (note === null || this.#notes === null)
      return this.#notes?.isLoaded === true ? html`<p role="status">${say("noteUnknown")}</p>` : nothing;
    const isGone = this.#notes.find(note.id) === undefined;
    const canWrite = !isGone && !note.isFull && mayWrite(room, Date.now()).type === "open";
    return html`${isGone ? html`<p class="fault" role="status">${say("noteGone")}</p>` : this.#hindrance(room)}
      ${note.isFull ? html`<p class="fault" role="status">${say("noteFull")}</p>` : nothing}
      ${note.waitingCount > 0 ? html`<p class="note" role="status">${say("noteWaits", { count: note.waitingCount })}</p>` : nothing}
      ${this.#body(note, canWrite, this.#notes)}`;
  }

  #body(note: RoomDocumentView, canWrite: boolean, notes: RoomNotes) {
    if (note.form === "note")
      return html`<dt-note-text .texts=${this.session.noteTexts} .note=${note} .canWrite=${canWrite}></dt-note-text>`;
    if (note.form === "list")
      return html`<dt-note-items
        .session=${this.session}
        .notes=${notes}
        .note=${note}
        .canWrite=${canWrite}
      ></dt-note-items>`;
    return html`<p class="soft">${say("noteOther")}</p>`;
  }

  /** Why one can change nothing. */
  #hindrance(room: RoomThread) {
    const nowMs = Date.now();
    const writing = mayWrite(room, nowMs);
    this.#muteEnds.clear();
    if (writing.type === "outside") return html`<p class="fault" role="status">${say("noteOutside")}</p>`;
    if (writing.type === "open") return nothing;
    const { untilMs } = writing;
    this.#muteEnds.set(untilMs - nowMs);
    return html`<p class="fault" role="status">${say("noteMuted", { time: comingTime(untilMs, nowMs) })}</p>`;
  }

  #sheet(room: RoomThread) {
    if (this.sheet === "make")
      return html`<dt-create-note
        .session=${this.session}
        .room=${room}
        @dt-close=${this.#closeSheet}
        @dt-made=${this.#made}
      ></dt-create-note>`;
    const note = this.#seen;
    if (this.sheet !== "details" || note === null || this.#notes === null) return nothing;
    return html`<dt-note-details
      .session=${this.session}
      .notes=${this.#notes}
      .note=${note}
      .canWrite=${mayWrite(room, Date.now()).type === "open"}
      .maker=${this.#nameIn(room)(note.createdBy)}
      @dt-close=${this.#closeSheet}
      @dt-removed=${() => this.#go("all")}
    ></dt-note-details>`;
  }
}

customElements.define("dt-room-notes", DtRoomNotes);
