/** The pieces sentences about errors are made of. */
import { plainLine } from "../output/plain-text.ts";
import type { ExitCode } from "./exit-code.ts";

/** What a person reads about an error: `error: text`, `hint: hint`. */
export interface ErrorText {
  readonly text: string;
  /** What can be done; null when nothing can or needs to be. */
  readonly hint: string | null;
  readonly exitCode: ExitCode;
}

const ID_CHARS_SHOWN = 8;

export function say(exitCode: ExitCode, text: string, hint: string | null): ErrorText {
  return { exitCode, text, hint };
}

/** The start of an id: enough to tell a person's things apart, and accepted wherever an id is asked for. */
export function shortId(id: string): string {
  return id.slice(0, ID_CHARS_SHOWN);
}

/** What a person typed, quoted and plain. */
export function quote(text: string): string {
  return `"${plainLine(text)}"`;
}

/** `1 message`, `2 messages`. */
export function count(n: number, thing: string): string {
  return `${n.toLocaleString("en")} ${thing}${n === 1 ? "" : "s"}`;
}

/** `a, b and c`. */
export function joinWords(words: readonly string[], last: "and" | "or"): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
}
