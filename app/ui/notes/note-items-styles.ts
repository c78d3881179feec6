/** The items of a list, and where one adds. */
import { css } from "lit";

export const noteItemsStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    gap: 12px;
  }
  li {
    display: flex;
    align-items: flex-start;
    min-block-size: 44px;
    border-block-end: 1px solid var(--line);
  }
  li > .ib {
    margin-block-start: 4px;
  }
  .one {
    flex: 1;
    min-inline-size: 0;
    display: flex;
    align-items: flex-start;
    gap: 12px;
    padding-block: 11px;
  }
  .one input,
  .tick {
    inline-size: 18px;
    block-size: 18px;
    margin: 2px 0 0;
    flex: none;
    accent-color: var(--ink);
  }
  .t,
  textarea {
    min-inline-size: 0;
    overflow-wrap: anywhere;
    white-space: pre-wrap;
    unicode-bidi: plaintext;
    text-align: start;
  }
  /* Beside what it is ticked by, whichever way it runs. */
  .t {
    flex: 1;
    text-align: left;
  }
  :host(:dir(rtl)) .t {
    text-align: right;
  }
  .done {
    color: var(--soft);
    text-decoration: line-through;
  }
  textarea {
    flex: 1 1 160px;
    field-sizing: content;
    min-block-size: 44px;
    padding: 10px 12px;
    border: 1px solid var(--edge);
    border-radius: var(--r2);
    background: var(--raised);
    resize: none;
    font: 400 var(--t3);
  }
  textarea::placeholder {
    color: var(--faint);
    opacity: 1;
  }
  .add,
  .reword {
    display: flex;
    flex-wrap: wrap;
    align-items: flex-start;
    gap: 8px;
  }
  .reword {
    flex: 1;
    min-inline-size: 0;
    padding-block: 8px;
  }
  .add {
    position: sticky;
    inset-block-end: -24px;
    margin-block-start: auto;
    padding-block: 12px 24px;
    margin-block-end: -24px;
    background: var(--pane);
  }
  .add .btn,
  .reword .btn {
    min-block-size: 44px;
  }
  @media (max-width: 639px) {
    li > .ib {
      margin-block-start: 2px;
    }
    .t,
    textarea {
      font: 400 var(--t4);
    }
    .one input,
    .tick {
      margin-block-start: 3px;
    }
  }
`;
