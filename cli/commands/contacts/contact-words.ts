/** How the state of a contact reads. */
import type { ContactState } from "@dovetail/core";

export const CONTACT_STATE_WORDS: Readonly<Record<ContactState, string>> = {
  known: "not asked yet",
  requested: "waits for them",
  incoming: "wants to write to you",
  accepted: "accepted",
  declined: "declined",
  blocked: "blocked",
};
