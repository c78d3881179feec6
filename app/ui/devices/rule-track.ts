/**
 * The rule: a bar for each device on one axis of time, up to what it signed; the head is a board with a socket for each.
 * A tail fits only when the device signed for all that this one holds. Beside words, so it is hidden from readers.
 */
import { css, html, nothing, svg, type TemplateResult } from "lit";
import { styled } from "../parts/styled.ts";
import type { FrontierWords } from "../words/frontier-words.ts";
import { text } from "../words/say.ts";
import { shortDay } from "../words/times.ts";

const DAY_MS = 86_400_000;
const SHOWN_DAYS = 7;
const BOARD = "M4 0H26V68H4V41.5L20 47V21L4 26.5Z";
const TAIL = "M-1 29H4L18.2 24V44L4 39H-1Z";
/** Of the board, and of a tail that stands free. */
const BOARD_PX = 26;
const TAIL_PX = 18;
const NOW_SHARE = 0.92;

/** Where on the axis a time lies: 0 at its beginning, 1 now. */
function shareOf(timeMs: number, nowMs: number): number {
  return Math.min(1, Math.max(0, 1 - (nowMs - timeMs) / (SHOWN_DAYS * DAY_MS)));
}

/** When the days of the axis began, the first one first. */
function daysOf(nowMs: number): readonly number[] {
  const midnights = Array.from({ length: SHOWN_DAYS }, (_, back) => {
    const day = new Date(nowMs);
    day.setHours(0, 0, 0, 0);
    // By the calendar: where the clock is put back or ahead a day has 25 hours or 23.
    return day.setDate(day.getDate() - back);
  });
  return midnights.reverse();
}

/** The days of the axis, each where it begins. */
export function ruleAxis(nowMs: number): TemplateResult {
  // What begins just now would lie under the word for now.
  const days = daysOf(nowMs).filter((day) => shareOf(day, nowMs) < NOW_SHARE);
  return html`<div class="axis" aria-hidden="true">
    ${days.map((day) => html`<span ${styled({ "inset-inline-start": at(shareOf(day, nowMs)) })}>${shortDay(day)}</span>`)}
    <span class="now">${text("ruleNow")}</span>
  </div>`;
}

/** The lines of the days, behind the bars. */
function dayLines(nowMs: number): readonly TemplateResult[] {
  return daysOf(nowMs).map(
    (day) => html`<span class="dy" ${styled({ "inset-inline-start": at(shareOf(day, nowMs)) })}></span>`,
  );
}

export function ruleTrack(words: FrontierWords | null, nowMs: number): TemplateResult {
  const board = html`${dayLines(nowMs)}<svg class="bd" viewBox="0 0 26 68">${svg`<path d=${BOARD}></path>`}</svg>`;
  if (words === null || words.endMs === null)
    return html`<span class="tk" aria-hidden="true">${board}</span>`;
  const end = words.isFitted
    ? `calc(100% - ${BOARD_PX}px)`
    : `max(0px, calc((100% - ${BOARD_PX}px) * ${shareOf(words.endMs, nowMs).toFixed(4)} - ${TAIL_PX}px))`;
  return html`<span class="tk" aria-hidden="true"
    >${board}<i ${styled({ "inline-size": end })}></i
    ><svg class="tl" viewBox="0 0 26 68" ${styled({ "inset-inline-start": end })}>${svg`<path d=${TAIL}></path>`}</svg
    >${words.tone === "open" ? html`<span class="lb" ${styled({ "inset-inline-start": end })}>${text("ruleNothingSince")}</span>` : nothing}</span
  >`;
}

const at = (share: number): string => `calc((100% - ${BOARD_PX}px) * ${share.toFixed(4)})`;

export const ruleStyles = css`
  .axis {
    position: relative;
    block-size: 24px;
    font: 400 var(--t1);
    color: var(--faint);
  }
  .axis span {
    position: absolute;
    white-space: nowrap;
  }
  .axis .now {
    inset-inline-end: 0;
    color: var(--ink);
    font-weight: 500;
  }
  .tk {
    position: relative;
    display: block;
    block-size: 68px;
    overflow: hidden;
  }
  .tk .dy {
    position: absolute;
    inset-block: 0;
    inline-size: 1px;
    background: var(--line);
  }
  .tk i {
    position: absolute;
    inset-inline-start: 0;
    inset-block-start: 29px;
    block-size: 10px;
    background: var(--ink);
  }
  .tk svg {
    position: absolute;
    inset-block-start: 0;
    block-size: 68px;
    inline-size: 26px;
    fill: var(--ink);
    overflow: visible;
  }
  .tk .bd {
    inset-inline-end: 0;
  }
  /* Between the tail and the board; where it is too narrow the words go to a second line, which does not show. */
  .tk .lb {
    position: absolute;
    inset-block-start: 26px;
    inset-inline-end: 30px;
    block-size: 16px;
    padding-inline-start: 28px;
    display: flex;
    flex-wrap: wrap;
    overflow: hidden;
    font: 400 var(--t1);
    color: var(--faint);
    white-space: nowrap;
  }
  .tk .lb::before {
    content: "";
    inline-size: 1px;
    block-size: 100%;
  }
  :host(:dir(rtl)) .tk svg {
    transform: scaleX(-1);
  }
  @media (max-width: 1079px) {
    /* No room for the names of days. */
    .axis,
    .tk .dy {
      display: none;
    }
  }
  @media (max-width: 639px) {
    .tk {
      block-size: 32px;
    }
    .tk svg {
      inset-block-start: -18px;
    }
    .tk i {
      inset-block-start: 11px;
    }
    .tk .lb {
      inset-block-start: 8px;
    }
  }
  @media (forced-colors: active) {
    .tk i {
      background: CanvasText;
    }
    .tk svg {
      fill: CanvasText;
    }
  }
`;
