/** The keys of the app. Letters count outside of fields only, and a person can turn them off. */
import type { ReactiveController, ReactiveControllerHost } from "lit";
import type { DtConversation } from "../conversation/dt-conversation.ts";
import type { DtInbox } from "../inbox/dt-inbox.ts";
import { deepActive, isSheetOpen } from "../parts/dt-sheet.ts";
import { showToast } from "../parts/dt-toast.ts";
import { hasLetterKeys } from "../session/preferences.ts";
import { goTo, type Route, type Section } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import { text } from "../words/say.ts";
import { setMuted } from "./set-muted.ts";

/** What may lie over the panes. */
export type Layer = "add" | "own-link" | "room" | "keys" | "go-to" | "details";

export interface ShellParts {
  readonly open: (layer: Layer) => void;
  readonly isLayerOpen: () => boolean;
  readonly route: () => Route;
  readonly session: () => Session;
  readonly inbox: () => DtInbox | undefined;
  readonly conversation: () => DtConversation | undefined;
}

const SECTION_BY_LETTER: Readonly<Record<string, Section>> = {
  i: "inbox",
  p: "people",
  d: "devices",
  s: "settings",
};
/** How long after `g` the letter of the section may come. */
const SEQUENCE_MS = 1_500;

export class ShellKeys implements ReactiveController {
  #host: ReactiveControllerHost & EventTarget;
  #parts: ShellParts;
  #goPressedAtMs = Number.NEGATIVE_INFINITY;
  #isWalking = false;

  constructor(host: ReactiveControllerHost & EventTarget, parts: ShellParts) {
    this.#host = host;
    this.#parts = parts;
    host.addController(this);
  }

  hostConnected(): void {
    window.addEventListener("keydown", this.#key);
  }

  hostDisconnected(): void {
    window.removeEventListener("keydown", this.#key);
  }

  /** Whether the conversation was opened by the key that goes to the next one, which is to go on from there. */
  takeWalk(): boolean {
    const isWalking = this.#isWalking;
    this.#isWalking = false;
    return isWalking;
  }

  #key = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.isComposing || this.#parts.isLayerOpen()) return;
    // Sheets and alarms stand in roots of their own, where nothing outside finds them.
    if (isSheetOpen() || this.#parts.session().unreadAlarms.length > 0) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      this.#parts.open("go-to");
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") this.#escape();
    else if (!isField(deepActive()) && hasLetterKeys(window) && this.#letter(event)) event.preventDefault();
  };

  #escape(): void {
    const route = this.#parts.route();
    const { section, tagId, conversationId, accountId, notes } = route;
    const active = deepActive();
    if (isField(active)) active?.blur();
    else if (notes !== null) goTo(window, { ...route, notes: notes === "all" ? null : "all" });
    else if (conversationId !== null || accountId !== null) goTo(window, { section, tagId });
  }

  /** Whether the key was one of ours. */
  #letter(event: KeyboardEvent): boolean {
    const { key } = event;
    if (event.timeStamp - this.#goPressedAtMs < SEQUENCE_MS) {
      this.#goPressedAtMs = Number.NEGATIVE_INFINITY;
      const section = SECTION_BY_LETTER[key];
      if (section !== undefined) goTo(window, { section });
      return section !== undefined;
    }
    const { inbox, conversation, open } = this.#parts;
    switch (key) {
      case "/":
        if (inbox() === undefined) goTo(window, { section: "inbox" });
        requestAnimationFrame(() => inbox()?.focusSearch());
        return true;
      case "?":
        open("keys");
        return true;
      case "n":
        open("add");
        return true;
      case "j":
      case "k":
        inbox()?.moveFocus(key === "j" ? 1 : -1);
        return true;
      case "[":
      case "]":
        this.#isWalking = inbox()?.openNeighbour(key === "]" ? 1 : -1) ?? false;
        return true;
      case "s":
        conversation()?.starFocused();
        return true;
      case "a":
        void this.#archive();
        return true;
      case "u":
        void this.#markRead();
        return true;
      case "m":
        void this.#mute();
        return true;
      case "g":
        this.#goPressedAtMs = event.timeStamp;
        return true;
      default:
        return false;
    }
  }

  async #archive(): Promise<void> {
    const { conversationId, section } = this.#parts.route();
    const session = this.#parts.session();
    const conversation = session.thread(conversationId);
    if (conversation === undefined) return;
    const { id, isArchived } = conversation;
    const moved = await session.tried(session.client.setArchived(id, !isArchived));
    if (moved === null) return;
    goTo(window, { section });
    showToast(this.#host, {
      text: text(isArchived ? "unarchiveIt" : "archived"),
      undo: () => void session.tried(session.client.setArchived(id, isArchived)),
    });
  }

  async #mute(): Promise<void> {
    const session = this.#parts.session();
    const thread = session.thread(this.#parts.route().conversationId);
    if (thread !== undefined) await setMuted(this.#host, session, thread);
  }

  async #markRead(): Promise<void> {
    const { conversationId } = this.#parts.route();
    const session = this.#parts.session();
    if (conversationId !== null) await session.tried(session.client.markRead(conversationId));
  }
}

/** Whether letters are written there. */
function isField(element: Element | null): boolean {
  const field = "input:not([type='checkbox'], [type='radio']), textarea, select, [contenteditable]";
  return element?.matches(field) === true;
}
