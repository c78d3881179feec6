/**
 * What is typed and not sent, by conversation: shown from here at once, kept by the client soon after, on all devices.
 *
 * Each write is a change that goes to every device, so it waits for a pause in the typing. A text that another device
 * wrote meanwhile is not replaced by one that was typed without seeing it: both are kept, below each other. While a text
 * is on its way to be stored as a message, what is kept of it stays: it is in one place at least at any time.
 */
import type { Client, ClientError, ConversationId, DraftView } from "@dovetail/core";
import { fitsOneMessage } from "./message-size.ts";

/** How long nothing is typed before it is kept. */
const PAUSE_MS = 400;

/** What drafts need of the client. */
export type DraftClient = Pick<Client, "draft" | "drafts" | "setDraft">;

/** A text that is not known to be kept. */
interface Typed {
  text: string;
  /** What was kept when the typing began. */
  base: string;
  timer: ReturnType<typeof setTimeout> | undefined;
  /** No engine was there to keep it. */
  isWaiting: boolean;
}

/** Texts of one conversation that are being stored as messages. */
interface Sending {
  count: number;
  /** Those that were refused, in the order in which they were sent. */
  readonly refused: string[];
}

export class Drafts {
  #client: DraftClient;
  #onError: (error: ClientError) => void;
  #onChange: () => void;
  #kept: ReadonlyMap<ConversationId, DraftView> = new Map();
  #typed = new Map<ConversationId, Typed>();
  #sending = new Map<ConversationId, Sending>();
  #writing: Promise<void> = Promise.resolve();
  /** Counts writes, so that what was read before one of them is dropped. */
  #writes = 0;

  constructor(client: DraftClient, onError: (error: ClientError) => void, onChange: () => void) {
    this.#client = client;
    this.#onError = onError;
    this.#onChange = onChange;
  }

  /** Whether there is no text that only this page has. */
  get isKept(): boolean {
    const isApart = ([id, { text }]: [ConversationId, Typed]) => text !== "" && text !== this.#keptText(id);
    return this.#sending.size === 0 && ![...this.#typed].some(isApart);
  }

  textOf(conversationId: ConversationId): string {
    return this.#typed.get(conversationId)?.text ?? this.#keptText(conversationId);
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
      base: typed?.base ?? this.#keptText(conversationId),
      timer: setTimeout(() => void this.#keep(conversationId), PAUSE_MS),
      isWaiting: false,
    });
    this.#onChange();
  }

  /** The text is being stored as a message: it shows here no longer, and what is kept of it stays until `endSending`. */
  beginSending(conversationId: ConversationId): void {
    const sending = this.#sending.get(conversationId) ?? { count: 0, refused: [] };
    sending.count += 1;
    this.#sending.set(conversationId, sending);
    this.set(conversationId, "");
  }

  /** It is stored; or it was `refused`, and stands here again, above what was typed since. */
  endSending(conversationId: ConversationId, refused: string | null): void {
    const sending = this.#sending.get(conversationId);
    if (sending === undefined) return;
    if (refused !== null) sending.refused.push(refused);
    sending.count -= 1;
    if (sending.count > 0) return;
    this.#sending.delete(conversationId);
    if (sending.refused.length > 0)
      this.set(conversationId, below([...sending.refused, this.textOf(conversationId)]));
    void this.#keep(conversationId);
  }

  /** Keeps what waits for a pause, now. Resolves when it was tried. */
  async flush(): Promise<void> {
    await Promise.all([...this.#typed.keys()].map((conversationId) => this.#keep(conversationId)));
  }

  /** Holds in memory only what is kept nowhere else. */
  forget(): void {
    this.#kept = new Map();
  }

  /** Reads what is kept; then there is an engine to keep what waits for one. */
  async read(): Promise<void> {
    const writes = this.#writes;
    const read = await this.#client.drafts();
    if (!read.ok) return;
    if (writes === this.#writes)
      this.#kept = new Map(read.value.map((draft) => [draft.conversationId, draft]));
    for (const [conversationId, { isWaiting }] of this.#typed) if (isWaiting) void this.#keep(conversationId);
  }

  #keptText(conversationId: ConversationId): string {
    return this.#kept.get(conversationId)?.text ?? "";
  }

  #keep(conversationId: ConversationId): Promise<void> {
    const typed = this.#typed.get(conversationId);
    clearTimeout(typed?.timer);
    if (typed !== undefined) typed.isWaiting = false;
    this.#writing = this.#writing.then(() => this.#write(conversationId));
    return this.#writing;
  }

  async #write(conversationId: ConversationId): Promise<void> {
    const typed = this.#typed.get(conversationId);
    // What is too long for one message stays in the page alone; the composer says so.
    if (typed === undefined || this.#sending.has(conversationId) || !fitsOneMessage(typed.text)) return;
    const found = await this.#client.draft(conversationId);
    if (!found.ok) return this.#fail(typed, found.error);
    const theirs = found.value?.text ?? "";
    const isApart = theirs !== typed.base && theirs !== "" && theirs !== typed.text;
    const text = isApart ? below([typed.text, theirs]) : typed.text;
    // Of both, what does not go into one message is for the person to shorten; until then each stays where it is.
    if (isApart) this.#join(conversationId, typed, theirs);
    if (!fitsOneMessage(text) || this.#sending.has(conversationId)) return;
    this.#writes += 1;
    const kept = theirs === text ? found : await this.#client.setDraft(conversationId, text);
    this.#writes += 1;
    if (!kept.ok) return this.#fail(typed, kept.error);
    await this.read();
    this.#settle(conversationId, text);
  }

  /** Shows what another device wrote below what is typed, also where it was typed on meanwhile: from now on it was seen. */
  #join(conversationId: ConversationId, typed: Typed, theirs: string): void {
    const now = this.#typed.get(conversationId) ?? typed;
    now.text = below([now.text, theirs]);
    now.base = theirs;
    this.#onChange();
  }

  /** `text` is kept. What was typed on meanwhile waits for its own pause. */
  #settle(conversationId: ConversationId, text: string): void {
    const now = this.#typed.get(conversationId);
    if (now?.text === text) {
      clearTimeout(now.timer);
      this.#typed.delete(conversationId);
    } else if (now !== undefined) now.base = text;
    this.#onChange();
  }

  /** What was typed stays, and is kept when there is an engine again; where that refused it, with the next that is typed. */
  #fail(typed: Typed, error: ClientError): void {
    if (error.type === "ClientStopped") typed.isWaiting = true;
    else this.#onError(error);
  }
}

/** Texts that were written apart, below each other. */
function below(texts: readonly string[]): string {
  return texts.filter((one) => one !== "").join("\n\n");
}
