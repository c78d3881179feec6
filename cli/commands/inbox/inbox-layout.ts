/** Conversations and messages as lines of a page of any width. */
import type { ConversationView, DeliveryState, MessageView, StarredMessage } from "@dovetail/core";
import { shortId } from "../../errors/error-words.ts";
import { layOutTable } from "../../output/columns.ts";
import { localDay, localTime, shortTime } from "../../output/local-time.ts";
import type { Page } from "../../output/output.ts";
import { plainLine, plainLines } from "../../output/plain-text.ts";
import { truncateText, wrapText } from "../../output/text-width.ts";

const INDENT = "  ";
/** Less of a name says nothing. */
const NAME_WIDTH_MIN = 8;
/** A preview is one line; more of a long message would only be cut. */
const PREVIEW_CHARS = 200;

const STATE_WORDS: Readonly<Record<DeliveryState, string>> = {
  kept: "kept here",
  sent: "sent",
  delivered: "delivered",
  failed: "not sent",
  received: "",
  elsewhere: "",
};

/** The list of conversations, newest first. */
export function layOutConversations(
  conversations: readonly ConversationView[],
  tagNames: ReadonlyMap<string, string>,
  page: Page,
): readonly string[] {
  const nowMs = Date.now();
  return layOutTable(
    [
      { title: "CONTACT", shareMax: 0.3 },
      { title: "NEW", align: "end" },
      { title: "WHEN" },
      { title: "LAST MESSAGE", isFlexible: true },
    ],
    conversations.map(({ contact, unreadCount, lastMessage, tagIds, isMuted }) => {
      const tags = tagIds.map((id) => `#${plainLine(tagNames.get(id) ?? shortId(id))} `).join("");
      const preview =
        lastMessage === null
          ? describeSilence(contact.state)
          : plainLine(lastMessage.text.slice(0, PREVIEW_CHARS));
      return [
        { text: plainLine(contact.name), style: unreadCount > 0 ? "strong" : undefined },
        { text: unreadCount === 0 ? "" : String(unreadCount), style: "strong" },
        { text: shortTime(lastMessage?.sentAtMs ?? contact.addedAtMs, nowMs), style: "faint" },
        {
          text: `${isMuted ? "muted · " : ""}${tags}${lastMessage?.isOwn === true ? "you: " : ""}${preview}`,
        },
      ];
    }),
    page,
  );
}

function describeSilence(state: ConversationView["contact"]["state"]): string {
  if (state === "incoming") return "wants to write to you";
  if (state === "blocked") return "blocked";
  if (state === "known") return "not asked yet";
  return state === "requested" ? "asked; waits for an answer" : "no messages yet";
}

/** Messages in the order given, under a line for each day. */
export function layOutMessages(
  nameOf: (message: MessageView) => string,
  messages: readonly MessageView[],
  page: Page,
): readonly string[] {
  const { paint } = page;
  let day = "";
  return messages.flatMap((message) => {
    const messageDay = localDay(message.sentAtMs);
    const dayLines = messageDay === day ? [] : [paint(messageDay, "faint")];
    day = messageDay;
    return [...dayLines, ...layOutMessage(message, plainLine(nameOf(message)), page)];
  });
}

/** A line with who and when, then the text, indented, so that no text can pass for such a line. */
export function layOutMessage(
  message: MessageView,
  contactName: string,
  { width, paint }: Page,
): readonly string[] {
  const { id, sentAtMs, isOwn, isStarred, isRedacted, state, failure, text } = message;
  const stateWords = isRedacted
    ? "taken back"
    : failure === "closed"
      ? "not sent: the other side closed this conversation"
      : failure === "deleted"
        ? "kept here: their server says the account was deleted"
        : STATE_WORDS[state];
  const words = [isStarred ? "starred" : "", stateWords, shortId(id)].filter((word) => word !== "");
  const time = localTime(sentAtMs).slice(11);
  const facts = words.join(", ");
  const room = Math.max(NAME_WIDTH_MIN, width - time.length - facts.length - 2);
  const name = isOwn ? "you" : truncateText(contactName, room);
  const head = `${paint(time, "faint")} ${paint(name, "strong")} ${paint(facts, "faint")}`;
  const body = plainLines(text).flatMap((line) => wrapText(line, width - INDENT.length));
  return [head, ...body.map((line) => (INDENT + line).trimEnd())];
}

/** Messages of several conversations: a line with when, who and where, then the text. */
export function layOutStarred(starred: readonly StarredMessage[], page: Page): readonly string[] {
  const { paint, width } = page;
  return starred.flatMap(({ message, contact, ...place }) => {
    const name = plainLine(contact === null ? `in ${place.name}` : place.name);
    const time = localTime(message.sentAtMs);
    const id = shortId(message.id);
    const room = Math.max(NAME_WIDTH_MIN, width - time.length - id.length - 2);
    const who = truncateText(message.isOwn ? `you ${contact === null ? "" : "to "}${name}` : name, room);
    const body = plainLines(message.text).flatMap((line) => wrapText(line, width - INDENT.length));
    return [
      `${paint(time, "faint")} ${paint(who, "strong")} ${paint(id, "faint")}`,
      ...body.map((line) => (INDENT + line).trimEnd()),
    ];
  });
}
