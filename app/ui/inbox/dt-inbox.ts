/** The list of conversations of one mailbox: inbox, requests, archive, or those with a tag. */
import type { ConversationId } from "@dovetail/core";
import { html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { icon } from "../parts/icon.ts";
import { keyed } from "../parts/keyed.ts";
import { truthOf } from "../session/connection-words.ts";
import { goTo, type Route, type Section } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import { isAsking, type Thread } from "../session/threads.ts";
import { Watch } from "../session/watch.ts";
import type { MessageKey } from "../words/en.ts";
import { say, text } from "../words/say.ts";
import { conversationsOf, matching } from "./conversations-of.ts";
import { inboxRow } from "./inbox-row.ts";
import { inboxStyles } from "./inbox-styles.ts";
import "../parts/dt-avatar.ts";
import "../parts/dt-joint.ts";
import "../parts/dt-progress.ts";
import type { DtFound } from "./dt-found.ts";
import type { DtStarred } from "./dt-starred.ts";
import "./dt-found.ts";
import "./dt-starred.ts";

const EMPTY_WORDS: Readonly<Record<string, MessageKey>> = {
  inbox: "inboxEmpty",
  requests: "requestsEmpty",
  drafts: "draftsEmpty",
  archive: "archiveEmpty",
};
const TITLES: Readonly<Partial<Record<Section, MessageKey>>> = {
  requests: "requests",
  drafts: "drafts",
  starred: "starred",
  archive: "archive",
};
/** Those a phone has no room for in its bar. */
const BOXES = ["inbox", "starred", "drafts", "archive"] as const;

export class DtInbox extends LitElement {
  static override properties = {
    session: { attribute: false },
    route: { attribute: false },
    query: { state: true },
    isUnreadOnly: { state: true },
  };
  static override styles = [baseStyles, inboxStyles];
  declare session: Session;
  declare route: Route;
  declare query: string;
  declare isUnreadOnly: boolean;

  constructor() {
    super();
    this.query = "";
    this.isUnreadOnly = false;
    new Watch(this, () => this.session ?? null);
  }

  /** What is shown, in its order. */
  get shown(): readonly Thread[] {
    const all = conversationsOf(this.session, this.route);
    // The one that is open stays while it is being read.
    const asked = this.#isFiltered
      ? all.filter(({ id, unreadCount }) => unreadCount > 0 || id === this.route.conversationId)
      : all;
    return matching(asked, this.query);
  }

  get #isFiltered(): boolean {
    return this.isUnreadOnly && this.route.section === "inbox";
  }

  /** Puts the focus into the search field. */
  focusSearch(): void {
    this.renderRoot.querySelector("input")?.focus();
  }

  /** Opens the conversation `step` rows away from the one that is open; false where there is none. */
  openNeighbour(step: number): boolean {
    const { shown } = this;
    const at = shown.findIndex((one) => one.id === this.route.conversationId);
    const next = shown[at === -1 ? 0 : at + step];
    if (next !== undefined) this.#open(next.id);
    return next !== undefined;
  }

  /** Moves the focus `step` rows. */
  moveFocus(step: number): void {
    const rows = [
      ...this.renderRoot.querySelectorAll<HTMLElement>("a.row"),
      ...(this.renderRoot.querySelector<DtStarred | DtFound>("dt-starred, dt-found")?.rows ?? []),
    ];
    const at = rows.findIndex((row) => row.matches(":focus"));
    rows[at === -1 ? 0 : Math.min(Math.max(at + step, 0), rows.length - 1)]?.focus();
  }

  #open(conversationId: ConversationId): void {
    goTo(window, { section: this.route.section, tagId: this.route.tagId, conversationId });
  }

  #search = (event: Event): void => {
    if (event.target instanceof HTMLInputElement) this.query = event.target.value;
  };

  #searchKey = (event: KeyboardEvent): void => {
    const [first] = this.shown;
    if (event.key === "Escape" && this.query !== "") {
      event.stopPropagation();
      this.#clear();
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      this.moveFocus(0);
    } else if (event.key === "Enter" && first !== undefined) this.#open(first.id);
    else if (event.key === "Enter") this.renderRoot.querySelector<DtFound>("dt-found")?.openFirst();
  };

  #rowKey = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.moveFocus(step);
  };

  #clear = (): void => {
    this.query = "";
    this.focusSearch();
  };

  #add = (): void => {
    this.dispatchEvent(new CustomEvent("dt-add", { bubbles: true, composed: true }));
  };

  override render() {
    const { session, route } = this;
    const truth = truthOf(session, Date.now());
    const tag = session.views.tags.find((one) => one.id === route.tagId);
    const title = tag?.name ?? text(TITLES[route.section] ?? "inbox");
    return html`
      <div class="lh">
        <h1><bdi>${title}</bdi></h1>
        ${
          route.section === "inbox"
            ? html`<button
                class="chip"
                type="button"
                aria-pressed=${this.isUnreadOnly}
                @click=${() => (this.isUnreadOnly = !this.isUnreadOnly)}
              >
                ${say("unreadOnly")}
              </button>`
            : nothing
        }
        <button class="ib" type="button" aria-label=${text("newMessage")} @click=${this.#add}>${icon("new")}</button>
      </div>
      <a
        class="pt ${truth.isAlarm ? "bad" : ""}"
        href="#/devices"
        @click=${(event: Event) => {
          event.preventDefault();
          goTo(window, { section: "devices" });
        }}
        ><dt-joint state=${truth.joint}></dt-joint><span>${truth.title}</span></a
      >
      ${this.#history()}
      <div class="search" role="search">
        ${icon("search")}
        <input
          type="search"
          autocomplete="off"
          aria-label=${text("searchLabel")}
          placeholder=${text("searchPlaceholder")}
          .value=${this.query}
          @input=${this.#search}
          @keydown=${this.#searchKey}
        />
        ${
          this.query === ""
            ? html`<kbd aria-hidden="true">/</kbd>`
            : html`<button class="ib" type="button" aria-label=${text("searchClear")} @click=${this.#clear}>
                ${icon("close")}
              </button>`
        }
      </div>
      ${this.#boxes()} ${this.#requestsLine()} ${this.#list()}
    `;
  }

  /** On a phone: where else one can go from here. */
  #boxes() {
    const { section, tagId } = this.route;
    if (this.query !== "") return nothing;
    return html`<div class="boxes">
      ${BOXES.map(
        (box) =>
          html`<a
            class="chip"
            href="#/${box}"
            aria-current=${section === box && tagId === null ? "page" : nothing}
            @click=${(event: Event) => {
              event.preventDefault();
              goTo(window, { section: box });
            }}
            >${say(box)}</a
          >`,
      )}
    </div>`;
  }

  #history() {
    const { history } = this.session;
    if (history === null) return nothing;
    return html`<dt-progress
      class="history"
      .label=${text("historyProgress", { done: history.done, total: history.total })}
      .done=${history.done}
      .total=${history.total}
    ></dt-progress>`;
  }

  #requestsLine() {
    if (this.route.section !== "inbox" || this.route.tagId !== null || this.query !== "") return nothing;
    const asking = this.session.views.threads.filter(isAsking);
    const rooms = asking.filter(({ kind }) => kind === "room").length;
    return html`${this.#waiting("requestsLine", asking.length - rooms)}${this.#waiting("invitesLine", rooms)}`;
  }

  #waiting(key: "requestsLine" | "invitesLine", count: number) {
    if (count === 0) return nothing;
    return html`<a
      class="req"
      href="#/requests"
      @click=${(event: Event) => {
        event.preventDefault();
        goTo(window, { section: "requests" });
      }}
      >${icon("request")}<span>${say(key, { count })}</span>${icon("forward")}</a
    >`;
  }

  #list() {
    const { shown, session } = this;
    if (!session.isLoaded) return html`<p class="empty soft" role="status">${say("starting")}</p>`;
    if (this.route.section === "starred" && this.query === "")
      return html`<dt-starred .session=${session} .route=${this.route} @keydown=${this.#rowKey}></dt-starred>`;
    if (this.query.trim() !== "")
      return html`${shown.length === 0 ? nothing : html`<h2>${say("foundThreads")}</h2>${this.#rows(shown)}`}
        <dt-found .session=${session} .route=${this.route} .typed=${this.query} @keydown=${this.#rowKey}></dt-found>`;
    if (shown.length === 0) return this.#empty();
    return this.#rows(shown);
  }

  #rows(shown: readonly Thread[]) {
    const { session } = this;
    return html`<ul aria-label=${text("conversationsLabel")} @keydown=${this.#rowKey}>
      ${keyed(
        shown,
        (one) => one.id,
        (one) =>
          html`<li>
            ${inboxRow(one, session, {
              isSelected: one.id === this.route.conversationId,
              open: () => this.#open(one.id),
            })}
          </li>`,
      )}
    </ul>`;
  }

  #empty() {
    if (this.#isFiltered && conversationsOf(this.session, this.route).length > 0)
      return html`<div class="empty soft">
        <p role="status">${say("unreadEmpty")}</p>
        <div class="acts">
          <button class="btn line" type="button" @click=${() => (this.isUnreadOnly = false)}>${say("unreadOff")}</button>
        </div>
      </div>`;
    const isInbox = this.route.section === "inbox" && this.route.tagId === null;
    const words = this.route.tagId === null ? (EMPTY_WORDS[this.route.section] ?? "inboxEmpty") : "tagEmpty";
    return html`<div class="empty soft">
      <p>${say(words)}</p>
      ${
        isInbox
          ? html`<div class="acts">
              <button class="btn line" type="button" @click=${() => this.dispatchEvent(new CustomEvent("dt-own-link"))}>
                ${say("showMyLink")}
              </button>
              <button class="btn line" type="button" @click=${this.#add}>${say("addPerson")}</button>
            </div>`
          : nothing
      }
    </div>`;
  }
}

customElements.define("dt-inbox", DtInbox);
