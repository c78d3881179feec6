/**
 * The query language of search, parsed strictly: what is not understood is an error with its position, never guessed.
 *
 * ```
 * query  = group { OR group }                    words beside each other must all be there
 * group  = factor { [AND] factor }
 * factor = [-] ( word[*] | "phrase"[*] | ( query ) | filter )
 * filter = in:NAME | from:NAME | tag:NAME | has:link | before:DATE | after:DATE      NAME may be quoted
 * DATE   = YYYY | YYYY-MM | YYYY-MM-DD | today | yesterday | 7d | 2w | 3m | 1y        before it, or from it on
 * ```
 *
 * A colon after another word in small letters is an error with the filters that exist, so that a filter written wrongly
 * never finds nothing in silence; quoted, it is text.
 */
import { SEARCH_DEPTH_MAX, SEARCH_QUERY_CHARS_MAX, SEARCH_TERMS_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { parseSearchDate, type SearchDate } from "./search-date.ts";
import { searchWords } from "./search-text.ts";

export type NameFilter = "in" | "from" | "tag";

/** What a query asks for. Names and dates stand as they were written; who asks knows what they mean. */
export type SearchNode =
  | { readonly type: "text"; readonly words: readonly string[]; readonly isPrefix: boolean }
  | { readonly type: "named"; readonly filter: NameFilter; readonly name: string; readonly position: number }
  | { readonly type: "link" }
  | { readonly type: "not"; readonly node: SearchNode }
  | { readonly type: "and" | "or"; readonly nodes: readonly SearchNode[] };

export interface SearchQuery {
  /** Null when only dates are asked for. */
  readonly node: SearchNode | null;
  /** Each holds: the earliest `before` and the latest `after` decide. */
  readonly before: readonly SearchDate[];
  readonly after: readonly SearchDate[];
}

/** Why a query is none. */
export type SearchRule =
  | "Empty"
  | "TooLong"
  | "TooManyTerms"
  | "TooDeep"
  | "QuoteOpen"
  | "GroupOpen"
  | "GroupNotOpen"
  | "GroupEmpty"
  | "OperandMissing"
  | "NothingToFind"
  | "StarMisplaced"
  | "UnknownFilter"
  | "FilterEmpty"
  | "BadDate"
  | "BadHas"
  | "DateMisplaced";

/** `position` counts UTF-16 units from 0; `word` is what stands there. */
export interface BadSearch {
  readonly type: "BadSearch";
  readonly rule: SearchRule;
  readonly position: number;
  readonly word: string;
}

type Token =
  | {
      readonly type: "open" | "close" | "or" | "and" | "minus";
      readonly position: number;
      readonly raw: string;
    }
  | {
      readonly type: "term";
      readonly position: number;
      readonly raw: string;
      readonly text: string;
      readonly isPrefix: boolean;
    }
  | {
      readonly type: "filter";
      readonly position: number;
      readonly raw: string;
      readonly name: string;
      readonly value: string;
    };

const SPACE = /\s/u;
const WORD_END = /[\s()"]/u;
const FILTER = /^([a-z]+):(?!\/)/;
const NAME_FILTERS: readonly NameFilter[] = ["in", "from", "tag"];
/** The words that may stand before a colon. */
export const SEARCH_FILTERS: readonly string[] = [...NAME_FILTERS, "has", "before", "after"];

/** The query `text` is. - Fails: `BadSearch` with the rule it breaks and where. */
export function parseSearchQuery(text: string): Result<SearchQuery, BadSearch> {
  if (text.length > SEARCH_QUERY_CHARS_MAX) return bad("TooLong", SEARCH_QUERY_CHARS_MAX, "");
  const tokens = tokenize(text);
  if (!tokens.ok) return tokens;
  if (tokens.value.length === 0) return bad("Empty", 0, "");
  const terms = tokens.value.filter(({ type }) => type === "term" || type === "filter");
  const over = terms[SEARCH_TERMS_MAX];
  if (over !== undefined) return bad("TooManyTerms", over.position, over.raw);
  return parseTokens(tokens.value, text.length);
}

function tokenize(text: string): Result<readonly Token[], BadSearch> {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text.charAt(at);
    if (SPACE.test(char)) {
      at++;
      continue;
    }
    if (char === "(" || char === ")") {
      tokens.push({ type: char === "(" ? "open" : "close", position: at, raw: char });
      at++;
      continue;
    }
    // A dash inside a word belongs to it; one before a word, a phrase or a group excludes.
    if (char === "-" && at + 1 < text.length && !SPACE.test(text.charAt(at + 1))) {
      tokens.push({ type: "minus", position: at, raw: "-" });
      at++;
      continue;
    }
    const token = readTerm(text, at);
    if (!token.ok) return token;
    tokens.push(token.value);
    at += token.value.raw.length;
  }
  return ok(tokens);
}

function readTerm(text: string, start: number): Result<Token, BadSearch> {
  const filter = FILTER.exec(text.slice(start));
  const valueStart = start + (filter?.[0].length ?? 0);
  const isQuoted = text.charAt(valueStart) === '"';
  const body = isQuoted ? readQuoted(text, valueStart) : readWord(text, valueStart);
  if (body === null) return bad("QuoteOpen", valueStart, text.slice(valueStart));
  if (filter !== null) {
    const raw = text.slice(start, body.end);
    return ok({ type: "filter", position: start, raw, name: filter[1] ?? "", value: body.value });
  }
  const hasStar = isQuoted ? text.charAt(body.end) === "*" : body.value.endsWith("*");
  const raw = text.slice(start, body.end + (isQuoted && hasStar ? 1 : 0));
  const value = hasStar && !isQuoted ? body.value.slice(0, -1) : body.value;
  if (!isQuoted && value.includes("*")) return bad("StarMisplaced", start + value.indexOf("*"), raw);
  if (!isQuoted && (raw === "OR" || raw === "AND"))
    return ok({ type: raw === "OR" ? "or" : "and", position: start, raw });
  return ok({ type: "term", position: start, raw, text: value, isPrefix: hasStar });
}

function readQuoted(text: string, start: number): { readonly value: string; readonly end: number } | null {
  const close = text.indexOf('"', start + 1);
  return close === -1 ? null : { value: text.slice(start + 1, close), end: close + 1 };
}

function readWord(text: string, start: number): { readonly value: string; readonly end: number } {
  let end = start;
  while (end < text.length && !WORD_END.test(text.charAt(end))) end++;
  return { value: text.slice(start, end), end };
}

/** Recursive descent; `depth` bounds the recursion. */
function parseTokens(tokens: readonly Token[], end: number): Result<SearchQuery, BadSearch> {
  const before: SearchDate[] = [];
  const after: SearchDate[] = [];
  let at = 0;

  function parseOr(depth: number): Result<SearchNode | null, BadSearch> {
    const groups: SearchNode[] = [];
    for (;;) {
      // A date holds for the whole query, so it may not stand where only a part of it is.
      const isAlone = depth === 0 && !hasOuterOr(tokens.slice(at)) && groups.length === 0;
      const group = parseAnd(depth, isAlone);
      if (!group.ok) return group;
      if (group.value !== null) groups.push(group.value);
      if (tokens[at]?.type !== "or") break;
      at++;
    }
    return ok(join("or", groups));
  }

  function parseAnd(depth: number, isWhole: boolean): Result<SearchNode | null, BadSearch> {
    const nodes: SearchNode[] = [];
    let isEmpty = true;
    for (;;) {
      const token = tokens[at];
      const isEnd = token === undefined || token.type === "or" || token.type === "close";
      if (isEnd && isEmpty) {
        const isGroup = depth > 0 && token?.type === "close" && tokens[at - 1]?.type === "open";
        return bad(isGroup ? "GroupEmpty" : "OperandMissing", token?.position ?? end, token?.raw ?? "");
      }
      if (isEnd) return ok(join("and", nodes));
      if (token.type === "and") {
        at++;
        const next = tokens[at];
        if (isEmpty || next === undefined || ["and", "or", "close"].includes(next.type))
          return bad("OperandMissing", token.position, token.raw);
        continue;
      }
      const factor = parseFactor(depth, isWhole);
      if (!factor.ok) return factor;
      isEmpty = false;
      if (factor.value !== null) nodes.push(factor.value);
    }
  }

  function parseFactor(depth: number, isWhole: boolean): Result<SearchNode | null, BadSearch> {
    const token = tokens[at];
    if (token === undefined) return bad("OperandMissing", end, "");
    at++;
    switch (token.type) {
      case "minus": {
        const node =
          tokens[at]?.type === "minus"
            ? bad("OperandMissing", token.position, "-")
            : parseFactor(depth, false);
        if (!node.ok) return node;
        return node.value === null ? ok(null) : ok({ type: "not", node: node.value });
      }
      case "open":
        return parseGroup(token, depth);
      case "term":
        return parseTerm(token);
      case "filter":
        return parseFilter(token, isWhole);
      default:
        return bad(token.type === "close" ? "GroupNotOpen" : "OperandMissing", token.position, token.raw);
    }
  }

  function parseGroup(open: Token, depth: number): Result<SearchNode | null, BadSearch> {
    if (depth >= SEARCH_DEPTH_MAX) return bad("TooDeep", open.position, "(");
    const inner = parseOr(depth + 1);
    if (!inner.ok) return inner;
    if (tokens[at]?.type !== "close") return bad("GroupOpen", open.position, "(");
    at++;
    return inner;
  }

  function parseFilter(
    token: Extract<Token, { readonly type: "filter" }>,
    isWhole: boolean,
  ): Result<SearchNode | null, BadSearch> {
    const { name, value, position, raw } = token;
    if (!SEARCH_FILTERS.includes(name)) return bad("UnknownFilter", position, name);
    if (value.trim() === "") return bad("FilterEmpty", position, raw);
    const filter = NAME_FILTERS.find((known) => known === name);
    if (filter !== undefined) return ok({ type: "named", filter, name: value, position });
    if (name === "has") return value === "link" ? ok({ type: "link" }) : bad("BadHas", position, value);
    if (!isWhole) return bad("DateMisplaced", position, raw);
    const date = parseSearchDate(value);
    if (date === null) return bad("BadDate", position, value);
    (name === "before" ? before : after).push(date);
    return ok(null);
  }

  const node = parseOr(0);
  if (!node.ok) return node;
  const rest = tokens[at];
  return rest === undefined
    ? ok({ node: node.value, before, after })
    : bad("GroupNotOpen", rest.position, rest.raw);
}

/** Whether an OR parts the whole query: one inside a group does not. */
function hasOuterOr(tokens: readonly Token[]): boolean {
  let depth = 0;
  return tokens.some(({ type }) => {
    if (type === "open") depth += 1;
    if (type === "close") depth -= 1;
    return type === "or" && depth === 0;
  });
}

function parseTerm(token: Extract<Token, { readonly type: "term" }>): Result<SearchNode, BadSearch> {
  const words = searchWords(token.text);
  if (words.length === 0) return bad("NothingToFind", token.position, token.raw);
  return ok({ type: "text", words, isPrefix: token.isPrefix });
}

function join(type: "and" | "or", nodes: readonly SearchNode[]): SearchNode | null {
  const [first] = nodes;
  return nodes.length < 2 ? (first ?? null) : { type, nodes };
}

function bad(rule: SearchRule, position: number, word: string): Result<never, BadSearch> {
  return err({ type: "BadSearch", rule, position, word });
}
