/** Finds texts for people in templates of the app that do not come from the one table of words. */

/** A text in a template, and where. */
export interface LooseText {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** Attributes whose value a person reads or hears. */
const SPOKEN =
  /\b(?:aria-label|aria-description|aria-roledescription|title|placeholder|alt|label)\s*=\s*"([^"]*)"/g;
/** What has no templates in it: comments, strings, and regular expressions where an operand is due. */
const PLAIN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|(?<=[(=,:[!&|?]\s*)\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\n[])+\//y;
/** Stands where a template has a value, which is somebody else's text or comes from the table. */
const HOLE = "\u0000";

/** Texts with a letter in the templates of `source`; keys of a keyboard and styles are none. */
export function findLooseTexts(file: string, source: string): readonly LooseText[] {
  const found: LooseText[] = [];
  /** Reads code up to the brace that ends it, or the end of the source. */
  const readCode = (from: number): number => {
    let depth = 0;
    for (let at = from; at < source.length; at++) {
      PLAIN.lastIndex = at;
      const plain = PLAIN.exec(source);
      const char = source[at];
      if (plain !== null) at += plain[0].length - 1;
      else if (char === "`") at = readTemplate(at);
      else if (char === "{") depth += 1;
      else if (char === "}" && depth-- === 0) return at;
    }
    return source.length;
  };
  /** Reads a template whose backtick is at `start`; gives where it ends. */
  const readTemplate = (start: number): number => {
    let markup = "";
    let at = start + 1;
    for (; at < source.length && source[at] !== "`"; at++) {
      if (source[at] === "\\") at += 1;
      else if (source.startsWith("${", at)) {
        at = readCode(at + 2);
        markup += HOLE;
      } else markup += source[at];
    }
    const line = source.slice(0, start).split("\n").length;
    if (source.slice(0, start).endsWith("html"))
      for (const text of textsOf(markup)) found.push({ file, line, text });
    return at;
  };
  readCode(0);
  return found;
}

function textsOf(markup: string): readonly string[] {
  const spoken = [...markup.matchAll(SPOKEN)].map(([, value]) => value ?? "");
  const between = markup
    .replace(/<!--.*?-->/gs, "")
    .replace(/<(kbd|style)\b[^>]*>.*?<\/\1>/gs, "")
    .split(/<[^<>]*>/);
  return [...spoken, ...between]
    .map((text) => text.replaceAll(HOLE, " ").replace(/&\w+;/g, "").trim())
    .filter((text) => /\p{L}/u.test(text));
}
