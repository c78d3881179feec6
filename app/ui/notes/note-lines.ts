/** What is said of a note or list in one line. */
import type { AccountId, ContactView, RoomDocumentView } from "@dovetail/core";
import { html, type TemplateResult } from "lit";
import { authorName, type RoomThread } from "../session/threads.ts";
import { say, text } from "../words/say.ts";

const SUMMARY_CHARS_MAX = 200;
const LABEL_CHARS_MAX = 60;

/** What a row shows of what is in it. */
export function summaryOf({
  form,
  text: written,
  items,
}: Pick<RoomDocumentView, "form" | "text" | "items">): TemplateResult {
  if (form === "list") {
    const done = items.filter(({ isDone }) => isDone).length;
    return items.length === 0 ? say("noteNoItems") : say("noteItems", { done, count: items.length });
  }
  if (form !== "note") return say("noteOther");
  const words = written.slice(0, SUMMARY_CHARS_MAX).replace(/\s+/g, " ").trim();
  return words === "" ? say("noteNothing") : html`<bdi>${words}</bdi>`;
}

/** What an item is called in the labels of its buttons. */
export function shortItem(item: string): string {
  const words = item.slice(0, LABEL_CHARS_MAX + 1).replace(/\s+/g, " ");
  return words.length > LABEL_CHARS_MAX ? `${words.slice(0, LABEL_CHARS_MAX).toWellFormed()}…` : words;
}

/** Who changed it last, as they are called here; null for oneself. */
export function changerName(
  room: RoomThread,
  accountId: AccountId,
  contacts: readonly ContactView[],
  self: AccountId | undefined,
): string | null {
  if (accountId === self) return null;
  return authorName(room, { author: accountId }, contacts) ?? text("someoneGone");
}

/** Who changed a note last, and when. */
export function changedLine(
  { changedBy }: Pick<RoomDocumentView, "changedBy">,
  nameOf: (accountId: AccountId) => string | null,
  time: string,
): TemplateResult {
  const name = nameOf(changedBy);
  return name === null ? say("noteChangedYou", { time }) : say("noteChanged", { name, time });
}
