/**
 * Putting names and numbers into sentences.
 *
 * A sentence is one message with named places, so that a translation may order them as its language wants. What a person
 * wrote (names, texts) is set apart from the sentence around it, so that right-to-left names and direction marks stay
 * inside: `<bdi>` in the page, isolate characters in attributes.
 */
import { html, type TemplateResult } from "lit";
import { EN, type Message, type MessageKey } from "./en.ts";

export type Params = Readonly<Record<string, string | number>>;

const plural = new Intl.PluralRules("en");
const number = new Intl.NumberFormat("en");
const PLACE = /\{(\w+)\}/;
const FIRST_STRONG_ISOLATE = "\u2068";
const POP_ISOLATE = "\u2069";

/** The sentence `key` as plain text, for attributes and announcements. */
export function text(key: MessageKey, params: Params = {}): string {
  return fill(EN[key], params);
}

/** `message` as plain text. */
export function fill(message: Message, params: Params): string {
  return parts(message, params)
    .map((part) => (typeof part === "string" ? part : `${FIRST_STRONG_ISOLATE}${part.value}${POP_ISOLATE}`))
    .join("");
}

/** The sentence `key` for the page. */
export function say(key: MessageKey, params: Params = {}): TemplateResult {
  return html`${parts(EN[key], params).map((part) =>
    typeof part === "string" ? part : html`<bdi>${part.value}</bdi>`,
  )}`;
}

/** A number as it is written in sentences. */
export function inDigits(value: number): string {
  return number.format(value);
}

type Part = string | { readonly value: string };

function parts(message: Message, params: Params): readonly Part[] {
  const pattern =
    typeof message === "string"
      ? message
      : plural.select(Number(params.count ?? 0)) === "one"
        ? message.one
        : message.other;
  // Splitting by one group: text and names of places by turns.
  return pattern.split(PLACE).map((piece, index) => {
    if (index % 2 === 0) return piece;
    const value = params[piece];
    return typeof value === "number" ? inDigits(value) : { value: value ?? "" };
  });
}
