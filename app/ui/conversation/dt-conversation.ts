/** A conversation: who it is with, the messages, what stands in the way, where to write. */
import type {
  ClientEvent,
  ContactView,
  ConversationId,
  DeviceNoticeView,
  MessageView,
  OpId,
  RoomHappeningView,
} from "@dovetail/core";
import type { VirtualItem } from "@tanstack/virtual-core";
import { html, LitElement, nothing, type PropertyValues } from "lit";
import { guard } from "lit/directives/guard.js";
import { live } from "lit/directives/live.js";
import { ref } from "lit/directives/ref.js";
import { baseStyles } from "../look/base-styles.ts";
import { copyText } from "../parts/copy.ts";
import { deepActive } from "../parts/dt-sheet.ts";
import { icon } from "../parts/icon.ts";
import { keyed } from "../parts/keyed.ts";
import { RowHeights } from "../parts/row-heights.ts";
import { styled } from "../parts/styled.ts";
import { VirtualRows } from "../parts/virtual-rows.ts";
import { goTo } from "../session/route.ts";
import type { Session, SessionViews } from "../session/session.ts";
import type { Echo } from "../session/echoes.ts";
import { authorName, isListed, isOpen, type RoomThread, type Thread } from "../session/threads.ts";
import { keepSame } from "../session/keep-same.ts";
import { Timeline } from "../session/timeline.ts";
import { Watch } from "../session/watch.ts";
import { say, text } from "../words/say.ts";
import { dayOf, momentTime } from "../words/times.ts";
import { conversationStyles } from "./conversation-styles.ts";
import {
  echoRow,
  messageRow,
  messageRowStyles,
  type RowContext,
  rowShape,
  timelineLine,
  type TimelineLine,
} from "./message-row.ts";
import { lifetimeSpan } from "../rooms/room-lifetime.ts";
import { roomLines } from "../rooms/room-lines.ts";
import "../parts/dt-avatar.ts";
import type { DtComposer } from "./dt-composer.ts";
import "./dt-composer.ts";
import "./dt-delete-message.ts";
import "./dt-request-bar.ts";
import "../rooms/dt-room-bar.ts";

const ROW_ESTIMATE_PX = 48;
/** What a message waits for that is kept in a room, where it is not the server. */
const WAITS_IN_ROOM: Readonly<Partial<Record<RoomThread["state"], RowContext["waitsFor"]>>> = {
  joining: "joining",
  left: "nothing",
  removed: "nothing",
};
/** After these a person was here, who may have been shown something before. */
const CAME = ["pointerup", "keyup"] as const;
/** Older messages are asked for when this many rows or fewer lie above the view. */
const OLDER_AHEAD_ROWS = 40;

