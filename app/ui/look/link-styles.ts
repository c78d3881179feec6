/** A link to hand to somebody: as a code to be seen, and as a text to be taken along. */
import { css } from "lit";

/** For a `dt-qr` and the `.link` beside it. */
export const linkStyles = css`
  dt-qr {
    max-inline-size: 220px;
  }
  .link {
    max-block-size: 54px;
    overflow: auto;
    font: 400 var(--t1);
    font-family: var(--mono);
    overflow-wrap: anywhere;
    color: var(--soft);
    user-select: all;
  }
`;
