/** Messages with a star, of all conversations, newest first. */
import type { StarredMessage } from "@dovetail/core";
import { html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { icon } from "../parts/icon.ts";
import { showToast } from "../parts/dt-toast.ts";
import { keyed } from "../parts/keyed.ts";
import { goTo, type Route } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import { Watch } from "../session/watch.ts";
import { say, text } from "../words/say.ts";
import { inboxStyles } from "./inbox-styles.ts";
import { hitRow } from "./message-hit.ts";
import "../parts/dt-avatar.ts";

const PAGE_MESSAGES = 50;

export class DtStarred extends LitElement {
  static override properties = {
    session: { attribute: false },
    route: { attribute: false },
    messages: { state: true },
    older: { state: true },
  };
  static override styles = [baseStyles, inboxStyles];
  declare session: Session;
  declare route: Route;
  /** Null until they were read. */
  declare messages: readonly StarredMessage[] | null;
  declare older: string | null;
  #isReading = false;

  constructor() {
    super();
    this.messages = null;
    this.older = null;
    new Watch(
      this,
      () => this.session ?? null,
      (event) => {
        if (event === null) void this.#read();
      },
    );
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#read();
  }

  /** The rows, for moving the focus along them. */
  get rows(): readonly HTMLElement[] {
    return [...this.renderRoot.querySelectorAll<HTMLElement>("a.row")];
  }

  /** All that was shown, again: a star may have come or gone anywhere. */
  async #read(): Promise<void> {
    if (this.#isReading || this.session === undefined) return;
    this.#isReading = true;
    const limit = Math.max(PAGE_MESSAGES, this.messages?.length ?? 0);
    const page = await this.session.client.starred({ limit });
    this.#isReading = false;
    if (!page.ok) return;
    this.messages = page.value.messages;
    this.older = page.value.older;
  }

  #more = async (): Promise<void> => {
    if (this.older === null) return;
    const page = await this.session.tried(
      this.session.client.starred({ limit: PAGE_MESSAGES, before: this.older }),
    );
    if (page === null) return;
    this.messages = [...(this.messages ?? []), ...page.value.messages];
    this.older = page.value.older;
  };

  async #unstar({ message }: StarredMessage): Promise<void> {
    const { client } = this.session;
    const named = { conversationId: message.conversationId, id: message.id };
    const done = await this.session.tried(client.setStarred(named, false));
    if (done === null) return;
    const undo = () => void this.session.tried(client.setStarred(named, true));
    showToast(this, { text: text("unstarred"), undo });
  }

  override render() {
    const { messages } = this;
    if (messages === null) return html`<p class="empty soft" role="status">${say("starting")}</p>`;
    if (messages.length === 0)
      return html`<div class="empty soft"><p>${say("starredEmpty")}</p><p class="note">${say("starredHow")}</p></div>`;
    return html`<ul aria-label=${text("starred")}>
        ${keyed(
          messages,
          ({ message }) => message.id,
          (one) => this.#row(one),
        )}
      </ul>
      ${
        this.older === null
          ? nothing
          : html`<div class="more"><button class="btn line" type="button" @click=${this.#more}>${say("showMore")}</button></div>`
      }`;
  }

  #row(one: StarredMessage) {
    const { message } = one;
    return html`<li class="with-act">
      ${hitRow({
        message,
        place: one,
        words: html`<bdi>${message.text.slice(0, 400)}</bdi>`,
        isSelected: message.id === this.route.messageId,
        open: () =>
          goTo(window, {
            section: "starred",
            conversationId: message.conversationId,
            messageId: message.id,
          }),
      })}
      <button class="ib" type="button" aria-label=${text("unstar")} @click=${() => this.#unstar(one)}>${icon("close")}</button>
    </li>`;
  }
}

customElements.define("dt-starred", DtStarred);
