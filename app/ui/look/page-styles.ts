/** The page itself, in every layout, and what stands on it before its engine answers. */
import { css } from "lit";

export const pageStyles = css`
  :host {
    display: block;
    block-size: var(--app-height, 100dvh);
    overflow: hidden;
    background: var(--pane);
  }
  .wait {
    max-inline-size: 400px;
    padding: 40px 24px;
    display: grid;
    gap: 16px;
  }
`;
