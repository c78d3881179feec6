/**
 * Where in the app one is. The address shows the section only; which person or conversation stands in the history's state,
 * because an address is shown, shared and kept in places that are no secret.
 */
import type { AccountId, ConversationId } from "@dovetail/core";

export const SECTIONS = ["inbox", "requests", "archive", "people", "devices", "tags", "settings"] as const;
export type Section = (typeof SECTIONS)[number];

export interface Route {
  readonly section: Section;
  /** Of section `inbox`: only conversations with this tag. */
  readonly tagId: string | null;
  readonly conversationId: ConversationId | null;
  readonly accountId: AccountId | null;
}

export const HOME: Route = { section: "inbox", tagId: null, conversationId: null, accountId: null };

/** Whether, on a screen that shows one pane, it is the list. */
export function showsList(route: Route): boolean {
  return (
    route.conversationId === null &&
    route.accountId === null &&
    (route.section === "inbox" ||
      route.section === "requests" ||
      route.section === "archive" ||
      route.section === "people")
  );
}

/** Reads the address of the page. */
export function currentRoute(page: Window): Route {
  const section = SECTIONS.find((one) => `#/${one}` === page.location.hash) ?? HOME.section;
  const state: unknown = page.history.state;
  return {
    ...HOME,
    section,
    tagId: stringIn(state, "tagId"),
    conversationId: stringIn(state, "conversationId") as ConversationId | null,
    accountId: stringIn(state, "accountId") as AccountId | null,
  };
}

/** Goes to `route`; `replaces` leaves no step behind in the history. */
export function goTo(page: Window, route: Partial<Route>, replaces = false): void {
  const { section, ...state } = { ...HOME, ...route };
  const address = `#/${section}`;
  if (replaces) page.history.replaceState(state, "", address);
  else page.history.pushState(state, "", address);
  page.dispatchEvent(new PopStateEvent("popstate", { state }));
}

function stringIn(state: unknown, key: string): string | null {
  if (typeof state !== "object" || state === null) return null;
  const value: unknown = Reflect.get(state, key);
  return typeof value === "string" ? value : null;
}
