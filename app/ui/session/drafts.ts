/**
 * What is typed and not sent, by conversation: shown from here at once, kept by the client soon after, on all devices.
 *
 * Each write is a change that goes to every device, so it waits for a pause in the typing. A text that another device
 * wrote meanwhile is not replaced by one that was typed without seeing it: both are kept, below each other.
 */
import type { Client, ClientError, ConversationId, DraftView } from "@dovetail/core";
import { fitsOneMessage } from "./message-size.ts";

/** How long nothing is typed before it is kept. */
const PAUSE_MS = 400;

/** A text that is not known to be kept. */
interface Typed {
  text: string;
  /** What was kept when the typing began. */
  base: string;
  timer: ReturnType<typeof setTimeout> | undefined;
}

export class Drafts {
  #client: Client;
  #onError: (error: ClientError) => void;
  #onChange: () => void;
  #kept: ReadonlyMap<ConversationId, DraftView> = new Map();
  #typed = new Map<ConversationId, Typed>();
  #writing: Promise<void> = Promise.resolve();
  /** Counts writes, so that what was read before one of them is dropped. */
  #writes = 0;

  constructor(client: Client, onError: (error: ClientError) => void, onChange: () => void) {
    this.#client = client;
    this.#onError = onError;
    this.#onChange = onChange;
  }

  textOf(conversationId: ConversationId): string {
    return this.#typed.get(conversationId)?.text ?? this.#kept.get(conversationId)?.text ?? "";
  }

  /** How many texts that devices wrote apart stand in it. */
  countOf(conversationId: ConversationId): number {
    return this.#typed.has(conversationId) ? 1 : (this.#kept.get(conversationId)?.textCount ?? 0);
  }

  /** Shows `text` from now on, and keeps it after a pause. */
  set(conversationId: ConversationId, text: string): void {
    const typed = this.#typed.get(conversationId);
    clearTimeout(typed?.timer);
    this.#typed.set(conversationId, {
      text,
      base: typed?.base ?? this.#kept.get(conversationId)?.text ?? "",
      timer: setTimeout(() => void this.#keep(conversationId), PAUSE_MS),
    });
    this.#onChange();
  }

  /** Keeps what waits for a pause, now. */
  flush(): void {
    for (const conversationId of this.#typed.keys()) void this.#keep(conversationId);
  }

  /** Reads what is kept. */
  async read(): Promise<void> {
    const writes = this.#writes;
    const read = await this.#client.drafts();
    if (read.ok && writes === this.#writes)
      this.#kept = new Map(read.value.map((draft) => [draft.conversationId, draft]));
  }

  #keep(conversationId: ConversationId): Promise<void> {
    clearTimeout(this.#typed.get(conversationId)?.timer);
    this.#writing = this.#writing.then(() => this.#write(conversationId));
    return this.#writing;
  }

  async #write(conversationId: ConversationId): Promise<void> {
    const typed = this.#typed.get(conversationId);
    // What is too long for one message stays in the page alone; the composer says so.
    if (typed === undefined || !fitsOneMessage(typed.text)) return;
    const found = await this.#client.draft(conversationId);
    const theirs = found.ok ? (found.value?.text ?? "") : "";
    const isApart = theirs !== typed.base && theirs !== "" && theirs !== typed.text;
    const own = typed.text === "" ? [] : [typed.text];
    const joined = isApart ? [...own, theirs].join("\n\n") : typed.text;
    const text = fitsOneMessage(joined) ? joined : typed.text;
    this.#writes += 1;
    const kept = theirs === text ? found : await this.#client.setDraft(conversationId, text);
    this.#writes += 1;
    if (!kept.ok) {
      if (kept.error.type !== "ClientStopped") this.#onError(kept.error);
      return;
    }
    typed.base = text;
    await this.read();
    // Typed on meanwhile: that waits for its own pause.
    const now = this.#typed.get(conversationId);
    if (now === typed) this.#typed.delete(conversationId);
    else if (now !== undefined) now.base = text;
    this.#onChange();
  }
}
