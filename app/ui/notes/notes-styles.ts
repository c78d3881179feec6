/** The frame of a room's notes: header, what stands in the way, and the column that is read or written in. */
import { css } from "lit";

export const notesStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    min-inline-size: 0;
    min-block-size: 0;
    background: var(--pane);
  }
  header {
    min-block-size: 60px;
    flex: none;
    display: flex;
    align-items: center;
    gap: 8px;
    padding: 8px 16px;
    border-block-end: 1px solid var(--line);
  }
  :host(:dir(rtl)) .back .ic {
    transform: scaleX(-1);
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
  .since {
    display: flex;
    align-items: center;
    gap: 6px;
    font: 400 var(--t1);
    color: var(--soft);
  }
  .since dt-joint {
    margin-inline-start: -8px;
  }
  .since > span {
    min-inline-size: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .scroll {
    flex: 1;
    min-block-size: 0;
    overflow-y: auto;
    overflow-anchor: none;
    overscroll-behavior: contain;
    padding: 16px 24px 24px;
    display: flex;
    flex-direction: column;
  }
  .column {
    flex: 1 0 auto;
    inline-size: 100%;
    max-inline-size: 728px;
    margin-inline: auto;
    display: flex;
    flex-direction: column;
    gap: 12px;
  }
  .fault {
    padding: 8px 12px;
    border-radius: var(--r2);
    background: var(--open-wash);
    font: 400 var(--t2);
  }
  dt-note-text {
    flex: 1 0 auto;
  }
  .empty {
    display: grid;
    gap: 12px;
    justify-items: start;
    padding-block-start: 8px;
  }
  a.row {
    display: grid;
    grid-template-columns: 20px minmax(0, 1fr);
    gap: 0 12px;
    align-items: center;
    min-block-size: 64px;
    padding: 10px 12px;
    margin-inline: -12px;
    border-radius: var(--r2);
    text-decoration: none;
  }
  li {
    padding-block: 2px;
  }
  li + li {
    border-block-start: 1px solid var(--line);
  }
  a.row:hover {
    background: var(--inset);
  }
  a.row > .ic {
    color: var(--soft);
  }
  .l {
    display: flex;
    align-items: baseline;
    gap: 12px;
    min-inline-size: 0;
  }
  .nm,
  .pv {
    flex: 1;
    min-inline-size: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .nm {
    font: 500 var(--t3);
  }
  .pv,
  .l time,
  .l .by {
    color: var(--soft);
    font: 400 var(--t2);
  }
  .l .by {
    flex: none;
    max-inline-size: 40%;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  @media (max-width: 639px) {
    header {
      padding: 8px 4px;
    }
    header .btn {
      margin-inline-end: 8px;
      padding-inline: 12px;
    }
    .scroll {
      padding: 12px 16px calc(16px + env(safe-area-inset-bottom));
    }
  }
`;
