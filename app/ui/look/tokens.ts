/**
 * The tokens of the look, in one place: colours, type, space, radii, motion, layers.
 *
 * Custom properties inherit into every shadow root, so nothing else names a colour or a size of type. Four colours have a
 * meaning each: chalk = new, focus, link; proven = checked by cryptography; open = a question nobody has answered yet;
 * stop = halted or destructive.
 */
import { css } from "lit";

/** For the document; `data-theme` on the root element overrides what the system prefers. */
export const tokenStyles = css`
  :root {
    color-scheme: light dark;
    --font: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
    --mono: ui-monospace, "SF Mono", "Cascadia Mono", "Roboto Mono", Menlo, monospace;
    --t1: 12px/16px var(--font);
    --t2: 13px/18px var(--font);
    --t3: 15px/22px var(--font);
    --t4: 17px/24px var(--font);
    --t5: 22px/28px var(--font);
    --t6: 30px/36px var(--font);
    --t7: 48px/52px var(--font);
    --r1: 3px;
    --r2: 6px;
    --r3: 12px;
    --rf: 999px;
    --press: 80ms;
    --enter: 160ms;
    --pane-move: 240ms;
    --joint-close: 400ms;
    --ease: cubic-bezier(0.2, 0, 0, 1);
    --z-sticky: 10;
    --z-pane: 20;
    --z-sheet: 30;
    --z-menu: 40;
    --z-toast: 50;
    --z-alarm: 60;
    --z-lock: 70;
    --ground: light-dark(oklch(0.965 0.004 130), oklch(0.185 0.006 250));
    --pane: light-dark(oklch(0.995 0.001 130), oklch(0.215 0.006 250));
    --raised: light-dark(oklch(1 0 0), oklch(0.245 0.007 250));
    --inset: light-dark(oklch(0.935 0.005 130), oklch(0.29 0.008 250));
    --line: light-dark(oklch(0.895 0.006 130), oklch(0.325 0.008 250));
    --edge: light-dark(oklch(0.62 0.01 130), oklch(0.55 0.01 250));
    --ink: light-dark(oklch(0.24 0.012 250), oklch(0.94 0.004 130));
    --soft: light-dark(oklch(0.45 0.012 250), oklch(0.76 0.008 250));
    --faint: light-dark(oklch(0.51 0.012 250), oklch(0.69 0.008 250));
    --theirs: light-dark(oklch(0.945 0.005 130), oklch(0.285 0.008 250));
    --mine: light-dark(oklch(0.29 0.02 250), oklch(0.4 0.035 252));
    --on-mine: light-dark(oklch(0.98 0.003 130), oklch(0.97 0.003 130));
    --on-mine-soft: light-dark(oklch(0.8 0.01 250), oklch(0.82 0.01 250));
    --chalk: light-dark(oklch(0.5 0.17 258), oklch(0.76 0.115 252));
    --chalk-wash: light-dark(oklch(0.945 0.024 258), oklch(0.3 0.05 255));
    --on-chalk: light-dark(oklch(0.99 0.003 258), oklch(0.2 0.04 258));
    --proven: light-dark(oklch(0.48 0.105 158), oklch(0.78 0.12 160));
    --proven-wash: light-dark(oklch(0.95 0.035 158), oklch(0.29 0.035 160));
    --open: light-dark(oklch(0.5 0.1 70), oklch(0.82 0.11 85));
    --open-wash: light-dark(oklch(0.955 0.045 85), oklch(0.3 0.035 80));
    --stop: light-dark(oklch(0.52 0.19 27), oklch(0.74 0.14 25));
    --stop-wash: light-dark(oklch(0.955 0.019 27), oklch(0.29 0.05 25));
    --lift:
      0 1px 2px light-dark(oklch(0.24 0.012 250 / 0.08), oklch(0 0 0 / 0.4)),
      0 12px 32px -8px light-dark(oklch(0.24 0.012 250 / 0.18), oklch(0 0 0 / 0.6));
  }
  :root[data-theme="light"] {
    color-scheme: light;
  }
  :root[data-theme="dark"] {
    color-scheme: dark;
  }
  @media (prefers-reduced-motion: reduce) {
    :root {
      --press: 0ms;
      --enter: 0ms;
      --pane-move: 0ms;
      --joint-close: 0ms;
    }
  }
  html,
  body {
    margin: 0;
    block-size: 100%;
    background: var(--pane);
    color: var(--ink);
    font: 400 var(--t3);
    -webkit-font-smoothing: antialiased;
    overscroll-behavior: none;
  }
`;

/** Puts the tokens into the page; stylesheets that a script adopts need no inline style. */
export function adoptTokens(page: Document): void {
  const sheet = tokenStyles.styleSheet;
  if (sheet !== undefined) page.adoptedStyleSheets = [...page.adoptedStyleSheets, sheet];
}
