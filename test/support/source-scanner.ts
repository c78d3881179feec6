/**
 * Reads TypeScript as words, strings and marks, just well enough to find imports, names and test titles.
 *
 * No compiler: TypeScript 7 has no stable programming interface, and a parser that drops types would miss type-only
 * imports, which count as much as others. Comments and the inside of strings never look like code here.
 */

/** A piece of source. `text` of a string is what stands between its quotes, escapes as written. */
export interface Token {
  readonly kind: "word" | "string" | "template" | "regex" | "mark";
  readonly text: string;
  readonly line: number;
}

/** One module named by a file. */
export interface ImportedModule {
  /** As written; `undefined` when it is computed at run time. */
  readonly specifier: string | undefined;
  readonly isTypeOnly: boolean;
  /** `export … from`. */
  readonly isReexport: boolean;
  readonly line: number;
}

const WORD_START = /[\p{ID_Start}$_#]/u;
const WORD_PART = /[\p{ID_Continue}$\u200c\u200d]/u;
/** After these a slash begins a regular expression, not a division. */
const WORDS_BEFORE_REGEX = new Set([
  "return",
  "typeof",
  "instanceof",
  "in",
  "of",
  "new",
  "delete",
  "void",
  "throw",
  "case",
  "do",
  "else",
  "yield",
  "await",
]);

/** Splits `source` into tokens without comments and white space. */
export function scanSource(source: string): readonly Token[] {
  const tokens: Token[] = [];
  /** For each open template literal: how many braces are open inside its current `${`. */
  const braceDepths: number[] = [];
  let offset = 0;
  let line = 1;

  const push = (kind: Token["kind"], text: string, startLine: number): void => {
    tokens.push({ kind, text, line: startLine });
  };
  const advanceTo = (end: number): string => {
    const text = source.slice(offset, end);
    for (const char of text) if (char === "\n") line += 1;
    offset = end;
    return text;
  };
  /** Reads template characters from `offset` up to the closing backtick or the next `${`. */
  const readTemplatePart = (): void => {
    const startLine = line;
    let end = offset;
    while (end < source.length && source[end] !== "`" && !source.startsWith("${", end)) {
      end += source[end] === "\\" ? 2 : 1;
    }
    push("template", advanceTo(Math.min(end, source.length)), startLine);
    if (source.startsWith("${", offset)) {
      offset += 2;
      braceDepths.push(0);
    } else offset += 1;
  };

  while (offset < source.length) {
    const char = source.charAt(offset);
    const startLine = line;
    if (/\s/.test(char)) advanceTo(offset + 1);
    else if (source.startsWith("//", offset) || (offset === 0 && source.startsWith("#!"))) {
      advanceTo(endOr(source, "\n", offset, 0));
    } else if (source.startsWith("/*", offset)) advanceTo(endOr(source, "*/", offset + 2, 2));
    else if (char === '"' || char === "'") {
      let end = offset + 1;
      while (end < source.length && source[end] !== char && source[end] !== "\n")
        end += source[end] === "\\" ? 2 : 1;
      push("string", advanceTo(Math.min(end + 1, source.length)).slice(1, -1), startLine);
    } else if (char === "`") {
      offset += 1;
      readTemplatePart();
    } else if (char === "}" && braceDepths.at(-1) === 0) {
      braceDepths.pop();
      offset += 1;
      readTemplatePart();
    } else if (char === "/" && startsRegex(tokens.at(-1))) {
      push("regex", advanceTo(endOfRegex(source, offset)), startLine);
    } else if (WORD_START.test(char)) {
      let end = offset + 1;
      while (end < source.length && WORD_PART.test(source.charAt(end))) end += 1;
      push("word", advanceTo(end), startLine);
    } else if (/[0-9]/.test(char)) {
      const length = /^[0-9][\w.]*/.exec(source.slice(offset, offset + 400))?.[0].length ?? 1;
      push("mark", advanceTo(offset + length), startLine);
    } else {
      const depth = braceDepths.length - 1;
      if (depth >= 0 && (char === "{" || char === "}")) {
        braceDepths[depth] = (braceDepths[depth] ?? 0) + (char === "{" ? 1 : -1);
      }
      push("mark", advanceTo(offset + 1), startLine);
    }
  }
  return tokens;
}

/** Every module `source` names: imports, type-only ones, re-exports, `import()` as value or type, `require`. */
export function findImports(source: string): readonly ImportedModule[] {
  const tokens = scanSource(source);
  const found: ImportedModule[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== "word" || isMember(tokens, index)) continue;
    const next = tokens[index + 1];
    if ((token.text === "import" || token.text === "require") && isMark(next, "(")) {
      const argument = tokens[index + 2];
      const isLiteral = argument?.kind === "string" && isMark(tokens[index + 3], ")", ",");
      found.push({
        specifier: isLiteral ? argument.text : undefined,
        isTypeOnly: false,
        isReexport: false,
        line: token.line,
      });
    } else if (token.text === "import" && next?.kind === "string") {
      found.push({ specifier: next.text, isTypeOnly: false, isReexport: false, line: token.line });
    } else if (token.text === "import" || token.text === "export") {
      const specifier = findFrom(tokens, index);
      if (specifier === undefined) continue;
      found.push({
        specifier,
        isTypeOnly: isTypeOnlyClause(tokens, index),
        isReexport: token.text === "export",
        line: token.line,
      });
    }
  }
  return found;
}

