/** Every message one can read here in one file in clear, in the form the command line takes back. Rules EX1-EX3. */
import {
  type ConversationId,
  exportEndLine,
  exportHeadLine,
  type ExportMessage,
  exportMessageLine,
  exportPlaceLine,
  type MessagesLine,
} from "@dovetail/core";
import { html, LitElement, nothing } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { paneStyles } from "../look/pane-styles.ts";
import { showToast } from "../parts/dt-toast.ts";
import { saveFile } from "../parts/save-file.ts";
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
    const { account, threads } = this.session.views;
    if (account === null) return;
    this.total = threads.length;
    const lines: MessagesLine[] = [exportHeadLine(account, Date.now())];
    let messageCount = 0;
    for (const [index, thread] of threads.entries()) {
      this.done = index;
      const messages = await this.#messagesOf(thread.id);
      if (messages === null) {
        this.done = null;
        return;
      }
      messageCount += messages.length;
      lines.push(exportPlaceLine(thread, messages.length));
      for (const exported of messages) {
        const sentAt = new Date(exported.message.sentAtMs).toISOString();
        lines.push(exportMessageLine(thread, exported, { ownName: account.displayName, sentAt }));
      }
    }
    this.done = null;
    lines.push(exportEndLine(threads.length, messageCount));
    const content = lines.map((line) => `${JSON.stringify(line)}\n`);
    saveFile(new Blob(content, { type: "application/x-ndjson" }), "dovetail-messages.ndjson");
    showToast(this, { text: text("exported", { count: messageCount }) });
  };

  /** Oldest first; null when they could not be read, which was said. */
  async #messagesOf(conversationId: ConversationId): Promise<readonly ExportMessage[] | null> {
    const messages: ExportMessage[] = [];
    let before: string | undefined;
    for (;;) {
      const page = await this.session.tried(
        this.session.client.exportMessages(conversationId, {
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

customElements.define("dt-export", DtExport);
