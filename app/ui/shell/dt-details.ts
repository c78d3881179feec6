/** What one can do with a conversation: its tags, archive, the person behind it. */
import type { ConversationId } from "@dovetail/core";
import { css, html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { goTo } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import { Watch } from "../session/watch.ts";
import { say, text } from "../words/say.ts";
import "../parts/dt-sheet.ts";

export class DtDetails extends LitElement {
  static override properties = { session: { attribute: false }, conversationId: { attribute: false } };
  static override styles = [
    baseStyles,
    css`
      fieldset {
        display: grid;
        gap: 4px;
      }
      legend {
        font: 500 var(--t2);
        padding: 0 0 4px;
      }
      label {
        display: flex;
        align-items: center;
        gap: 12px;
        min-block-size: 36px;
      }
      input {
        inline-size: 18px;
        block-size: 18px;
        accent-color: var(--ink);
      }
    `,
  ];
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
    const conversation = session.views.conversations.find((one) => one.id === this.conversationId);
    if (conversation === undefined) return nothing;
    const { id, contact, isArchived, tagIds } = conversation;
    const { tags } = session.views;
    return html`<dt-sheet .label=${contact.name} @dt-close=${this.#closed}>
      <div class="acts">
        <button
          class="btn line"
          type="button"
          @click=${() => goTo(window, { section: "people", accountId: contact.accountId })}
        >
          ${say("safetyTitle")}
        </button>
        <button
          class="btn line"
          type="button"
          @click=${() => void session.tried(session.client.setArchived(id, !isArchived))}
        >
          ${say(isArchived ? "unarchiveIt" : "archiveIt")}
        </button>
      </div>
      <fieldset>
        <legend>${say("conversationTags")}</legend>
        ${tags.length === 0 ? html`<p class="note">${say("tagsNone")}</p>` : nothing}
        ${tags.map(
          (tag) =>
            html`<label
              ><input
                type="checkbox"
                .checked=${tagIds.includes(tag.id)}
                @change=${(event: Event) => {
                  if (event.target instanceof HTMLInputElement)
                    void session.tried(session.client.setTagged(id, tag.id, event.target.checked));
                }}
              /><bdi>${tag.name}</bdi></label
            >`,
        )}
      </fieldset>
      <div>
        <button class="btn line" type="button" @click=${() => goTo(window, { section: "tags" })}>
          ${text("manageTags")}
        </button>
      </div>
    </dt-sheet>`;
  }
}

customElements.define("dt-details", DtDetails);
