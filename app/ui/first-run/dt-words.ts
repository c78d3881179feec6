/** The recovery key: shown to be written down, then three of its words asked back. */
import { css, html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { fieldsOf } from "../parts/form.ts";
import { say, text } from "../words/say.ts";

const ASKED_COUNT = 3;
const FIELDS = ["word0", "word1", "word2"] as const;

export class DtWords extends LitElement {
  static override properties = {
    words: {},
    asked: { state: true },
    wrongAt: { state: true },
  };
  static override styles = [
    baseStyles,
    css`
      :host {
        display: grid;
        gap: 16px;
      }
      ol {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(128px, 1fr));
        gap: 6px 16px;
        padding: 16px 0;
        border-block: 1px solid var(--line);
        font: 500 var(--t3);
        font-family: var(--mono);
        direction: ltr;
        counter-reset: word;
      }
      li {
        display: flex;
        gap: 8px;
        counter-increment: word;
      }
      li::before {
        content: counter(word);
        inline-size: 2ch;
        text-align: end;
        color: var(--faint);
      }
      .three {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(120px, 1fr));
        gap: 12px;
      }
      h2 {
        font: 600 var(--t4);
      }
    `,
  ];
  declare words: string;
  /** Positions, from 1, of the words that are asked back; null while the words are shown. */
  declare asked: readonly number[] | null;
  declare wrongAt: number | null;

  constructor() {
    super();
    this.words = "";
    this.asked = null;
    this.wrongAt = null;
  }

  get #list(): readonly string[] {
    return this.words.split(" ");
  }

  #ask = (): void => {
    this.asked = somePositions(this.#list.length);
    this.wrongAt = null;
  };

  #check = (event: SubmitEvent): void => {
    event.preventDefault();
    const typed = fieldsOf(event, FIELDS);
    const wrong = (this.asked ?? []).find(
      (position, index) => typed[FIELDS[index] ?? "word0"].trim().toLowerCase() !== this.#list[position - 1],
    );
    this.wrongAt = wrong ?? null;
    if (wrong === undefined) this.dispatchEvent(new CustomEvent("dt-confirmed"));
  };

  override render() {
    return this.asked === null ? this.#shown() : this.#asking(this.asked);
  }

  #shown() {
    return html`<p>${say("wordsNote")}</p>
      <ol aria-label=${text("wordsLabel")}>
        ${this.#list.map((word) => html`<li>${word}</li>`)}
      </ol>
      <div class="acts">
        <button class="btn ink lg" type="button" @click=${this.#ask}>${say("wordsWritten")}</button>
        <slot name="later"></slot>
      </div>`;
  }

  #asking(asked: readonly number[]) {
    const { wrongAt } = this;
    return html`<form @submit=${this.#check}>
      <h2>${say("wordsCheckTitle")}</h2>
      <div class="three">
        ${asked.map(
          (position, index) =>
            html`<div class="field">
              <label for="word${index}">${say("wordNumber", { number: position })}</label>
              <input
                id="word${index}"
                name="word${index}"
                required
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                aria-invalid=${wrongAt === position}
              />
            </div>`,
        )}
      </div>
      ${wrongAt === null ? nothing : html`<p class="bad" role="alert">${say("wordsWrong", { number: wrongAt })}</p>`}
      <div class="acts">
        <button class="btn ink lg">${say("done")}</button>
        <button class="btn lg" type="button" @click=${() => (this.asked = null)}>${say("wordsShowAgain")}</button>
      </div>
    </form>`;
  }
}

/** Three different positions from 1 to `count`, in order. */
function somePositions(count: number): readonly number[] {
  const positions = new Set<number>();
  const random = new Uint32Array(1);
  while (positions.size < Math.min(ASKED_COUNT, count)) {
    crypto.getRandomValues(random);
    positions.add(1 + ((random[0] ?? 0) % count));
  }
  return [...positions].sort((a, b) => a - b);
}

customElements.define("dt-words", DtWords);
