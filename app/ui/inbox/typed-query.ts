/** From what stands in the search field and the filters under it to the query language of the engine. */
import type { AccountId, ConversationId } from "@dovetail/core";

/** How far back, as the language says it. */
export const SPANS = ["7d", "1m", "1y"] as const;
export type Span = (typeof SPANS)[number];

export interface Filters {
  /** A person, or a room. */
  readonly placeId: AccountId | ConversationId | null;
  readonly isMine: boolean;
  readonly hasLink: boolean;
  readonly span: Span | null;
}

export const NO_FILTERS: Filters = { placeId: null, isMine: false, hasLink: false, span: null };

const OPERATORS: ReadonlySet<string> = new Set(["OR", "AND"]);

/** The query; empty when nothing is asked for. A word that may still be going on finds all that begin with it. */
export function typedQuery(typed: string, { placeId, isMine, hasLink, span }: Filters): string {
  const filters = [
    ...(placeId === null ? [] : [`in:${placeId}`]),
    ...(isMine ? ["from:me"] : []),
    ...(hasLink ? ["has:link"] : []),
    ...(span === null ? [] : [`after:${span}`]),
  ];
  const words = withOpenEnd(typed);
  if (filters.length === 0 || words === "") return [words, ...filters].join(" ").trim();
  // The filters hold for all of it, not for the last of the alternatives.
  const whole = /(^|\s)OR(\s|$)/.test(words) ? `(${words})` : words;
  return [whole, ...filters].join(" ");
}

function withOpenEnd(typed: string): string {
  const isInQuotes = typed.split('"').length % 2 === 0;
  const last = /(?:^|[\s(-])([\p{L}\p{N}\p{M}]+)$/u.exec(typed)?.[1];
  if (isInQuotes || last === undefined || OPERATORS.has(last)) return typed.trim();
  return `${typed.trim()}*`;
}

/** Whether any filter is set. */
export function isFiltered(filters: Filters): boolean {
  return filters.placeId !== null || filters.isMine || filters.hasLink || filters.span !== null;
}
