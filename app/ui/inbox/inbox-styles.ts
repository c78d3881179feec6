/** The list of conversations. */
import { css } from "lit";

export const inboxStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    min-block-size: 0;
    min-inline-size: 0;
    background: var(--pane);
    overflow-y: auto;
  }
  .lh {
    display: flex;
    align-items: center;
    min-block-size: 60px;
    padding: 0 12px;
    padding-inline-start: 20px;
    gap: 8px;
    flex: none;
  }
  h1 {
    font: 600 var(--t4);
    letter-spacing: -0.01em;
    margin-inline-end: auto;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .pt {
    display: none;
  }
  .history {
    padding: 0 20px 12px;
  }
  .search {
    display: flex;
    align-items: center;
    gap: 8px;
    min-block-size: 36px;
    margin: 0 12px 12px;
    padding: 0 12px;
    border-radius: var(--r2);
    background: var(--inset);
    color: var(--faint);
    flex: none;
  }
  .search:focus-within {
    outline: 2px solid var(--chalk);
  }
  input {
    flex: 1;
    min-inline-size: 0;
    block-size: 36px;
    border: 0;
    background: none;
    outline: none;
    font: 400 var(--t2);
    color: var(--ink);
    appearance: none;
  }
  input:focus-visible {
    outline: none;
  }
  input::placeholder {
    color: var(--faint);
    opacity: 1;
  }
  input::-webkit-search-cancel-button {
    display: none;
  }
  kbd {
    font: 500 var(--t1);
  }
  .search .ib {
    inline-size: 28px;
    block-size: 28px;
    margin-inline-end: -8px;
  }
  .chip {
    display: inline-flex;
    align-items: center;
    min-block-size: 28px;
    padding: 0 10px;
    border: 1px solid var(--edge);
    border-radius: var(--rf);
    background: none;
    font: 500 var(--t1);
    color: var(--soft);
    text-decoration: none;
    white-space: nowrap;
    flex: none;
  }
  .chip:is([aria-pressed="true"], [aria-current]) {
    background: var(--ink);
    border-color: var(--ink);
    color: var(--pane);
  }
  ul + h2,
  .search ~ h2 {
    padding: 4px 20px;
    font: 500 var(--t1);
    color: var(--faint);
  }
  .boxes {
    display: none;
  }
  .hit {
    display: -webkit-box;
    -webkit-box-orient: vertical;
    -webkit-line-clamp: 3;
    overflow: hidden;
    font: 400 var(--t2);
    color: var(--soft);
    overflow-wrap: anywhere;
  }
  .with-act {
    display: flex;
    align-items: center;
    padding-inline-end: 8px;
  }
  .with-act .row {
    flex: 1;
    min-inline-size: 0;
    margin-inline-end: 0;
  }
  .more {
    padding: 8px 20px 24px;
  }
  .row {
    display: grid;
    grid-template-columns: 40px minmax(0, 1fr);
    gap: 12px;
    padding: 12px;
    margin: 0 8px;
    border-radius: var(--r2);
    align-items: center;
    color: inherit;
    text-decoration: none;
    scroll-margin: 8px;
  }
  .row:focus-visible {
    outline-offset: -2px;
  }
  .row:hover {
    background: color-mix(in oklch, var(--inset) 50%, transparent);
  }
  .in {
    min-inline-size: 0;
  }
  .l1,
  .l2 {
    display: flex;
    align-items: baseline;
    gap: 6px;
    min-inline-size: 0;
  }
  .l2 {
    align-items: center;
  }
  .nm {
    font: 500 var(--t3);
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  time {
    margin-inline-start: auto;
    font: 400 var(--t1);
    color: var(--faint);
    flex: none;
  }
  .pv {
    font: 400 var(--t2);
    color: var(--soft);
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
    flex: 1;
  }
  .row.sel {
    background: var(--inset);
    --avatar-ground: var(--pane);
  }
  .row.new .nm {
    font-weight: 600;
  }
  .row.new .pv {
    color: var(--ink);
    font-weight: 500;
  }
  .cnt {
    min-inline-size: 18px;
    block-size: 18px;
    padding: 0 4px;
    border-radius: var(--rf);
    background: var(--chalk);
    color: var(--on-chalk);
    font: 600 12px/18px var(--font);
    text-align: center;
    flex: none;
  }
  .row:not(.new) .cnt {
    background: none;
    box-shadow: inset 0 0 0 1px var(--edge);
    color: var(--soft);
  }
  .l2 dt-joint {
    color: var(--faint);
    inline-size: 17.5px;
    block-size: 10px;
  }
  .l2 .ic {
    inline-size: 14px;
    block-size: 14px;
    color: var(--faint);
  }
  .t1 {
    font: 400 var(--t1);
  }
  .req {
    display: grid;
    grid-template-columns: 40px 1fr auto;
    align-items: center;
    gap: 12px;
    min-block-size: 48px;
    margin: 0 8px 2px;
    padding: 8px 12px;
    font: 500 var(--t2);
    border-radius: var(--r2);
    text-decoration: none;
    color: var(--ink);
    flex: none;
  }
  .req:hover {
    background: color-mix(in oklch, var(--inset) 50%, transparent);
  }
  .req .ic:first-child {
    justify-self: center;
  }
  .empty {
    display: grid;
    gap: 12px;
    padding: 12px 20px;
    overflow-wrap: anywhere;
  }
  /* Beside a rail, or a bar, that has no room for words. */
  @media (max-width: 1079px) {
    .pt {
      display: flex;
      align-items: center;
      gap: 8px;
      padding: 0 20px 16px;
      font: 400 var(--t2);
      color: var(--soft);
      text-decoration: none;
      min-block-size: 24px;
    }
    .pt dt-joint {
      color: var(--ink);
    }
    .pt.bad {
      color: var(--stop);
    }
  }
  @media (max-width: 639px) {
    .lh {
      min-block-size: 0;
      padding: 20px 12px 2px;
      padding-inline-start: 20px;
      align-items: flex-start;
    }
    h1 {
      font: 600 var(--t6);
      letter-spacing: -0.02em;
    }
    .search {
      min-block-size: 44px;
      margin: 0 16px 8px;
    }
    input {
      block-size: 44px;
      font: 400 var(--t4);
    }
    kbd {
      display: none;
    }
    .chip {
      min-block-size: 36px;
      padding: 0 14px;
      font: 500 var(--t2);
    }
    .boxes {
      display: flex;
      flex-wrap: wrap;
      gap: 8px;
      padding: 4px 16px 8px;
      flex: none;
    }
    .row {
      grid-template-columns: 44px minmax(0, 1fr);
      --avatar: 44px;
    }
    .req {
      grid-template-columns: 44px 1fr auto;
    }
  }
  :host(:dir(rtl)) .req .ic:last-child {
    transform: scaleX(-1);
  }
  @media (forced-colors: active) {
    .chip:is([aria-pressed="true"], [aria-current]) {
      outline: 2px solid Highlight;
    }
    .row.sel {
      outline: 2px solid Highlight;
      outline-offset: -2px;
    }
    .cnt {
      border: 1px solid CanvasText;
    }
    .search {
      border: 1px solid CanvasText;
    }
  }
`;
