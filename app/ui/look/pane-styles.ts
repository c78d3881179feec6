/** A pane that is read from top to bottom: a person, devices, tags, settings. */
import { css } from "lit";

export const paneStyles = css`
  :host {
    display: block;
    background: var(--pane);
  }
  .pane {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 32px;
    padding: 40px 64px 64px;
    max-inline-size: 1120px;
  }
  .narrow {
    max-inline-size: 728px;
  }
  .title {
    font: 600 var(--t6);
    letter-spacing: -0.02em;
    overflow-wrap: anywhere;
  }
  .head {
    display: flex;
    align-items: flex-start;
    gap: 16px;
    --avatar: 64px;
  }
  .head > :last-child {
    min-inline-size: 0;
  }
  .head > .btn:last-child {
    margin-inline-start: auto;
  }
  section {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 12px;
    max-inline-size: 560px;
    justify-items: stretch;
  }
  section > h2,
  section > h3 {
    font: 600 var(--t4);
  }
  .back {
    display: none;
    justify-self: start;
  }
  .rows {
    border-block-start: 1px solid var(--line);
  }
  .rows > li {
    display: flex;
    align-items: center;
    gap: 12px;
    min-block-size: 52px;
    padding: 6px 0;
    border-block-end: 1px solid var(--line);
  }
  .rows .grow {
    margin-inline-end: auto;
    min-inline-size: 0;
    overflow-wrap: anywhere;
  }
  @media (max-width: 1079px) {
    .pane {
      padding: 32px 32px 64px;
    }
  }
  @media (max-width: 639px) {
    .pane {
      padding: 20px 20px 40px;
      gap: 24px;
    }
    .back {
      display: grid;
      margin: -8px -12px;
    }
    .head {
      flex-wrap: wrap;
    }
  }
  :host(:dir(rtl)) .back .ic {
    transform: scaleX(-1);
  }
`;
