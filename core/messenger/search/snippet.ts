/** The part of a long text that shows why it was found. */
import type { TextRange } from "./search-text.ts";

/** A piece of a message's text. `ranges` lie in `text`. */
export interface Snippet {
  readonly text: string;
  readonly ranges: readonly TextRange[];
  /** Whether the message goes on before or after it. */
  readonly isCutBefore: boolean;
  readonly isCutAfter: boolean;
}

const SNIPPET_CHARS = 160;
/** What stands before the first match, so that it can be understood. */
const LEAD_CHARS = 40;
/** How far a cut moves to fall between words. */
const WORD_CHARS = 20;

/** Around the first match, or the beginning where nothing is marked. */
export function snippetOf(text: string, ranges: readonly TextRange[]): Snippet {
  if (text.length <= SNIPPET_CHARS) return { text, ranges, isCutBefore: false, isCutAfter: false };
  const first = ranges[0]?.start ?? 0;
  const start =
    first <= LEAD_CHARS ? 0 : cutNear(text, Math.min(first - LEAD_CHARS, text.length - SNIPPET_CHARS));
  const end = start + SNIPPET_CHARS >= text.length ? text.length : cutNear(text, start + SNIPPET_CHARS);
  return {
    text: text.slice(start, end),
    ranges: ranges
      .filter((range) => range.end > start && range.start < end)
      .map((range) => ({
        start: Math.max(range.start, start) - start,
        end: Math.min(range.end, end) - start,
      })),
    isCutBefore: start > 0,
    isCutAfter: end < text.length,
  };
}

/** The end of a word near `at`; never inside a surrogate pair. */
function cutNear(text: string, at: number): number {
  const space = text.slice(at, at + WORD_CHARS).search(/\s/);
  if (space !== -1) return at + space + 1;
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at + 1 : at;
}
