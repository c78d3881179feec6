/** A step stands inside the first run's column and has no columns of its own. */
import { css } from "lit";

export const innerStep = css`
  :host {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 20px;
    block-size: auto;
    background: none;
  }
`;
