/** One row of a conversation: the line of a day, the mark of what is new, the message, its state. */
import type { MessageView } from "@dovetail/core";
import { css, html, nothing, type TemplateResult } from "lit";
import { icon } from "../parts/icon.ts";
import { messageText } from "../parts/message-text.ts";
import type { MessageKey } from "../words/en.ts";
import type { Echo } from "../session/echoes.ts";
import type { Thread } from "../session/threads.ts";
import { describeFailure } from "../words/failure-words.ts";
import { type Params, say, text } from "../words/say.ts";
import { clockTime, dayName, dayOf } from "../words/times.ts";
import "../parts/dt-joint.ts";

/** Messages of one author within this time stand together. */
const RUN_MS = 300_000;
/** Texts that differ by fewer characters than this mostly take as many lines. */
const SHAPE_CHARS = 6;

/** Something between messages: a device that came, somebody who joined. */
export interface TimelineLine {
  readonly id: string;
  readonly atMs: number;
  readonly words: TemplateResult;
  readonly isProven: boolean;
}

export interface RowContext {
  /** What the conversation is called. */
  readonly name: string;
  /** When this day began. */
  readonly todayMs: number;
  readonly kind: Thread["kind"];
  /** A message that is kept waits for this. */
  readonly waitsFor: "server" | "acceptance" | "stopped" | "joining" | "nothing";
  readonly authorOf: (message: MessageView) => string;
  readonly hasLinks: boolean;
  readonly firstNewId: string | null;
  readonly focusedId: string | null;
  readonly setSize: number;
  readonly copy: (message: MessageView) => void;
  readonly sendAgain: (message: MessageView) => void;
  readonly star: (message: MessageView) => void;
  readonly remove: (message: MessageView) => void;
  /** There are messages from before what is loaded. */
  readonly hasOlder: boolean;
  /** Oldest first. */
  readonly lines: readonly TimelineLine[];
  /** Pointed out, as found. */
  readonly foundId: string | null;
  /** Whose acts are shown. */
  readonly actingId: string | null;
  readonly act: (event: Event, message: MessageView) => void;
}

export interface Neighbours {
  readonly before: MessageView | undefined;
  readonly after: MessageView | undefined;
}

/** The row of `message`; `position` counts from 1 in the whole conversation. */
export function messageRow(
  message: MessageView,
  { before, after }: Neighbours,
  position: number,
  context: RowContext,
): TemplateResult {
  const isFirstOfDay = before === undefined || dayOf(before.sentAtMs) !== dayOf(message.sentAtMs);
  const isNew = context.firstNewId === message.id;
  const since = before?.sentAtMs ?? Number.NEGATIVE_INFINITY;
  const isApart = (from: number, to: number) => context.lines.some(({ atMs }) => atMs > from && atMs <= to);
  const joins = !isFirstOfDay && !isNew && !isApart(since, message.sentAtMs) && isRun(before, message);
  const joined =
    after !== undefined &&
    dayOf(after.sentAtMs) === dayOf(message.sentAtMs) &&
    !isApart(message.sentAtMs, after.sentAtMs) &&
    isRun(message, after);
  const side = message.isOwn ? "me" : "they";
  // Lines from before what is loaded come with the messages around them.
  const from = before === undefined && context.hasOlder ? message.sentAtMs : since;
  const dayStart = new Date(message.sentAtMs).setHours(0, 0, 0, 0) - 1;
  const linesIn = (from: number, to: number) =>
    context.lines.filter(({ atMs }) => atMs > from && atMs <= to).map(timelineLine);
  const showsAuthor = context.kind === "room" && !message.isOwn && !joins;
  return html`
    ${isFirstOfDay ? linesIn(from, dayStart) : nothing}
    ${isFirstOfDay ? html`<div class="day">${dayName(message.sentAtMs, context.todayMs)}</div>` : nothing}
    ${linesIn(isFirstOfDay ? Math.max(from, dayStart) : from, message.sentAtMs)}
    ${isNew ? html`<div class="day new">${say("newBelow")}</div>` : nothing}
    ${showsAuthor ? html`<p class="by" aria-hidden="true"><bdi>${context.authorOf(message)}</bdi></p>` : nothing}
    <div
      class="m ${side} ${joins ? "j" : "first"} ${joined ? "k" : ""} ${context.foundId === message.id ? "found" : ""}"
      role="article"
      @click=${(event: Event) => context.act(event, message)}
      tabindex=${context.focusedId === message.id ? 0 : -1}
      data-id=${message.id}
      aria-label=${labelOf(message, context)}
      aria-setsize=${context.setSize}
      aria-posinset=${position}
    >
      <span class="t" dir="auto">${message.isRedacted ? html`<i>${say("redacted")}</i>` : messageText(message.text, context.hasLinks)}</span
      ><time datetime=${new Date(message.sentAtMs).toISOString()}
        >${message.isStarred ? html`<span class="starred">${icon("star")}</span>` : nothing}${clockTime(message.sentAtMs)}</time
      >
    </div>
    ${context.actingId === message.id ? actsLine(message, context) : nothing}
    ${stateLine(message, after, context)}
    ${after === undefined ? linesIn(message.sentAtMs, Number.POSITIVE_INFINITY) : nothing}
  `;
}