export class DtConversation extends LitElement {
  static override properties = {
    session: { attribute: false },
    conversationId: { attribute: false },
    messageId: { attribute: false },
    framed: { type: Boolean },
    actingId: { state: true },
    removingId: { state: true },
    notices: { state: true },
    happenings: { state: true },
    focusedId: { state: true },
    announcement: { state: true },
    newBelow: { state: true },
  };
  static override styles = [baseStyles, conversationStyles, messageRowStyles];
  declare session: Session;
  declare conversationId: ConversationId | null;
  /** The message to open at, which is pointed out. */
  declare messageId: OpId | null;
  /** In a page of another site, which might lie over it: nothing is deleted, and read is what is shown to a person who was here. WB43, WB44 */
  declare framed: boolean;
  /** The message whose acts are shown. */
  declare actingId: string | null;
  /** The message of which is asked what is to become of it. */
  declare removingId: string | null;
  /** Devices that came to the account of who it is with. */
  declare notices: readonly DeviceNoticeView[];
  /** Of a room. */
  declare happenings: readonly RoomHappeningView[];
  declare focusedId: string | null;
  /** Said in words as it is drawn: a name may come after the message. */
  declare announcement: () => string;
  declare newBelow: number;
  #timeline: Timeline | null = null;
  #heights = new RowHeights(ROW_ESTIMATE_PX);
  #firstNewId: string | null = null;
  #hasPlaced = false;
  /** The list stands where it opens. */
  #isPlaced = false;
  #rows = new VirtualRows(this, {
    scroller: () => this.renderRoot?.querySelector<HTMLElement>(".log") ?? null,
    count: () => this.#messages.length,
    keyOf: (index) => this.#messages[index]?.id ?? String(index),
    estimatePx: (index) => this.#heights.guess(this.#messages[index]?.id ?? "", () => this.#shapeOf(index)),
    onMeasured: (index, px) => this.#heights.learn(this.#shapeOf(index), px),
    onScroll: () => this.#scrolled(),
  });

  constructor() {
    super();
    this.conversationId = null;
    this.messageId = null;
    this.framed = false;
    this.actingId = null;
    this.removingId = null;
    this.notices = [];
    this.happenings = [];
    this.focusedId = null;
    this.announcement = () => "";
    this.newBelow = 0;
    new Watch(
      this,
      () => this.session ?? null,
      (event) => this.#heard(event),
    );
  }

  get #messages(): readonly MessageView[] {
    return this.#timeline?.messages ?? [];
  }

  get #thread(): Thread | undefined {
    return this.session.thread(this.conversationId);
  }

  #shapeOf(index: number): string {
    const messages = this.#messages;
    const message = messages[index];
    const neighbours = { before: messages[index - 1], after: messages[index + 1] };
    return message === undefined ? "" : rowShape(message, neighbours, this.#thread?.kind ?? null);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("visibilitychange", this.#seen);
    for (const type of CAME) this.addEventListener(type, this.#seen);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("visibilitychange", this.#seen);
    this.#leave();
  }

  #leave(): void {
    this.#timeline?.close();
    this.#timeline = null;
    this.#hideEchoes();
    this.#hideEchoes = () => {};
  }
  #hideEchoes: () => void = () => {};

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!this.isConnected) return;
    if (!changed.has("conversationId") && this.#timeline !== null) {
      if (changed.has("messageId") && this.#hasPlaced) void this.#show();
      return;
    }
    this.#leave();
    this.#heights = new RowHeights(ROW_ESTIMATE_PX);
    this.#firstNewId = null;
    this.#hasPlaced = false;
    this.#isPlaced = false;
    this.#mayWrite = null;
    this.focusedId = null;
    this.newBelow = 0;
    if (this.conversationId === null) return;
    const timeline = new Timeline(this.session, this.conversationId, () => this.#loaded());
    this.#timeline = timeline;
    void timeline.refresh();
    const echoes = this.session.sender.echoesOf(this.conversationId);
    this.#hideEchoes = echoes.show();
    for (const echo of echoes.waiting) void this.#follow(echo);
    this.notices = [];
    this.happenings = [];
    void this.#readLines();
  }

  /** A page that is loaded again may have the messages before it knows whose conversation it is, and then no list to place. */
  protected override updated(): void {
    const isReady = this.#timeline?.isLoaded === true && this.#thread !== undefined;
    if (isReady && !this.#hasPlaced) this.#place(this.#messages);
    this.#goOnWriting();
  }

  /** Who opened what is new, or has just accepted, joined or unblocked goes on in the field: letters are keys outside of it. */
  #goOnWriting(): void {
    const thread = this.#thread;
    const mightWrite = this.#mayWrite;
    this.#mayWrite = thread === undefined ? null : isOpen(thread);
    if (
      this.#mayWrite === true &&
      (mightWrite === null ? this.#wantsField : mightWrite === false && lostFocus())
    )
      void this.focusComposer();
    if (this.#mayWrite !== null) this.#wantsField = false;
  }
  /** Null while it is not known who it is with. */
  #mayWrite: boolean | null = null;
  /** The field was asked for before it was there. */
  #wantsField = false;

  async #readLines(): Promise<void> {
    const thread = this.#thread;
    if (thread === undefined) return;
    const { client } = this.session;
    if (thread.kind === "room") {
      const happenings = await client.roomHappenings(thread.id);
      if (happenings.ok && this.conversationId === thread.id && !isEqual(this.happenings, happenings.value))
        this.happenings = happenings.value;
      return;
    }
    const notices = await client.deviceNotices(thread.contact.accountId);
    if (notices.ok && this.conversationId === thread.id && !isEqual(this.notices, notices.value))
      this.notices = notices.value;
  }

  /** The same list while what it is made of is the same. */
  #linesOf(thread: Thread): readonly TimelineLine[] {
    const { name } = thread;
    const nowMs = Date.now();
    const self = this.session.views.account?.accountId;
    const { notices, happenings, conversationId } = this;
    const made = keepSame(this.#linesMade?.of, {
      ...{ name, self, notices, happenings, conversationId },
      today: dayOf(nowMs),
    });
    if (made !== this.#linesMade?.of)
      this.#linesMade = {
        of: made,
        lines:
          thread.kind === "room"
            ? roomLines(happenings, self, nowMs)
            : notices.map((one) => noticeLine(one, name)),
      };
    return this.#linesMade?.lines ?? [];
  }
  #linesMade: { readonly of: object; readonly lines: readonly TimelineLine[] } | undefined;

  #authorOf = (message: MessageView): string => {
    const thread = this.#thread;
    const name =
      thread === undefined ? null : authorName(thread, message, this.session.views.contacts, this.happenings);
    return name ?? text("someoneGone");
  };

  #heard(event: ClientEvent | null): void {
    const timeline = this.#timeline;
    switch (event?.type) {
      case undefined:
        this.#seen();
        // Typing tells too, and changes no view.
        if (this.#readViews === this.session.views) return;
        this.#readViews = this.session.views;
        return void this.#readLines();
      case "progress":
        return;
      case "message":
        if (event.message.conversationId === this.conversationId) timeline?.take(event.message);
        return;
      case "connection":
        // How much waits is told often; here it matters for messages that wait.
        if (timeline?.messages.some(({ state }) => state === "kept") === true) timeline.refreshSoon();
        return;
      default:
        timeline?.refreshSoon();
    }
  }
  #readViews: SessionViews | null = null;

  #loaded(): void {
    const before = this.#lastId;
    const messages = this.#messages;
    this.#lastId = messages.at(-1)?.id ?? null;
    if (this.#hasPlaced && before !== null && before !== this.#lastId) this.#arrived(messages, before);
    this.#tellFailed(messages);
    this.requestUpdate();
  }
  #lastId: string | null = null;

  /** That a message was not sent is said where it happens; what had failed before is read like the rest. */
  #tellFailed(messages: readonly MessageView[]): void {
    const failed = messages.filter(({ state }) => state === "failed");
    const fresh = failed.find(({ id }) => this.#waitingIds.has(id));
    this.#waitingIds = new Set(messages.filter(({ state }) => state === "kept").map(({ id }) => id));
    if (fresh !== undefined) this.announcement = () => text("announceFailed", { text: fresh.text });
  }
  #waitingIds: ReadonlySet<string> = new Set();

  /** Opens at the first message that was not read. */
  #place(messages: readonly MessageView[]): void {
    this.#hasPlaced = true;
    if (this.messageId !== null) {
      void this.#show();
      return;
    }
    const unread = this.#thread?.unreadCount ?? 0;
    const received = messages.filter((one) => !one.isOwn);
    const firstNew = unread > 0 ? received[Math.max(0, received.length - unread)] : undefined;
    this.#firstNewId = firstNew?.id ?? null;
    const at = firstNew === undefined ? -1 : messages.indexOf(firstNew);
    void this.updateComplete.then(() => {
      if (at > 0) this.#rows.scrollTo(at, "start");
      else this.#rows.scrollToEnd();
      this.#isPlaced = true;
      this.#seen();
    });
  }

  /** Goes to the message that is pointed out, however far up it is; to the end where it is gone. */
  async #show(): Promise<void> {
    const { messageId } = this;
    const timeline = this.#timeline;
    if (messageId === null || timeline === null) return;
    const isThere = await timeline.bring(messageId);
    if (timeline !== this.#timeline || messageId !== this.messageId) return;
    await this.updateComplete;
    this.#isPlaced = true;
    if (isThere)
      this.#focusRow(
        this.#messages.findIndex((one) => one.id === messageId),
        "center",
      );
    else this.#rows.scrollToEnd();
  }

  /** One announcement for a burst; a count at the button to the end while one reads further up. */
  #arrived(messages: readonly MessageView[], before: string): void {
    const since = messages.slice(messages.findIndex((one) => one.id === before) + 1);
    const received = since.filter((one) => !one.isOwn);
    if (since.some((one) => one.isOwn)) void this.updateComplete.then(() => this.#rows.scrollToEnd());
    const [first] = received;
    if (first === undefined) return;
    this.announcement =
      received.length === 1
        ? () => text("announceNew", { name: this.#authorOf(first), text: first.text })
        : () => text("announceMany", { count: received.length });
    // It shows before the views that count it are read again, and may be left by then.
    if (this.#rows.isAtEnd) this.#markSeen(true);
    else this.newBelow += received.length;
  }

  #scrolled(): void {
    const [first] = this.#rows.items;
    // What stood above before the list went to its end is no reason: rows that come then take the end away.
    if (first !== undefined && first.index < OLDER_AHEAD_ROWS && this.#isPlaced && this.#rows.isSettled)
      void this.#timeline?.loadOlder();
    if (this.newBelow > 0 && this.#rows.isAtEnd) {
      this.newBelow = 0;
      this.#seen();
    }
  }

  /** Marks as read what lies before the eyes: the end of the list in a page that is looked at. */
  #seen = (): void => this.#markSeen(false);

  #markSeen(hasNew: boolean): void {
    const conversation = this.#thread;
    if (document.visibilityState !== "visible" || conversation === undefined) return;
    if (this.framed && navigator.userActivation?.hasBeenActive !== true) return;
    const [lastRow] = this.#rows.items.slice(-1);
    const sees = this.#rows.isAtEnd || lastRow?.index === this.#messages.length - 1;
    if ((hasNew || conversation.unreadCount > 0) && sees)
      void this.session.tried(this.session.client.markRead(conversation.id));
  }

  #toEnd = (): void => {
    this.newBelow = 0;
    this.#rows.scrollToEnd();
  };

  #send = (event: CustomEvent<string>): void => {
    if (this.conversationId === null) return;
    void this.#follow(this.session.sender.send(this.conversationId, event.detail));
    this.requestUpdate();
    void this.updateComplete.then(() => this.#showEchoes());
  };

  /** Puts the message of `echo` where it belongs; the echo goes then. Who left meanwhile leaves it to who comes back. */
  async #follow(echo: Echo): Promise<void> {
    const timeline = this.#timeline;
    const message = await echo.stored;
    if (timeline === null || timeline !== this.#timeline || message === null) return;
    // Storing it is over: what is not found by now stands further down than the list reaches.
    const isShown = timeline.take(message) || (await timeline.refresh());
    // Seen beside its message once, the echo is not taken for that of the same words written again.
    await this.updateComplete;
    if (isShown) this.session.sender.echoesOf(timeline.conversationId).drop(echo);
    this.requestUpdate();
  }

  #showEchoes(): void {
    const log = this.renderRoot.querySelector(".log");
    if (log !== null) log.scrollTop = log.scrollHeight;
  }

  #draft = (event: CustomEvent<string>): void => {
    if (this.conversationId !== null) this.session.drafts.set(this.conversationId, event.detail);
  };

  #star = (message: MessageView): void => {
    const { conversationId, id, isStarred } = message;
    const { client } = this.session;
    const timeline = this.#timeline;
    void this.session.tried(client.setStarred({ conversationId, id }, !isStarred)).then((done) => {
      if (done !== null) timeline?.star(id, !isStarred);
    });
  };

  /** A message that is tapped shows what can be done with it; a link in it, or marking its text, is neither. */
  #act = (event: Event, message: MessageView): void => {
    const isElsewhere = event.target instanceof Element && event.target.closest("a, button") !== null;
    if (isElsewhere || getSelection()?.isCollapsed === false) return;
    this.focusedId = message.id;
    this.actingId = this.actingId === message.id ? null : message.id;
  };

  /** Moves the focus from message to message; the letter `s` stars the one that has it. */
  #keyInLog = (event: KeyboardEvent): void => {
    const messages = this.#messages;
    const focused = messages.findIndex((one) => one.id === this.focusedId);
    const at = focused === -1 ? messages.length - 1 : focused;
    const message = messages[at];
    if (message === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: messages.length - 1 }[event.key];
    if (target !== undefined) {
      event.preventDefault();
      this.#focusRow(Math.min(Math.max(target, 0), messages.length - 1));
    } else if (event.key === "c" && event.target instanceof HTMLElement && event.target.matches(".m"))
      copyText(this, message.text);
    else if (event.key === "Delete" && event.target instanceof HTMLElement && event.target.matches(".m"))
      this.#remove(message);
    else if (event.key === "Enter" && event.target instanceof HTMLElement && event.target.matches(".m"))
      event.target.querySelector("a")?.click();
  };

  #focusRow(index: number, align: "auto" | "center" = "auto"): void {
    const message = this.#messages[index];
    if (message === undefined) return;
    this.focusedId = message.id;
    this.#rows.scrollTo(index, align);
    void this.updateComplete.then(() =>
      requestAnimationFrame(() =>
        this.renderRoot.querySelector<HTMLElement>(`[data-id="${CSS.escape(message.id)}"]`)?.focus(),
      ),
    );
  }

  /** Stars the focused message, or the newest one. */
  starFocused(): void {
    const message = this.#messages.find((one) => one.id === this.focusedId) ?? this.#messages.at(-1);
    if (message !== undefined) this.#star(message);
  }

  /** Puts the focus where one writes, once that is there. */
  async focusComposer(): Promise<void> {
    this.#wantsField = this.#mayWrite === null;
    await this.updateComplete;
    const composer = this.renderRoot.querySelector<DtComposer>("dt-composer");
    await composer?.updateComplete;
    composer?.focus();
  }

  override render() {
    const thread = this.#thread;
    if (thread === undefined) {
      return html`<div class="none"><p class="soft">${say("conversationNone")}</p></div>`;
    }
    return html`
      ${this.#header(thread)}
      <slot name="strip"></slot>
      ${this.#log(thread)}
      ${thread.kind === "person" && thread.contact.isStopped ? this.#stopped(thread.contact) : nothing}
      ${
        thread.kind === "person" && thread.contact.deletedSinceMs !== null
          ? html`<p class="waits note" role="status">${say("deletedNote", { name: thread.contact.name })}</p>`
          : nothing
      }
      ${
        thread.kind === "room" && thread.state === "joining"
          ? html`<p class="waits note" role="status">${say("roomJoiningNote")}</p>`
          : nothing
      }
      ${this.#foot(thread)}
      <p class="vh" role="status" aria-live="polite">${this.announcement()}</p>
      ${this.#removing(thread)}
    `;
  }

  #removing(thread: Thread) {
    const message = this.#messages.find(({ id }) => id === this.removingId);
    if (message === undefined) return nothing;
    return html`<dt-delete-message
      .session=${this.session}
      .thread=${thread}
      .message=${message}
      @dt-close=${() => {
        this.removingId = null;
        this.actingId = null;
        void this.#timeline?.refresh();
      }}
    ></dt-delete-message>`;
  }

  /** Where one writes, or why one does not. */
  #foot(thread: Thread) {
    if (isOpen(thread))
      return html`<dt-composer
        .name=${thread.name}
        .value=${live(this.session.drafts.textOf(thread.id))}
        .textCount=${this.session.drafts.countOf(thread.id)}
        @dt-send=${this.#send}
        @dt-draft=${this.#draft}
      ></dt-composer>`;
    return thread.kind === "room"
      ? html`<dt-room-bar .session=${this.session} .room=${thread}></dt-room-bar>`
      : html`<dt-request-bar .session=${this.session} .contact=${thread.contact}></dt-request-bar>`;
  }

  #stopped({ name, accountId, verifiedAtMs }: ContactView) {
    const isChain = this.session.views.alarms.some(
      ({ alarm, resolvedAtMs }) =>
        alarm.type === "ChainDistrusted" && alarm.accountId === accountId && resolvedAtMs === null,
    );
    const compared =
      verifiedAtMs === null
        ? nothing
        : html` ${say("stoppedVerified", { time: momentTime(verifiedAtMs, Date.now()) })}`;
    return html`<p class="stopped" role="status">
      <span>${say(isChain ? "stoppedChain" : "stoppedNote", { name })}${compared}</span>
      <button class="btn line" type="button" @click=${() => goTo(window, { section: "people", accountId })}>
        ${say("compare")}
      </button>
    </p>`;
  }

  #header(thread: Thread) {
    const { name } = thread;
    return html`<header>
      <button class="ib back" type="button" aria-label=${text("back")} @click=${() => this.#emit("dt-back")}>
        ${icon("back")}
      </button>
      <dt-avatar .name=${name} ?room=${thread.kind === "room"}></dt-avatar>
      <div class="who">
        <h2><bdi>${name}</bdi></h2>
        <p class="vf">${thread.kind === "room" ? this.#people(thread) : html`<slot name="trust"></slot>`}</p>
      </div>
      ${
        thread.kind === "room" && isListed(thread)
          ? html`<button class="btn line" type="button" @click=${() => this.#emit("dt-notes", "all")}>${say("notes")}</button>`
          : nothing
      }
      <button class="ib" type="button" aria-label=${text("details")} @click=${() => this.#emit("dt-details")}>
        ${icon("more")}
      </button>
    </header>`;
  }

  #people(thread: RoomThread) {
    const { members, lifetimeMs, earlier } = thread;
    if (members.length === 0 || !isOpen(thread)) return nothing;
    const people = say("roomPeople", { count: members.length });
    const goes =
      lifetimeMs === null ? nothing : html` · ${say("roomGoes", { span: lifetimeSpan(lifetimeMs) })}`;
    return html`${people}${goes}${earlier?.state === "coming" ? html` · ${say("earlierShort")}` : nothing}`;
  }

  /** The same object while nothing in it changed. */
  #rowContext(thread: Thread, messages: readonly MessageView[]): RowContext {
    const hasAccepted = thread.kind === "room" || thread.contact.state === "accepted";
    const nowMs = Date.now();
    this.#context = keepSame(this.#context, {
      name: thread.name,
      todayMs: new Date(nowMs).setHours(0, 0, 0, 0),
      kind: thread.kind,
      waitsFor: waitsFor(thread),
      authorOf: this.#authorOf,
      hasLinks: hasAccepted,
      firstNewId: this.#firstNewId,
      focusedId: this.focusedId ?? messages.at(-1)?.id ?? null,
      setSize: Math.max(thread.messageCount, messages.length),
      copy: this.#copy,
      sendAgain: this.#sendAgain,
      star: this.#star,
      remove: this.#remove,
      hasOlder: this.#timeline?.hasOlder === true,
      lines: this.#linesOf(thread),
      foundId: this.messageId,
      actingId: this.actingId,
      act: this.#act,
    });
    return this.#context;
  }
  #context: RowContext | undefined;

  #copy = (message: MessageView): void => copyText(this, message.text);

  #sendAgain = ({ conversationId, text }: MessageView): void =>
    void this.session.tried(this.session.client.send(conversationId, text));

  #remove = (message: MessageView): void => {
    if (this.framed) this.#emit("dt-elsewhere");
    else this.removingId = message.id;
  };

  #log(thread: Thread) {
    const messages = this.#messages;
    const context = this.#rowContext(thread, messages);
    return html`<div class="log-frame">
      <div
        class="log"
        role="log"
        aria-live="off"
        aria-label=${text(thread.kind === "room" ? "roomMessages" : "messagesLabel", { name: thread.name })}
        @keydown=${this.#keyInLog}
      >
        <div class="sizer" ${styled({ "block-size": `${this.#rows.totalPx}px` })}>
          ${keyed(
            this.#rows.items,
            ({ key }) => String(key),
            (item) => this.#row(item, messages, context),
          )}
        </div>
        ${this.session.sender.echoesOf(thread.id).notIn(messages).map(echoRow)}
        ${
          messages.length === 0 && this.#timeline?.isLoaded === true
            ? html`<div class="empty soft">
                ${context.lines.map(timelineLine)}
                ${thread.kind === "room" && !isOpen(thread) ? nothing : html`<p>${say("conversationEmpty")}</p>`}
              </div>`
            : nothing
        }
      </div>
      ${
        this.#rows.isAtEnd || messages.length === 0
          ? nothing
          : html`<button class="btn line to-end" type="button" aria-label=${text("toEnd")} @click=${this.#toEnd}>
              ${icon("down")}${this.newBelow > 0 ? html`<span>${say("newCount", { count: this.newBelow })}</span>` : nothing}
            </button>`
      }
    </div>`;
  }

  /** Drawn again only when something it shows has changed: one message that comes is told of ten times. */
  #row({ index, start }: VirtualItem, messages: readonly MessageView[], context: RowContext) {
    const message = messages[index];
    if (message === undefined) return nothing;
    const { before, after } = { before: messages[index - 1], after: messages[index + 1] };
    const position = context.setSize - messages.length + index + 1;
    const shown = [message, before, after, index, start, position, context, context.authorOf(message)];
    return guard(
      shown,
      () => html`<div
        class=${after === undefined ? "row last" : "row"}
        data-index=${index}
        ${styled({ transform: `translateY(${start}px)` })}
        ${ref(this.#rows.measure)}
      >
        ${messageRow(message, { before, after }, position, context)}
      </div>`,
    );
  }

  #emit(type: string, detail: string | null = null): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }
}

function noticeLine({ id, atMs, how }: DeviceNoticeView, name: string): TimelineLine {
  const words = say(how === "linked" ? "noticeLinked" : "noticeRecovered", { name });
  return { id, atMs, words, isProven: true };
}

/** What a message waits for that is kept there. */
function waitsFor(thread: Thread): RowContext["waitsFor"] {
  if (thread.kind === "room") return WAITS_IN_ROOM[thread.state] ?? "server";
  if (thread.contact.state !== "accepted") return "acceptance";
  return thread.contact.isStopped ? "stopped" : "server";
}

/** Whether what had the focus is gone, where there are keys to go on with. */
function lostFocus(): boolean {
  return document.hasFocus() && deepActive() === document.body && matchMedia("(pointer: fine)").matches;
}

function isEqual(was: readonly object[], is: readonly object[]): boolean {
  return JSON.stringify(was) === JSON.stringify(is);
}

customElements.define("dt-conversation", DtConversation);
