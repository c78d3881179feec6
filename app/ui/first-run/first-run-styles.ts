/** The first screen: a column of words, and the joint that is still open. */
import { css } from "lit";

export const firstRunStyles = css`
  :host {
    display: grid;
    grid-template-columns: minmax(0, 1fr) minmax(0, 43%);
    block-size: 100%;
    background: var(--pane);
  }
  main {
    display: flex;
    flex-direction: column;
    min-block-size: 0;
    overflow-y: auto;
    padding: 40px 40px 40px 112px;
  }
  .in {
    max-inline-size: 528px;
    inline-size: 100%;
    display: grid;
    gap: 20px;
  }
  .brand {
    display: flex;
    align-items: center;
    gap: 12px;
    font: 600 var(--t4);
    letter-spacing: -0.01em;
  }
  .brand dt-joint {
    inline-size: 35px;
    block-size: 20px;
    margin-inline-start: -4px;
  }
  h1 {
    font: 600 var(--t7);
    letter-spacing: -0.03em;
    margin: clamp(32px, 12vh, 128px) 0 12px;
    text-wrap: balance;
  }
  h1.step {
    font: 600 var(--t6);
    letter-spacing: -0.02em;
    margin: clamp(24px, 6vh, 64px) 0 0;
  }
  .opt {
    display: grid;
    grid-template-columns: minmax(0, 1fr) 20px;
    gap: 2px 16px;
    padding: 20px 16px;
    margin: 0 -16px;
    border: 0;
    border-block-start: 1px solid var(--line);
    background: none;
    align-items: center;
    text-align: start;
    inline-size: calc(100% + 32px);
  }
  .opts > :last-child .opt {
    border-block-end: 1px solid var(--line);
  }
  .opt:hover {
    background: var(--ground);
  }
  .opt b {
    font: 600 var(--t4);
  }
  .opt span {
    grid-column: 1;
    color: var(--soft);
  }
  .opt .ic {
    grid-row: 1 / 3;
    grid-column: 2;
    color: var(--faint);
  }
  .ff {
    margin-block-start: auto;
    padding-block-start: 40px;
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 8px 24px;
    font: 400 var(--t2);
    color: var(--faint);
  }
  .ff bdi {
    font-weight: 500;
    color: var(--soft);
  }
  .ff button {
    border: 0;
    padding: 0;
    background: none;
    color: var(--soft);
    text-decoration: underline;
    text-underline-offset: 3px;
  }
  .side {
    background: var(--ground);
    border-inline-start: 1px solid var(--line);
    position: relative;
    overflow: hidden;
  }
  .side svg {
    position: absolute;
    inset: 0;
    inline-size: 100%;
    block-size: 100%;
  }
  .tail {
    fill: var(--mine);
  }
  .socket {
    fill: none;
    stroke: var(--edge);
    stroke-width: 1.5;
    transition: transform var(--joint-close) var(--ease);
  }
  .closed .socket {
    transform: translateX(-110px);
    fill: var(--theirs);
  }
  .code {
    display: flex;
    gap: 20px;
    font: 500 var(--t7);
    letter-spacing: 0.02em;
    direction: ltr;
  }
  .id {
    display: flex;
    align-items: center;
    gap: 12px;
    padding: 16px 0;
    border-block: 1px solid var(--line);
  }
  .id b {
    font: 600 var(--t3);
    overflow-wrap: anywhere;
  }
  .wait {
    display: flex;
    gap: 8px;
    align-items: center;
  }
  .choice {
    display: flex;
    gap: 12px;
    align-items: flex-start;
    min-block-size: 32px;
  }
  .choice input {
    inline-size: 18px;
    block-size: 18px;
    margin: 2px 0;
    accent-color: var(--ink);
    flex: none;
  }
  legend {
    font: 500 var(--t2);
    padding: 0 0 6px;
  }
  .warn {
    padding: 12px;
    border-radius: var(--r2);
    background: var(--open-wash);
    font: 400 var(--t2);
  }
  .protects {
    display: grid;
    gap: 12px;
  }
  @media (max-width: 1079px) {
    main {
      padding: 32px;
    }
    :host {
      grid-template-columns: minmax(0, 1fr) minmax(0, 30%);
    }
    /* As wide as there is room: both halves of the joint are seen. What is above and below goes on. */
    .side svg {
      block-size: auto;
      aspect-ratio: 620 / 900;
      margin-block: auto;
      overflow: visible;
    }
  }
  @media (max-width: 639px) {
    :host {
      grid-template-columns: minmax(0, 1fr);
    }
    .side {
      display: none;
    }
    main {
      padding: 24px 20px calc(24px + env(safe-area-inset-bottom));
    }
    h1 {
      font: 600 var(--t6);
      letter-spacing: -0.02em;
    }
    .ff button {
      min-block-size: 32px;
    }
  }
  :host(:dir(rtl)) :is(.opt .ic, .side svg) {
    transform: scaleX(-1);
  }
`;
