/** Going to a conversation by typing part of a name. */
import { css, html, LitElement, nothing } from "lit";
import { matching } from "../inbox/conversations-of.ts";
import { baseStyles } from "../look/base-styles.ts";
import { goTo } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import { isListed } from "../session/threads.ts";
import { say, text } from "../words/say.ts";
import "../parts/dt-avatar.ts";
import "../parts/dt-sheet.ts";
import { focusLater } from "../parts/focus-later.ts";

const SHOWN_MAX = 8;

export class DtGoTo extends LitElement {
  static override properties = {
    session: { attribute: false },
    query: { state: true },
    at: { state: true },
  };
  static override styles = [
    baseStyles,
    css`
      li {
        display: flex;
        align-items: center;
        gap: 12px;
        padding: 8px;
        border-radius: var(--r2);
        --avatar: 32px;
      }
      li[aria-selected="true"] {
        background: var(--inset);
        --avatar-ground: var(--pane);
      }
      @media (forced-colors: active) {
        li[aria-selected="true"] {
          outline: 2px solid Highlight;
        }
      }
    `,
  ];
  declare session: Session;
  declare query: string;
  declare at: number;

  constructor() {
    super();
    this.query = "";
    this.at = 0;
  }

  protected override firstUpdated(): void {
    focusLater(this, "input");
  }

  get #found() {
    const open = this.session.views.threads.filter(isListed);
    return matching(open, this.query).slice(0, SHOWN_MAX);
  }

  #input = (event: Event): void => {
    if (!(event.target instanceof HTMLInputElement)) return;
    this.query = event.target.value;
    this.at = 0;
  };

  #key = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      this.at = Math.min(Math.max(this.at + step, 0), Math.max(this.#found.length - 1, 0));
    } else if (event.key === "Enter") this.#go(this.at);
  };

  #go(index: number): void {
    const chosen = this.#found[index];
    if (chosen === undefined) return;
    const section = chosen.isArchived ? "archive" : "inbox";
    goTo(window, { section, conversationId: chosen.id });
  }

  #closed = (): void => {
    this.dispatchEvent(new CustomEvent("dt-close"));
  };

  override render() {
    const found = this.#found;
    return html`<dt-sheet .label=${text("goTo")} @dt-close=${this.#closed}>
      <div class="field">
        <input
          type="search"
          role="combobox"
          autocomplete="off"
          aria-expanded="true"
          aria-controls="found"
          aria-activedescendant=${found.length === 0 ? nothing : `found-${this.at}`}
          aria-label=${text("goToLabel")}
          placeholder=${text("goToLabel")}
          .value=${this.query}
          @input=${this.#input}
          @keydown=${this.#key}
        />
      </div>
      <ul id="found" role="listbox" aria-label=${text("conversationsLabel")}>
        ${found.map(
          (one, index) =>
            html`<li id="found-${index}" role="option" aria-selected=${index === this.at} @click=${() => this.#go(index)}>
              <dt-avatar .name=${one.name} ?room=${one.kind === "room"}></dt-avatar><bdi>${one.name}</bdi>
            </li>`,
        )}
      </ul>
      ${found.length === 0 ? html`<p class="note" role="status">${say("inboxEmpty")}</p>` : nothing}
    </dt-sheet>`;
  }
}

customElements.define("dt-go-to", DtGoTo);
