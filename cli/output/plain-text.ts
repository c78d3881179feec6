/**
 * Text from other people made fit for a terminal.
 *
 * A name or a message may hold whatever its author likes: escape sequences that move the cursor or set the clipboard,
 * overrides that turn "txt.exe" around, characters nobody sees. Nothing of that reaches the terminal: each such
 * character is written out as `\x1b` or `\u{202e}`, so that a person sees that it is there.
 */

/** C0 and C1 controls, DEL: what terminals act on. C1 holds one-byte forms of the escape sequences. */
const CONTROL = String.raw`\u0000-\u001f\u007f-\u009f`;
/** Marks, embeddings, overrides and isolates that reorder what stands around them. */
const BIDI = String.raw`\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069`;
/** Line and paragraph separators; interlinear annotations; deprecated format characters. */
const BREAKING = String.raw`\u2028\u2029\u206a-\u206f\ufff9-\ufffb`;
/** Not seen at all. The joiners U+200C and U+200D stay: Persian and family emoji need them. */
const INVISIBLE = String.raw`\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u2060-\u2064\u3164\ufeff\uffa0\u{e0000}-\u{e0fff}`;

const UNSAFE = new RegExp(`[${CONTROL}${BIDI}${BREAKING}${INVISIBLE}]`, "gu");
/** What JSON leaves as it is and a terminal may act on. */
const UNSAFE_IN_JSON = new RegExp(`[\\u007f-\\u009f${BIDI}${BREAKING}${INVISIBLE}]`, "gu");

/** One line: names, handles, previews. Line breaks and tabs become spaces. */
export function plainLine(text: string): string {
  return text
    .toWellFormed()
    .replace(/\s*[\r\n\u2028\u2029]\s*|\t/gu, " ")
    .replace(UNSAFE, writtenOut);
}

/** The lines of a text. Only `\n`, `\r\n`, and the Unicode separators break a line; tabs become four spaces. */
export function plainLines(text: string): readonly string[] {
  return text
    .toWellFormed()
    .split(/\r\n|[\n\u2028\u2029]/u)
    .map((line) => line.replaceAll("\t", "    ").replace(UNSAFE, writtenOut));
}

/**
 * `value` as JSON on one line.
 *
 * The same value for every reader; what a terminal might act on stands as an escape of JSON.
 */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE_IN_JSON, (char) =>
    Array.from(
      { length: char.length },
      (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, "0")}`,
    ).join(""),
  );
}

function writtenOut(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}
