/**
 * Contact links: who to write to, where, and optionally a ticket that admits a first message. Rules LK30-LK32.
 *
 * `dovetail-contact:` + base64url of `[version, accountId, origin, ticket]`. The account id certifies itself, so a link
 * from a trusted hand needs no further check of keys.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { AccountId } from "../../base/ids.ts";
import { SERVER_ORIGIN_CHARS_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { parseServerOrigin, type ServerOrigin } from "../../base/server-origin.ts";
import { bytes, decode, encode, id, integer, nullable, struct, text } from "../../codec/shape.ts";
import { type CodeTextError, CONTACT_SCHEME, formatCode, parseCode, ROOM_SCHEME } from "../code-text.ts";
import { parseTypedCode } from "../linking/typed-code.ts";

export const TICKET_BYTES = 16;
const CONTACT_LINK_VERSION = 1;

export interface ContactLink {
  readonly accountId: AccountId;
  readonly origin: ServerOrigin;
  /** Admits one stranger's first message; null in a link that is published. */
  readonly ticket: Bytes | null;
}

/** What the text of a contact link holds. */
export const contactLinkShape = struct({
  version: integer(1, 255),
  accountId: id("account"),
  origin: text(SERVER_ORIGIN_CHARS_MAX),
  ticket: nullable(bytes(TICKET_BYTES)),
});

export type ContactLinkError =
  /** It is a code for linking a device: it adds nobody, and whoever sent it as an invitation wants an account. */
  | { readonly type: "LinkCodeIsNotAContact" }
  | { readonly type: "RoomLinkIsNotAContact" }
  | { readonly type: "NotAContactLink" }
  | { readonly type: "MalformedContactLink" }
  | { readonly type: "UnsupportedContactLink"; readonly version: number };

/** The text of a contact link. */
export function formatContactLink(link: ContactLink): string {
  return formatCode(CONTACT_SCHEME, encode(contactLinkShape, { version: CONTACT_LINK_VERSION, ...link }));
}

/** Contact link of exactly this text. */
export function parseContactLink(text: string): Result<ContactLink, ContactLinkError> {
  const link = readContactLink(text);
  if (link.ok) return link;
  switch (link.error.type) {
    case "OtherCode":
      // LK2
      return err({
        type: link.error.scheme === ROOM_SCHEME ? "RoomLinkIsNotAContact" : "LinkCodeIsNotAContact",
      });
    case "UnknownCode":
      // LK2: one to type is no handle either, and would be told to the server as one.
      return err({ type: parseTypedCode(text).ok ? "LinkCodeIsNotAContact" : "NotAContactLink" });
    case "MalformedCode":
      return err({ type: "MalformedContactLink" });
    default:
      return err(link.error);
  }
}

/** As `parseContactLink`, for where there is no cryptography, by which a code to type is told from a handle. */
export function readContactLink(
  text: string,
): Result<
  ContactLink,
  | CodeTextError
  | Extract<ContactLinkError, { readonly type: "MalformedContactLink" | "UnsupportedContactLink" }>
> {
  const payload = parseCode(CONTACT_SCHEME, text);
  if (!payload.ok) return payload;
  const decoded = decode(contactLinkShape, payload.value);
  if (!decoded.ok) return err({ type: "MalformedContactLink" });
  const { version, accountId, ticket } = decoded.value;
  // LK31
  if (version !== CONTACT_LINK_VERSION) return err({ type: "UnsupportedContactLink", version });
  const origin = parseServerOrigin(decoded.value.origin);
  return origin.ok ? ok({ accountId, origin: origin.value, ticket }) : err({ type: "MalformedContactLink" });
}
