/**
 * Where in the app one is. The address shows the section only; which person or conversation stands in the history's state,
 * because an address is shown, shared and kept in places that are no secret.
 */
import type { AccountId, ConversationId, OpId } from "@dovetail/core";

export const SECTIONS = [
  "inbox",
  "requests",
  "drafts",
  "starred",
  "archive",
  "people",
  "devices",
  "tags",
  "settings",
] as const;
export type Section = (typeof SECTIONS)[number];

/** Sections with a list beside what is open. */
const LISTS: ReadonlySet<Section> = new Set(["inbox", "requests", "drafts", "starred", "archive", "people"]);

export interface Route {
  readonly section: Section;
  /** Of section `inbox`: only conversations with this tag. */
  readonly tagId: string | null;
  readonly conversationId: ConversationId | null;
  /** The message the conversation opens at; null for the first one that was not read. */
  readonly messageId: OpId | null;
  /** Of a room: all its notes and lists, or one of them; null for its messages. */
  readonly notes: "all" | OpId | null;
  readonly accountId: AccountId | null;
}

export const HOME: Route = {
  section: "inbox",
  tagId: null,
  conversationId: null,
  messageId: null,
  notes: null,
  accountId: null,
};

/** Whether, on a screen that shows one pane, it is the list. */
export function showsList(route: Route): boolean {
  return route.conversationId === null && route.accountId === null && hasList(route);
}

/** Whether a list stands beside what is open. */
export function hasList({ section }: Pick<Route, "section">): boolean {
  return LISTS.has(section);
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
    messageId: stringIn(state, "messageId") as OpId | null,
    notes: stringIn(state, "notes") as OpId | "all" | null,
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
