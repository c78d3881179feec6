/**
 * The text of one note while a person writes in it: shown as it is typed, kept by the client in small edits soon after, and what
 * others write comes in between, also while an edit is on its way.
 *
 * An edit says what changed since the version the person saw, so the engine puts it together with everything else.
 */
import type { Client, ClientError, ConversationId, OpId, RoomDocumentView } from "@dovetail/core";
import { type Merged, mergeTexts } from "./merge-texts.ts";
import { splicesBetween } from "./text-difference.ts";

/** How long nothing is typed before it is kept. */
const PAUSE_MS = 700;
/** How long somebody who does not pause waits. Every edit is a change that a note has room for 4,096 of. */
const TYPING_MS = 3_000;

/** What a text of a note needs of the client. */
export type NoteClient = Pick<Client, "editRoomDocument" | "roomDocuments">;
export type NoteVersion = Pick<RoomDocumentView, "text" | "version">;

export class NoteText {
  readonly documentId: OpId;
  /** What is shown. */
  text: string;
  /** Why what is shown is not kept; null when it is, or soon will be. */
  fault: ClientError | null = null;
  #client: NoteClient;
  #roomId: ConversationId;
  /** The version that what is shown was typed over. */
  #base: NoteVersion;
  #listeners = new Set<(merged: Merged | null) => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #typingSinceMs: number | null = null;
  #writing: Promise<void> | null = null;
  /** Sent to an engine that went away before it answered. */
  #unanswered: string | null = null;
  /** What came while it could not be shown, or while an edit was on its way; `stored` of what is typed is in it. */
  #held: { readonly view: NoteVersion; readonly stored: string | null } | null = null;
  #isHeld = false;
  #isSending = false;

  constructor(client: NoteClient, view: RoomDocumentView) {
    this.#client = client;
    this.#roomId = view.roomId;
    this.documentId = view.id;
    this.#base = inLines(view);
    this.text = this.#base.text;
  }

  /** Whether there is nothing that is only here. */
  get isKept(): boolean {
    return this.text === this.#base.text && this.#writing === null;
  }

  /** Whether somebody looks at it. */
  get isWatched(): boolean {
    return this.#listeners.size > 0;
  }

  /** Calls `listener` when the text was changed by others, with where its places are now, and with null when the fault changed. */
  onChange(listener: (merged: Merged | null) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The person has made the text this. */
  type(text: string): void {
    this.text = text;
    if (text === this.#base.text) this.#settle();
    else this.#keepSoon();
  }

  /** Shows nothing of others' until it is `false` again: an input method that composes a character loses it when the text changes. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    if (isHeld) return;
    this.#takeHeld();
    this.#keepRest();
  }

  /** What the note is now, as the client reads it. */
  take(view: NoteVersion): void {
    this.#held = { view, stored: this.#held?.stored ?? null };
    this.#takeHeld();
  }

  /** Keeps what is typed, now. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const writing = (this.#writing ?? Promise.resolve()).then(() => this.#write());
    this.#writing = writing;
    return writing.finally(() => {
      if (this.#writing === writing) this.#writing = null;
    });
  }

  #keepSoon(): void {
    const nowMs = performance.now();
    this.#typingSinceMs ??= nowMs;
    const restMs = Math.max(0, this.#typingSinceMs + TYPING_MS - nowMs);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), Math.min(PAUSE_MS, restMs));
  }

  async #write(): Promise<void> {
    // What is being composed is kept once it is done: a timer until then would come round and round.
    if (this.#isHeld) return;
    if (this.#unanswered !== null) return this.#readAnew();
    this.#typingSinceMs = null;
    const sent = this.text;
    if (sent === this.#base.text) return this.#settle();
    const edit = { type: "text", text: sent } as const;
    const { version } = this.#base;
    this.#isSending = true;
    const done = await this.#client.editRoomDocument(this.#roomId, this.documentId, edit, version);
    this.#isSending = false;
    if (done.ok) {
      this.#fail(null);
      // What was read meanwhile is older than the answer.
      this.#held = { view: done.value, stored: sent };
      this.#takeHeld();
    } else if (done.error.type === "OwnerGone") {
      this.#unanswered = sent;
      // What was read meanwhile does not say.
      this.#held = null;
      await this.#readAnew();
    } else {
      this.#fail(done.error);
      this.#takeHeld();
    }
  }

  /** Whether an edit whose answer is lost was stored decides what is sent: sent twice it would stand there twice. */
  async #readAnew(): Promise<void> {
    const read = await this.#client.roomDocuments(this.#roomId);
    if (!read.ok) return this.#fail(read.error);
    const view = read.value.find(({ id }) => id === this.documentId);
    if (view === undefined) return this.#fail({ type: "UnknownRoomDocument" });
    this.take(view);
  }

  #see(view: NoteVersion): void {
    if (isSame(view.version, this.#base.version)) {
      // The note is as it was: what an engine took along when it went was not stored.
      if (this.#unanswered !== null) this.#keepSoon();
      this.#unanswered = null;
      return;
    }
    const now = inLines(view);
    this.#adopt(now, this.#wasStored(now) ? this.#unanswered : null);
  }

  #takeHeld(): void {
    const held = this.#held;
    if (held === null || this.#isHeld || this.#isSending) return;
    this.#held = null;
    if (held.stored === null) this.#see(held.view);
    else this.#adopt(inLines(held.view), held.stored);
  }

  #keepRest(): void {
    if (this.text === this.#base.text) this.#settle();
    else if (this.#timer === undefined) this.#keepSoon();
  }

  /** Shows `now`, with what was typed since `stored`, or since what was shown last. */
  #adopt(now: NoteVersion, stored: string | null): void {
    const merged = mergeTexts(stored ?? this.#base.text, this.text, now.text);
    this.#base = now;
    this.#unanswered = null;
    if (merged.text !== this.text) {
      this.text = merged.text;
      this.#tell(merged);
    }
    this.#keepRest();
  }

  /** Whether what was sent to an engine that went away is in the note. */
  #wasStored(now: NoteVersion): boolean {
    const sent = this.#unanswered;
    if (sent === null) return false;
    const came = splicesBetween(this.#base.text, now.text);
    return splicesBetween(this.#base.text, sent).every((own) =>
      came.some((one) => one.at === own.at && one.removed === own.removed && one.inserted === own.inserted),
    );
  }

  /** Nothing waits to be kept. */
  #settle(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#typingSinceMs = null;
    this.#fail(null);
  }

  #fail(fault: ClientError | null): void {
    if (this.fault === fault) return;
    this.fault = fault;
    this.#tell(null);
  }

  #tell(merged: Merged | null): void {
    for (const listener of this.#listeners) listener(merged);
  }
}

/** A field has one sign for the end of a line; places are counted in what it holds. */
function inLines({ text, version }: NoteVersion): NoteVersion {
  return { text: text.replace(/\r\n?/g, "\n"), version };
}

function isSame(one: readonly OpId[], other: readonly OpId[]): boolean {
  return one.length === other.length && one.every((id) => other.includes(id));
}
