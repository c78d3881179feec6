/** The app while a profile is open: navigation, list, pane; which of them shows follows the route and the width. */
import { html, LitElement, nothing, type PropertyValues } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { ref } from "lit/directives/ref.js";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { currentRoute, goTo, hasList, HOME, type Route, showsList } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import { Watch } from "../session/watch.ts";
import { say, text } from "../words/say.ts";
import type { DtConversation } from "../conversation/dt-conversation.ts";
import type { DtInbox } from "../inbox/dt-inbox.ts";
import { type Layer, ShellKeys } from "./shell-keys.ts";
import { shellStyles } from "./shell-styles.ts";
import "../conversation/dt-conversation.ts";
import "../inbox/dt-inbox.ts";
import "../notes/dt-room-notes.ts";
import "../parts/dt-strip.ts";
import "../people/dt-add-person.ts";
import "../people/dt-people.ts";
import "../people/dt-person.ts";
import "../people/dt-verified.ts";
import "../rooms/dt-create-room.ts";
import "../rooms/dt-room-info.ts";
import "../devices/dt-devices.ts";
import "../settings/dt-settings.ts";
import "../settings/dt-tags.ts";
import "./dt-alarm.ts";
import "./dt-details.ts";
import "./dt-go-to.ts";
import "./dt-keys.ts";
import "./dt-nav.ts";

export class DtShell extends LitElement {
  static override properties = {
    session: { attribute: false },
    engine: { attribute: false },
    route: { state: true },
    layer: { state: true },
  };
  static override styles = [baseStyles, shellStyles];
  declare session: Session;
  declare engine: Engine;
  declare route: Route;
  declare layer: Layer | null;
  #inbox: DtInbox | undefined;
  #conversation: DtConversation | undefined;
  #keys: ShellKeys;

  constructor() {
    super();
    this.route = HOME;
    this.layer = null;
    new Watch(this, () => this.session ?? null);
    this.#keys = new ShellKeys(this, {
      open: (layer) => {
        this.layer = layer;
      },
      isLayerOpen: () => this.layer !== null,
      route: () => this.route,
      session: () => this.session,
      inbox: () => this.#inbox,
      conversation: () => this.#conversation,
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("popstate", this.#moved);
    this.route = currentRoute(window);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener("popstate", this.#moved);
  }

  #moved = (): void => {
    this.route = currentRoute(window);
    this.layer = null;
  };

  protected override updated(changed: PropertyValues<this>): void {
    if (!changed.has("route") || changed.get("route") === undefined) return;
    document.title = `${text(this.route.section)} · ${text("appName")}`;
    const { conversationId, messageId, notes } = this.route;
    const isWalking = this.#keys.takeWalk();
    if (
      !isWalking &&
      conversationId !== null &&
      messageId === null &&
      notes === null &&
      matchMedia("(pointer: fine)").matches
    )
      void this.updateComplete.then(() => this.#conversation?.focusComposer());
  }

  #back = (): void => {
    goTo(window, { section: this.route.section, tagId: this.route.tagId });
  };

  #toNotes = ({ detail: notes }: CustomEvent<Route["notes"]>): void => {
    goTo(window, { ...this.route, messageId: null, notes });
  };

