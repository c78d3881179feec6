/**
 * A frame while its profile is open: the conversation with who the page names, or the inbox. What destroys or changes whom
 * one trusts is not here: it says where it is done (WB44).
 */
import { html, LitElement, nothing, type PropertyValues } from "lit";
import type { AccountId, ConversationId } from "@dovetail/core";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { currentRoute, goTo, HOME, type Route, type Section } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import { Watch } from "../session/watch.ts";
import { say, text } from "../words/say.ts";
import { judgeAsked } from "./asked-contact.ts";
import { embedStyles } from "./embed-styles.ts";
import "../conversation/dt-conversation.ts";
import "../inbox/dt-inbox.ts";
import "../parts/dt-progress.ts";
import "../parts/dt-strip.ts";
import "../people/dt-add-person.ts";
import "../people/dt-verified.ts";
import "../settings/dt-recovery-settings.ts";
import "../shell/dt-alarm.ts";
import "./dt-elsewhere.ts";
import "./dt-embed-ask.ts";

/** Sections that a frame has. */
const HERE: ReadonlySet<Section> = new Set(["inbox", "requests", "drafts", "starred", "archive"]);

/** What lies over list and conversation. */
type Layer = "add" | "own-link" | "elsewhere" | "words";

export class DtEmbedChat extends LitElement {
  static override properties = {
    session: { attribute: false },
    engine: { attribute: false },
    contact: { attribute: false },
    route: { state: true },
    layer: { state: true },
    askedId: { state: true },
    hasOpenWords: { state: true },
  };
  static override styles = [baseStyles, embedStyles];
  declare session: Session;
  declare engine: Engine;
  /** As the page around the frame gave it; null for the inbox. */
  declare contact: string | null;
  declare route: Route;
  declare layer: Layer | null;
  /** Who was asked, or is known, by a handle that the contact itself does not tell. */
  declare askedId: AccountId | null;
  /** The recovery key of an account that was made here is not written down yet, and nowhere else. */
  declare hasOpenWords: boolean;

  constructor() {
    super();
    this.contact = null;
    this.route = HOME;
    this.layer = null;
    this.askedId = null;
    this.hasOpenWords = false;
    new Watch(this, () => this.session ?? null);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("contact")) this.askedId = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("popstate", this.#moved);
    this.route = currentRoute(window);
    void this.#readWords();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener("popstate", this.#moved);
  }

  #moved = (): void => {
    this.route = currentRoute(window);
    this.layer = null;
  };

  async #readWords(): Promise<void> {
    const words = await this.session.client.recoveryWords();
    this.hasOpenWords = words.ok && words.value !== null;
  }

  #open(layer: Layer): void {
    this.layer = layer;
  }

  #close = (): void => {
    const wasWords = this.layer === "words";
    this.layer = null;
    if (wasWords) void this.#readWords();
    else if (!isHere(this.route)) goTo(window, { section: "inbox" });
  };

  override render() {
    return html`<main
        aria-label=${text("appName")}
        @dt-back=${() => goTo(window, { section: this.route.section })}
        @dt-add=${() => this.#open("add")}
        @dt-details=${() => this.#open("elsewhere")}
        @dt-notes=${() => this.#open("elsewhere")}
        @dt-elsewhere=${() => this.#open("elsewhere")}
      >
        ${this.#words()} ${this.#pane()}
      </main>
      ${this.#sheet()}
      <dt-alarm .session=${this.session}></dt-alarm>`;
  }

  #words() {
    if (!this.hasOpenWords || this.layer === "words") return nothing;
    return html`<p class="words">
      <span>${say("wordsOpen")}</span>
      <button class="btn line" type="button" @click=${() => this.#open("words")}>${say("wordsShow")}</button>
    </p>`;
  }

  #pane() {
    if (this.layer === "words")
      return html`<div class="text">
        <dt-recovery-settings .session=${this.session} .engine=${this.engine}></dt-recovery-settings>
        <div><button class="btn line" type="button" @click=${this.#close}>${say("back")}</button></div>
      </div>`;
    if (this.layer === "elsewhere" || !isHere(this.route))
      return html`<dt-elsewhere @dt-back=${this.#close}></dt-elsewhere>`;
    return this.contact === null ? this.#inbox() : this.#asked(this.contact);
  }

  #asked(contact: string) {
    const { account, contacts } = this.session.views;
    if (account === null || !this.session.isLoaded)
      return html`<div class="text"><dt-progress .label=${text("starting")}></dt-progress></div>`;
    const asked = contacts.find(({ accountId }) => accountId === this.askedId);
    if (asked !== undefined) return this.#conversation(asked.conversationId, true);
    const judged = judgeAsked(contact, { account, contacts });
    switch (judged.type) {
      case "known":
        return this.#conversation(judged.contact.conversationId, true);
      case "new":
        return html`<dt-embed-ask
          .session=${this.session}
          .address=${contact}
          .asked=${judged}
          @dt-asked=${({ detail }: CustomEvent<AccountId>) => (this.askedId = detail)}
        ></dt-embed-ask>`;
      case "nobody":
      case "self":
        return html`<div class="text"><p role="alert">${say(judged.type === "self" ? "embedSelf" : "embedNobody")}</p></div>`;
    }
  }

  #inbox() {
    const { route, session } = this;
    if (route.conversationId !== null) return this.#conversation(route.conversationId, false);
    return html`<dt-inbox
      .session=${session}
      .route=${route}
      @dt-own-link=${() => this.#open("own-link")}
    ></dt-inbox>`;
  }

  #conversation(conversationId: ConversationId, isAlone: boolean) {
    const { session, route } = this;
    const thread = session.thread(conversationId);
    return html`<h1 class="vh">${say("inbox")}</h1>
      <dt-conversation
        framed
        ?alone=${isAlone}
        .session=${session}
        .conversationId=${conversationId}
        .messageId=${isAlone ? null : route.messageId}
        ><dt-strip slot="strip" .session=${session}></dt-strip
        >${
          thread?.kind === "person"
            ? html`<dt-verified slot="trust" .session=${session} .contact=${thread.contact}></dt-verified>`
            : nothing
        }</dt-conversation
      >`;
  }

  #sheet() {
    const { layer } = this;
    if (layer !== "add" && layer !== "own-link") return nothing;
    return html`<dt-add-person
      .session=${this.session}
      .isOwn=${layer === "own-link"}
      @dt-close=${this.#close}
      @dt-room=${() => this.#open("elsewhere")}
    ></dt-add-person>`;
  }
}

function isHere({ section, notes }: Route): boolean {
  return HERE.has(section) && notes === null;
}

customElements.define("dt-embed-chat", DtEmbedChat);
