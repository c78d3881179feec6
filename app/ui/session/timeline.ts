/**
 * The messages of one conversation as they are known to the page, oldest first; older ones come page by page.
 *
 * A message that comes below all others is shown as it comes. After every change the newest page is read again, soon, and laid
 * over what is there. Once things are quiet all that is loaded is read again, because a message that comes late belongs where
 * its time says, which may be far up.
 */
import type { Client, ClientError, ConversationId, MessagePage, MessageView, Result } from "@dovetail/core";
import { keepSame } from "./keep-same.ts";

const PAGE_MESSAGES = 100;
/** How long after a reading the next one begins at the earliest, unless somebody waits for it. */
const PAUSE_MS = 150;
/** How long nothing has to happen before everything loaded is read again. */
const QUIET_MS = 1_000;

/** Where messages are read. */
export interface TimelineSource {
  readonly client: Pick<Client, "messages">;
}

export class Timeline {
  readonly conversationId: ConversationId;
  messages: readonly MessageView[] = [];
  isLoaded = false;
  isLoadingOlder = false;
  #source: TimelineSource;
  #onChange: () => void;
  #older: string | null = null;
  #reading: Promise<boolean> | null = null;
  #readAgain = false;
  #quiet: ReturnType<typeof setTimeout> | undefined;
  #soon: ReturnType<typeof setTimeout> | undefined;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;
  #takenCount = 0;
  /** A message is not shown that may lie between those that are and the next. */
  #isBehind = false;

  constructor(source: TimelineSource, conversationId: ConversationId, onChange: () => void) {
    this.#source = source;
    this.conversationId = conversationId;
    this.#onChange = onChange;
  }

  /** Whether there are older messages that are not loaded. */
  get hasOlder(): boolean {
    return this.#older !== null;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#quiet);
    clearTimeout(this.#soon);
  }

  /**
   * Shows a message that was written or came just now. False when its place is not surely below all others: then it shows
   * with what is read next.
   */
  take(message: MessageView): boolean {
    const last = this.messages.at(-1);
    const isNewest = last === undefined || message.sentAtMs > last.sentAtMs;
    const isShown = this.isLoaded && isNewest && !this.#isBehind && !this.#isClosed;
    this.#takenCount++;
    // A reading finds where it joins by what is known: nothing may be known above a gap.
    this.#isBehind ||= !isShown;
    if (isShown) {
      this.messages = [...this.messages, message];
      this.#onChange();
    }
    this.refreshSoon();
    return isShown;
  }

  /** Shows a star that was set or taken here: the message may lie far above what is read after every change. */
  star(id: MessageView["id"], isStarred: boolean): void {
    this.messages = this.messages.map((one) => (one.id === id ? { ...one, isStarred } : one));
    this.#onChange();
    this.refreshSoon();
  }

  /** Reads the newest page: at once when it was not read just before. */
  refreshSoon(): void {
    if (this.#soon !== undefined || this.#isClosed) return;
    const restMs = this.#reading === null ? this.#readAtMs + PAUSE_MS - performance.now() : PAUSE_MS;
    if (restMs <= 0) void this.refresh();
    else this.#soon = setTimeout(() => void this.refresh(), restMs);
  }

  /**
   * Reads the newest page, and later all that is loaded. Resolves when what was there at the call is read; false when it
   * could not be.
   */
  refresh(): Promise<boolean> {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    if (this.#reading === null)
      this.#reading = this.#read().finally(() => {
        this.#reading = null;
        this.#readAtMs = performance.now();
      });
    else this.#readAgain = true;
    return this.#reading;
  }

  async #read(): Promise<boolean> {
    clearTimeout(this.#quiet);
    let isRead: boolean;
    do {
      this.#readAgain = false;
      isRead = await this.#readNewest(PAGE_MESSAGES);
    } while (this.#readAgain && !this.#isClosed);
    this.#readAllLater();
    return isRead;
  }

  #readAllLater(): void {
    clearTimeout(this.#quiet);
    if (this.messages.length > PAGE_MESSAGES && !this.#isClosed)
      this.#quiet = setTimeout(() => void this.#readAll(), QUIET_MS);
  }

  /** Page by page, so that the screen answers in between; what changes meanwhile begins it anew. */
  async #readAll(): Promise<void> {
    const loaded = this.messages.length;
    const known = this.messages;
    let read: readonly MessageView[] = [];
    let before: string | null = null;
    do {
      const page: Result<MessagePage, ClientError> = await this.#source.client.messages(this.conversationId, {
        // No more than there was: rows above what is read belong to who scrolls up.
        limit: Math.min(PAGE_MESSAGES * 2, loaded - read.length),
        ...(before === null ? {} : { before }),
      });
      if (!page.ok || this.#isClosed) return;
      if (this.messages !== known) return this.#readAllLater();
      read = [...page.value.messages.toReversed(), ...read];
      before = page.value.older;
    } while (before !== null && read.length < loaded);
    this.messages = keepKnown(this.messages, read);
    this.#older = before;
    this.#onChange();
  }

  /** Brings one page of older messages, unless one is coming. */
  loadOlder(): Promise<void> {
    this.#loading ??= this.#loadOlder().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }
  #loading: Promise<void> | null = null;

  /** Brings older messages until `id` is among them. False when there is no such message. */
  async bring(id: MessageView["id"]): Promise<boolean> {
    for (;;) {
      if (this.messages.some((one) => one.id === id)) return true;
      const before = this.messages.length;
      await this.loadOlder();
      if (this.#isClosed || (this.messages.length === before && !this.messages.some((one) => one.id === id)))
        return false;
    }
  }

  async #loadOlder(): Promise<void> {
    if (this.#older === null || this.#isClosed) return;
    this.isLoadingOlder = true;
    this.#onChange();
    const before = this.#older;
    const page = await this.#source.client.messages(this.conversationId, {
      limit: PAGE_MESSAGES * 2,
      before,
    });
    this.isLoadingOlder = false;
    if (this.#isClosed) return;
    if (page.ok && this.#older === before) {
      this.messages = unite(page.value.messages.toReversed(), this.messages);
      this.#older = page.value.older;
    }
    this.#onChange();
  }

  async #readNewest(limit: number): Promise<boolean> {
    const takenBefore = this.#takenCount;
    const page = await this.#source.client.messages(this.conversationId, { limit });
    if (this.#isClosed || !page.ok) return false;
    // What came meanwhile may not be in it.
    this.#isBehind = this.#takenCount !== takenBefore;
    const newest = keepKnown(this.messages, page.value.messages.toReversed());
    const first = newest[0];
    const at = first === undefined ? -1 : this.messages.findIndex((one) => one.id === first.id);
    if (at === -1) {
      // Nothing of the page is known: what lies between it and what was loaded is not known either.
      this.messages = newest;
      this.#older = page.value.older;
    } else this.messages = [...this.messages.slice(0, at), ...newest];
    this.isLoaded = true;
    this.#onChange();
    return true;
  }
}

/** Both lists in order, each message once; that of `newer` counts. */
function unite(older: readonly MessageView[], newer: readonly MessageView[]): readonly MessageView[] {
  const known = new Set(newer.map((one) => one.id));
  return [...older.filter((one) => !known.has(one.id)), ...newer];
}

/** What was `read`; what is `known` and says the same stays the object it is. */
function keepKnown(known: readonly MessageView[], read: readonly MessageView[]): readonly MessageView[] {
  const knownById = new Map(known.map((one) => [one.id, one]));
  return read.map((one) => keepSame(knownById.get(one.id), one));
}
