/**
 * The notes and lists of one room as they are known to the page, read again when something changed; what an act gave shows at once.
 */
import type { ClientError, ConversationId, OpId, Result, RoomDocumentView } from "@dovetail/core";
import type { Session } from "../session/session.ts";

/** How long after a reading the next one begins at the earliest. */
const PAUSE_MS = 150;

export class RoomNotes {
  readonly roomId: ConversationId;
  /** The one that was changed last is the first. */
  notes: readonly RoomDocumentView[] = [];
  isLoaded = false;
  /** Why they could not be read. */
  fault: ClientError | null = null;
  #session: Session;
  #onChange: () => void;
  #soon: ReturnType<typeof setTimeout> | undefined;
  #reading = false;
  #readAgain = false;
  #readAtMs = Number.NEGATIVE_INFINITY;
  /** Counts what acts gave: what was read before one of them is older. */
  #acts = 0;
  #isClosed = false;

  constructor(session: Session, roomId: ConversationId, onChange: () => void) {
    this.#session = session;
    this.roomId = roomId;
    this.#onChange = onChange;
    void this.#read();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#soon);
  }

  find(id: OpId): RoomDocumentView | undefined {
    return this.notes.find((one) => one.id === id);
  }

  /** Whether some change of this device is not at the server. */
  get hasUnsent(): boolean {
    return this.notes.some(({ unsentCount }) => unsentCount > 0);
  }

  /** Waits for an act on one of them and shows what it gave. A failure is said and gives null. */
  async act(acting: Promise<Result<RoomDocumentView, ClientError>>): Promise<RoomDocumentView | null> {
    const done = await this.#session.tried(acting);
    if (done === null) return null;
    this.show(done.value);
    return done.value;
  }

  /** Shows a note as an act gave it. */
  show(note: RoomDocumentView): void {
    this.#acts += 1;
    this.notes = inOrder([note, ...this.notes.filter(({ id }) => id !== note.id)]);
    this.#onChange();
  }

  /** Shows a note no more. */
  drop(id: OpId): void {
    this.#acts += 1;
    this.notes = this.notes.filter((one) => one.id !== id);
    this.#onChange();
  }

  /** Reads them again: at once when they were not read just before. */
  refreshSoon(): void {
    if (this.#soon !== undefined || this.#isClosed) return;
    if (this.#reading) {
      this.#readAgain = true;
      return;
    }
    const restMs = this.#readAtMs + PAUSE_MS - performance.now();
    if (restMs <= 0) void this.#read();
    else
      this.#soon = setTimeout(() => {
        this.#soon = undefined;
        void this.#read();
      }, restMs);
  }

  async #read(): Promise<void> {
    this.#reading = true;
    const acts = this.#acts;
    const read = await this.#session.client.roomDocuments(this.roomId);
    this.#reading = false;
    this.#readAtMs = performance.now();
    if (this.#isClosed) return;
    const isStale = acts !== this.#acts;
    if (read.ok && !isStale) {
      this.notes = inOrder(read.value);
      this.isLoaded = true;
    }
    this.fault = read.ok ? null : read.error;
    this.#onChange();
    if (!this.#readAgain && !isStale) return;
    this.#readAgain = false;
    this.refreshSoon();
  }
}

function inOrder(notes: readonly RoomDocumentView[]): readonly RoomDocumentView[] {
  return notes.toSorted((a, b) => b.changedAtMs - a.changedAtMs || (a.id < b.id ? -1 : 1));
}
