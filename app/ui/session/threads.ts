/** What lists and panes show: conversations with people, and rooms, in one order. */
import type {
  AccountId,
  ContactView,
  ConversationView,
  MessageView,
  RoomHappeningView,
  RoomView,
} from "@dovetail/core";

/** The conversation with one person. */
export interface PersonThread extends ConversationView {
  readonly kind: "person";
  readonly name: string;
  readonly timeMs: number;
}

export interface RoomThread extends RoomView {
  readonly kind: "room";
  readonly timeMs: number;
}

export type Thread = PersonThread | RoomThread;

/** All of them, the one with the newest message first. */
export function threadsOf({
  conversations,
  rooms,
}: {
  readonly conversations: readonly ConversationView[];
  readonly rooms: readonly RoomView[];
}): readonly Thread[] {
  const all: Thread[] = [
    ...conversations.map((one) => ({
      ...one,
      kind: "person" as const,
      name: one.contact.name,
      timeMs: one.lastMessage?.sentAtMs ?? one.contact.addedAtMs,
    })),
    ...rooms.map((one) => ({
      ...one,
      kind: "room" as const,
      timeMs: one.lastMessage?.sentAtMs ?? one.sinceMs,
    })),
  ];
  return all.sort((a, b) => b.timeMs - a.timeMs || (a.id < b.id ? -1 : 1));
}

/** Whether somebody waits for an answer there. */
export function isAsking(thread: Thread): boolean {
  return thread.kind === "person" ? thread.contact.state === "incoming" : thread.state === "invited";
}

/** Whether it stands among the conversations: with somebody who was asked or accepted, in a room that was joined once. */
export function isListed(thread: Thread): boolean {
  if (thread.kind === "person")
    return thread.contact.state === "accepted" || thread.contact.state === "requested";
  return thread.state !== "invited" && thread.state !== "declined";
}

/** Whether one may write there. */
export function isOpen(thread: Thread): boolean {
  if (thread.kind === "room") return thread.state === "joined" || thread.state === "joining";
  return isListed(thread);
}

/** Whether what is new there counts. */
export function isHeard(thread: Thread): boolean {
  return thread.kind === "person" ? thread.contact.state === "accepted" : isListed(thread);
}

/**
 * Who wrote `message`, as they are called here; null for somebody of whom nothing is known any more. Who has left a room
 * is known from what happened there.
 */
export function authorName(
  thread: Thread,
  { author }: Pick<MessageView, "author">,
  contacts: readonly ContactView[],
  happenings: readonly RoomHappeningView[] = [],
): string | null {
  if (thread.kind === "person") return thread.name;
  return (
    contacts.find(({ accountId }) => accountId === author)?.name ??
    thread.members.find(({ accountId }) => accountId === author)?.name ??
    thread.former.findLast(({ accountId }) => accountId === author)?.name ??
    lastNameIn(happenings, author)
  );
}

function lastNameIn(happenings: readonly RoomHappeningView[], accountId: AccountId): string | null {
  for (const { happening } of happenings.toReversed())
    if ("accountId" in happening && happening.accountId === accountId) return happening.name;
  return null;
}
