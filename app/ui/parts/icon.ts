/** The line icons, drawn on a grid of 20. They are decoration: what a control does is said in words. */
import { html, svg, type TemplateResult } from "lit";

const PATHS = {
  inbox: "M3 11.5V16h14v-4.5M3 11.5 5.5 4h9L17 11.5M3 11.5h4l1.2 2h3.6l1.2-2h4",
  people: "M10 3.8a3.2 3.2 0 1 1 0 6.4 3.2 3.2 0 0 1 0-6.4M3.8 17c.6-3.4 3-5 6.2-5s5.6 1.6 6.2 5",
  room: "M3.5 3.5h13v13h-13zM7 8h6M7 12h4",
  note: "M4 3.5h12v13H4zM7 7.5h6M7 10.5h6M7 13.5h3",
  list: "m3 5.2 1.3 1.3 2.4-2.6M10 5.5h7M3 10.2l1.3 1.3 2.4-2.6M10 10.5h7M3 15.2l1.3 1.3 2.4-2.6M10 15.5h7",
  request:
    "M8 3.8a3.2 3.2 0 1 1 0 6.4 3.2 3.2 0 0 1 0-6.4M2.3 17c.5-3.4 2.6-5 5.7-5 1.3 0 2.5.3 3.4.8M15.5 11v6M12.5 14h6",
  star: "m10 3 2.1 4.6 5 .6-3.7 3.4 1 5L10 14.1l-4.4 2.5 1-5L2.9 8.2l5-.6z",
  archive: "M3 4h14v3.5H3zM4.2 7.5V16h11.6V7.5M8 11h4",
  draft: "m4 16 .8-3.6L13.2 4 16 6.8l-8.4 8.4zM11.5 5.7l2.8 2.8",
  hash: "M4 7.5h12.5M3.5 12.5H16M8.2 3.5l-1.6 13M13.4 3.5l-1.6 13",
  tag: "M3 3.5h6.5l7.5 7.5-6 6L3.5 9.5zM6.5 7h.1",
  devices: "M2.5 4h11v8h-11zM1.5 15h8.5M13.5 8h5v9h-5z",
  settings: "M3 6h7M14 6h3M3 14h3M10 14h7M12 4a2 2 0 1 1 0 4 2 2 0 0 1 0-4M8 12a2 2 0 1 1 0 4 2 2 0 0 1 0-4",
  search: "M9 4a5 5 0 1 1 0 10A5 5 0 0 1 9 4M13 13l4 4",
  new: "M16.5 10.5V17H3V3.5h6.5M9 11l7.5-7.5",
  more: "M4.5 10h.1M10 10h.1M15.5 10h.1",
  up: "M10 16V4.5M5 9l5-5 5 5",
  down: "M10 4v11.5M5 11l5 5 5-5",
  back: "M12.5 4 6.5 10l6 6",
  forward: "m7.5 4 6 6-6 6",
  check: "m4 10.5 4 4 8-9",
  clock: "M10 3a7 7 0 1 1 0 14 7 7 0 0 1 0-14M10 6v4l2.6 2",
  link: "M8.5 11.5 11.5 8.5M9 6l1.6-1.6a3.5 3.5 0 0 1 5 5L14 11M11 14l-1.6 1.6a3.5 3.5 0 0 1-5-5L6 9",
  browser: "M2.5 4h15v12h-15zM2.5 7.5h15M5 5.8h.1",
  phone: "M6 2.5h8v15H6zM9 15h2",
  tablet: "M4 2.5h12v15H4zM9 15h2",
  terminal: "M2.5 4h15v12h-15zM5.5 8l2.2 2-2.2 2M10 12.5h4",
  muted: "M5.5 13.5V9a4.5 4.5 0 0 1 9 0v4.5l1.5 1.5H4zM8.5 17h3M3 3l14 14",
  server: "M3 4h14v5H3zM3 11h14v5H3zM6 6.5h.1M6 13.5h.1",
  offline: "M3 10a10 10 0 0 1 4-2.6M13 7.4A10 10 0 0 1 17 10M6 13a6 6 0 0 1 8 0M10 16.2v.1M4 3.5l12 13",
  warning: "M10 3 18 17H2zM10 8v4M10 14.4v.1",
  close: "m5 5 10 10M15 5 5 15",
} as const;

/** A name of the set. */
export type IconName = keyof typeof PATHS;

/** The icon called `name`. */
export function icon(name: IconName): TemplateResult {
  return html`<svg class="ic" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
    ${svg`<path d=${PATHS[name]} stroke-width=${name === "more" ? 2.4 : 1.5}></path>`}
  </svg>`;
}
