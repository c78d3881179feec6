/** Texts of notes that are open, or not kept yet: who leaves one whose last words were refused finds them when they come back. */
import type { ClientError, OpId, RoomDocumentView } from "@dovetail/core";
import { type NoteClient, NoteText } from "./note-text.ts";

export class NoteTexts {
  #client: NoteClient;
  #onError: (error: ClientError) => void;
  #textsById = new Map<OpId, NoteText>();

  constructor(client: NoteClient, onError: (error: ClientError) => void) {
    this.#client = client;
    this.#onError = onError;
  }

  /** That of `note`, as it is now. */
  of(note: RoomDocumentView): NoteText {
    const known = this.#textsById.get(note.id);
    known?.take(note);
    const text = known ?? new NoteText(this.#client, note);
    this.#textsById.set(note.id, text);
    return text;
  }

  /** Nobody looks at it any more: what is refused from now on is told elsewhere. */
  async leave(text: NoteText): Promise<void> {
    await text.flush();
    // Somebody came back meanwhile: it is theirs, and what they type is kept with the rest.
    if (text.isWatched) return;
    if (text.fault !== null) this.#onError(text.fault);
    if (text.isKept && this.#textsById.get(text.documentId) === text) this.#textsById.delete(text.documentId);
  }

  /** Whether nothing that was typed is here alone. */
  get isKept(): boolean {
    return [...this.#textsById.values()].every((text) => text.isKept);
  }

  /** Keeps what is typed, now. Resolves when it was tried. */
  async flush(): Promise<void> {
    await Promise.all([...this.#textsById.values()].map((text) => text.flush()));
  }
}
