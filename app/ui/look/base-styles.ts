/** What every component starts from: resets, buttons, fields, focus, hidden text. */
import { css } from "lit";

/** First in the `styles` of every component. */
export const baseStyles = css`
  :host {
    font: 400 var(--t3);
    color: var(--ink);
    font-variant-numeric: tabular-nums;
  }
  :host([hidden]) {
    display: none;
  }
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  h1,
  h2,
  h3,
  p,
  ul,
  ol,
  dl,
  dd,
  fieldset {
    margin: 0;
    padding: 0;
  }
  fieldset {
    border: 0;
    min-inline-size: 0;
  }
  ul,
  ol {
    list-style: none;
  }
  h1,
  h2,
  h3 {
    font: inherit;
  }
  a {
    color: inherit;
    text-underline-offset: 3px;
  }
  button,
  input,
  select,
  textarea {
    font: inherit;
    color: inherit;
    letter-spacing: inherit;
  }
  button {
    cursor: default;
  }
  :focus-visible {
    outline: 2px solid var(--chalk);
    outline-offset: 2px;
  }
  .vh {
    position: absolute;
    inline-size: 1px;
    block-size: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  .soft {
    color: var(--soft);
  }
  .faint {
    color: var(--faint);
  }
  .note {
    font: 400 var(--t2);
    color: var(--soft);
    text-wrap: pretty;
  }
  .bad {
    color: var(--stop);
  }
  .mono {
    font-family: var(--mono);
    font-size: 0.93em;
    overflow-wrap: anywhere;
  }
  .ic {
    inline-size: 20px;
    block-size: 20px;
    flex: none;
    fill: none;
    stroke: currentColor;
    stroke-width: 1.5;
    stroke-linecap: square;
    stroke-linejoin: miter;
  }
  /* Not flex: a name in its words would be an item of its own, and the space before it a gap. */
  .btn {
    display: inline-block;
    align-content: center;
    text-align: center;
    min-block-size: 36px;
    padding: 4px 16px;
    border-radius: var(--r2);
    border: 1px solid transparent;
    font: 500 var(--t2);
    background: none;
    text-decoration: none;
    transition: background-color var(--press) var(--ease);
  }
  .btn > .ic {
    margin-inline-end: 8px;
    vertical-align: middle;
  }
  .btn.ink {
    background: var(--ink);
    color: var(--pane);
  }
  .btn.line {
    border-color: var(--edge);
  }
  .btn.stop {
    color: var(--stop);
    border-color: currentColor;
  }
  .btn.lg {
    min-block-size: 48px;
    font: 500 var(--t3);
    padding-inline: 20px;
  }
  .btn:not(.ink):hover:not(:disabled),
  .ib:hover:not(:disabled) {
    background: var(--inset);
  }
  .btn.ink:hover:not(:disabled) {
    background: color-mix(in oklch, var(--ink) 88%, var(--pane));
  }
  .btn:disabled {
    background: var(--inset);
    color: var(--faint);
    border-color: transparent;
  }
  .ib {
    inline-size: 36px;
    block-size: 36px;
    flex: none;
    display: grid;
    place-items: center;
    border: 0;
    background: none;
    border-radius: var(--r2);
    color: var(--soft);
    padding: 0;
  }
  .acts {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
    align-items: center;
  }
  .field {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 6px;
  }
  .field > label,
  .field > .label {
    font: 500 var(--t2);
  }
  .field input,
  .field textarea,
  .field select {
    inline-size: 100%;
    min-block-size: 44px;
    padding: 8px 12px;
    border: 1px solid var(--edge);
    border-radius: var(--r2);
    background: var(--raised);
    font: 400 var(--t3);
  }
  .field textarea {
    resize: vertical;
  }
  .field :is(input, textarea)::placeholder {
    color: var(--faint);
    opacity: 1;
  }
  .field input[type="file"]::file-selector-button {
    margin-inline-end: 12px;
    padding: 2px 10px;
    border: 1px solid var(--edge);
    border-radius: var(--r1);
    background: none;
    color: inherit;
    font: 500 var(--t2);
  }
  .field [aria-invalid="true"] {
    border-color: var(--stop);
  }
  form {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 20px;
  }
  @media (max-width: 639px), (pointer: coarse) {
    .btn {
      min-block-size: 44px;
    }
    .ib {
      inline-size: 44px;
      block-size: 44px;
    }
    .field :is(input, textarea, select) {
      font-size: 17px;
    }
  }
  @media (forced-colors: active) {
    .btn,
    .ib {
      border: 1px solid ButtonText;
    }
    .btn:disabled {
      border-color: GrayText;
      color: GrayText;
    }
  }
`;
