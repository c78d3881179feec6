/** A conversation as a row: who, when, the last words, what is new, how far the last own message has come. */
import type { ConversationView, MessageView } from "@dovetail/core";
import { html, nothing } from "lit";
import { icon } from "../parts/icon.ts";
import type { Session } from "../session/session.ts";
import { inDigits, say, text } from "../words/say.ts";
import { listTime } from "../words/times.ts";

export interface RowState {
  readonly isSelected: boolean;
  readonly open: () => void;
}

const PREVIEW_CHARS_MAX = 200;

export function inboxRow(conversation: ConversationView, session: Session, { isSelected, open }: RowState) {
  const { contact, lastMessage, unreadCount } = conversation;
  const timeMs = lastMessage?.sentAtMs ?? contact.addedAtMs;
  const isNew = unreadCount > 0 && contact.state === "accepted";
  return html`<a
    class="row ${isSelected ? "sel" : ""} ${isNew ? "new" : ""}"
    href="#/inbox"
    aria-current=${isSelected ? "true" : nothing}
    @click=${(event: MouseEvent) => {
      event.preventDefault();
      open();
    }}
  >
    <dt-avatar .name=${contact.name}></dt-avatar>
    <span class="in">
      <span class="l1">
        <span class="nm"><bdi>${contact.name}</bdi></span>
        <time datetime=${new Date(timeMs).toISOString()}>${listTime(timeMs, Date.now())}</time>
      </span>
      <span class="l2">
        <span class="pv">${preview(conversation, session)}</span>
        ${lastMessage?.isStarred === true ? icon("star") : nothing}
        ${isNew ? html`<span class="cnt"><span aria-hidden="true">${inDigits(unreadCount)}</span><span class="vh">${text("rowUnread", { count: unreadCount })}</span></span>` : joint(lastMessage)}
      </span>
    </span>
  </a>`;
}

function preview({ id, contact, lastMessage }: ConversationView, session: Session) {
  const draft = session.drafts.textOf(id);
  if (draft !== "") return say("rowDraft", { text: shortened(draft) });
  if (contact.state === "incoming" && lastMessage === null) return say("requestPreview");
  if (lastMessage === null)
    return contact.state === "requested" ? say("rowRequested", { name: contact.name }) : say("rowNothing");
  if (lastMessage.isRedacted) return say("redacted");
  const words = shortened(lastMessage.text);
  return lastMessage.isOwn ? say("rowYou", { text: words }) : html`<bdi>${words}</bdi>`;
}

function shortened(words: string): string {
  return words.slice(0, PREVIEW_CHARS_MAX).replace(/\s+/g, " ");
}

function joint(message: MessageView | null) {
  switch (message?.state) {
    case "kept":
      return html`<dt-joint state="kept"></dt-joint><span class="vh">${text("shortKept")}</span>`;
    case "sent":
      return html`<dt-joint state="half"></dt-joint><span class="vh">${text("shortSent")}</span>`;
    case "delivered":
      return html`<dt-joint state="joined"></dt-joint><span class="vh">${text("shortDelivered")}</span>`;
    case "failed":
      return html`<span class="bad t1">${say("shortFailed")}</span>`;
    default:
      return nothing;
  }
}
