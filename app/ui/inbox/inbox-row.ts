/** A conversation or room as a row: who, when, the last words, what is new, how far the last own message has come. */
import type { MessageView } from "@dovetail/core";
import { html, nothing } from "lit";
import { icon } from "../parts/icon.ts";
import type { Session } from "../session/session.ts";
import { authorName, isHeard, type PersonThread, type RoomThread, type Thread } from "../session/threads.ts";
import { inDigits, say, text } from "../words/say.ts";
import { listTime } from "../words/times.ts";

export interface RowState {
  readonly isSelected: boolean;
  readonly open: () => void;
}

const PREVIEW_CHARS_MAX = 200;

export function inboxRow(thread: Thread, session: Session, { isSelected, open }: RowState) {
  const { name, lastMessage, unreadCount, timeMs, isMuted } = thread;
  const isUnread = unreadCount > 0 && isHeard(thread);
  const isNew = isUnread && !isMuted;
  return html`<a
    class="row ${isSelected ? "sel" : ""} ${isNew ? "new" : ""}"
    href="#/inbox"
    aria-current=${isSelected ? "true" : nothing}
    @click=${(event: MouseEvent) => {
      event.preventDefault();
      open();
    }}
  >
    <dt-avatar .name=${name} ?room=${thread.kind === "room"}></dt-avatar>
    <span class="in">
      <span class="l1">
        <span class="nm"><bdi>${name}</bdi></span>
        <time datetime=${new Date(timeMs).toISOString()}>${listTime(timeMs, Date.now())}</time>
      </span>
      <span class="l2">
        <span class="pv">${preview(thread, session)}</span>
        ${lastMessage?.isStarred === true ? icon("star") : nothing}
        ${isMuted ? html`${icon("muted")}<span class="vh">${text("rowMuted")}</span>` : nothing}
        ${isUnread ? html`<span class="cnt"><span aria-hidden="true">${inDigits(unreadCount)}</span><span class="vh">${text("rowUnread", { count: unreadCount })}</span></span>` : joint(lastMessage)}
      </span>
    </span>
  </a>`;
}

function preview(thread: Thread, session: Session) {
  const draft = session.drafts.textOf(thread.id);
  if (draft !== "") return say("rowDraft", { text: shortened(draft) });
  return thread.kind === "room" ? roomPreview(thread, session) : personPreview(thread);
}

function roomPreview(room: RoomThread, { views }: Session) {
  const { state, lastMessage } = room;
  if (state === "invited") {
    if (room.isOfTwo) return say("rowInvitedToTwo");
    const by = views.contacts.find(({ accountId }) => accountId === room.invitedBy);
    return by === undefined ? say("rowInvited") : say("rowInvitedBy", { name: by.name });
  }
  if (state === "joining") return say("rowJoining");
  if (state === "left") return say("rowLeft");
  if (state === "removed") return say("rowRemoved");
  if (lastMessage === null) return say("rowNothing");
  if (lastMessage.isRedacted) return say("redacted");
  const words = shortened(lastMessage.text);
  if (lastMessage.isOwn) return say("rowYou", { text: words });
  const name = authorName(room, lastMessage, views.contacts);
  return name === null ? html`<bdi>${words}</bdi>` : say("rowTheirs", { name, text: words });
}

function personPreview({ contact, lastMessage }: PersonThread) {
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
