/**
 * What the screens show of a client: its views, read again when it says that they changed.
 *
 * Reading is coalesced: however many events come, one round of reads is under way and at most one waits. In a burst of
 * events the rounds keep a pause between them, so that the engine has more to do than to answer.
 */
import type {
  AccountView,
  AlarmView,
  Client,
  ClientError,
  ClientEvent,
  ConnectionStatus,
  ContactView,
  ConversationId,
  ConversationView,
  DeviceView,
  Result,
  RoomView,
  TagRuleView,
  TagView,
} from "@dovetail/core";
import { NoteTexts } from "../notes/note-texts.ts";
import { Drafts } from "./drafts.ts";
import { Sender } from "./echoes.ts";
import { OwnDevices } from "./own-devices.ts";
import { type Thread, threadsOf } from "./threads.ts";

export interface SessionViews {
  readonly account: AccountView | null;
  readonly devices: readonly DeviceView[];
  readonly conversations: readonly ConversationView[];
  /** Every room, also those this account was in or is let into. */
  readonly rooms: readonly RoomView[];
  /** Conversations and rooms in one order. */
  readonly threads: readonly Thread[];
  readonly contacts: readonly ContactView[];
  readonly tags: readonly TagView[];
  readonly rules: readonly TagRuleView[];
  /** Newest first; see `Client.alarms`. */
  readonly alarms: readonly AlarmView[];
}

export interface HistoryProgress {
  readonly done: number;
  readonly total: number;
}

/** How long after a round of reads the next one begins at the earliest. */
const PAUSE_MS = 150;

const EMPTY: SessionViews = {
  account: null,
  devices: [],
  conversations: [],
  rooms: [],
  threads: [],
  contacts: [],
  tags: [],
  rules: [],
  alarms: [],
};

export class Session {
  readonly client: Client;
  readonly drafts: Drafts;
  readonly sender: Sender;
  readonly noteTexts: NoteTexts;
  readonly ownDevices: OwnDevices;
  views: SessionViews = EMPTY;
  status: ConnectionStatus;
  history: HistoryProgress | null = null;
  /** While the index of the search is being made. */
  indexing: HistoryProgress | null = null;
  /** False until the first round of reads has ended. */
  isLoaded = false;
  #onError: (error: ClientError) => void;
  #listeners = new Set<(event: ClientEvent | null) => void>();
  #unsubscribe: (() => void) | null = null;
  #reading: Promise<void> | null = null;
  #readAgain = false;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #soon: ReturnType<typeof setTimeout> | undefined;

