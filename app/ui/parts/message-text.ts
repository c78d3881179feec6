/**
 * The text of a message for the page: characters, never markup, with web addresses as links.
 *
 * An address becomes a link only when what stands there is exactly where it leads: plain ASCII, http or https, no name or
 * password before the host. Everything else stays text.
 */
import { html, type TemplateResult } from "lit";

const ADDRESS = /https?:\/\/[\x21-\x7e]+/gi;
/** Signs that end a sentence, not an address. */
const TRAILING = /[.,;:!?'")\]}>]+$/;

export type TextPiece = string | { readonly href: string; readonly shown: string };

/** Cuts `text` into plain pieces and links. */
export function piecesOf(text: string): readonly TextPiece[] {
  const pieces: TextPiece[] = [];
  let from = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const shown = match[0].replace(TRAILING, "");
    const href = safeAddress(shown);
    const end = match.index + shown.length;
    // A letter of another script right behind it may be part of what a person reads as the address.
    if (href === null || /^[^\s\x21-\x7e]/u.test(text.slice(end))) continue;
    if (match.index > from) pieces.push(text.slice(from, match.index));
    pieces.push({ href, shown });
    from = end;
  }
  if (from < text.length) pieces.push(text.slice(from));
  return pieces;
}

function safeAddress(shown: string): string | null {
  const url = URL.canParse(shown) ? new URL(shown) : null;
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) return null;
  return url.username === "" && url.password === "" && url.hostname.includes(".") ? url.href : null;
}

/** `text` with its links; without them for somebody whose request is open. */
export function messageText(text: string, hasLinks: boolean): TemplateResult | string {
  if (!hasLinks) return text;
  return html`${piecesOf(text).map((piece) =>
    typeof piece === "string"
      ? piece
      : html`<a href=${piece.href} target="_blank" rel="noopener noreferrer nofollow" tabindex="-1">${piece.shown}</a>`,
  )}`;
}
