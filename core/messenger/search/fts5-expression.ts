/** What is searched for as FTS5 is asked it: the argument of `MATCH`, whose form is always ours. */
import type { SearchTerm } from "./search-index.ts";

export type IdKind = "conversation" | "author";

/** Every message. */
export const ALL = '(scope : "a")';
const NONE = '(scope : "x")';

/** `term` as FTS5 has it. Nothing but letters, marks and digits of what was typed is in it. */
export function expression(term: SearchTerm, word: (kind: IdKind, id: string) => string): string {
  switch (term.type) {
    case "all":
      return ALL;
    case "link":
      return '(scope : "l")';
    case "text": {
      const words = term.words
        .map((one) => one.replace(/[^\p{L}\p{M}\p{N}\p{Co}]/gu, ""))
        .filter((one) => one !== "");
      return words.length === 0 ? NONE : `(body : "${words.join(" ")}"${term.isPrefix ? " *" : ""})`;
    }
    case "conversation":
    case "author":
      return term.ids.length === 0
        ? NONE
        : `(scope : (${term.ids.map((id) => `"${word(term.type, id)}"`).join(" OR ")}))`;
    case "not":
      return `(${ALL} NOT ${expression(term.term, word)})`;
    case "or":
      return term.terms.length === 0
        ? NONE
        : `(${term.terms.map((one) => expression(one, word)).join(" OR ")})`;
    case "and": {
      const wanted = term.terms.filter(({ type }) => type !== "not").map((one) => expression(one, word));
      const unwanted = term.terms.flatMap((one) => (one.type === "not" ? expression(one.term, word) : []));
      const all = wanted.length === 0 ? ALL : wanted.join(" AND ");
      return unwanted.length === 0 ? `(${all})` : `((${all}) NOT (${unwanted.join(" OR ")}))`;
    }
  }
}

/** Whether a word is looked for, by which hits could be weighed. What is excluded weighs nothing. */
export function hasWords(term: SearchTerm): boolean {
  return term.type === "text" || ((term.type === "and" || term.type === "or") && term.terms.some(hasWords));
}
