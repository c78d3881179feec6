/** What is typed and not sent, by conversation, while the page is open. It is plaintext, so it is stored nowhere here. */
import type { ConversationId } from "@dovetail/core";
import type { Session } from "./session.ts";

const draftsBySession = new WeakMap<Session, Map<ConversationId, string>>();

export function draftOf(session: Session, conversationId: ConversationId): string {
  return draftsBySession.get(session)?.get(conversationId) ?? "";
}

export function setDraft(session: Session, conversationId: ConversationId, text: string): void {
  const drafts = draftsBySession.get(session) ?? new Map<ConversationId, string>();
  draftsBySession.set(session, drafts);
  if (text === "") drafts.delete(conversationId);
  else drafts.set(conversationId, text);
}
