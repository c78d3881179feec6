/** Everything one can read here as one file of plain JSON, made on this device. */
import type { MessageView } from "@dovetail/core";
import { html, LitElement, nothing } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { paneStyles } from "../look/pane-styles.ts";
import { showToast } from "../parts/dt-toast.ts";
import type { Session } from "../session/session.ts";
import { say, text } from "../words/say.ts";
import "../parts/dt-progress.ts";
import "../parts/dt-prove.ts";
import "../parts/dt-sheet.ts";

const PAGE_MESSAGES = 500;

export class DtExport extends LitElement {
  static override properties = {
    session: { attribute: false },
    engine: { attribute: false },
    isAsking: { state: true },
    done: { state: true },
    total: { state: true },
  };
  static override styles = [baseStyles, paneStyles];
  declare session: Session;
  declare engine: Engine;
  declare isAsking: boolean;
  declare done: number | null;
  declare total: number;

  constructor() {
    super();
    this.isAsking = false;
    this.done = null;
    this.total = 0;
  }

  #export = async (): Promise<void> => {
    this.isAsking = false;
    const { account, contacts, conversations, tags, rules, devices } = this.session.views;
    this.total = conversations.length;
    let messageCount = 0;
    const exported = [];
    for (const [index, conversation] of conversations.entries()) {
      this.done = index;
      const messages = await this.#messagesOf(conversation.id);
      if (messages === null) {
        this.done = null;
        return;
      }
      messageCount += messages.length;
      exported.push({ ...conversation, lastMessage: undefined, messages });
    }
    this.done = null;
    const everything = { account, devices, contacts, tags, rules, conversations: exported };
    save(
      new Blob([JSON.stringify(everything, null, 2)], { type: "application/json" }),
      "dovetail-export.json",
    );
    showToast(this, { text: text("exported", { count: messageCount }) });
  };

  async #messagesOf(conversationId: MessageView["conversationId"]): Promise<readonly MessageView[] | null> {
    const messages: MessageView[] = [];
    let before: string | undefined;
    for (;;) {
      const page = await this.session.tried(
        this.session.client.messages(conversationId, {
          limit: PAGE_MESSAGES,
          ...(before === undefined ? {} : { before }),
        }),
      );
      if (page === null) return null;
      messages.push(...page.value.messages);
      if (page.value.older === null) return messages.reverse();
      before = page.value.older;
    }
  }

  override render() {
    const { done, total } = this;
    return html`<section aria-labelledby="title">
      <h2 id="title">${say("exportTitle")}</h2>
      <p class="note">${say("exportNote")}</p>
      ${done === null ? nothing : html`<dt-progress .label=${text("exporting", { done, total })} .done=${done} .total=${total}></dt-progress>`}
      <div>
        <button class="btn line" type="button" ?disabled=${done !== null} @click=${() => (this.isAsking = true)}>${say("exportGo")}</button>
      </div>
      ${this.isAsking ? this.#sheet() : nothing}
    </section>`;
  }

  #sheet() {
    const close = () => (this.isAsking = false);
    return html`<dt-sheet .label=${text("exportTitle")} @dt-close=${close}>
      <p>${say("exportNote")}</p>
      <dt-prove .engine=${this.engine} .label=${text("exportGo")} @dt-proven=${this.#export}
        ><button class="btn line" type="button" @click=${close}>${say("cancel")}</button></dt-prove
      >
    </dt-sheet>`;
  }
}

/** Hands `content` to the browser's downloads. */
function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url));
}

customElements.define("dt-export", DtExport);
