/**
 * Text forms of what is scanned or pasted: a scheme, a colon, and base64url of canonical CBOR. Nothing else.
 *
 * Linking codes, contact links and room links have schemes of their own and each parser refuses the other, so that a code posing as
 * an invitation links nothing (LK2). Neither is a URL: no camera application opens them.
 */
import { type Bytes, parseBase64Url, toBase64Url } from "../base/bytes.ts";
import { CODE_TEXT_CHARS_MAX } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";

export const LINK_SCHEME = "dovetail-link";
export const CONTACT_SCHEME = "dovetail-contact";
export const ROOM_SCHEME = "dovetail-room";
export type CodeScheme = typeof LINK_SCHEME | typeof CONTACT_SCHEME | typeof ROOM_SCHEME;

export type CodeTextError =
  /** Not one of our codes at all. */
  | { readonly type: "UnknownCode" }
  /** One of ours, but of the other kind. */
  | { readonly type: "OtherCode"; readonly scheme: CodeScheme }
  | { readonly type: "MalformedCode" };

/** The text of a code. */
export function formatCode(scheme: CodeScheme, payload: Bytes): string {
  return `${scheme}:${toBase64Url(payload)}`;
}

/** Payload of a code of this very kind. - Limits: `CODE_TEXT_CHARS_MAX`. */
export function parseCode(scheme: CodeScheme, text: string): Result<Bytes, CodeTextError> {
  const kind = codeKind(text);
  if (kind === null) return err({ type: "UnknownCode" });
  if (kind !== scheme) return err({ type: "OtherCode", scheme: kind });
  if (text.length > CODE_TEXT_CHARS_MAX) return err({ type: "MalformedCode" });
  const payload = parseBase64Url(text.slice(scheme.length + 1));
  return payload.ok && payload.value.length > 0 ? ok(payload.value) : err({ type: "MalformedCode" });
}

/** Which kind of code `text` claims to be, or null. */
export function codeKind(text: string): CodeScheme | null {
  const schemes = [LINK_SCHEME, CONTACT_SCHEME, ROOM_SCHEME] as const;
  return schemes.find((scheme) => text.startsWith(`${scheme}:`)) ?? null;
}
