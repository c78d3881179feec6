/** A person as a circle, a room as a square, with the initial. Shape is kind; colour says nothing. Hidden from readers: the name stands beside. */
import { css, html, LitElement } from "lit";

export class DtAvatar extends LitElement {
  static override properties = { name: {}, room: { type: Boolean, reflect: true } };
  static override styles = css`
    :host {
      inline-size: var(--avatar, 40px);
      block-size: var(--avatar, 40px);
      flex: none;
      border-radius: var(--rf);
      display: grid;
      place-items: center;
      font: 600 var(--t2);
      background: var(--avatar-ground, var(--inset));
      color: var(--soft);
      overflow: hidden;
      user-select: none;
    }
    :host([room]) {
      border-radius: var(--r2);
    }
    @media (forced-colors: active) {
      :host {
        border: 1px solid CanvasText;
      }
    }
  `;
  declare name: string;
  declare room: boolean;

  constructor() {
    super();
    this.name = "";
    this.room = false;
  }

  override render() {
    return html`<bdi aria-hidden="true">${initial(this.name)}</bdi>`;
  }
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const GRAPHEME_CHARS_MAX = 8;

/** The first grapheme of a name, in capitals; nothing for one that would not fit, such as a pile of combining marks. */
export function initial(name: string): string {
  const first = graphemes.segment(name.trim())[Symbol.iterator]().next().value?.segment ?? "";
  return first.length > GRAPHEME_CHARS_MAX ? "" : first.toLocaleUpperCase();
}

customElements.define("dt-avatar", DtAvatar);
