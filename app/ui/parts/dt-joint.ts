/**
 * The joint: two halves that say how far something has come. Always beside words, so it is hidden from readers.
 *
 * `kept` here only, `half` the server has it, `joined` one of their devices has it or all own devices hold the same,
 * `apart` an own device is behind or silent.
 */
import { css, html, LitElement, svg } from "lit";

export type JointState = "kept" | "half" | "joined" | "apart";

const TAIL = "M1 1H10V6L15 4.4V11.6L10 10V15H1Z";
const SOCKET = "M11.6 1H23V15H11.6V11.9L16.4 13.4V2.6L11.6 4.1Z";
const OUTLINE = "M1.8 1.8H9.2V7L14.2 5.5V10.5L9.2 9V14.2H1.8Z";

export class DtJoint extends LitElement {
  static override properties = { state: { reflect: true } };
  static override styles = css`
    :host {
      display: inline-flex;
      flex: none;
      inline-size: 21px;
      block-size: 12px;
    }
    svg {
      inline-size: 100%;
      block-size: 100%;
      fill: currentColor;
      overflow: visible;
    }
    :host(:dir(rtl)) svg {
      transform: scaleX(-1);
    }
    .outline {
      fill: none;
      stroke: currentColor;
      stroke-width: 1.6;
    }
    .socket {
      transition: transform var(--joint-close) var(--ease);
    }
    .apart {
      opacity: 0.45;
    }
    @media (forced-colors: active) {
      svg {
        fill: CanvasText;
      }
    }
  `;
  declare state: JointState;

  constructor() {
    super();
    this.state = "apart";
  }

  override render() {
    return html`<svg viewBox="0 0 28 16" aria-hidden="true" focusable="false">${drawing(this.state)}</svg>`;
  }
}

function drawing(state: JointState) {
  switch (state) {
    case "kept":
      return svg`<path class="outline" transform="translate(12)" d=${OUTLINE}></path>`;
    case "half":
      return svg`<path transform="translate(12)" d=${TAIL}></path>`;
    case "joined":
      return svg`<g transform="translate(2)"><path d=${TAIL}></path><path class="socket" d=${SOCKET}></path></g>`;
    case "apart":
      return svg`<path transform="translate(-1)" d=${TAIL}></path><path class="apart" transform="translate(5)" d=${SOCKET}></path>`;
  }
}

customElements.define("dt-joint", DtJoint);
