/** What one can do with a conversation with one person: look at who it is, its tags, the archive, deleting it. */
import type { ConversationId } from "@dovetail/core";
import { html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { goTo } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import { Watch } from "../session/watch.ts";
import { say } from "../words/say.ts";
import "../parts/dt-sheet.ts";
import "./dt-delete-thread.ts";
import "./dt-thread-tags.ts";

export class DtDetails extends LitElement {
  static override properties = { session: { attribute: false }, conversationId: { attribute: false } };
  static override styles = baseStyles;
  declare session: Session;
  declare conversationId: ConversationId | null;

  constructor() {
    super();
    this.conversationId = null;
    new Watch(this, () => this.session ?? null);
  }

  #closed = (): void => {
    this.dispatchEvent(new CustomEvent("dt-close"));
  };

  override render() {
    const { session } = this;
    const thread = session.thread(this.conversationId);
    if (thread === undefined || thread.kind !== "person") return nothing;
    const { accountId } = thread.contact;
    return html`<dt-sheet .label=${thread.name} @dt-close=${this.#closed}>
      <div class="acts">
        <button class="btn line" type="button" @click=${() => goTo(window, { section: "people", accountId })}>
          ${say("safetyTitle")}
        </button>
      </div>
      <dt-thread-tags .session=${session} .thread=${thread}></dt-thread-tags>
      <dt-delete-thread .session=${session} .thread=${thread}></dt-delete-thread>
    </dt-sheet>`;
  }
}

customElements.define("dt-details", DtDetails);
