/**
 * The invitation with which the link or QR code of a server opens the page.
 *
 * It lets somebody in, so it is moved from the address, which is shown and shared, into the history's state, where a page that
 * is loaded again finds it.
 */

/** What is used of a `Window`. */
interface Page {
  readonly location: Pick<Location, "hash" | "pathname">;
  readonly history: Pick<History, "state" | "replaceState">;
}

const KEY = "invitation";
/** Letters, digits and dashes, as servers write them; what is wrong with one is for the server to say. */
const IN_ADDRESS = /^#invitation=([0-9A-Za-z-]{1,64})$/;

/** Takes an invitation out of the address. Nothing happens where there is none. */
export function keepInvitation({ location, history }: Page): void {
  const [, invitation] = IN_ADDRESS.exec(location.hash) ?? [];
  if (invitation !== undefined) history.replaceState({ [KEY]: invitation }, "", location.pathname);
}

/** The invitation that the page was opened with, or null. */
export function keptInvitation({ history }: Page): string | null {
  const state: unknown = history.state;
  if (typeof state !== "object" || state === null) return null;
  const kept: unknown = Reflect.get(state, KEY);
  return typeof kept === "string" ? kept : null;
}