/** What decides how high the row of `message` is, as far as it can be told without drawing it. */
export function rowShape(
  message: MessageView,
  { before, after }: Neighbours,
  kind: Thread["kind"] | null,
): string {
  const isFirstOfDay = before === undefined || dayOf(before.sentAtMs) !== dayOf(message.sentAtMs);
  const joins = !isFirstOfDay && isRun(before, message);
  const parts = [
    after === undefined,
    isFirstOfDay,
    joins,
    kind === "room" && !message.isOwn && !joins,
    hasStateLine(message, after) ? message.state : "",
    message.isRedacted || message.text.split("\n").length,
    Math.ceil(message.text.length / SHAPE_CHARS),
  ];
  return parts.join();
}

/** A line between messages. */
export function timelineLine({ words, isProven }: TimelineLine): TemplateResult {
  return html`<p class="ev ${isProven ? "proven" : ""}">${isProven ? icon("check") : nothing}<span>${words}</span></p>`;
}

function actsLine(message: MessageView, { star, copy, remove }: RowContext) {
  return html`<div class="do ${message.isOwn ? "me" : ""}" role="group" aria-label=${text("messageActions")}>
    <button class="btn line" type="button" @click=${() => star(message)}>
      ${icon("star")}${say(message.isStarred ? "unstar" : "star")}
    </button>
    <button class="btn line" type="button" @click=${() => copy(message)}>${say("copyText")}</button>
    <button class="btn line" type="button" @click=${() => remove(message)}>${say("deleteIt")}</button>
  </div>`;
}

/** What was sent a moment ago and is not stored yet. */
export function echoRow(echo: Echo): TemplateResult {
  return html`<div class="echo">
    <div class="m me" role="article">
      <span class="t" dir="auto">${messageText(echo.text, false)}</span
      ><time datetime=${new Date(echo.sentAtMs).toISOString()}>${clockTime(echo.sentAtMs)}</time>
    </div>
    <div class="st"><span>${say("stateStoring")}</span></div>
  </div>`;
}

function isRun(before: MessageView | undefined, message: MessageView): boolean {
  return (
    before !== undefined &&
    before.author === message.author &&
    message.sentAtMs - before.sentAtMs < RUN_MS &&
    before.state !== "failed"
  );
}

/** Below the last own message that has its state, and below each that failed. */
function hasStateLine(message: MessageView, after: MessageView | undefined): boolean {
  return (
    message.isOwn && (message.state === "failed" || after?.isOwn !== true || after.state !== message.state)
  );
}

/** The state in words and as a joint. */
function stateLine(message: MessageView, after: MessageView | undefined, context: RowContext) {
  if (!hasStateLine(message, after)) return nothing;
  switch (message.state) {
    case "kept":
      return line(
        context.waitsFor === "nothing" ? nothing : html`<dt-joint state="kept"></dt-joint>`,
        message.failure === "deleted" ? "stateDeleted" : WAITS[context.waitsFor],
        context,
      );
    case "sent":
      return line(
        html`<dt-joint state="half"></dt-joint>`,
        context.kind === "room" ? "stateSentRoom" : "stateSent",
        context,
      );
    case "delivered":
      return line(html`<dt-joint state="joined"></dt-joint>`, "stateDelivered", context);
    case "elsewhere":
      return line(nothing, "stateElsewhere", context);
    case "failed":
      return failedLine(message, context);
    case "received":
      return nothing;
  }
}

const WAITS = {
  server: "stateKept",
  acceptance: "stateWaitsAccept",
  stopped: "stateWaitsStopped",
  joining: "stateWaitsRoom",
  nothing: "failedOutside",
} as const satisfies Record<RowContext["waitsFor"], MessageKey>;

function failedLine(message: MessageView, { copy, sendAgain, remove, waitsFor }: RowContext) {
  const words = describeFailure(message.failure);
  const { key } = words;
  // Nothing goes into a room one is not in.
  const canSendAgain = words.canSendAgain && waitsFor !== "nothing";
  return html`<div class="st bad">
    <span>${say(key)}</span>
    <button type="button" @click=${() => copy(message)}>${text("copy")}</button>
    ${canSendAgain ? html`<button type="button" @click=${() => sendAgain(message)}>${text("sendAgain")}</button>` : nothing}
    <button type="button" @click=${() => remove(message)}>${text("deleteIt")}</button>
  </div>`;
}

function line(joint: TemplateResult | typeof nothing, key: MessageKey, { name }: RowContext) {
  return html`<div class="st">${joint}<span>${say(key, { name })}</span></div>`;
}

