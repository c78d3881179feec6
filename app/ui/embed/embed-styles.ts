/** A frame, whose landmarks have names because the page around it has its own: one pane, as on a phone, however wide it is. */
import { css } from "lit";

export const embedStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    block-size: 100%;
    background: var(--pane);
  }
  main {
    flex: 1;
    min-block-size: 0;
    display: flex;
    flex-direction: column;
  }
  main > :not(.words, .vh) {
    flex: 1;
    min-block-size: 0;
  }
  .text {
    overflow-y: auto;
    padding: 20px;
    display: grid;
    gap: 16px;
    align-content: start;
    max-inline-size: 528px;
  }
  .text h1 {
    font: 600 var(--t5);
    letter-spacing: -0.01em;
    overflow-wrap: anywhere;
    text-wrap: balance;
  }
  .words {
    flex: none;
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 8px 12px;
    padding: 8px 16px;
    background: var(--open-wash);
    font: 400 var(--t2);
  }
`;
