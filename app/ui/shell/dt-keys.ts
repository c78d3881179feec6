/** The sheet that says which key does what. */
import { css, html, LitElement } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import type { MessageKey } from "../words/en.ts";
import { say, text } from "../words/say.ts";
import "../parts/dt-sheet.ts";

const KEYS: readonly (readonly [keys: readonly string[], label: MessageKey])[] = [
  [["/"], "keySearch"],
  [["Ctrl K"], "keyGoTo"],
  [["n"], "keyNew"],
  [["j", "k"], "keyMove"],
  [["Enter"], "keyOpen"],
  [["Shift Enter"], "keyLine"],
  [["Esc"], "keyEscape"],
  [["s"], "keyStar"],
  [["Delete"], "keyDelete"],
  [["a"], "keyArchive"],
  [["u"], "keyRead"],
  [["m"], "keyMute"],
  [["[", "]"], "keyConversation"],
  [["g i", "g p", "g d", "g s"], "keySections"],
  [["?"], "keyHelp"],
];

export class DtKeys extends LitElement {
  static override styles = [
    baseStyles,
    css`
      dl {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 8px 24px;
        font: 400 var(--t2);
      }
      dt {
        display: flex;
        gap: 6px;
        flex-wrap: wrap;
        align-items: start;
      }
      dd {
        color: var(--soft);
      }
      kbd {
        font: 500 var(--t1);
        border: 1px solid var(--edge);
        border-radius: var(--r1);
        padding: 0 6px;
      }
    `,
  ];

  #closed = (): void => {
    this.dispatchEvent(new CustomEvent("dt-close"));
  };

  override render() {
    return html`<dt-sheet .label=${text("keysTitle")} @dt-close=${this.#closed}>
      <dl>
        ${KEYS.map(
          ([keys, label]) =>
            html`<dt>${keys.map((key) => html`<kbd>${key}</kbd>`)}</dt>
              <dd>${say(label)}</dd>`,
        )}
      </dl>
    </dt-sheet>`;
  }
}

customElements.define("dt-keys", DtKeys);
