/** The frame of a conversation: header, log, button to the end. */
import { css } from "lit";

export const conversationStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    min-inline-size: 0;
    min-block-size: 0;
    background: var(--pane);
  }
  .none {
    flex: 1;
    padding: 64px 24px;
  }
  header {
    min-block-size: 60px;
    flex: none;
    display: flex;
    align-items: center;
    gap: 12px;
    padding: 8px 16px 8px 24px;
    border-block-end: 1px solid var(--line);
    --avatar: 32px;
  }
  .back {
    display: none;
  }
  :host([framed]) .back {
    display: grid;
  }
  .who {
    margin-inline-end: auto;
    min-inline-size: 0;
  }
  h2 {
    font: 600 var(--t3);
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .vf {
    font: 400 var(--t1);
    color: var(--soft);
  }
  .log-frame {
    position: relative;
    flex: 1;
    min-block-size: 0;
    display: flex;
  }
  .log {
    flex: 1;
    min-inline-size: 0;
    overflow-y: auto;
    overflow-anchor: none;
    overscroll-behavior: contain;
    padding: 0 24px;
    display: flex;
    flex-direction: column;
  }
  .sizer {
    position: relative;
    flex: none;
    inline-size: 100%;
    max-inline-size: 728px;
    margin: auto auto 0;
  }
  .row {
    position: absolute;
    inset-block-start: 0;
    inset-inline: 0;
    display: flow-root;
  }
  .row.last {
    padding-block-end: 2px;
  }
  .empty {
    padding: 24px 0;
    inline-size: 100%;
    max-inline-size: 728px;
    margin-inline: auto;
  }
  .empty {
    display: grid;
    gap: 12px;
  }
  .waits {
    padding: 12px 24px 0;
    inline-size: 100%;
    max-inline-size: 776px;
    margin-inline: auto;
  }
  .to-end {
    position: absolute;
    inset-block-end: 8px;
    inset-inline-end: 24px;
    background: var(--raised);
    z-index: var(--z-sticky);
    padding-inline: 12px;
    box-shadow: var(--lift);
  }
  .to-end > .ic {
    margin: 0;
  }
  .to-end span {
    margin-inline-start: 8px;
    color: var(--chalk);
    font-weight: 600;
  }
  @media (max-width: 639px) {
    header {
      padding: 8px 4px;
      gap: 8px;
    }
    .back {
      display: grid;
    }
    .log {
      padding: 0 16px;
    }
  }
  /* There is nothing to go back to. */
  :host([alone]) .back {
    display: none;
  }
  :host([alone]) header {
    padding-inline-start: 16px;
  }
  :host(:dir(rtl)) .back .ic {
    transform: scaleX(-1);
  }
  .stopped {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 8px 16px;
    padding: 12px 24px;
    background: var(--stop-wash);
    color: var(--stop);
    font: 500 var(--t2);
  }
`;
