/** Where a conversation or room is put: archive, and its tags; and whether it tells of what comes. */
import { css, html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { goTo } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import type { Thread } from "../session/threads.ts";
import { Watch } from "../session/watch.ts";
import { say } from "../words/say.ts";
import { setMuted } from "./set-muted.ts";

export class DtThreadTags extends LitElement {
  static override properties = { session: { attribute: false }, thread: { attribute: false } };
  static override styles = [
    baseStyles,
    css`
      :host {
        display: grid;
        gap: 16px;
      }
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
        overflow-wrap: anywhere;
      }
      input {
        inline-size: 18px;
        block-size: 18px;
        flex: none;
        accent-color: var(--ink);
      }
    `,
  ];
  declare session: Session;
  declare thread: Thread;

  constructor() {
    super();
    new Watch(this, () => this.session ?? null);
  }

  override render() {
    const { session } = this;
    const { id, isArchived, isMuted, tagIds } = this.thread;
    const { tags } = session.views;
    return html`<fieldset>
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
      <p class="note">${say(isMuted ? "mutedNote" : "muteNote")}</p>
      <div class="acts">
        <button class="btn line" type="button" @click=${() => goTo(window, { section: "tags" })}>
          ${say("manageTags")}
        </button>
        <button
          class="btn line"
          type="button"
          @click=${() => void session.tried(session.client.setArchived(id, !isArchived))}
        >
          ${say(isArchived ? "unarchiveIt" : "archiveIt")}
        </button>
        <button class="btn line" type="button" @click=${() => void setMuted(this, session, this.thread)}>
          ${say(isMuted ? "unmuteIt" : "muteIt")}
        </button>
      </div>`;
  }
}

customElements.define("dt-thread-tags", DtThreadTags);
