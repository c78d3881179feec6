/** Deletes all that is written in a conversation or room, on the own devices, once a person has said so twice. */
import { css, html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { showToast } from "../parts/dt-toast.ts";
import type { Session } from "../session/session.ts";
import type { Thread } from "../session/threads.ts";
import { say, text } from "../words/say.ts";
import { focusLater } from "../parts/focus-later.ts";
import "../parts/dt-progress.ts";

export class DtDeleteThread extends LitElement {
  static override properties = {
    session: { attribute: false },
    thread: { attribute: false },
    isAsking: { state: true },
    isBusy: { state: true },
  };
  static override styles = [
    baseStyles,
    css`
      .ask {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 12px;
      }
      .ask p {
        overflow-wrap: anywhere;
      }
    `,
  ];
  declare session: Session;
  declare thread: Thread;
  declare isAsking: boolean;
  declare isBusy: boolean;

  constructor() {
    super();
    this.isAsking = false;
    this.isBusy = false;
  }

  #delete = async (): Promise<void> => {
    this.isBusy = true;
    const deleted = await this.session.tried(this.session.client.deleteConversation(this.thread.id));
    this.isBusy = false;
    if (deleted === null) return;
    this.isAsking = false;
    showToast(this, { text: text("deletedNow", { count: deleted.value.deletedMessages }) });
  };

  /** The button that had the focus goes: what takes it next destroys nothing. */
  #ask(isAsking: boolean): void {
    this.isAsking = isAsking;
    focusLater(this, isAsking ? ".line" : ".stop");
  }

  override render() {
    const { kind, name, messageCount: count } = this.thread;
    if (count === 0) return nothing;
    if (!this.isAsking)
      return html`<button class="btn stop" type="button" @click=${() => this.#ask(true)}>${say("deleteThread")}</button>`;
    const isRoom = kind === "room";
    return html`<div class="ask">
      <p role="status">${say(isRoom ? "deleteThreadAskRoom" : "deleteThreadAsk", { name, count })}</p>
      <p class="note">${say(isRoom ? "deleteThreadNoteRoom" : "deleteThreadNote", { name })}</p>
      ${this.isBusy ? html`<dt-progress .label=${text("deletingMessages", { count })}></dt-progress>` : nothing}
      <div class="acts">
        <button class="btn stop" type="button" ?disabled=${this.isBusy} @click=${this.#delete}>
          ${say("deleteThreadGo", { count })}
        </button>
        <button class="btn line" type="button" ?disabled=${this.isBusy} @click=${() => this.#ask(false)}>
          ${say("cancel")}
        </button>
      </div>
    </div>`;
  }
}

customElements.define("dt-delete-thread", DtDeleteThread);