  constructor(client: Client, onError: (error: ClientError) => void) {
    this.client = client;
    this.status = client.status();
    this.#onError = onError;
    this.drafts = new Drafts(client, onError, () => this.#tell(null));
    this.sender = new Sender(this.drafts, (...given) => this.tried(client.send(...given)));
    this.noteTexts = new NoteTexts(client, onError);
    this.ownDevices = new OwnDevices(client, () => this.#tell(null));
    this.open();
  }

  /** Reads the views and listens to the client, from the beginning or again. */
  open(): void {
    if (this.#unsubscribe !== null) return;
    this.#unsubscribe = this.client.onEvent((event) => this.#heard(event));
    this.ownDevices.open();
    this.refresh();
  }

  get isOpen(): boolean {
    return this.#unsubscribe !== null;
  }

  /** Stops listening to the client and holds no view any more, only what was typed and is kept nowhere. */
  close(): void {
    void this.flush();
    this.ownDevices.close();
    clearTimeout(this.#soon);
    clearTimeout(this.#counting);
    this.#soon = undefined;
    this.#counting = undefined;
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    this.#listeners.clear();
    this.#forget();
  }

  #forget(): void {
    this.views = EMPTY;
    this.isLoaded = false;
    this.drafts.forget();
  }

  /** Whether nothing that was typed is in this page alone. */
  get isKept(): boolean {
    return this.drafts.isKept && this.noteTexts.isKept;
  }

  /** Keeps what is being typed, now. Resolves when it was tried. */
  async flush(): Promise<void> {
    await Promise.all([this.drafts.flush(), this.noteTexts.flush()]);
  }

  /** Calls `listener` with each event of the client, and with null when views were read. */
  onChange(listener: (event: ClientEvent | null) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads all views again: at once when they were not read just before. */
  refreshSoon(): void {
    if (this.#soon !== undefined || !this.isOpen) return;
    const restMs = this.#reading === null ? this.#readAtMs + PAUSE_MS - performance.now() : PAUSE_MS;
    if (restMs <= 0) this.refresh();
    else this.#soon = setTimeout(() => this.refresh(), restMs);
  }

  /** Reads all views again, now. */
  refresh(): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    if (this.#reading !== null) {
      this.#readAgain = true;
      return;
    }
    this.#reading = this.#read().finally(() => {
      this.#reading = null;
      this.#readAtMs = performance.now();
      if (!this.#readAgain || !this.isOpen) return;
      this.#readAgain = false;
      this.refresh();
    });
  }

  /** Waits for `acting`; a failure is said and gives null. */
  async tried<T, E extends { readonly type: string }>(
    acting: Promise<Result<T, E | ClientError>>,
  ): Promise<{ readonly value: T } | null> {
    const result = await acting;
    this.refreshSoon();
    if (result.ok) return { value: result.value };
    this.#onError(result.error as ClientError);
    return null;
  }

  /** The conversation or room called so; none while it is not known here. */
  thread(id: ConversationId | null): Thread | undefined {
    return this.views.threads.find((one) => one.id === id);
  }

  /** What was found, goes on, and no person has read yet; the first one first. */
  get unreadAlarms(): readonly AlarmView[] {
    const unread = this.views.alarms.filter(
      ({ acknowledgedAtMs, resolvedAtMs }) => acknowledgedAtMs === null && resolvedAtMs === null,
    );
    return unread.toReversed();
  }

  #heard(event: ClientEvent): void {
    switch (event.type) {
      case "connection": {
        const isCount = isSameButCount(this.status, event.status);
        this.status = event.status;
        // How much waits changes several times for every message, and what shows it draws the whole window.
        if (!isCount) break;
        this.#tellCount();
        return;
      }
      case "progress":
        if (event.phase === "history")
          this.history = event.done >= event.total ? null : { done: event.done, total: event.total };
        if (event.phase === "indexing")
          this.indexing = event.done >= event.total ? null : { done: event.done, total: event.total };
        break;
      default:
        this.refreshSoon();
    }
    this.#tell(event);
  }

  #tellCount(): void {
    this.#counting ??= setTimeout(() => {
      this.#counting = undefined;
      this.#tell({ type: "connection", status: this.status });
    }, PAUSE_MS);
  }
  #counting: ReturnType<typeof setTimeout> | undefined;

  #tell(event: ClientEvent | null): void {
    for (const listener of this.#listeners) listener(event);
  }

  async #read(): Promise<void> {
    const { client } = this;
    const [account, devices, conversations, rooms, contacts, tags, rules, alarms] = await Promise.all([
      client.account(),
      client.devices(),
      client.conversations(),
      client.rooms(),
      client.contacts(),
      client.tags(),
      client.tagRules(),
      client.alarms(),
      this.drafts.read(),
    ]);
    if (!this.isOpen) return this.#forget();
    const was = this.views;
    const lists = {
      conversations: conversations.ok ? conversations.value : was.conversations,
      rooms: rooms.ok ? rooms.value : was.rooms,
    };
    this.views = {
      ...lists,
      threads: threadsOf(lists),
      account: account.ok ? account.value : was.account,
      devices: devices.ok ? devices.value : was.devices,
      contacts: contacts.ok ? contacts.value : was.contacts,
      tags: tags.ok ? tags.value : was.tags,
      rules: rules.ok ? rules.value : was.rules,
      alarms: alarms.ok ? alarms.value : was.alarms,
    };
    for (const read of [account, devices, conversations, rooms, contacts, tags, rules, alarms]) {
      if (!read.ok && read.error.type !== "ClientStopped") this.#onError(read.error);
    }
    this.status = client.status();
    this.ownDevices.refresh();
    this.isLoaded = true;
    this.#tell(null);
  }
}

/** The connection is as it was, but for how much waits. */
function isSameButCount(was: ConnectionStatus, is: ConnectionStatus): boolean {
  return was.state === is.state && was.sinceMs === is.sinceMs && was.lastError?.type === is.lastError?.type;
}