/** The titles given to `test(…)` and `it(…)`, also through `.each(…)`; those skipped or left to do are not counted. */
export function findTestTitles(source: string): readonly string[] {
  const tokens = scanSource(source);
  const titles: string[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== "string" && token.kind !== "template") continue;
    if (!isMark(tokens[index - 1], "(")) continue;
    const words = calleeWords(tokens, index - 1);
    // A group's title is part of the title of each test in it, and vitest fails a group without tests.
    const isTest = words[0] === "test" || words[0] === "it" || words[0] === "describe";
    if (isTest && !words.some((word) => word === "skip" || word === "todo")) titles.push(token.text);
  }
  return titles;
}

/** Tells whether the word at `index` is a property of something: `a.word`, `a?.word`, but not `...word`. */
export function isMember(tokens: readonly Token[], index: number): boolean {
  return isMark(tokens[index - 1], ".") && !isMark(tokens[index - 2], ".");
}

/** Tells whether `token` is one of these marks. */
export function isMark(token: Token | undefined, ...marks: readonly string[]): boolean {
  return token?.kind === "mark" && marks.includes(token.text);
}

function endOr(source: string, mark: string, from: number, after: number): number {
  const found = source.indexOf(mark, from);
  return found === -1 ? source.length : found + after;
}

function startsRegex(previous: Token | undefined): boolean {
  if (previous === undefined) return true;
  if (previous.kind === "word") return WORDS_BEFORE_REGEX.has(previous.text);
  if (previous.kind !== "mark") return false;
  return !/^[)\]}0-9]/.test(previous.text);
}

function endOfRegex(source: string, from: number): number {
  let isInClass = false;
  let end = from + 1;
  for (; end < source.length && source[end] !== "\n"; end += 1) {
    const char = source[end];
    if (char === "\\") end += 1;
    else if (char === "[") isInClass = true;
    else if (char === "]") isInClass = false;
    else if (char === "/" && !isInClass) break;
  }
  end += 1;
  while (end < source.length && /[a-z]/.test(source.charAt(end))) end += 1;
  return Math.min(end, source.length);
}

/** The string after `from` of the import or export that begins at `start`, when it has one. */
function findFrom(tokens: readonly Token[], start: number): string | undefined {
  for (let index = start + 1; index < tokens.length; index += 1) {
    const token = tokens[index];
    if (token === undefined) return undefined;
    const next = tokens[index + 1];
    if (token.kind === "word" && token.text === "from" && next?.kind === "string") return next.text;
    if (isMark(token, "{")) {
      // Names in braces: `{ a, type b as "c" }`. Anything else in braces is a body, so this is a declaration.
      while (index + 1 < tokens.length && !isMark(tokens[index], "}")) {
        index += 1;
        const inside = tokens[index];
        const isName = inside?.kind === "word" || inside?.kind === "string" || isMark(inside, ",", "}");
        if (!isName) return undefined;
      }
    } else if (token.kind !== "word" && !isMark(token, ",", "*")) return undefined;
  }
  return undefined;
}

function isTypeOnlyClause(tokens: readonly Token[], start: number): boolean {
  const first = tokens[start + 1];
  const second = tokens[start + 2];
  if (first?.kind !== "word" || first.text !== "type") return false;
  // `import type from "x"` imports a default called `type`.
  return !(second?.kind === "word" && second.text === "from" && tokens[start + 3]?.kind === "string");
}

/** The words of what is called by the bracket at `open`: `test.each(table)(` gives test, each. */
function calleeWords(tokens: readonly Token[], open: number): readonly string[] {
  const words: string[] = [];
  let index = open - 1;
  while (index >= 0) {
    const token = tokens[index];
    if (token?.kind === "word") {
      words.unshift(token.text);
      if (!isMark(tokens[index - 1], ".")) break;
      index -= 2;
    } else if (isMark(token, ")")) {
      let depth = 0;
      do {
        if (isMark(tokens[index], ")")) depth += 1;
        else if (isMark(tokens[index], "(")) depth -= 1;
        index -= 1;
      } while (depth > 0 && index >= 0);
    } else break;
  }
  return words;
}
