/**
 * Port of the full-text index: what is found is decided here, how it is kept by an adapter.
 *
 * The index is derived and holds plaintext: an adapter keeps it in memory only. What is stored of it is sealed by the
 * client. test/contract/search-index.ts is what every adapter has to pass.
 */
import type { AccountId, ConversationId, DeviceId, OpId } from "../../base/ids.ts";
import type { Result } from "../../base/result.ts";
import type { TextRange } from "./search-text.ts";

/** A message as the index takes it: the parts of its row's key, who wrote it, and what it says. */
export interface SearchDocument {
  readonly conversationId: ConversationId;
  readonly hlc: number;
  readonly device: DeviceId;
  readonly id: OpId;
  readonly author: AccountId;
  readonly text: string;
}

export type SearchTerm =
  | { readonly type: "all" | "link" }
  /** The words one after the other; with `isPrefix` the last of them may go on. */
  | { readonly type: "text"; readonly words: readonly string[]; readonly isPrefix: boolean }
  /** One of these; none of them means nothing. */
  | { readonly type: "conversation"; readonly ids: readonly ConversationId[] }
  | { readonly type: "author"; readonly ids: readonly AccountId[] }
  | { readonly type: "not"; readonly term: SearchTerm }
  | { readonly type: "and" | "or"; readonly terms: readonly SearchTerm[] };

export type SearchOrder = "newest" | "relevance";

export interface IndexQuery {
  readonly term: SearchTerm;
  /** From this HLC on, and before that one. */
  readonly fromHlc: number;
  readonly toHlc: number;
  /**
   * By relevance only the newest `RANKED_HITS_MAX` hits are ordered: a common word must not cost more than a rare one.
   * Where no word is looked for, nothing is more relevant than anything else, and the newest come first.
   */
  readonly order: SearchOrder;
  readonly limit: number;
  /** What the last page ended with. */
  readonly after: string | null;
}

/** Where a message that was found lies. */
export type FoundDocument = Omit<SearchDocument, "text">;

export interface IndexPage {
  readonly found: readonly FoundDocument[];
  /** To pass as `after`; null when there is no more. */
  readonly next: string | null;
}

/** The adapter's engine failed, or a cursor is none of its own. The index is to be made anew. */
export type SearchFault =
  | { readonly type: "SearchUnavailable"; readonly detail: string }
  | { readonly type: "BadSearchCursor" };

export interface SearchIndex {
  /** Adding what is there already changes nothing. */
  add(documents: readonly SearchDocument[]): Result<void, SearchFault>;
  /** Many are coming: what is added until `release` is merged once, at its end. It may be asked meanwhile. */
  hold(): Result<void, SearchFault>;
  release(): Result<void, SearchFault>;
  /** Ids that are not there are passed over. */
  remove(ids: readonly OpId[]): Result<void, SearchFault>;
  has(id: OpId): boolean;
  query(query: IndexQuery): Result<IndexPage, SearchFault>;
  /** Of each document, as its text is now: where `term` matches it, in order; null where it does not. */
  locate(
    term: SearchTerm,
    documents: readonly SearchDocument[],
  ): Result<readonly (readonly TextRange[] | null)[], SearchFault>;
  /** Frees the memory. */
  close(): void;
}

export const RANKED_HITS_MAX = 1_000;
