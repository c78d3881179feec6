/** The lines of a file of messages, as every face writes it. Rules EX1, EX6; docs/CLI.md lists the fields. */
import { toBase64Url } from "../../base/bytes.ts";
import { EXPORT_VERSION } from "../../messenger/exported/export-line.ts";
import { encodeProof } from "../../messenger/exported/export-proof.ts";
import type { AccountView } from "../views/account-view.ts";
import type { ConversationView, ExportMessage } from "../views/conversation-view.ts";
import type { RoomView } from "../views/room-view.ts";

/** A line before it is written as JSON. */
export type MessagesLine = Readonly<Record<string, unknown>> & { readonly type: string };

/** What is exported: the conversation with a contact, or a room. */
export type ExportedPlace = ConversationView | RoomView;

/** The first line. */
export function exportHeadLine({ accountId, displayName }: AccountView, exportedAtMs: number): MessagesLine {
  return {
    type: "export",
    version: EXPORT_VERSION,
    exportedAtMs,
    account: { accountId, name: displayName },
  };
}

/** The line before the `messages` messages of a conversation. */
export function exportPlaceLine(place: ExportedPlace, messages: number): MessagesLine {
  const { id, isArchived } = place;
  if (!("contact" in place))
    return { type: "conversation", id, contact: null, room: { name: place.name }, isArchived, messages };
  const { accountId, name, handle, origin } = place.contact;
  return { type: "conversation", id, contact: { accountId, name, handle, origin }, isArchived, messages };
}

/** The line of a message. `ownName` is what the account calls itself; `sentAt` its time as ISO 8601 has it. */
export function exportMessageLine(
  place: ExportedPlace,
  { message, op, proof }: ExportMessage,
  { ownName, sentAt }: { readonly ownName: string; readonly sentAt: string },
): MessagesLine {
  const { id, conversationId, author, isOwn, device, sentAtMs, text, isStarred } = message;
  return {
    type: "message",
    id,
    conversationId,
    author,
    authorName: isOwn ? ownName : exportedName(place, message),
    isOwn,
    device,
    sentAtMs,
    sentAt,
    text,
    isStarred,
    op: toBase64Url(op),
    proof: proof === null ? null : toBase64Url(encodeProof(proof)),
  };
}

/** The last line: without it a file was cut off. EX2 */
export function exportEndLine(conversations: number, messages: number) {
  return { type: "end", conversations, messages } as const satisfies MessagesLine;
}

/** What the author of somebody else's message is called; empty for who is in the room no more. */
export function exportedName(place: ExportedPlace, { author }: ExportMessage["message"]): string {
  if ("contact" in place) return place.contact.name;
  return place.members.find(({ accountId }) => accountId === author)?.name ?? "";
}
