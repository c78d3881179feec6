/**
 * Text as the index sees it.
 *
 * The index splits words at spaces and punctuation. Scripts that write none between words (Chinese, Japanese, Thai …)
 * and Korean, which glues particles to words, would be found by whole sentences only: each of their letters is made a word of
 * its own by a space beside it, and what is searched for in them is a phrase of such letters. Ranges that the index finds
 * are led back to the text as it was written.
 */

/** A part of a text, in UTF-16 units; `end` is one past the last. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** Letters that are words of their own here. */
const ALONE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}]/u;
/** Below Thai there is none of them: what most texts are is known at once. */
const MAYBE_ALONE = /[\u0e00-\uffff]/;
const ALONE_ALL = new RegExp(ALONE, "gu");
const WWW = /www\./i;
/** What the index takes for a part of a word: letters, marks, digits. */
const WORDS = /[\p{L}\p{M}\p{N}\p{Co}]+/gu;
const LINK = /\bhttps?:\/\/[^\s]|\bwww\.[^\s]/iu;

/** `text` with each letter that stands alone between spaces. Only spaces are added. */
export function spaceOut(text: string): string {
  return MAYBE_ALONE.test(text) ? text.replace(ALONE_ALL, " $& ") : text;
}

/** The words of something to be found, as the index has them; none for punctuation alone. */
export function searchWords(text: string): readonly string[] {
  return spaceOut(text.toWellFormed()).match(WORDS) ?? [];
}

/** Whether a text holds the address of a page. */
export function hasLink(text: string): boolean {
  return (text.includes("://") || WWW.test(text)) && LINK.test(text);
}

/**
 * Ranges of `spaceOut(text)` as ranges of `text`, where letters that were spaced out and matched together are one range.
 *
 * `spaced` must come from `text`.
 */
export function rangesInText(
  text: string,
  spaced: string,
  ranges: readonly TextRange[],
): readonly TextRange[] {
  if (spaced === text) return ranges;
  const indexOf = new Map<number, number>();
  const edges = new Set(ranges.flatMap(({ start, end }) => [start, end]));
  let at = 0;
  let i = 0;
  for (; i < spaced.length; ) {
    if (edges.has(i)) indexOf.set(i, at);
    const char = text.codePointAt(at);
    const isAlone = char !== undefined && ALONE.test(String.fromCodePoint(char));
    const length = char !== undefined && char > 0xffff ? 2 : 1;
    if (!isAlone) {
      at += 1;
      i += 1;
      continue;
    }
    // " x ": the match is of x alone.
    for (let k = 1; k <= length + 1; k++)
      if (edges.has(i + k)) indexOf.set(i + k, k > length ? at + length : at);
    at += length;
    i += length + 2;
  }
  if (edges.has(i)) indexOf.set(i, at);
  const found = ranges.map(({ start, end }) => ({
    start: indexOf.get(start) ?? 0,
    end: indexOf.get(end) ?? at,
  }));
  return joinTouching(found);
}

function joinTouching(ranges: readonly TextRange[]): readonly TextRange[] {
  const joined: TextRange[] = [];
  for (const range of ranges) {
    const last = joined.at(-1);
    if (last !== undefined && range.start <= last.end)
      joined[joined.length - 1] = { start: last.start, end: Math.max(last.end, range.end) };
    else joined.push(range);
  }
  return joined;
}
