/** The address of a server as people type it. */
import { parseServerOrigin } from "@dovetail/core";

/** `https://` where no scheme is given, and whatever follows the host left out; null for what is no address. */
export function serverAddress(typed: string): string | null {
  const trimmed = typed.trim();
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `https://${trimmed}`;
  if (!URL.canParse(address)) return null;
  const { origin, username } = new URL(address);
  return username === "" && parseServerOrigin(origin).ok ? origin : null;
}
