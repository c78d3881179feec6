/** How many columns of a terminal a text takes, and cutting it to a width without splitting what is one character. */

/** East Asian Width W and F, and the blocks of pictographs; Unicode Standard Annex 11. */
const WIDE =
  /^[\u1100-\u115f\u231a\u231b\u2329\u232a\u23e9-\u23ec\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f1e6}-\u{1f1ff}\u{20000}-\u{3fffd}]/u;
const EMOJI = /\p{Emoji_Presentation}|\ufe0f/u;
const ASCII = /^[\x20-\x7e]*$/;
const ZERO = /^[\p{Mark}\u200c\u200d]+$/u;

let segmenter: Intl.Segmenter | null = null;

/** Made when the first text needs it: it takes 20 ms, and most texts have one column a letter. */
function graphemes(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  return segmenter.segment(text);
}

/** Columns of `text`, which holds no controls. */
export function textWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes(text)) width += graphemeWidth(segment);
  return width;
}

/** `text` within `width` columns, ending in `…` when something was cut. */
export function truncateText(text: string, width: number): string {
  return textWidth(text) <= width ? text : `${takeWidth(text, width - 1).trimEnd()}…`;
}

/** `text` filled with spaces to `width` columns. */
export function padText(text: string, width: number, align: "start" | "end" = "start"): string {
  const fill = " ".repeat(Math.max(0, width - textWidth(text)));
  return align === "end" ? fill + text : text + fill;
}

/** Lines of at most `width` columns, broken between words, or inside a word that is longer than a line. */
export function wrapText(text: string, width: number): readonly string[] {
  if (textWidth(text) <= width) return [text];
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const joined = line === "" ? word : `${line} ${word}`;
    if (textWidth(joined) <= width) {
      line = joined;
      continue;
    }
    if (line !== "") lines.push(line);
    line = word;
    while (textWidth(line) > width) {
      const head = takeWidth(line, width);
      lines.push(head);
      line = line.slice(head.length);
    }
  }
  return [...lines, line];
}

/** The longest start of `text` within `width` columns, at least one character. */
function takeWidth(text: string, width: number): string {
  let end = 0;
  let taken = 0;
  for (const { segment } of graphemes(text)) {
    taken += graphemeWidth(segment);
    if (taken > width && end > 0) break;
    end += segment.length;
  }
  return text.slice(0, end);
}

function graphemeWidth(grapheme: string): number {
  if (ZERO.test(grapheme)) return 0;
  return WIDE.test(grapheme) || EMOJI.test(grapheme) ? 2 : 1;
}
