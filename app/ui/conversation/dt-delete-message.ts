/** Asks what is to become of one message: taken back for everyone, or deleted on the own devices. Neither can be undone. */
import type { MessageView } from "@dovetail/core";
import { css, html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { showToast } from "../parts/dt-toast.ts";
import type { Session } from "../session/session.ts";
import { isOpen, type Thread } from "../session/threads.ts";
import { say, text } from "../words/say.ts";
import "../parts/dt-sheet.ts";

export class DtDeleteMessage extends LitElement {
  static override properties = {
    session: { attribute: false },
    thread: { attribute: false },
    message: { attribute: false },
    isBusy: { state: true },
  };
  static override styles = [
    baseStyles,
    css`
      .said {
        padding: 8px 12px;
        border-radius: var(--r3);
        background: var(--theirs);
        overflow-wrap: anywhere;
        white-space: pre-wrap;
        display: -webkit-box;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 4;
        overflow: hidden;
      }
      section {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 8px;
        justify-items: start;
        padding-block-start: 8px;
        border-block-start: 1px solid var(--line);
      }
    `,
  ];
  declare session: Session;
  declare thread: Thread;
  declare message: MessageView;
  declare isBusy: boolean;

  constructor() {
    super();
    this.isBusy = false;
  }

  #closed = (): void => {
    this.dispatchEvent(new CustomEvent("dt-close"));
  };

  #delete = async (): Promise<void> => {
    const { conversationId, id } = this.message;
    this.isBusy = true;
    const deleted = await this.session.tried(this.session.client.deleteMessages(conversationId, [id]));
    this.isBusy = false;
    if (deleted === null) return;
    showToast(this, { text: text("deletedNow", { count: deleted.value.deletedMessages }) });
    this.#closed();
  };

  #redact = async (): Promise<void> => {
    const { conversationId, id } = this.message;
    const { kind, name } = this.thread;
    this.isBusy = true;
    const redacted = await this.session.tried(this.session.client.redact({ conversationId, id }));
    this.isBusy = false;
    if (redacted === null) return;
    showToast(this, { text: text(kind === "room" ? "redactedNowRoom" : "redactedNow", { name }) });
    this.#closed();
  };

  override render() {
    const { message, thread, isBusy } = this;
    const isRoom = thread.kind === "room";
    return html`<dt-sheet .label=${text("deleteMessageTitle")} @dt-close=${this.#closed}>
      <p class="said" dir="auto">${message.isRedacted ? say("redacted") : message.text}</p>
      ${
        message.isOwn && !message.isRedacted && isOpen(thread)
          ? html`<section>
              <p class="note">${say("redactNote")}</p>
              <button class="btn stop" type="button" ?disabled=${isBusy} @click=${this.#redact}>${say("redactIt")}</button>
            </section>`
          : nothing
      }
      <section>
        <p class="note">${say(isRoom ? "deleteForMeNoteRoom" : "deleteForMeNote")}</p>
        <button class="btn stop" type="button" ?disabled=${isBusy} @click=${this.#delete}>${say("deleteForMe")}</button>
      </section>
      <div><button class="btn line" type="button" ?disabled=${isBusy} @click=${this.#closed}>${say("cancel")}</button></div>
    </dt-sheet>`;
  }
}

customElements.define("dt-delete-message", DtDeleteMessage);