  #closeLayer = (): void => {
    this.layer = null;
  };

  override render() {
    const { route } = this;
    const isList = showsList(route);
    const isListed = hasList(route);
    return html`
      <div class="frame ${isList ? "shows-list" : "shows-pane"} ${isListed ? "" : "wide"}">
        <dt-nav .session=${this.session} .route=${route}></dt-nav>
        <main>${isListed && !isList ? html`<h1 class="vh alone">${say(route.section)}</h1>` : nothing}
        ${isListed ? html`<section class="list" aria-label=${text(route.section)}>${this.#list()}</section>` : nothing}
        <div class="pane" @dt-back=${this.#back}>${this.#pane()}</div></main>
      </div>
      ${this.#layer()}
      <dt-alarm .session=${this.session}></dt-alarm>
    `;
  }

  #list() {
    const { route, session } = this;
    return route.section === "people"
      ? html`<dt-people .session=${session} .route=${route} @dt-add=${this.#add} @dt-own-link=${this.#showLink} @dt-room=${this.#makeRoom}></dt-people>`
      : html`<dt-inbox
          .session=${session}
          .route=${route}
          @dt-add=${this.#add}
          @dt-own-link=${this.#showLink}
          ${ref((element) => {
            this.#inbox = element as DtInbox | undefined;
          })}
        ></dt-inbox>`;
  }

  #add = (): void => {
    this.layer = "add";
  };

  #showLink = (): void => {
    this.layer = "own-link";
  };

  #makeRoom = (): void => {
    this.layer = "room";
  };

  #pane() {
    const { route, session, engine } = this;
    const strip = html`<dt-strip .session=${session}></dt-strip>`;
    switch (route.section) {
      case "people":
        return html`${strip}<dt-person .session=${session} .accountId=${route.accountId} @dt-add=${this.#add}></dt-person>`;
      case "devices":
        return html`${strip}<dt-devices .session=${session} .engine=${engine}></dt-devices>`;
      case "tags":
        return html`${strip}<dt-tags .session=${session}></dt-tags>`;
      case "settings":
        return html`${strip}<dt-settings .session=${session} .engine=${engine}></dt-settings>`;
      default:
        return this.#openConversation();
    }
  }

  #openConversation() {
    const { route, session } = this;
    const thread = session.thread(route.conversationId);
    if (route.notes !== null && thread?.kind === "room")
      return keyed(
        route.conversationId,
        html`<dt-room-notes
          .session=${session}
          .roomId=${thread.id}
          .noteId=${route.notes === "all" ? null : route.notes}
          @dt-notes=${this.#toNotes}
          ><dt-strip slot="strip" .session=${session}></dt-strip
        ></dt-room-notes>`,
      );
    return keyed(
      route.conversationId,
      html`<dt-conversation
        .session=${session}
        .conversationId=${route.conversationId}
        .messageId=${route.messageId}
        @dt-notes=${this.#toNotes}
        @dt-details=${() => {
          this.layer = "details";
        }}
        ${ref((element) => {
          this.#conversation = element as DtConversation | undefined;
        })}
        ><dt-strip slot="strip" .session=${session}></dt-strip
        >${
          thread?.kind === "person"
            ? html`<dt-verified slot="trust" .session=${session} .contact=${thread.contact}></dt-verified>`
            : nothing
        }</dt-conversation
      >`,
    );
  }

  #layer() {
    const { layer, session, route } = this;
    switch (layer) {
      case "add":
      case "own-link":
        return html`<dt-add-person
          .session=${session}
          .isOwn=${layer === "own-link"}
          @dt-close=${this.#closeLayer}
          @dt-room=${this.#makeRoom}
        ></dt-add-person>`;
      case "room":
        return html`<dt-create-room .session=${session} @dt-close=${this.#closeLayer}></dt-create-room>`;
      case "keys":
        return html`<dt-keys @dt-close=${this.#closeLayer}></dt-keys>`;
      case "go-to":
        return html`<dt-go-to .session=${session} @dt-close=${this.#closeLayer}></dt-go-to>`;
      case "details":
        if (session.thread(route.conversationId)?.kind === "room")
          return html`<dt-room-info
            .session=${session}
            .conversationId=${route.conversationId}
            @dt-close=${this.#closeLayer}
          ></dt-room-info>`;
        return html`<dt-details
          .session=${session}
          .conversationId=${route.conversationId}
          @dt-close=${this.#closeLayer}
        ></dt-details>`;
      case null:
        return nothing;
    }
  }
}

customElements.define("dt-shell", DtShell);