const SHORT_STATES = {
  kept: "shortKept",
  sent: "shortSent",
  delivered: "shortDelivered",
  elsewhere: "stateElsewhere",
  failed: "shortFailed",
} as const;

function labelOf(message: MessageView, { authorOf }: RowContext): string {
  const shown = message.isRedacted ? text("redacted") : message.text;
  const params: Params = { name: authorOf(message), text: shown, time: clockTime(message.sentAtMs) };
  const label =
    message.state === "received"
      ? text("messageTheirs", params)
      : text("messageMine", { ...params, state: text(SHORT_STATES[message.state]) });
  return message.isStarred ? text("messageStarred", { label }) : label;
}

export const messageRowStyles = css`
  .day {
    display: flex;
    align-items: center;
    gap: 12px;
    font: 500 var(--t1);
    color: var(--faint);
    padding: 24px 0 12px;
  }
  .day::after {
    content: "";
    flex: 1;
    block-size: 1px;
    background: var(--line);
  }
  .ev {
    display: flex;
    align-items: flex-start;
    gap: 8px;
    padding: 16px 0 4px;
    font: 400 var(--t2);
    color: var(--soft);
  }
  .ev .ic {
    inline-size: 16px;
    block-size: 16px;
    color: var(--proven);
  }
  .ev span {
    min-inline-size: 0;
    overflow-wrap: anywhere;
  }
  .ev time {
    display: inline-block;
    margin-inline-start: 8px;
    font: 400 var(--t1);
    color: var(--faint);
    white-space: nowrap;
  }
  .ev + .ev {
    padding-block-start: 2px;
  }
  .by {
    padding: 16px 12px 2px;
    font: 500 var(--t1);
    color: var(--soft);
    overflow-wrap: anywhere;
  }
  .by + .m.first {
    margin-block-start: 0;
  }
  .day + .by {
    padding-block-start: 0;
  }
  .day.new {
    color: var(--chalk);
    padding-block: 16px 4px;
  }
  .day.new::after {
    background: var(--chalk);
  }
  .m {
    display: flow-root;
    inline-size: fit-content;
    max-inline-size: min(480px, 92%);
    padding: 8px 12px;
    border-radius: var(--r3);
    margin-block-start: 2px;
    background: var(--theirs);
    font: 400 var(--t3);
    overflow-wrap: anywhere;
  }
  .m.found {
    outline: 2px solid var(--chalk);
    outline-offset: 2px;
  }
  .do {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
    padding: 6px 0;
  }
  .do.me {
    justify-content: flex-end;
  }
  .echo {
    flex: none;
    inline-size: 100%;
    max-inline-size: 728px;
    margin-inline: auto;
  }
  .m.first {
    margin-block-start: 16px;
  }
  .day + .m.first {
    margin-block-start: 0;
  }
  .m .t {
    unicode-bidi: isolate;
    white-space: pre-wrap;
  }
  .m.they.j {
    border-start-start-radius: var(--r1);
  }
  .m.they.k {
    border-end-start-radius: var(--r1);
  }
  .m.me {
    margin-inline-start: auto;
    background: var(--mine);
    color: var(--on-mine);
  }
  .m.me.j {
    border-start-end-radius: var(--r1);
  }
  .m.me.k {
    border-end-end-radius: var(--r1);
  }
  .m time {
    display: inline-flex;
    align-items: center;
    gap: 4px;
    white-space: nowrap;
    font: 400 var(--t1);
    color: var(--faint);
    float: inline-end;
    margin: 4px 0 0;
    margin-inline-start: 12px;
  }
  .m.me time {
    color: var(--on-mine-soft);
  }
  .starred .ic {
    inline-size: 12px;
    block-size: 12px;
    display: block;
  }
  .st {
    display: flex;
    justify-content: flex-end;
    align-items: center;
    gap: 6px;
    font: 400 var(--t1);
    color: var(--faint);
    margin-block-start: 4px;
    padding-inline-end: 4px;
    text-wrap: pretty;
  }
  .st > span {
    min-inline-size: 0;
    overflow-wrap: anywhere;
  }
  .st dt-joint {
    flex: none;
    inline-size: 17.5px;
    block-size: 10px;
    color: var(--soft);
  }
  .st.bad {
    flex-wrap: wrap;
    color: var(--stop);
  }
  .st.bad button {
    border: 0;
    background: none;
    padding: 4px;
    font: 600 var(--t1);
    color: var(--stop);
    text-decoration: underline;
    text-underline-offset: 2px;
  }
  @media (max-width: 639px) {
    .m {
      max-inline-size: min(318px, 92%);
      font: 400 var(--t4);
    }
  }
  @media (forced-colors: active) {
    .m {
      border: 1px solid CanvasText;
    }
    .m.me {
      border-inline-end-width: 4px;
    }
  }
`;
