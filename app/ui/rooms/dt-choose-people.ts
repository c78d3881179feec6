/** Choosing some of one's people by name. What is chosen goes up with each change. */
import type { AccountId, ContactView } from "@dovetail/core";
import { css, html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { keyed } from "../parts/keyed.ts";
import { say, text } from "../words/say.ts";
import "../parts/dt-avatar.ts";

/** From here on a field to find somebody stands above. */
const FIND_FROM_PEOPLE = 8;

export class DtChoosePeople extends LitElement {
  static override properties = {
    people: { attribute: false },
    chosen: { attribute: false },
    label: {},
    query: { state: true },
  };
  static override styles = [
    baseStyles,
    css`
      fieldset {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 4px;
      }
      legend {
        font: 500 var(--t2);
        padding: 0 0 6px;
      }
      ul {
        max-block-size: 224px;
        overflow-y: auto;
        border-block: 1px solid var(--line);
      }
      label.one {
        display: flex;
        align-items: center;
        gap: 12px;
        min-block-size: 44px;
        --avatar: 28px;
      }
      .one bdi {
        min-inline-size: 0;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .one input {
        inline-size: 18px;
        block-size: 18px;
        margin: 0;
        margin-inline-start: 2px;
        accent-color: var(--ink);
        flex: none;
      }
    `,
  ];
  /** Who can be chosen. */
  declare people: readonly ContactView[];
  declare chosen: ReadonlySet<AccountId>;
  declare label: string;
  declare query: string;

  constructor() {
    super();
    this.people = [];
    this.chosen = new Set();
    this.label = "";
    this.query = "";
  }

  #toggle(accountId: AccountId, isChosen: boolean): void {
    const chosen = new Set(this.chosen);
    if (isChosen) chosen.add(accountId);
    else chosen.delete(accountId);
    this.dispatchEvent(new CustomEvent<ReadonlySet<AccountId>>("dt-chosen", { detail: chosen }));
  }

  override render() {
    const wanted = this.query.trim().toLocaleLowerCase();
    const shown = this.people.filter(
      ({ accountId, name }) => this.chosen.has(accountId) || name.toLocaleLowerCase().includes(wanted),
    );
    return html`<fieldset>
      <legend>${this.label}</legend>
      ${
        this.people.length < FIND_FROM_PEOPLE
          ? nothing
          : html`<div class="field">
              <input
                type="search"
                autocomplete="off"
                aria-label=${text("roomWhoFind")}
                placeholder=${text("roomWhoFind")}
                @input=${(event: Event) => {
                  if (event.target instanceof HTMLInputElement) this.query = event.target.value;
                }}
              />
            </div>`
      }
      ${
        shown.length === 0
          ? html`<p class="note" role="status">${say("unknownName", { query: this.query })}</p>`
          : html`<ul>
              ${keyed(
                shown,
                ({ accountId }) => accountId,
                ({ accountId, name }) =>
                  html`<li>
                    <label class="one"
                      ><input
                        type="checkbox"
                        .checked=${this.chosen.has(accountId)}
                        @change=${(event: Event) => {
                          if (event.target instanceof HTMLInputElement)
                            this.#toggle(accountId, event.target.checked);
                        }}
                      /><dt-avatar .name=${name}></dt-avatar><bdi>${name}</bdi></label
                    >
                  </li>`,
              )}
            </ul>`
      }
    </fieldset>`;
  }
}

customElements.define("dt-choose-people", DtChoosePeople);
