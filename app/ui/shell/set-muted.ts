/** Muting a conversation or room, and hearing of it again, from wherever it is asked for. */
import { showToast } from "../parts/dt-toast.ts";
import type { Session } from "../session/session.ts";
import type { Thread } from "../session/threads.ts";
import { text } from "../words/say.ts";

/** Turns it over, says so, and lets it be undone. */
export async function setMuted(
  from: EventTarget,
  session: Session,
  { id, isMuted, name }: Pick<Thread, "id" | "isMuted" | "name">,
): Promise<void> {
  const set = await session.tried(session.client.setMuted(id, !isMuted));
  if (set === null) return;
  showToast(from, {
    text: text(isMuted ? "unmuted" : "muted", { name }),
    undo: () => void session.tried(session.client.setMuted(id, isMuted)),
  });
}
