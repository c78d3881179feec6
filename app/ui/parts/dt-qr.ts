/** A QR code as one path. Always dark on white, with its quiet zone: cameras want it so, in dark rooms too. */
import { create } from "qrcode";
import { css, html, LitElement, svg } from "lit";

const QUIET_MODULES = 4;

export class DtQr extends LitElement {
  static override properties = { text: {}, label: {} };
  static override styles = css`
    :host {
      display: block;
      background: #fff;
      border: 1px solid var(--line);
      border-radius: var(--r2);
      overflow: hidden;
      max-inline-size: 322px;
      forced-color-adjust: none;
    }
    svg {
      display: block;
      inline-size: 100%;
      block-size: auto;
      fill: #14171a;
      shape-rendering: crispEdges;
    }
  `;
  declare text: string;
  declare label: string;

  constructor() {
    super();
    this.text = "";
    this.label = "";
  }

  override render() {
    const { modules } = create(this.text, { errorCorrectionLevel: "M" });
    const side = modules.size + 2 * QUIET_MODULES;
    return html`<svg viewBox="0 0 ${side} ${side}" role="img" aria-label=${this.label}>
      ${svg`<path d=${pathOf(modules.size, (row, column) => modules.get(row, column) !== 0)}></path>`}
    </svg>`;
  }
}

/** Each run of dark modules of a row as one bar. */
function pathOf(size: number, isDark: (row: number, column: number) => boolean): string {
  let path = "";
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const start = column;
      while (column < size && isDark(row, column)) column += 1;
      if (column > start)
        path += `M${start + QUIET_MODULES} ${row + QUIET_MODULES}h${column - start}v1H${start + QUIET_MODULES}z`;
    }
  }
  return path;
}

customElements.define("dt-qr", DtQr);
