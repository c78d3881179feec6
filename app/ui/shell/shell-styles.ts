/** The frame: three columns, a rail and two, or one pane above a bar. */
import { css } from "lit";

export const shellStyles = css`
  :host {
    display: block;
    block-size: 100%;
  }
  /** Where the list with its heading is not shown, the page still has one. */
  .alone {
    display: none;
  }
  .frame {
    display: grid;
    block-size: 100%;
    grid-template-columns: 224px clamp(280px, 25vw, 440px) minmax(0, 1fr);
    grid-template-rows: minmax(0, 1fr);
  }
  .frame.wide {
    grid-template-columns: 224px minmax(0, 1fr);
  }
  .list {
    display: grid;
    min-block-size: 0;
    min-inline-size: 0;
    border-inline-end: 1px solid var(--line);
  }
  /* The list is part of what is main: on a phone it is all there is. */
  main {
    display: contents;
  }
  .pane {
    display: flex;
    flex-direction: column;
    min-block-size: 0;
    min-inline-size: 0;
    background: var(--pane);
  }
  .pane > :not(dt-strip) {
    flex: 1;
    min-block-size: 0;
  }
  .pane > :is(dt-devices, dt-settings, dt-tags, dt-person) {
    overflow-y: auto;
  }
  @media (min-width: 640px) and (max-width: 1079px) {
    .frame {
      grid-template-columns: 64px 320px minmax(0, 1fr);
    }
    .frame.wide {
      grid-template-columns: 64px minmax(0, 1fr);
    }
  }
  @media (max-width: 639px) {
    .alone {
      display: block;
    }
    .frame,
    .frame.wide {
      grid-template-columns: minmax(0, 1fr);
      grid-template-rows: minmax(0, 1fr) auto;
    }
    dt-nav {
      grid-row: 2;
    }
    .list,
    .pane {
      grid-row: 1;
      grid-column: 1;
      border: 0;
    }
    .shows-list .pane,
    .shows-pane .list {
      display: none;
    }
    /* A conversation takes the whole height; its back button leads to the list. */
    .shows-pane:not(.wide) dt-nav {
      display: none;
    }
  }
`;
