/** Which conversations stand in which mailbox, and which of them a search keeps. */
import type { ConversationView } from "@dovetail/core";
import type { Session } from "../session/session.ts";
import type { Route } from "../session/route.ts";

/** Those of the mailbox `route` names, in their order. */
export function conversationsOf(
  { views, drafts }: Session,
  { section, tagId }: Pick<Route, "section" | "tagId">,
): readonly ConversationView[] {
  return views.conversations.filter(({ id, contact, isArchived, tagIds }) => {
    if (section === "requests") return contact.state === "incoming";
    if (contact.state !== "accepted" && contact.state !== "requested") return false;
    if (section === "drafts") return drafts.textOf(id) !== "";
    if (section === "archive") return isArchived;
    return tagId === null ? !isArchived : tagIds.includes(tagId);
  });
}

/** Those whose person is called so. */
export function matching(
  conversations: readonly ConversationView[],
  query: string,
): readonly ConversationView[] {
  const wanted = folded(query);
  if (wanted === "") return conversations;
  return conversations.filter(({ contact }) =>
    [contact.name, contact.displayName, contact.handle].some(
      (name) => name !== null && folded(name).includes(wanted),
    ),
  );
}

/** Without case and accents, as people type names. */
function folded(text: string): string {
  return text.trim().normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();
}
