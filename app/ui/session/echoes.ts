/**
 * What was just sent, shown before the engine has stored it: an act shows within a frame.
 *
 * An echo is no message yet. It goes as soon as its message is in the list, or when storing it was refused: then its text
 * is in the draft again. They are the session's: a list that is opened meanwhile shows them too. Where no list is open, or
 * none is any more, the engine has what is stored, and the echo goes.
 */
import type { Client, ConversationId, MessageView } from "@dovetail/core";
import type { Drafts } from "./drafts.ts";

export interface Echo {
  readonly text: string;
  readonly sentAtMs: number;
  /** The message once it is stored; null when that was refused. */
  readonly stored: Promise<MessageView | null>;
}

/** A message's time may lie a little before the page's own, never more. */
const CLOCK_SLACK_MS = 1_000;
/** How far back in the list a message that was just sent is looked for. */
const LOOK_BACK_MESSAGES = 100;

/** The echoes of one conversation. */
export class Echoes {
  #waiting: readonly Echo[] = [];
  #stored = new WeakSet<Echo>();
  /** How many lists are open that show them until they show their messages. */
  #lists = 0;
  /** Messages that an echo was already for: the same text twice is two messages. */
  #found = new Set<string>();

  add(echo: Echo): void {
    this.#waiting = [...this.#waiting, echo];
  }

  drop(echo: Echo): void {
    this.#waiting = this.#waiting.filter((one) => one !== echo);
  }

  /** Its message is stored. */
  end(echo: Echo): void {
    this.#stored.add(echo);
    this.#letGo();
  }

  /** A list shows them from now on, until it calls what is returned. */
  show(): () => void {
    this.#lists += 1;
    return () => {
      this.#lists -= 1;
      this.#letGo();
    };
  }

  #letGo(): void {
    if (this.#lists === 0) this.#waiting = this.#waiting.filter((one) => !this.#stored.has(one));
  }

  get waiting(): readonly Echo[] {
    return this.#waiting;
  }

  /** Those whose message is not among `messages`, which are in order, oldest first. */
  notIn(messages: readonly MessageView[]): readonly Echo[] {
    if (this.#waiting.length === 0) return this.#waiting;
    const newest = messages.slice(-LOOK_BACK_MESSAGES);
    for (const echo of this.#waiting) {
      const message = newest.find((one) => this.#isOf(echo, one));
      if (message === undefined) continue;
      this.#found.add(message.id);
      this.drop(echo);
    }
    return this.#waiting;
  }

  #isOf(echo: Echo, { id, isOwn, text, sentAtMs }: MessageView): boolean {
    return isOwn && text === echo.text && sentAtMs >= echo.sentAtMs - CLOCK_SLACK_MS && !this.#found.has(id);
  }
}

/** Sends what was typed. At any time a text is a draft, an echo or a message. */
export class Sender {
  #drafts: Drafts;
  #send: (conversationId: ConversationId, text: string) => Promise<{ readonly value: MessageView } | null>;
  #echoesById = new Map<ConversationId, Echoes>();

  /** `send` says itself what was refused, and gives null then. */
  constructor(
    drafts: Drafts,
    send: (...given: Parameters<Client["send"]>) => Promise<{ readonly value: MessageView } | null>,
  ) {
    this.#drafts = drafts;
    this.#send = send;
  }

  echoesOf(conversationId: ConversationId): Echoes {
    const known = this.#echoesById.get(conversationId) ?? new Echoes();
    this.#echoesById.set(conversationId, known);
    return known;
  }

  /** Stores `text` as a message of the conversation. Its echo is dropped by the list that shows the message, if one is open. */
  send(conversationId: ConversationId, text: string): Echo {
    const echoes = this.echoesOf(conversationId);
    const store = async (): Promise<MessageView | null> => {
      const sent = await this.#send(conversationId, text);
      if (sent === null) echoes.drop(echo);
      else echoes.end(echo);
      this.#drafts.endSending(conversationId, sent === null ? text : null);
      return sent?.value ?? null;
    };
    // The echo first: who is told that the draft is empty finds it.
    const stored = Promise.resolve().then(store);
    const echo: Echo = { text, sentAtMs: Date.now(), stored };
    echoes.add(echo);
    this.#drafts.beginSending(conversationId);
    return echo;
  }
}
