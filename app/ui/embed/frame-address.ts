/**
 * What the page around the frame may say: whom to write to and how bright, in the fragment of the frame's address. Whoever
 * wrote it is not believed: it is shown, and nothing is done for it. WB43
 */
import { CODE_TEXT_CHARS_MAX } from "@dovetail/core";

export interface AskedOfFrame {
  /** A contact link or handle, as it was given; null for the inbox. */
  readonly contact: string | null;
  /** Null follows the system. */
  readonly theme: "light" | "dark" | null;
}

/** What `hash` asks for; null where it is an address of the layout's own, as `#/inbox`. */
export function readFrameAddress(hash: string): AskedOfFrame | null {
  if (hash.startsWith("#/")) return null;
  const asked = new URLSearchParams(hash.slice(1));
  const contact = asked.get("contact")?.trim() ?? "";
  const theme = asked.get("theme");
  return {
    contact: contact === "" || contact.length > CODE_TEXT_CHARS_MAX ? null : contact,
    theme: theme === "light" || theme === "dark" ? theme : null,
  };
}
