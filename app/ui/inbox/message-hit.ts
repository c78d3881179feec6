/** One message as a row of a list: with whom, when, what it says. */
import type { MessageView, PlaceView } from "@dovetail/core";
import { html, nothing, type TemplateResult } from "lit";
import { listTime } from "../words/times.ts";
import { say } from "../words/say.ts";

export interface HitRow {
  readonly place: PlaceView;
  readonly message: MessageView;
  /** What stands of its text. */
  readonly words: TemplateResult;
  readonly isSelected: boolean;
  readonly open: () => void;
}

export function hitRow({ message, place, words, isSelected, open }: HitRow): TemplateResult {
  return html`<a
    class="row ${isSelected ? "sel" : ""}"
    href="#/inbox"
    aria-current=${isSelected ? "true" : nothing}
    @click=${(event: MouseEvent) => {
      event.preventDefault();
      open();
    }}
  >
    <dt-avatar .name=${place.name} ?room=${place.contact === null}></dt-avatar>
    <span class="in">
      <span class="l1">
        <span class="nm"><bdi>${place.name}</bdi></span>
        <time datetime=${new Date(message.sentAtMs).toISOString()}>${listTime(message.sentAtMs, Date.now())}</time>
      </span>
      <span class="hit">${message.isOwn ? html`<span class="faint">${say("hitYou")}</span> ` : nothing}${words}</span>
    </span>
  </a>`;
}
