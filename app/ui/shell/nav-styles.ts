/** The three shapes of the navigation. */
import { css } from "lit";

export const navStyles = css`
  :host {
    display: block;
    min-block-size: 0;
    background: var(--ground);
    border-inline-end: 1px solid var(--line);
  }
  nav {
    block-size: 100%;
    display: flex;
    flex-direction: column;
    padding: 16px 12px 12px;
    overflow-y: auto;
  }
  .acct {
    display: flex;
    align-items: center;
    gap: 12px;
    padding: 0 8px 16px;
    --avatar: 32px;
    min-inline-size: 0;
  }
  .acct .label {
    min-inline-size: 0;
  }
  .acct b,
  .acct span {
    display: block;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .acct b {
    font: 600 var(--t3);
  }
  .acct span {
    font: 400 var(--t1);
  }
  a {
    position: relative;
    display: flex;
    flex: none;
    align-items: center;
    gap: 12px;
    min-block-size: 34px;
    padding: 0 8px;
    border-radius: var(--r2);
    font: 500 var(--t2);
    color: var(--soft);
    text-decoration: none;
  }
  a:hover {
    background: color-mix(in oklch, var(--inset) 60%, transparent);
  }
  a[aria-current] {
    background: var(--inset);
    color: var(--ink);
  }
  a > .label {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .n {
    margin-inline-start: auto;
    font: 500 var(--t1);
    color: var(--faint);
  }
  .n.new {
    color: var(--chalk);
    font-weight: 600;
  }
  h2 {
    font: 500 var(--t1);
    color: var(--faint);
    padding: 20px 8px 6px;
  }
  .dot {
    display: none;
  }
  .truth {
    margin: auto -12px 0;
    align-items: flex-start;
    border-radius: 0;
    padding: 16px 20px 4px;
    border-block-start: 1px solid var(--line);
    color: var(--ink);
  }
  .truth .label {
    white-space: normal;
  }
  .truth dt-joint {
    margin-block-start: 2px;
    inline-size: 24.5px;
    block-size: 14px;
  }
  .truth b {
    display: block;
    font: 500 var(--t2);
  }
  .truth.alarm b {
    color: var(--stop);
  }
  .truth .faint {
    display: block;
    font: 400 var(--t1);
  }
  @media (min-width: 640px) and (max-width: 1079px) {
    nav {
      padding-inline: 12px;
    }
    .acct {
      padding-inline: 4px;
    }
    a {
      justify-content: center;
      min-block-size: 40px;
      padding: 0;
    }
    .label {
      position: absolute;
      inline-size: 1px;
      block-size: 1px;
      overflow: hidden;
      clip-path: inset(50%);
    }
    h2 {
      font-size: 0;
      padding: 8px 0;
    }
    .n {
      display: none;
    }
    .dot {
      display: block;
    }
    .truth {
      padding: 16px 0 4px;
    }
  }
  .dot {
    position: absolute;
    inset-block-start: 4px;
    inset-inline-start: calc(50% + 9px);
    inline-size: 8px;
    block-size: 8px;
    border-radius: var(--rf);
    background: var(--chalk);
    box-shadow: 0 0 0 2px var(--ground);
  }
  @media (max-width: 639px) {
    :host {
      border-inline-end: 0;
      border-block-start: 1px solid var(--line);
    }
    nav {
      display: grid;
      grid-template-columns: repeat(4, 1fr);
      padding: 6px 8px calc(8px + env(safe-area-inset-bottom));
    }
    .acct,
    .tags,
    .truth,
    h2,
    .n,
    a:not(.in-bar) {
      display: none;
    }
    a {
      flex-direction: column;
      justify-content: center;
      gap: 2px;
      min-block-size: 44px;
      font: 500 var(--t1);
      color: var(--faint);
    }
    a[aria-current] {
      background: none;
    }
    .ic {
      inline-size: 22px;
      block-size: 22px;
    }
    .dot {
      display: block;
    }
  }
  @media (forced-colors: active) {
    a[aria-current] {
      outline: 2px solid Highlight;
      outline-offset: -2px;
    }
    .dot {
      background: Highlight;
    }
  }
`;
