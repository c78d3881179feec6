/** A note or list as a row: what it is called, what is in it, who changed it last and when. */
import type { RoomDocumentView } from "@dovetail/core";
import { html } from "lit";
import { icon } from "../parts/icon.ts";
import { say, text } from "../words/say.ts";
import { listTime } from "../words/times.ts";
import { summaryOf } from "./note-lines.ts";
import "../parts/dt-joint.ts";

/** `changer` is null for oneself. */
export function noteRow(note: RoomDocumentView, changer: string | null, open: () => void) {
  const { id, form, title, changedAtMs, unsentCount } = note;
  const isList = form === "list";
  return html`<a
    class="row"
    href="#/inbox"
    data-id=${id}
    @click=${(event: MouseEvent) => {
      event.preventDefault();
      open();
    }}
  >
    ${icon(isList ? "list" : "note")}
    <span>
      <span class="l">
        <span class="nm"><span class="vh">${text(isList ? "noteFormList" : "noteFormNote")} </span><bdi>${title}</bdi></span>
        <time datetime=${new Date(changedAtMs).toISOString()}>${listTime(changedAtMs, Date.now())}</time>
      </span>
      <span class="l">
        <span class="pv">${summaryOf(note)}</span>
        ${
          unsentCount > 0
            ? html`<dt-joint state="kept"></dt-joint><span class="vh">${text("stateKept")}</span>`
            : html`<span class="by">${changer === null ? say("you") : html`<bdi>${changer}</bdi>`}</span>`
        }
      </span>
    </span>
  </a>`;
}
