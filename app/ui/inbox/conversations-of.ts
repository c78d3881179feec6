/** Which conversations and rooms stand in which mailbox, and which of them a search keeps. */
import type { Session } from "../session/session.ts";
import type { Route } from "../session/route.ts";
import { isAsking, isListed, type Thread } from "../session/threads.ts";

/** Those of the mailbox `route` names, in their order. */
export function conversationsOf(
  { views, drafts }: Session,
  { section, tagId }: Pick<Route, "section" | "tagId">,
): readonly Thread[] {
  return views.threads.filter((thread) => {
    const { id, isArchived, tagIds } = thread;
    if (section === "requests") return isAsking(thread);
    if (!isListed(thread)) return false;
    if (section === "drafts") return drafts.textOf(id) !== "";
    if (section === "archive") return isArchived;
    return tagId === null ? !isArchived : tagIds.includes(tagId);
  });
}

/** Those whose person or room is called so. */
export function matching(threads: readonly Thread[], query: string): readonly Thread[] {
  const wanted = folded(query);
  if (wanted === "") return threads;
  return threads.filter((thread) =>
    namesOf(thread).some((name) => name !== null && folded(name).includes(wanted)),
  );
}

function namesOf(thread: Thread): readonly (string | null)[] {
  if (thread.kind === "room") return [thread.name];
  const { name, displayName, handle } = thread.contact;
  return [name, displayName, handle];
}

/** Without case and accents, as people type names. */
function folded(text: string): string {
  return text.trim().normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();
}
